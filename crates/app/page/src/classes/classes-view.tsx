// The classes: their names, keys and counts, and how they are changed.

import { useSignal } from "@preact/signals";
import { classes } from "../state/status";
import { counted } from "../shell/words";
import { AddClass } from "./add-class";
import { ClassRow } from "./class-row";

export function ClassesView() {
  const isAdding = useSignal(false);
  const list = classes.value;
  return (
    <div class="page">
      <h1 tabIndex={-1}>Classes</h1>
      <p class="lead">
        Classes can be added, renamed and merged at any time; answers given so far follow.
      </p>
      {list.length === 0 && <p class="panel">There is no class yet. Add the first one here.</p>}
      <ul class="class-list">
        {list.map((one) => <ClassRow key={one.name} one={one} />)}
      </ul>
      <AddClass isOpen={isAdding} />
      <p class="muted small">
        {counted(list.length, "class", "classes")}. The keys 1 to 0 and Shift+1 to Shift+0 go by order;
        a letter can be given to any class.
      </p>
    </div>
  );
}
