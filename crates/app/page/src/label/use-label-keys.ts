// The keys that answer.

import { useEffect } from "preact/hooks";
import { classKeyOf, isForPage } from "../shell/keys";
import { answer, undo } from "../state/session";
import { classes } from "../state/status";

interface Acts {
  flag: () => void;
  add: () => void;
}

export function useLabelKeys({ flag, add }: Acts): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (!isForPage(event)) return;
      const act = actOf(event, flag, add);
      if (!act) return;
      event.preventDefault();
      // A key held down answers one image, not all.
      if (!event.repeat) act();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

function actOf(event: KeyboardEvent, flag: () => void, add: () => void): (() => void) | null {
  const isUndo = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z";
  if (isUndo || event.key === "Backspace") return () => void undo();
  const key = classKeyOf(event);
  if (!key) return null;
  switch (key) {
    case "k": return () => answer({ state: "skip" });
    case "u": return () => answer({ state: "unsure" });
    case "x": return () => answer({ state: "unusable" });
    case "f": return flag;
    case "n": return add;
  }
  const chosen = classes.value.find((one) => one.key?.toLowerCase() === key.toLowerCase());
  return chosen ? () => answer({ label: chosen.name }) : null;
}
