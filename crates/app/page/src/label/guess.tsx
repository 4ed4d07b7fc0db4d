// What the model thinks of the present image, for those who chose to see it beforehand.

import type { Guess as Guessed } from "../server/types";
import { percent } from "../shell/words";

export function Guess({ guess }: { guess: Guessed }) {
  return (
    <p class="guess" id="guess">
      <span class="muted">The model's guess:</span> <strong>{guess.class}</strong>{" "}
      <span class="muted">{percent(guess.probability)}</span>
    </p>
  );
}
