// What can be said of an image beside its class.

import type { State } from "../server/types";
import { Icon } from "../shell/icon";
import { answer, lastGiven, undo } from "../state/session";
import { status } from "../state/status";

const STATES: { state: State; name: string; keys: string; what: string }[] = [
  { state: "skip", name: "Skip", keys: "K", what: "It comes back later" },
  { state: "unsure", name: "Unsure", keys: "U", what: "Nobody could tell from this image" },
  {
    state: "unusable",
    name: "Unusable",
    keys: "X",
    what: "Not an image of the kind: it leaves the pool",
  },
];

interface Props {
  onFlag: () => void;
  isFlagged: boolean;
}

export function Acts({ onFlag, isFlagged }: Props) {
  const canUndo = lastGiven.value !== null || Boolean(status.value?.can_undo);
  return (
    <div class="acts" role="group" aria-label="Other answers">
      {STATES.map(({ state, ...act }) => (
        <Act key={state} icon={state} {...act} onClick={() => answer({ state })} />
      ))}
      <Act
        icon="flag"
        name={isFlagged ? "Flagged" : "Flag"}
        keys="F"
        what="Keep a note on this image"
        onClick={onFlag}
      />
      <Act
        icon="undo"
        name="Undo"
        keys="⌫"
        what="Take the last answer back"
        isOff={!canUndo}
        onClick={() => void undo()}
      />
    </div>
  );
}

interface ActProps {
  icon: string;
  name: string;
  keys: string;
  what: string;
  isOff?: boolean;
  onClick: () => void;
}

function Act({ icon, name, keys, what, isOff, onClick }: ActProps) {
  return (
    <button type="button" class="act" title={what} disabled={isOff} onClick={onClick}>
      <Icon name={icon} />
      <span>{name}</span>
      <kbd aria-hidden="true">{keys}</kbd>
    </button>
  );
}
