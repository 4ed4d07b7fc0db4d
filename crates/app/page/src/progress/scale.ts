// From values to places on a chart.

export function scaleLinear(low: number, high: number, start: number, end: number) {
  const span = high - low || 1;
  return (value: number) => Math.round((start + ((value - low) / span) * (end - start)) * 10) / 10;
}

/** About so many round values from low to high. */
export function ticks(low: number, high: number, about: number): number[] {
  const rough = (high - low || 1) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough)!;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(6)));
}
