// The numbers that matter most, large.

import type { ComponentChildren } from "preact";
import type { Share } from "../server/types";
import { count, interval, percent } from "../shell/words";
import { labelled, status } from "../state/status";
import { Goal } from "./goal";
import { IntervalBar } from "./interval-bar";

export function Figures() {
  const now = status.value!;
  const { estimate } = now;
  return (
    <div class="figures">
      {estimate && <ShareFigure name="Accuracy" share={estimate.accuracy} note={`on ${estimate.n} held-out answers`} />}
      {estimate?.balanced_accuracy && (
        <ShareFigure name="Balanced accuracy" share={estimate.balanced_accuracy} note="every class counts the same" />
      )}
      <Figure name="Labels" value={count(labelled.value)}>
        {count(now.held_out)} of them held out
        {now.labels_per_minute !== null && (
          <>
            <br />
            {now.labels_per_minute.toFixed(now.labels_per_minute < 10 ? 1 : 0)} a minute
          </>
        )}
      </Figure>
      <Goal />
    </div>
  );
}

function ShareFigure({ name, share, note }: { name: string; share: Share; note: string }) {
  return (
    <Figure name={name} value={percent(share.estimate)}>
      <IntervalBar share={share} />
      {interval(share)}, {note}
    </Figure>
  );
}

interface FigureProps {
  name: string;
  value: string;
  children: ComponentChildren;
}

export function Figure({ name, value, children }: FigureProps) {
  return (
    <section class="figure" aria-label={name}>
      <h2>{name}</h2>
      <p class="value">{value}</p>
      <div class="muted small">{children}</div>
    </section>
  );
}
