// What a screen reader is told.

import { signal } from "@preact/signals";

export const announcement = signal("");

export function announce(sentence: string): void {
  // The same words twice are read twice only if the text differs.
  announcement.value = announcement.value === sentence ? `${sentence}\u00a0` : sentence;
}
