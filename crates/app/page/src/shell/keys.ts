// Which key was pressed, in the words of the server, and whether the page may act on it.

import { signal } from "@preact/signals";

/** Letters with a meaning of their own: no class can have them. */
export const TAKEN_LETTERS: Record<string, string> = {
  s: "smoothing",
  w: "window",
  i: "invert",
  r: "reset the view",
  k: "skip",
  u: "unsure",
  x: "unusable",
  f: "flag",
  n: "new class",
};

/** Some people speak to their computer: words must not act as single keys. */
export const areKeysOn = signal(true);

/** Whether no field, list or dialog has a better use for the key. */
export function isForPage(event: KeyboardEvent): boolean {
  if (!areKeysOn.value || event.defaultPrevented || event.isComposing) return false;
  const target = event.target as HTMLElement | null;
  if (target?.closest("textarea, select, [contenteditable]")) return false;
  if (target instanceof HTMLInputElement && !["range", "checkbox", "radio"].includes(target.type)) {
    return false;
  }
  return document.querySelector("dialog[open]:not([data-keys])") === null;
}

/** "1" to "0", "Shift+1" to "Shift+0" or a small letter; null for other keys. */
export function classKeyOf(event: KeyboardEvent): string | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  // By its place: with Shift, or in France without it, the row of digits types signs.
  const digit = /^Digit(\d)$/.exec(event.code)?.[1];
  if (digit) return event.shiftKey ? `Shift+${digit}` : digit;
  if (/^\d$/.test(event.key)) return event.key;
  return /^\p{L}$/u.test(event.key) ? event.key.toLowerCase() : null;
}
