// Choices that concern labelling itself, and the way to the list of keys.

import { useSignal } from "@preact/signals";
import type { ShowGuess } from "../server/types";
import { Dialog } from "../shell/dialog";
import { Icon } from "../shell/icon";
import { isKeysOpen } from "../shell/keys-dialog";
import { changeSettings } from "../state/change";
import { status } from "../state/status";

const SHOW: [ShowGuess, string][] = [
  ["hidden", "Hidden"],
  ["after", "After the answer"],
  ["before", "Before the answer"],
];

export function SettingsPanel() {
  const isOpen = useSignal(false);
  return (
    <div class="settings">
      <button type="button" class="plain" id="settings" onClick={() => (isOpen.value = true)}>
        <Icon name="settings" /> Settings
      </button>
      <button type="button" class="plain" onClick={() => (isKeysOpen.value = true)}>
        <Icon name="keys" /> Keys <kbd aria-hidden="true">?</kbd>
      </button>
      <Dialog title="Settings" isOpen={isOpen.value} onClose={() => (isOpen.value = false)}>
        <Choices />
      </Dialog>
    </div>
  );
}

function Choices() {
  const error = useSignal("");
  const { settings, strategies } = status.value!;
  const change = (what: Parameters<typeof changeSettings>[0]) => {
    error.value = "";
    changeSettings(what).catch((failed: Error) => (error.value = failed.message));
  };
  return (
    <div class="stack">
      <fieldset>
        <legend>The model's guess</legend>
        {SHOW.map(([value, name]) => (
          <label class="check" key={value}>
            <input
              type="radio"
              name="show-guess"
              value={value}
              checked={settings.show_guess === value}
              onChange={() => change({ show_guess: value })}
            />
            {name}
          </label>
        ))}
        <p class="muted small">
          Seeing the guess first pulls even experts towards it. What was shown is kept with each answer.
        </p>
      </fieldset>
      <label class="stack">
        <strong>Which images are asked</strong>
        <select
          value={settings.strategy}
          onChange={(event) => change({ strategy: event.currentTarget.value })}
        >
          {strategies.map((name) => <option key={name} value={name}>{name}</option>)}
        </select>
        <span class="muted small">
          The strategy picks what teaches most; the held-out images are drawn at random whatever it is.
        </span>
      </label>
      {error.value && <p class="error" role="alert">{error.value}</p>}
    </div>
  );
}
