// Whether the server is there.

import { signal } from "@preact/signals";
import { Away, SignedOut } from "../server/request";

export type Connection = "there" | "away" | "signed-out";

export const connection = signal<Connection>("there");

/** Why the server took the last answer not, in its own words. */
export const serverSays = signal<string | null>(null);

export function serverAnswered(): void {
  connection.value = "there";
  serverSays.value = null;
}

export function serverFailed(error: unknown): void {
  if (error instanceof SignedOut) connection.value = "signed-out";
  else if (error instanceof Away) {
    connection.value = "away";
    serverSays.value = error.message;
  }
}
