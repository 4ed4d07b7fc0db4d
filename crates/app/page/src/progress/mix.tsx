// How many answers each class has.

import { count, percent } from "../shell/words";
import { classes } from "../state/status";

export function Mix() {
  const list = classes.value;
  const most = Math.max(1, ...list.map((one) => one.count));
  const all = Math.max(1, list.reduce((sum, one) => sum + one.count, 0));
  if (!list.length) return null;
  return (
    <section aria-labelledby="mix">
      <h2 id="mix">Your answers by class</h2>
      <p class="muted small">
        The picks of the strategy are among them: this is not the mix of your images at large.
      </p>
      <table class="mix">
        <thead class="visually-hidden">
          <tr><th scope="col">Class</th><th scope="col">Bar</th><th scope="col">Answers</th></tr>
        </thead>
        <tbody>
          {list.map((one) => (
            <tr key={one.name}>
              <th scope="row">{one.name}</th>
              <td class="bar">
                <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                  <rect x={0} y={0} width={(100 * one.count) / most} height={10} />
                </svg>
              </td>
              <td class="n">
                {count(one.count)} <span class="muted">{percent(one.count / all)}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
