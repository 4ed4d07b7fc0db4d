// The keys of the image itself: they work wherever an image is shown.

import { useEffect } from "preact/hooks";
import { isForPage } from "../shell/keys";

export interface ImageActs {
  zoom: (factor: number) => void;
  preset: () => void;
  invert: () => void;
  smooth: () => void;
  reset: () => void;
}

export function useImageKeys(act: ImageActs): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (!isForPage(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      const acts: Record<string, () => void> = {
        s: act.smooth,
        w: act.preset,
        i: act.invert,
        r: act.reset,
        "+": () => act.zoom(1.25),
        "=": () => act.zoom(1.25),
        "-": () => act.zoom(0.8),
      };
      // On the numpad + and - zoom too: only its digits are classes.
      const chosen = acts[event.key.toLowerCase()];
      if (!chosen) return;
      event.preventDefault();
      chosen();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}
