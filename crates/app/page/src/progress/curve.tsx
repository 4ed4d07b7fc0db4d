// The learning curve: accuracy by number of labels, with its interval as a band.

import { scaleLinear, ticks } from "./scale";
import type { CurvePoint } from "../server/types";
import { interval, percent } from "../shell/words";

interface Props {
  points: CurvePoint[];
  goal: number | null;
}

const HEIGHT = 280;
const EDGE = { left: 52, right: 16, top: 14, bottom: 44 };

export function Curve({ points, goal }: Props) {
  // Drawn for the screen's width: letters keep their size.
  const isNarrow = innerWidth < 640;
  const width = isNarrow ? 380 : 860;
  const most = points.at(-1)!.labels;
  const lowest = Math.min(...points.map(({ low }) => low), goal ?? 1);
  const floor = Math.max(0, Math.floor(10 * lowest) / 10);
  const x = scaleLinear(0, most, EDGE.left, width - EDGE.right);
  const y = scaleLinear(floor, 1, HEIGHT - EDGE.bottom, EDGE.top);
  const line = points.map((point) => `${x(point.labels)},${y(point.accuracy)}`).join(" ");
  const band = [
    ...points.map((point) => `${x(point.labels)},${y(point.high)}`),
    ...[...points].reverse().map((point) => `${x(point.labels)},${y(point.low)}`),
  ].join(" ");
  return (
    <section aria-labelledby="curve">
      <h2 id="curve">Learning curve</h2>
      <div class="scroll" tabIndex={0} role="group" aria-labelledby="curve">
        <svg class="chart" viewBox={`0 0 ${width} ${HEIGHT}`} role="img" aria-label={inWords(points)}>
          {ticks(floor, 1, 5).map((at) => (
            <g key={at}>
              <line class="grid" x1={EDGE.left} x2={width - EDGE.right} y1={y(at)} y2={y(at)} />
              <text x={EDGE.left - 8} y={y(at) + 4} text-anchor="end">{percent(at)}</text>
            </g>
          ))}
          {ticks(0, most, isNarrow ? 4 : 8).map((at) => (
            <text key={at} x={x(at)} y={HEIGHT - EDGE.bottom + 18} text-anchor="middle">{at}</text>
          ))}
          <text x={(EDGE.left + width) / 2} y={HEIGHT - 6} text-anchor="middle">labels</text>
          <polygon class="band" points={band} />
          {goal !== null && (
            <>
              <line class="goal-line" x1={EDGE.left} x2={width - EDGE.right} y1={y(goal)} y2={y(goal)} />
              <text class="goal-text" x={EDGE.left + 6} y={y(goal) - 5}>goal {percent(goal)}</text>
            </>
          )}
          <polyline class="line" points={line} />
          {points.map((point) => (
            <circle key={point.labels} class="dot" cx={x(point.labels)} cy={y(point.accuracy)} r={3} />
          ))}
        </svg>
      </div>
      <details>
        <summary>The curve as a table</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">Labels</th>
              <th scope="col">Accuracy</th>
              <th scope="col">95 % interval</th>
            </tr>
          </thead>
          <tbody>
            {points.map((point) => (
              <tr key={point.labels}>
                <td>{point.labels}</td><td>{percent(point.accuracy)}</td><td>{interval(point)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </section>
  );
}

function inWords(points: CurvePoint[]): string {
  const [first, last] = [points[0]!, points.at(-1)!];
  return `Accuracy from ${percent(first.accuracy)} at ${first.labels} labels `
    + `to ${percent(last.accuracy)} at ${last.labels} labels; the table below has all points.`;
}
