// What was answered and is not yet with the server. Acts are sent one after the other in the
// order in which they were made, again and again until the server has them. Sending twice is
// harmless: the server counts a client id once.

import { computed, signal } from "@preact/signals";
import { newClientId, post, Refused } from "../server/request";
import { serverAnswered, serverFailed } from "./connection";
import { forget, keep, kept } from "./keep";

export interface Act {
  client_id: string;
  to: "answers" | "undo" | "flags";
  body: { id?: number; label?: string; [more: string]: unknown };
  /** The order of acts: milliseconds, made distinct. */
  made: number;
  /** Whether it was ever sent, so that the server may have it. */
  tried: boolean;
}

export const unsent = signal<Act[]>([]);

/** What the server will never take, with its reason. */
export const refused = signal<{ act: Act; reason: string }[]>([]);

/** Ids whose answer is on its way: they must not be shown again. */
export const idsUnderway = computed(
  () => new Set(unsent.value.filter((act) => act.to === "answers").map((act) => act.body.id!)),
);

/** When the server had the last answer of an image: what it said before may not know of it. */
export const hadAt = new Map<number, number>();

type Listener = { resolve: (reply: never) => void; reject: (error: unknown) => void };
const listeners = new Map<string, Listener>();
const RETRY_FIRST_MS = 400;
const RETRY_LAST_MS = 8_000;
let retryMs = RETRY_FIRST_MS;
let retry: ReturnType<typeof setTimeout> | undefined;
let isSending = false;
let lastMade = 0;

/** Keeps an act and sends it in its turn; the promise is the server's reply. */
export function put<Reply>(to: Act["to"], body: Act["body"]): Promise<Reply> {
  lastMade = Math.max(Date.now(), lastMade + 1);
  const act: Act = { client_id: newClientId(), to, body, made: lastMade, tried: false };
  keep(act);
  unsent.value = [...unsent.value, act];
  const reply = new Promise<Reply>((resolve, reject) => {
    listeners.set(act.client_id, { resolve, reject });
  });
  // Whoever does not wait for the reply is told by `refused`.
  reply.catch(() => undefined);
  if (!retry) void send();
  return reply;
}

// The browser keeps what is unsent, but another port of the server is another place to it.
addEventListener("beforeunload", (event) => {
  if (unsent.value.length && retry) event.preventDefault();
});

/** Takes up what an earlier page left. */
export function adopt(): void {
  const known = new Set(unsent.value.map((act) => act.client_id));
  const old = kept().filter((act) => !known.has(act.client_id));
  if (old.length) unsent.value = [...old.map((act) => ({ ...act, tried: true })), ...unsent.value];
  void send();
}

/** The last act, taken back before it was ever sent; null if it may be with the server. */
export function takeBackLast(): Act | null {
  const last = unsent.value.at(-1);
  if (!last || last.tried || last.to !== "answers") return null;
  unsent.value = unsent.value.slice(0, -1);
  forget(last);
  listeners.delete(last.client_id);
  return last;
}

/** The server is back: no need to wait for the next try. */
export function sendNow(): void {
  if (!retry) return;
  clearTimeout(retry);
  retry = undefined;
  retryMs = RETRY_FIRST_MS;
  void send();
}

export function tryRefusedAgain(): void {
  const acts = refused.value.map(({ act }) => act);
  refused.value = [];
  unsent.value = [...unsent.value, ...acts];
  void send();
}

export function forgetRefused(): void {
  for (const { act } of refused.value) forget(act);
  refused.value = [];
}

/** Resolves once nothing is left to send; false while the server is away. */
export async function allSent(): Promise<boolean> {
  while (unsent.value.length && !retry) await new Promise((done) => setTimeout(done, 20));
  return unsent.value.length === 0;
}

async function send(): Promise<void> {
  if (isSending) return;
  isSending = true;
  try {
    for (let act = unsent.value[0]; act; act = unsent.value[0]) {
      act.tried = true;
      try {
        const reply = await post(`/api/${act.to}`, { ...act.body, client_id: act.client_id });
        serverAnswered();
        retryMs = RETRY_FIRST_MS;
        if (act.body.id !== undefined) hadAt.set(act.body.id, performance.now());
        remove(act);
        forget(act);
        listeners.get(act.client_id)?.resolve(reply as never);
      } catch (error) {
        if (!(error instanceof Refused)) {
          serverFailed(error);
          waitAndSend();
          return;
        }
        remove(act);
        refused.value = [...refused.value, { act, reason: error.message }];
        listeners.get(act.client_id)?.reject(error);
      }
      listeners.delete(act.client_id);
    }
  } finally {
    isSending = false;
  }
}

function remove(act: Act): void {
  unsent.value = unsent.value.filter((other) => other.client_id !== act.client_id);
}

function waitAndSend(): void {
  clearTimeout(retry);
  retry = setTimeout(() => {
    retry = undefined;
    void send();
  }, retryMs);
  retryMs = Math.min(2 * retryMs, RETRY_LAST_MS);
}
