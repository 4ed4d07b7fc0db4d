// When there is no image to show: being prepared, or all are answered.

import { Icon } from "../shell/icon";
import { counted } from "../shell/words";
import { connection } from "../state/connection";
import { undo } from "../state/session";
import { status } from "../state/status";
import { left } from "../state/upcoming";

export function NothingNext() {
  if (connection.value !== "there") {
    return (
      <div class="nothing">
        <h1 tabIndex={-1}>No further image is loaded</h1>
        <p>Your answers are kept. The next images come when the server is back.</p>
      </div>
    );
  }
  if (left.value !== 0 || status.value?.phase === "importing") {
    return (
      <div class="nothing">
        <h1 tabIndex={-1}>Preparing the next images…</h1>
        <p>They are chosen for what they teach the model. This takes a moment.</p>
      </div>
    );
  }
  const { notes, skipped, unsure } = status.value!;
  return (
    <div class="nothing">
      <h1 tabIndex={-1}>Every image is answered</h1>
      <p>
        {unsure + skipped > 0 && `${counted(unsure, "image is", "images are")} marked unsure. `}
        Look over your answers, or make the results.
      </p>
      {notes.map((note) => <p key={note} class="muted">{note}.</p>)}
      <p class="row">
        <a class="button main" href="#finish">Finish</a>
        <a class="button" href="#review">Review</a>
        <button type="button" class="button" onClick={() => void undo()}>
          <Icon name="undo" /> Undo
        </button>
      </p>
    </div>
  );
}
