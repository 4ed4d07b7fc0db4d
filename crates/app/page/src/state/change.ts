// Changes of the project: they wait until all answers are sent, since they change what answers mean.

import { Away, newClientId, post } from "../server/request";
import type { ClassInfo, Settings } from "../server/types";
import { allSent } from "./outbox";
import { refreshStatus, setClasses, status } from "./status";
import { forgetGuesses } from "./upcoming";

export type ClassChange =
  | { action: "add"; name: string }
  | { action: "rename"; name: string; to: string }
  | { action: "merge"; name: string; to: string }
  | { action: "key"; name: string; key: string | null };

export async function changeClasses(change: ClassChange): Promise<void> {
  const reply = await send<{ classes: ClassInfo[] }>("/api/classes", change);
  setClasses(reply.classes);
}

export async function changeSettings(change: Partial<Settings>): Promise<void> {
  await send("/api/settings", change);
  if (status.value) {
    status.value = { ...status.value, settings: { ...status.value.settings, ...change } };
  }
  if (change.show_guess) forgetGuesses();
  void refreshStatus();
}

export async function startFinish(): Promise<void> {
  await send("/api/finish", {});
  await refreshStatus();
}

async function send<Reply>(path: string, body: object): Promise<Reply> {
  if (!(await allSent())) throw new Away("answers wait to be sent first");
  return post(path, { ...body, client_id: newClientId() });
}
