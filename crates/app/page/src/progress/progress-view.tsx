// How good the classifier is, how sure that is, and whether going on is worth it.

import { status } from "../state/status";
import { ClassTable } from "./class-table";
import { Confusion } from "./confusion";
import { Curve } from "./curve";
import { Figures } from "./figures";
import { Mix } from "./mix";

/** No number is shown on fewer held-out answers. */
const HELD_OUT_NEEDED = 20;

export function ProgressView() {
  const now = status.value!;
  const { estimate } = now;
  return (
    <div class="page">
      <h1 tabIndex={-1}>Progress</h1>
      <p class={now.no_more_gain ? "advice enough" : "advice"} id="advice">{now.advice}</p>
      {!estimate && <Waiting heldOut={now.held_out} />}
      <Figures />
      {now.curve.length > 0 && <Curve points={now.curve} goal={now.settings.goal} />}
      {estimate && (
        <>
          <ClassTable estimate={estimate} />
          <Confusion confusion={estimate.confusion} />
        </>
      )}
      <Mix />
      <section aria-labelledby="how">
        <h2 id="how">How these numbers are made</h2>
        <ul class="plain-list">
          <li>
            Some images are <strong>drawn at random and held out</strong>: the classifier never learns
            from them, so they are a fair test. They are shown to you like any other.
          </li>
          <li>
            All other images are picked for what they teach. They are <strong>not a fair sample</strong>: their
            mix of classes and how often the guess is right on them say nothing of your images at large.
          </li>
          <li>
            Intervals hold with 95 % confidence
            {estimate?.clustered && "; they count patients, not single images"}.
          </li>
          {estimate && (
            <li id="beside">
              Beside the {estimate.n} held-out answers you were unsure of {estimate.unsure} and
              found {estimate.unusable} unusable: the numbers are about images that can be answered.
            </li>
          )}
          {now.notes.map((note) => <li key={note}>{note}.</li>)}
        </ul>
      </section>
    </div>
  );
}

function Waiting({ heldOut }: { heldOut: number }) {
  return (
    <div class="panel stack" id="waiting">
      <strong id="waiting-name">The accuracy is shown from {HELD_OUT_NEEDED} held-out answers on</strong>
      <progress aria-labelledby="waiting-name" max={HELD_OUT_NEEDED} value={heldOut} />
      <span class="muted">
        {Math.min(heldOut, HELD_OUT_NEEDED)} so far: about every fourth image you answer is one.
      </span>
    </div>
  );
}
