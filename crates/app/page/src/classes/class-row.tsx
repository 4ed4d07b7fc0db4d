// One class, and the field in which one thing of it is changed.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ClassInfo } from "../server/types";
import { TAKEN_LETTERS } from "../shell/keys";
import { counted, keyCap } from "../shell/words";
import { announce } from "../state/announce";
import { changeClasses, type ClassChange } from "../state/change";
import { classes } from "../state/status";

type Open = "rename" | "merge" | "key" | null;

export function ClassRow({ one }: { one: ClassInfo }) {
  const open = useSignal<Open>(null);
  const error = useSignal("");
  const change = async (what: ClassChange, said: string) => {
    try {
      await changeClasses(what);
      announce(said);
      error.value = "";
      open.value = null;
    } catch (failed) {
      error.value = (failed as Error).message;
    }
  };
  const toggle = (which: Open) => {
    error.value = "";
    open.value = open.value === which ? null : which;
  };
  const others = classes.value.filter(({ name }) => name !== one.name);
  return (
    <li class="class-row" data-class={one.name}>
      <div class="class-line">
        {one.key ? <kbd>{keyCap(one.key)}</kbd> : <span class="no-key" />}
        <span class="class-name">{one.name}</span>
        <span class="muted">{counted(one.count, "image")}</span>
        <span class="row class-acts">
          <Opener name="Rename" of={one.name} which="rename" open={open.value} onToggle={toggle} />
          <Opener name="Key" of={one.name} which="key" open={open.value} onToggle={toggle} />
          {others.length > 0 && (
            <Opener name="Merge" of={one.name} which="merge" open={open.value} onToggle={toggle} />
          )}
        </span>
      </div>
      {open.value === "rename" && (
        <Field
          label={`New name of ${one.name}`}
          value={one.name}
          button="Rename"
          onSave={(to) => to && change({ action: "rename", name: one.name, to }, `Renamed to ${to}.`)}
        />
      )}
      {open.value === "key" && (
        <Field
          label={`Letter for ${one.name}; empty for the digit`}
          value={one.key && /^\p{L}$/u.test(one.key) ? one.key : ""}
          button="Set key"
          maxLength={1}
          onSave={(typed) => {
            const key = typed.toLowerCase() || null;
            const problem = key && problemOf(key, one.name);
            if (problem) error.value = problem;
            else void change({ action: "key", name: one.name, key }, `The key of ${one.name} is set.`);
          }}
        />
      )}
      {open.value === "merge" && (
        <Merge
          from={one}
          into={others}
          onSave={(to) => void change({ action: "merge", name: one.name, to }, `${one.name} is now ${to}.`)}
        />
      )}
      {error.value && <p class="error" role="alert">{error.value}</p>}
    </li>
  );
}

function problemOf(key: string, name: string): string | null {
  if (!/^\p{L}$/u.test(key)) return "A key is one letter.";
  if (key in TAKEN_LETTERS) return `${key.toUpperCase()} is the key for: ${TAKEN_LETTERS[key]}.`;
  const other = classes.value.find((one) => one.key?.toLowerCase() === key && one.name !== name);
  return other ? `${key.toUpperCase()} is the key of ${other.name}.` : null;
}

interface OpenerProps {
  name: string;
  of: string;
  which: Open;
  open: Open;
  onToggle: (which: Open) => void;
}

function Opener({ name, of, which, open, onToggle }: OpenerProps) {
  return (
    <button
      type="button"
      class="plain"
      aria-label={`${name} ${of}`}
      aria-expanded={open === which}
      onClick={() => onToggle(which)}
    >
      {name}
    </button>
  );
}

interface FieldProps {
  label: string;
  value: string;
  button: string;
  maxLength?: number;
  onSave: (value: string) => void;
}

function Field({ label, value, button, maxLength = 200, onSave }: FieldProps) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.select(), []);
  return (
    <form
      class="row class-field"
      onSubmit={(event) => {
        event.preventDefault();
        onSave(field.current!.value.trim());
      }}
    >
      <input ref={field} aria-label={label} placeholder={label} defaultValue={value} maxLength={maxLength} />
      <button type="submit" class="button main">{button}</button>
    </form>
  );
}

interface MergeProps {
  from: ClassInfo;
  into: ClassInfo[];
  onSave: (to: string) => void;
}

function Merge({ from, into, onSave }: MergeProps) {
  const list = useRef<HTMLSelectElement>(null);
  useEffect(() => list.current?.focus(), []);
  return (
    <form
      class="row class-field"
      onSubmit={(event) => {
        event.preventDefault();
        onSave(list.current!.value);
      }}
    >
      <label class="row">
        All {counted(from.count, "image")} of {from.name} become
        <select ref={list}>{into.map(({ name }) => <option key={name}>{name}</option>)}</select>
      </label>
      <button type="submit" class="button main">Merge</button>
    </form>
  );
}
