// What a person does with images: answer, undo, flag. Nothing here waits for the server before
// the next image is shown.

import { batch, computed, effect, signal } from "@preact/signals";
import type { AnswerReply, Guess, Item, State, UndoReply } from "../server/types";
import { announce } from "./announce";
import { put, takeBackLast } from "./outbox";
import { countLabels, labelled, refreshStatus, status } from "./status";
import { advance, alsoKept, current, putFirst, refill } from "./upcoming";
import { secondsWatched, startWatch } from "./watch";

export type Choice = { label: string } | { state: State };

/** An answer of this page, for undo and for the line below the image. */
export interface Given {
  item: Item;
  choice: Choice;
  from: "label" | "review";
  guess: Guess | null;
}

const KEPT = 200;
const KEPT_LOADED = 3;

export const past = signal<Given[]>([]);
export const lastGiven = computed(() => past.value.at(-1) ?? null);

/** What was said of the present image before it was undone. */
export const saidBefore = signal<{ id: number; choice: Choice } | null>(null);

/** Notes of flags set in this page, by image; null: taken away. */
export const notes = signal<Map<number, string | null>>(new Map());

// Once the guess was seen, what is said of the image afterwards is no longer blind.
const guessSeen = new Set<number>();

let watched: number | null = null;
effect(() => {
  if (current.value?.id !== watched) startWatch();
  watched = current.value?.id ?? null;
});

/** Answers the present image and shows the next. */
export function answer(choice: Choice): void {
  const item = current.value;
  if (!item) return;
  const seconds = secondsWatched();
  if (item.guess) guessSeen.add(item.id);
  batch(() => {
    remember({ item, choice, from: "label", guess: null });
    saidBefore.value = null;
    advance();
    send(item, choice, { seconds });
  });
  const next = current.value;
  const then = next ? `Next: ${next.path}.` : "";
  announce(`${saved(choice)} ${then} ${labelled.value} labelled.`);
}

/** Changes the answer of an image that is not the present one. */
export function answerAgain(item: Item, choice: Choice, sawGuess: boolean): Promise<AnswerReply> {
  if (sawGuess) guessSeen.add(item.id);
  remember({ item, choice, from: "review", guess: null });
  announce(saved(choice));
  return send(item, choice, {});
}

export async function undo(): Promise<void> {
  const last = lastGiven.value;
  const unsent = takeBackLast();
  if (unsent && last && last.item.id === unsent.body.id) {
    showAgain(last);
    return;
  }
  if (!last && !status.value?.can_undo) {
    announce("There is nothing to undo.");
    return;
  }
  // The image is back at once; the server hears of it in its turn.
  if (last?.from === "label") showAgain(last);
  const reply = await put<UndoReply>("undo", {});
  countLabels(reply.labelled);
  const { undone } = reply;
  if (!undone) announce("There is nothing to undo.");
  else if (last?.from !== "label" || last.item.id !== undone.id) {
    setPast(past.value.filter((given) => given !== last));
    announce(`Undone: ${undone.path}.`);
    await refill(undone.id);
    const choice = undone.label ? { label: undone.label } : { state: undone.state ?? "skip" };
    saidBefore.value = { id: undone.id, choice };
  }
  void refreshStatus();
}

export function flag(item: Item, note: string | null): void {
  notes.value = new Map(notes.value).set(item.id, note);
  put("flags", { id: item.id, note }).then(refreshStatus, () => undefined);
  announce(note === null ? "The flag is taken away." : `Flagged: ${item.path}.`);
}

/** "liver" or "unsure": what was said, in a word. */
export function wordOf(choice: Choice): string {
  if ("label" in choice) return choice.label;
  return { skip: "skipped", unsure: "unsure", unusable: "unusable" }[choice.state];
}

function saved(choice: Choice): string {
  return "label" in choice ? `Saved: ${choice.label}.` : `Saved as ${wordOf(choice)}.`;
}

// In one step: an image that an undo would bring back must never be forgotten between two.
function setPast(list: Given[]): void {
  batch(() => {
    past.value = list;
    alsoKept.value = list.slice(-KEPT_LOADED).map(({ item }) => item);
  });
}

function remember(given: Given): void {
  setPast([...past.value.slice(1 - KEPT), given]);
}

function showAgain(given: Given): void {
  batch(() => {
    setPast(past.value.filter((other) => other !== given));
    saidBefore.value = { id: given.item.id, choice: given.choice };
    putFirst(given.item);
  });
  announce(`Undone: ${wordOf(given.choice)}. Again: ${given.item.path}.`);
}

function send(item: Item, choice: Choice, more: { seconds?: number }): Promise<AnswerReply> {
  const shown = guessSeen.has(item.id) ? "before" : "hidden";
  const reply = put<AnswerReply>("answers", { id: item.id, ...choice, ...more, shown });
  reply.then(({ labelled: count, guess }) => {
    countLabels(count);
    if (!guess) return;
    guessSeen.add(item.id);
    past.value = past.value.map((given) => (given.item.id === item.id ? { ...given, guess } : given));
  }, () => undefined);
  return reply;
}
