// One line on the answer before this image: what was saved, what the model had said.

import { lastGiven, wordOf } from "../state/session";
import { idsUnderway } from "../state/outbox";
import { percent } from "../shell/words";
import { Icon } from "../shell/icon";

export function LastAnswer() {
  const last = lastGiven.value;
  if (!last) {
    return <p class="last muted">Press a key or a button: the next image follows at once.</p>;
  }
  const isUnderway = idsUnderway.value.has(last.item.id);
  const { guess } = last;
  const agrees = guess && "label" in last.choice && last.choice.label === guess.class;
  return (
    <p class="last" id="last">
      <span class={isUnderway ? "muted" : "good"}><Icon name="check" /></span>
      <span>
        Last image: <strong>{wordOf(last.choice)}</strong>
        {isUnderway && <span class="muted"> (being sent)</span>}
        {guess && (
          <span class={agrees ? "muted" : "warn"} id="guess-after">
            {" · "}the model said {guess.class}, {percent(guess.probability)}
          </span>
        )}
        <span class="muted last-path">{last.item.path}</span>
      </span>
    </p>
  );
}
