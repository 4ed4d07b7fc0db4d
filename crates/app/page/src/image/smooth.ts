// Whole factors without smoothing, or fitted and smoothed; remembered by the browser.

import { signal } from "@preact/signals";

const KEY = "fewlabel.smooth";

export const isSmooth = signal(read());

export function toggleSmooth(): void {
  isSmooth.value = !isSmooth.value;
  try {
    localStorage.setItem(KEY, String(isSmooth.value));
  } catch {
    // It holds until the page is closed.
  }
}

function read(): boolean {
  try {
    return localStorage.getItem(KEY) === "true";
  } catch {
    return false;
  }
}
