// A new class, at any time: a button that becomes a field.

import { useSignal, type Signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Icon } from "../shell/icon";
import { announce } from "../state/announce";
import { changeClasses } from "../state/change";

interface Props {
  isOpen: Signal<boolean>;
  /** The key that opens it, where there is one. */
  keys?: string;
}

export function AddClass({ isOpen, keys }: Props) {
  const field = useRef<HTMLInputElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const wasOpen = useRef(false);
  const error = useSignal("");
  // At once: what is typed next belongs to the field.
  useLayoutEffect(() => {
    if (isOpen.value) field.current?.focus();
    else if (wasOpen.current) button.current?.focus();
    wasOpen.current = isOpen.value;
  }, [isOpen.value]);

  const save = async (event: Event) => {
    event.preventDefault();
    const name = field.current!.value.trim();
    if (!name) return;
    try {
      await changeClasses({ action: "add", name });
      announce(`New class: ${name}.`);
      error.value = "";
      isOpen.value = false;
    } catch (failed) {
      error.value = (failed as Error).message;
    }
  };
  if (!isOpen.value) {
    return (
      <button type="button" class="plain add-class" ref={button} onClick={() => (isOpen.value = true)}>
        <Icon name="add" /> New class {keys && <kbd aria-hidden="true">{keys}</kbd>}
      </button>
    );
  }
  return (
    <form class="add-class" onSubmit={save} onKeyDown={(event) => event.key === "Escape" && (isOpen.value = false)}>
      <div class="row">
        <input ref={field} aria-label="Name of the new class" placeholder="Name of the new class" maxLength={200} />
        <button type="submit" class="button main">Add</button>
        <button type="button" class="button" onClick={() => (isOpen.value = false)}>Cancel</button>
      </div>
      {error.value && <p class="error" role="alert">{error.value}</p>}
    </form>
  );
}
