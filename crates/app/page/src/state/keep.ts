// Unsent acts in the browser's store, one entry each: two tabs never overwrite one another.

import type { Act } from "./outbox";

let prefix = "";

/** Acts of another project must not be sent to this one. */
export function keepFor(project: string): void {
  prefix = `fewlabel.unsent.${project}.`;
}

export function keep(act: Act): void {
  try {
    localStorage.setItem(keyOf(act), JSON.stringify(act));
  } catch {
    // The store is full or forbidden: the act is still kept in memory.
  }
}

export function forget(act: Act): void {
  try {
    localStorage.removeItem(keyOf(act));
  } catch {
    // Nothing was kept.
  }
}

/** What was kept, the oldest first. */
export function kept(): Act[] {
  try {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(prefix))
      .sort()
      .map((key) => JSON.parse(localStorage.getItem(key) ?? "null") as Act)
      .filter((act) => act?.client_id);
  } catch {
    return [];
  }
}

function keyOf(act: Act): string {
  return `${prefix}${String(act.made).padStart(16, "0")}.${act.client_id}`;
}
