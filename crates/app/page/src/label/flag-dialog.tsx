// A note on an image, for later or for a colleague.

import { useRef } from "preact/hooks";
import type { Item } from "../server/types";
import { Dialog } from "../shell/dialog";
import { flag } from "../state/session";

interface Props {
  item: Item;
  /** Null: there is no flag that the page knows of. */
  note: string | null;
  isOpen: boolean;
  onClose: () => void;
}

export function FlagDialog({ item, note, isOpen, onClose }: Props) {
  const field = useRef<HTMLTextAreaElement>(null);
  const save = (event: Event) => {
    event.preventDefault();
    flag(item, field.current!.value.trim());
    onClose();
  };
  return (
    <Dialog title="Flag this image" isOpen={isOpen} onClose={onClose}>
      <form onSubmit={save} class="stack">
        <label class="stack">
          <span>Note <span class="muted">(may stay empty)</span></span>
          <textarea
            ref={field}
            rows={3}
            maxLength={2000}
            defaultValue={note ?? ""}
            onKeyDown={(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && save(event)}
          />
        </label>
        <p class="muted small"><bdi>{item.path}</bdi></p>
        <div class="row">
          <button type="submit" class="button main">Flag</button>
          {note !== null && (
            <button type="button" class="button" onClick={() => { flag(item, null); onClose(); }}>
              Take the flag away
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
}
