// Reads aloud what was saved and what comes next.

import { announcement } from "../state/announce";

export function Announcer() {
  return <p class="visually-hidden" role="status" aria-live="polite" id="said">{announcement}</p>;
}
