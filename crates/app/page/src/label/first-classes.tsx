// Before there is any class: the question that starts a project.

import { useSignal } from "@preact/signals";
import { changeClasses } from "../state/change";

export function FirstClasses() {
  const words = useSignal("");
  const error = useSignal("");
  const names = [...new Set(words.value.split(/[,;\n]/).map((name) => name.trim()).filter(Boolean))];
  const save = async (event: Event) => {
    event.preventDefault();
    error.value = "";
    try {
      for (const name of names) await changeClasses({ action: "add", name });
    } catch (failed) {
      error.value = (failed as Error).message;
    }
  };
  return (
    <form class="panel stack first-classes" onSubmit={save}>
      <label class="stack" for="first-classes">
        <strong>What classes are there?</strong>
        <span class="muted">
          For example: normal, cyst, stone, tumour. You can add, rename and merge them at any time.
        </span>
      </label>
      <textarea
        id="first-classes"
        rows={3}
        placeholder="normal, cyst, stone"
        value={words.value}
        onInput={(event) => (words.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.shiftKey) void save(event);
        }}
      />
      {names.length > 0 && (
        <ul class="chips" aria-label="These classes will be made">
          {names.map((name, at) => (
            <li key={name} class="chip">{at < 10 && <kbd>{(at + 1) % 10}</kbd>} {name}</li>
          ))}
        </ul>
      )}
      {error.value && <p class="error" role="alert">{error.value}</p>}
      <div class="row">
        <button type="submit" class="button main" disabled={!names.length}>Start labelling</button>
      </div>
    </form>
  );
}
