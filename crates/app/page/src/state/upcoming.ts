// The images that come next, with their samples loaded before they are needed.

import { computed, effect, signal } from "@preact/signals";
import { frameOf, keepOnly } from "../image/cache";
import { get } from "../server/request";
import type { Item, Next } from "../server/types";
import { serverFailed } from "./connection";
import { hadAt, idsUnderway } from "./outbox";

const ASK_FOR = 14;
const ASK_FOR_MOST = 50;
const ASK_BELOW = 10;
const LOAD_AHEAD = 9;
const AGAIN_MS = 300;
const AGAIN_AWAY_MS = 1_500;

export const upcoming = signal<Item[]>([]);
export const current = computed<Item | null>(() => upcoming.value[0] ?? null);

/** Images without an answer, as the server last told; null before it did. */
export const left = signal<number | null>(null);

/** Images that must stay loaded beside the next ones: those an undo would bring back. */
export const alsoKept = signal<Item[]>([]);

const answeredAt = new Map<number, number>();
let isAsking = false;
let mustAskAgain = false;

effect(() => {
  const ahead = upcoming.value.slice(0, LOAD_AHEAD);
  for (const item of ahead) frameOf(item);
  keepOnly(new Set([...ahead, ...alsoKept.value].map(({ id }) => id)));
});

/** The present image is answered: the next one takes its place. */
export function advance(): void {
  const [done, ...rest] = upcoming.value;
  if (!done) return;
  answeredAt.set(done.id, performance.now());
  upcoming.value = rest;
  if (rest.length < ASK_BELOW) void refill();
}

/** An image comes back before all others. */
export function putFirst(item: Item): void {
  answeredAt.delete(item.id);
  upcoming.value = [item, ...upcoming.value.filter(({ id }) => id !== item.id)];
}

/** Asks what comes next; an image named `first` is shown before the present one. */
export async function refill(first?: number): Promise<void> {
  if (isAsking) {
    mustAskAgain = true;
    if (first === undefined) return;
    while (isAsking) await new Promise((done) => setTimeout(done, 10));
  }
  isAsking = true;
  mustAskAgain = false;
  let again: number | null = null;
  try {
    const asked = performance.now();
    // The server repeats what it does not know as answered yet.
    const count = Math.min(ASK_FOR + idsUnderway.value.size, ASK_FOR_MOST);
    const next = await get<Next>(`/api/next?count=${count}`);
    left.value = next.left;
    merge(next.items, asked, first);
    if (!upcoming.value.length && next.left > 0) again = AGAIN_MS;
  } catch (error) {
    serverFailed(error);
    again = AGAIN_AWAY_MS;
  }
  isAsking = false;
  if (again !== null) setTimeout(() => void refill(), again);
  else if (mustAskAgain) void refill();
}

// The server chooses the order, but never changes the image under the person's hands. What it
// may not have known as answered when it was asked is not shown again.
function merge(items: Item[], asked: number, first: number | undefined): void {
  if (first !== undefined) answeredAt.delete(first);
  const isOpen = ({ id }: Item) =>
    !idsUnderway.value.has(id) && (answeredAt.get(id) ?? 0) < asked && (hadAt.get(id) ?? 0) < asked;
  const fresh = items.filter((item) => item.id === first || isOpen(item));
  const wanted = fresh.find(({ id }) => id === first);
  const present = wanted ?? current.value;
  if (!present) {
    upcoming.value = fresh;
    return;
  }
  const again = fresh.find(({ id }) => id === present.id);
  const shown = again ? { ...again, guess: present.guess ?? again.guess } : present;
  upcoming.value = [shown, ...fresh.filter(({ id }) => id !== present.id)];
}

/** Without the guesses that came with them. */
export function forgetGuesses(): void {
  upcoming.value = upcoming.value.map((item) => ({ ...item, guess: null }));
  void refill();
}
