// All keys of the page; `?` opens it anywhere.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Dialog } from "./dialog";
import { areKeysOn } from "./keys";

export const isKeysOpen = signal(false);

const KEYS: [string, [string[], string][]][] = [
  ["Answer", [
    [["1", "–", "9", "0"], "choose a class, show the next image; the numpad too"],
    [["Shift", "1", "–", "0"], "classes 11 to 20"],
    [["a letter"], "the class it was given to (see Classes)"],
    [["K"], "skip: the image comes back later"],
    [["U"], "unsure: nobody could tell from this image"],
    [["X"], "unusable: not an image of the kind"],
    [["F"], "flag with a note"],
    [["Backspace"], "undo; Ctrl+Z too"],
    [["N"], "a new class"],
  ]],
  ["Image", [
    [["S"], "whole factors, or fitted and smoothed"],
    [["W"], "next window"],
    [["I"], "swap black and white"],
    [["+", "−"], "enlarge, shrink; the wheel and two fingers too"],
    [["arrows"], "move, with the image in focus; dragging too"],
    [["R"], "all as at first"],
    [["right button"], "drag: across for width, down for level"],
  ]],
];

export function KeysDialog() {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.key !== "?" || target.closest("input:not([type=range]), textarea")) return;
      event.preventDefault();
      isKeysOpen.value = !isKeysOpen.value;
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  return (
    <Dialog title="Keys" isOpen={isKeysOpen.value} onClose={() => (isKeysOpen.value = false)}>
      <div class="keys">
        {KEYS.map(([title, rows]) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {rows.map(([caps, what]) => (
                <div key={what}>
                  <dt>{caps.map((cap) => (cap === "–" ? " – " : <kbd key={cap}>{cap}</kbd>))}</dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <label class="check">
        <input
          type="checkbox"
          checked={areKeysOn.value}
          onChange={(event) => (areKeysOn.value = event.currentTarget.checked)}
        />
        Single keys act (turn off for speech input)
      </label>
    </Dialog>
  );
}
