// Sensitivity, specificity and PPV of each class, with their intervals.

import type { Estimate, Share } from "../server/types";
import { interval, percent } from "../shell/words";
import { IntervalBar } from "./interval-bar";

export function ClassTable({ estimate }: { estimate: Estimate }) {
  return (
    <section aria-labelledby="per-class">
      <h2 id="per-class">Class by class</h2>
      <div class="scroll" tabIndex={0} role="group" aria-labelledby="per-class">
        <table>
          <thead>
            <tr>
              <th scope="col">Class</th>
              <th scope="col" class="n">Answers</th>
              <th scope="col">Sensitivity<span>of its images, found</span></th>
              <th scope="col">Specificity<span>of other images, left alone</span></th>
              <th scope="col">PPV<span>of its guesses, right</span></th>
            </tr>
          </thead>
          <tbody>
            {estimate.classes.map((one) => (
              <tr key={one.class}>
                <th scope="row">{one.class}</th>
                <td class="n">{one.n}</td>
                <Cell share={one.sensitivity} />
                <Cell share={one.specificity} />
                <Cell share={one.ppv} />
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Cell({ share }: { share: Share | null }) {
  if (!share) {
    return (
      <td class="muted">
        <span aria-hidden="true">–</span>
        <span class="visually-hidden">not known yet</span>
      </td>
    );
  }
  return (
    <td class="share">
      <strong>{percent(share.estimate)}</strong> <span class="muted">{interval(share)}</span>
      <IntervalBar share={share} />
    </td>
  );
}
