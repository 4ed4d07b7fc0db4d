// The classes as a group of radio buttons: arrows move, Enter, Space or a click chooses.

import { useRef } from "preact/hooks";
import { keyCap } from "../shell/words";
import type { ClassInfo } from "../server/types";

interface Props {
  classes: ClassInfo[];
  chosen: string | null;
  onChoose: (name: string) => void;
}

export function ClassChoice({ classes, chosen, onChoose }: Props) {
  const group = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const radios = [...group.current!.querySelectorAll<HTMLButtonElement>("[role=radio]")];
    const at = radios.indexOf(document.activeElement as HTMLButtonElement);
    radios[(at + step + radios.length) % radios.length]?.focus();
  };
  const inOrder = Math.max(0, classes.findIndex(({ name }) => name === chosen));
  return (
    <div class="classes" role="radiogroup" aria-label="Class of this image" ref={group} onKeyDown={move}>
      {classes.map(({ name, key }, at) => (
        <button
          key={name}
          type="button"
          role="radio"
          class="class"
          aria-checked={name === chosen}
          aria-keyshortcuts={key ?? undefined}
          data-class={name}
          data-key={key ?? undefined}
          tabIndex={at === inOrder ? 0 : -1}
          onClick={() => onChoose(name)}
        >
          {key ? <kbd aria-hidden="true">{keyCap(key)}</kbd> : <span class="no-key" />}
          <span class="class-name">{name}</span>
        </button>
      ))}
    </div>
  );
}
