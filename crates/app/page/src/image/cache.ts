// Frames that are loaded or on their way, by image.

import { signal, type Signal } from "@preact/signals";
import type { Item } from "../server/types";
import { connection } from "../state/connection";
import { loadFrame, paint, type Frame } from "./frame";
import { isInverted, windowOf } from "./windows";

export type Loaded = Frame | "loading" | "failed";

const PAINT_AHEAD = 4_000_000;
const AGAIN_MS = 150;
const AGAIN_LAST_MS = 2_000;
const MOST_TRIES = 3;
const frames = new Map<number, Signal<Loaded>>();

/** The frame of an image; asks for it if need be. */
export function frameOf(item: Item): Signal<Loaded> {
  const known = frames.get(item.id);
  if (known) return known;
  const loaded = signal<Loaded>("loading");
  frames.set(item.id, loaded);
  void load(item, loaded);
  return loaded;
}

// While the server is away an image is asked for again and again, as long as anybody wants it.
async function load(item: Item, loaded: Signal<Loaded>): Promise<void> {
  for (let tries = 0; frames.get(item.id) === loaded; tries++) {
    try {
      const frame = await loadFrame(item);
      // Painted ahead: showing it later is one copy.
      if (frame.samples.length < PAINT_AHEAD) paint(frame, windowOf(frame), isInverted.value);
      loaded.value = frame;
      return;
    } catch {
      const isThere = connection.value === "there";
      if (isThere && tries >= MOST_TRIES) break;
      await new Promise((done) => setTimeout(done, Math.min(AGAIN_MS * 2 ** tries, AGAIN_LAST_MS)));
    }
  }
  loaded.value = "failed";
}

/** Asks again for an image that could not be loaded. */
export function loadAgain(item: Item): void {
  frames.delete(item.id);
}

/** The image that a dialog shows: it is not among the next ones. */
export const pinned = new Set<number>();

/** Forgets all images but these. */
export function keepOnly(ids: Set<number>): void {
  for (const id of frames.keys()) if (!ids.has(id) && !pinned.has(id)) frames.delete(id);
}
