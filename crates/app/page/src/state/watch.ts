// How long the present image has been looked at; time with the page hidden does not count.

let since = performance.now();
let spentMs = 0;

export function startWatch(): void {
  since = performance.now();
  spentMs = 0;
}

export function secondsWatched(): number {
  const ms = spentMs + (document.hidden ? 0 : performance.now() - since);
  return Math.round(ms / 10) / 100;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) spentMs += performance.now() - since;
  else since = performance.now();
});
