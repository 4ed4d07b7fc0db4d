// One image on a canvas, with all that a hand or a key can do to it.

import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Item } from "../server/types";
import { announce } from "../state/announce";
import { frameOf, loadAgain } from "./cache";
import { paint, type Frame } from "./frame";
import { listen } from "./gestures";
import { draw, FITTED, kept, zoomed, type Place } from "./place";
import { isSmooth, toggleSmooth } from "./smooth";
import { Tools } from "./tools";
import { useCanvasSize } from "./use-canvas-size";
import { useImageKeys } from "./use-image-keys";
import {
  chosenName, isInverted, nextPreset, reach, resetWindow, setByHand, windowOf,
} from "./windows";

export function Viewer({ item }: { item: Item }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const place = useSignal<Place>(FITTED);
  const dragsWindow = useSignal(false);
  const size = useCanvasSize(canvas);
  const loaded = frameOf(item).value;
  const frame = typeof loaded === "string" ? null : loaded;
  const window = frame && windowOf(frame);
  const [smooth, inverted, where] = [isSmooth.value, isInverted.value, place.value];
  // The last frame, for the hands and keys that are set up once.
  const latest = useRef<Frame | null>(null);
  latest.current = frame;

  const act = {
    zoom(factor: number, x = 0, y = 0) {
      if (!latest.current || !canvas.current) return;
      const hand = { x, y };
      place.value = zoomed(place.value, factor, hand, latest.current, canvas.current, isSmooth.value);
    },
    pan(dx: number, dy: number) {
      if (!latest.current || !canvas.current || place.value.scale === null) return;
      const moved = { ...place.value, x: place.value.x + dx, y: place.value.y + dy };
      place.value = kept(moved, latest.current, canvas.current, isSmooth.value);
    },
    window(across: number, down: number) {
      if (!latest.current) return;
      const { low, high } = windowOf(latest.current);
      const all = reach(latest.current);
      const span = Math.min(all.high - all.low, 4 * (high - low));
      setByHand((low + high) / 2 + down * span, Math.max(span / 1000, high - low + across * span));
    },
    preset() {
      if (latest.current) announce(`Window: ${nextPreset(latest.current)}.`);
    },
    invert() {
      isInverted.value = !isInverted.value;
      announce(isInverted.value ? "Black and white are swapped." : "Black and white are as stored.");
    },
    smooth() {
      toggleSmooth();
      announce(isSmooth.value ? "Fitted and smoothed." : "Whole factors, not smoothed.");
    },
    reset() {
      place.value = FITTED;
      resetWindow();
      announce("The view is as at first.");
    },
  };

  useImageKeys(act);
  useEffect(
    () => listen(canvas.current!, { ...act, dragsWindow: () => dragsWindow.value }),
    [],
  );
  useLayoutEffect(() => {
    place.value = FITTED;
  }, [item.id]);
  useLayoutEffect(() => {
    if (!canvas.current) return;
    if (!frame || !window) {
      canvas.current.getContext("2d", { alpha: false })!.clearRect(0, 0, size.width, size.height);
      delete canvas.current.dataset.drawn;
      return;
    }
    const picture = paint(frame, window, inverted);
    const scale = draw(canvas.current, picture, where, smooth);
    canvas.current.dataset.drawn = String(item.id);
    canvas.current.dataset.scale = String(scale);
  });

  const isZoomed = where.scale !== null;
  return (
    <div class="viewer">
      {frame && <Seen frame={frame} />}
      <div class="stage">
        <canvas
          ref={canvas}
          class={isZoomed || dragsWindow.value ? "held" : ""}
          width={size.width}
          height={size.height}
          tabIndex={0}
          role="img"
          aria-label={`Image ${item.path}${frame ? `, ${frame.width} by ${frame.height} pixels` : ""}`}
          onKeyDown={(event) => panByKey(event, act.pan)}
        />
        {loaded === "loading" && <p class="stage-note">Loading the image…</p>}
        {loaded === "failed" && (
          <p class="stage-note">
            This image could not be loaded.{" "}
            <button type="button" class="plain" onClick={() => { loadAgain(item); place.value = { ...FITTED }; }}>
              Try again
            </button>{" "}
            or mark it unusable.
          </p>
        )}
      </div>
      <Tools act={act} frame={frame} isZoomed={isZoomed} dragsWindow={dragsWindow} />
    </div>
  );
}

/** What is seen, as in the corner of a radiology workstation, but never over the image. */
function Seen({ frame }: { frame: Frame }) {
  const { low, high } = windowOf(frame);
  const kind = frame.bits === 32 ? "float" : `${frame.bits} bit`;
  return (
    <p class="seen" aria-hidden="true">
      {frame.width} × {frame.height}, {kind} · {chosenName.value}
      <span> · L {short((low + high) / 2)} W {short(high - low)}</span>
      {isInverted.value && " · inverted"}
    </p>
  );
}

function short(value: number): string {
  return Math.abs(value) >= 10 ? String(Math.round(value)) : value.toPrecision(3);
}

const PAN_PIXELS = 40;

function panByKey(event: KeyboardEvent, pan: (dx: number, dy: number) => void): void {
  const steps: Record<string, [number, number]> = {
    ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1],
  };
  const step = steps[event.key];
  if (!step) return;
  event.preventDefault();
  pan(step[0] * PAN_PIXELS, step[1] * PAN_PIXELS);
}
