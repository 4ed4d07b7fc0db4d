// The state of the project as the server last told it.

import { computed, signal } from "@preact/signals";
import { get } from "../server/request";
import type { ClassInfo, Status } from "../server/types";
import { connection, serverAnswered, serverFailed } from "./connection";
import { keepFor } from "./keep";
import { adopt, sendNow, unsent } from "./outbox";

const EVERY_MS = 1_000;
const EVERY_HIDDEN_MS = 10_000;

export const status = signal<Status | null>(null);
export const classes = computed<ClassInfo[]>(() => status.value?.classes ?? []);

const labelledAtServer = signal(0);
let lastCount = 0;

/** Labels with the server and those that wait to be sent. */
export const labelled = computed(
  () => labelledAtServer.value + unsent.value.filter((act) => act.body.label).length,
);

/** A reply told how many labels there are: newer than any status asked for before it. */
export function countLabels(count: number): void {
  labelledAtServer.value = count;
  lastCount = performance.now();
}

export async function refreshStatus(): Promise<void> {
  const asked = performance.now();
  try {
    const now = await get<Status>("/api/status");
    if (!status.value) keepFor(now.project);
    const isFirst = !status.value;
    status.value = now;
    if (asked > lastCount) labelledAtServer.value = now.labelled;
    document.title = `${now.name} · Fewlabel`;
    const wasGone = connection.value !== "there";
    if (!unsent.value.length) serverAnswered();
    if (isFirst) adopt();
    else if (wasGone) sendNow();
  } catch (error) {
    serverFailed(error);
  }
}

export function setClasses(list: ClassInfo[]): void {
  if (status.value) status.value = { ...status.value, classes: list };
}

/** Asks for the state again and again, seldom while nobody looks; resolves after the first time. */
export function pollStatus(): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const ask = async () => {
    clearTimeout(timer);
    await refreshStatus();
    clearTimeout(timer);
    timer = setTimeout(ask, document.hidden ? EVERY_HIDDEN_MS : EVERY_MS);
  };
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) void ask();
  });
  addEventListener("online", () => void ask());
  return ask();
}
