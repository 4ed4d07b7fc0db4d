// A dialog of the browser's own: it keeps the focus, and gives it back when it closes.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useId, useRef } from "preact/hooks";
import { Icon } from "./icon";

interface Props {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  /** Whether the page's single keys act within it. */
  hasKeys?: boolean;
  isWide?: boolean;
  children: ComponentChildren;
}

export function Dialog({ title, isOpen, onClose, hasKeys, isWide, children }: Props) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  // At once: keys pressed next belong to the dialog.
  useLayoutEffect(() => {
    if (isOpen && !element.current!.open) {
      element.current!.showModal();
      // Not the button that closes: a stray Space would press it.
      const first = element.current!.querySelector("textarea") ?? element.current!.querySelector("h2");
      first?.focus();
    }
    if (!isOpen && element.current!.open) element.current!.close();
  }, [isOpen]);
  return (
    <dialog
      ref={element}
      class={isWide ? "wide" : ""}
      aria-labelledby={id}
      data-keys={hasKeys ? "" : undefined}
      onClose={onClose}
      onClick={(event) => event.target === element.current && onClose()}
    >
      {isOpen && (
        <div class="dialog-body">
          <div class="dialog-head">
            <h2 id={id} tabIndex={-1}>{title}</h2>
            <button type="button" class="plain icon-only" aria-label="Close" onClick={onClose}>
              <Icon name="close" />
            </button>
          </div>
          {children}
        </div>
      )}
    </dialog>
  );
}
