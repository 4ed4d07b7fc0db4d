// Windows to choose from: what a sample of a given size looks like.

import { computed, signal } from "@preact/signals";
import type { Frame, Window } from "./frame";

export interface Preset {
  name: string;
  what: string;
  of: (frame: Frame) => Window;
}

const ofImage: Preset[] = [
  { name: "As stored", what: "the window that the file asks for", of: (frame) => frame.asked },
  { name: "Full range", what: "from the darkest to the lightest", of: (frame) => range(frame, 0) },
  { name: "Middle 98 %", what: "without the outermost hundredths", of: (frame) => range(frame, 0.01) },
];

// Level and width in Hounsfield units, as radiology's workstations have them.
const ofCt: Preset[] = [
  ct("Soft tissue", 40, 400),
  ct("Lung", -600, 1500),
  ct("Bone", 400, 1800),
  ct("Brain", 40, 80),
];

type Chosen = { preset: string } | { byHand: Window };

/** Holds for the images that follow too, until it is reset. */
export const chosen = signal<Chosen>({ preset: ofImage[0]!.name });
export const isInverted = signal(false);
export const chosenName = computed(() => ("preset" in chosen.value ? chosen.value.preset : "By hand"));

export function presetsFor(frame: Frame): Preset[] {
  return isHounsfield(frame) ? [...ofImage, ...ofCt] : ofImage;
}

export function windowOf(frame: Frame): Window {
  const now = chosen.value;
  if ("byHand" in now) return now.byHand;
  const preset = presetsFor(frame).find(({ name }) => name === now.preset) ?? ofImage[0]!;
  return (frame.windows[preset.name] ??= atLeastSomething(preset.of(frame)));
}

export function nextPreset(frame: Frame): string {
  const presets = presetsFor(frame);
  const at = presets.findIndex(({ name }) => name === chosenName.value);
  const next = presets[(at + 1) % presets.length]!;
  chosen.value = { preset: next.name };
  return next.name;
}

export function setByHand(level: number, width: number): void {
  const half = Math.max(width, 1e-6) / 2;
  chosen.value = { byHand: { low: level - half, high: level + half } };
}

export function resetWindow(): void {
  chosen.value = { preset: ofImage[0]!.name };
  isInverted.value = false;
}

/** All values that a slider should reach. */
export function reach(frame: Frame): Window {
  if (frame.bits === 8) return { low: 0, high: 255 };
  const full = (frame.windows["Full range"] ??= atLeastSomething(range(frame, 0)));
  return {
    low: Math.min(full.low, frame.asked.low),
    high: Math.max(full.high, frame.asked.high),
  };
}

function ct(name: string, level: number, width: number): Preset {
  const window = { low: level - width / 2, high: level + width / 2 };
  return { name, what: `level ${level}, width ${width}`, of: () => window };
}

// Air is -1000 there, and no other kind of image goes so far below nought.
function isHounsfield(frame: Frame): boolean {
  if (frame.bits !== 32 || frame.channels !== 1) return false;
  const { low, high } = reach(frame);
  return low <= -200 && low >= -4096 && high <= 32768;
}

/** The range without a share at either end, from at most about 20,000 samples. */
function range(frame: Frame, share: number): Window {
  const { samples } = frame;
  if (share === 0) {
    let [low, high] = [Infinity, -Infinity];
    for (let i = 0; i < samples.length; i++) {
      const sample = samples[i]!;
      if (sample < low) low = sample;
      if (sample > high) high = sample;
    }
    return { low, high };
  }
  const step = Math.max(1, Math.floor(samples.length / 20_000));
  const some = new Float64Array(Math.ceil(samples.length / step));
  for (let i = 0; i < some.length; i++) some[i] = samples[i * step]!;
  some.sort();
  const at = (part: number) => some[Math.round(part * (some.length - 1))]!;
  return { low: at(share), high: at(1 - share) };
}

function atLeastSomething({ low, high }: Window): Window {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return { low: 0, high: 1 };
  return high > low ? { low, high } : { low, high: low + 1 };
}
