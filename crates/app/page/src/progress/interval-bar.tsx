// An interval from 0 to 100 %, with the estimate as a mark; the numbers stand beside it as text.

import type { Share } from "../server/types";

export function IntervalBar({ share }: { share: Share }) {
  const { low, high, estimate } = share;
  return (
    <svg class="interval" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" x={0} y={2} width={100} height={2} />
      <rect class="span" x={100 * low} y={1} width={Math.max(0.5, 100 * (high - low))} height={4} />
      <rect class="mark" x={Math.min(98.6, Math.max(0, 100 * estimate - 0.7))} y={0} width={1.4} height={6} />
    </svg>
  );
}
