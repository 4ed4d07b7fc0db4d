// Which view is open: the address says so, so that back and reload keep it.

import { signal } from "@preact/signals";

export const VIEWS = {
  label: "Label",
  progress: "Progress",
  review: "Review",
  classes: "Classes",
  finish: "Finish",
} as const;

export type View = keyof typeof VIEWS;

export const view = signal<View>(viewOf(location.hash));

addEventListener("hashchange", () => {
  view.value = viewOf(location.hash);
  // The reader of the new view starts at its heading.
  requestAnimationFrame(() => {
    scrollTo(0, 0);
    document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true });
  });
});

function viewOf(hash: string): View {
  const name = hash.slice(1).split("/")[0]!;
  return name in VIEWS ? (name as View) : "label";
}
