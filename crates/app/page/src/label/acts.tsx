// What can be said of an image beside its class.

import { Icon } from "../shell/icon";
import { answer, lastGiven, undo } from "../state/session";
import { status } from "../state/status";

interface Props {
  onFlag: () => void;
  isFlagged: boolean;
}

export function Acts({ onFlag, isFlagged }: Props) {
  const canUndo = lastGiven.value !== null || Boolean(status.value?.can_undo);
  return (
    <div class="acts" role="group" aria-label="Other answers">
      <Act icon="skip" name="Skip" keys="K" what="It comes back later" onClick={() => answer({ state: "skip" })} />
      <Act icon="unsure" name="Unsure" keys="U" what="Nobody could tell from this image" onClick={() => answer({ state: "unsure" })} />
      <Act icon="unusable" name="Unusable" keys="X" what="Not an image of the kind: it leaves the pool" onClick={() => answer({ state: "unusable" })} />
      <Act icon="flag" name={isFlagged ? "Flagged" : "Flag"} keys="F" what="Keep a note on this image" onClick={onFlag} />
      <Act icon="undo" name="Undo" keys="⌫" what="Take the last answer back" isOff={!canUndo} onClick={() => void undo()} />
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
    <button type="button" class="act" title={what} disabled={isOff} data-act={name.toLowerCase()} onClick={onClick}>
      <Icon name={icon} />
      <span>{name}</span>
      <kbd aria-hidden="true">{keys}</kbd>
    </button>
  );
}
