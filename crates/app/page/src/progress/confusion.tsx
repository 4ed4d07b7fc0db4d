// Which classes are taken for which.

import type { Estimate } from "../server/types";

export function Confusion({ confusion }: { confusion: Estimate["confusion"] }) {
  const { classes, counts } = confusion;
  const most = Math.max(1, ...counts.flat());
  return (
    <section aria-labelledby="confusion">
      <h2 id="confusion">What is taken for what</h2>
      <p class="muted small">Rows: what you said. Columns: what the classifier said. Held-out answers only.</p>
      <div class="scroll" tabIndex={0} role="group" aria-labelledby="confusion">
        <table class="confusion">
          <thead>
            <tr>
              <td />
              {classes.map((name) => <th key={name} scope="col"><span>{name}</span></th>)}
            </tr>
          </thead>
          <tbody>
            {counts.map((row, at) => (
              <tr key={classes[at]}>
                <th scope="row">{classes[at]}</th>
                {row.map((count, column) => (
                  <td key={column} class={kindOf(count, at === column, most)}>{count || "·"}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** Right or wrong, and how many, as one of four shades. */
function kindOf(count: number, isRight: boolean, most: number): string {
  if (!count) return "none";
  return `${isRight ? "right" : "wrong"} shade-${Math.ceil((3 * count) / most)}`;
}
