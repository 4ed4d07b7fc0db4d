// The accuracy to be reached, and how far it is.

import { useSignal } from "@preact/signals";
import { count } from "../shell/words";
import { changeSettings } from "../state/change";
import { status } from "../state/status";

export function Goal() {
  const { settings, forecast, estimate } = status.value!;
  const { goal } = settings;
  const error = useSignal("");
  const save = (typed: number) => {
    const next = Number.isFinite(typed) && typed > 0 && typed <= 100 ? typed / 100 : null;
    error.value = "";
    if (next !== goal) changeSettings({ goal: next }).catch((failed: Error) => (error.value = failed.message));
  };
  return (
    <section class="figure" aria-label="Goal">
      <h2>Goal</h2>
      <label class="goal">
        <span class="visually-hidden">Accuracy to reach, in per cent</span>
        <input
          type="number"
          id="goal"
          min={1}
          max={100}
          step={1}
          placeholder="–"
          value={goal === null ? "" : Math.round(1000 * goal) / 10}
          onChange={(event) => save(event.currentTarget.valueAsNumber)}
        />
        <span aria-hidden="true">%</span>
      </label>
      <div class="muted small" id="forecast">
        {goal === null && "Type the accuracy that you need."}
        {goal !== null && forecast && <Forecast />}
        {goal !== null && !forecast && (
          estimate && estimate.accuracy.estimate >= goal
            ? "The estimate is there already; look at its interval too."
            : "How far it is can be said once the learning curve is longer."
        )}
        {error.value && <p class="error" role="alert">{error.value}</p>}
      </div>
    </section>
  );
}

function Forecast() {
  const { more_labels: more, low, high, minutes } = status.value!.forecast!;
  return (
    <>
      About <strong>{count(more)} more labels</strong>
      {minutes !== null && `, ${count(Math.max(1, Math.round(minutes)))} min,`} to reach it
      <br />
      {high === null ? `(${count(low)} or more)` : `(from ${count(low)} to ${count(high)} labels)`}
    </>
  );
}
