// An answered image, large, with its answer to change.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { pinned } from "../image/cache";
import { Viewer } from "../image/viewer";
import { ClassChoice } from "../label/class-choice";
import { FlagDialog } from "../label/flag-dialog";
import type { ReviewItem, State } from "../server/types";
import { Dialog } from "../shell/dialog";
import { Icon } from "../shell/icon";
import { classKeyOf, isForPage } from "../shell/keys";
import { percent } from "../shell/words";
import { answerAgain, notes, type Choice } from "../state/session";
import { classes } from "../state/status";
import { saidOf } from "./card";
import { showChanged, showFlag } from "./load";

interface Props {
  item: ReviewItem | null;
  /** Whether the guess may be seen: it pulls even experts towards it. */
  showsGuess: boolean;
  place: string;
  onStep: (step: number) => void;
  onClose: () => void;
}

const STATES: [State, string][] = [["unsure", "Unsure"], ["unusable", "Unusable"], ["skip", "Ask again"]];

export function ReviewDialog({ item, showsGuess, place, onStep, onClose }: Props) {
  const isFlagging = useSignal(false);
  useEffect(() => {
    if (!item) return;
    pinned.add(item.id);
    return () => void pinned.delete(item.id);
  }, [item?.id]);
  const change = (choice: Choice) => {
    if (!item) return;
    showChanged(item.id, choice);
    answerAgain(item, choice, showsGuess && item.guess !== null).catch(() => undefined);
  };
  useReviewKeys(item, change, onStep);
  const newNote = item && notes.value.get(item.id);
  useEffect(() => {
    if (item && newNote !== undefined) showFlag(item.id, newNote);
  }, [item?.id, newNote]);
  return (
    <>
      <Dialog title={item?.path ?? ""} isOpen={item !== null} onClose={onClose} hasKeys isWide>
        {item && (
          <div class="review-body">
            <Viewer item={item} />
            <div class="answer-side">
              <p>
                You said <strong>{saidOf(item)}</strong>.
                {showsGuess && item.guess && (
                  <span class="muted">
                    {" "}The model says {item.guess.class}, {percent(item.guess.probability)}.
                  </span>
                )}
              </p>
              <ClassChoice classes={classes.value} chosen={item.label} onChoose={(label) => change({ label })} />
              <div class="row">
                {STATES.map(([state, name]) => (
                  <button
                    key={state}
                    type="button"
                    class="button"
                    aria-pressed={item.state === state}
                    onClick={() => change({ state })}
                  >
                    {name}
                  </button>
                ))}
                <button
                  type="button"
                  class="button"
                  aria-pressed={item.flag !== null}
                  onClick={() => (isFlagging.value = true)}
                >
                  <Icon name="flag" /> {item.flag === null ? "Flag" : "Flagged"}
                </button>
              </div>
              {item.flag && <p class="small">Note: {item.flag}</p>}
              <div class="row spread">
                <button type="button" class="button" onClick={() => onStep(-1)}>Previous</button>
                <span class="muted small">{place}</span>
                <button type="button" class="button" onClick={() => onStep(1)}>Next</button>
              </div>
            </div>
          </div>
        )}
      </Dialog>
      {item && (
        <FlagDialog
          item={item}
          note={item.flag}
          isOpen={isFlagging.value}
          onClose={() => (isFlagging.value = false)}
        />
      )}
    </>
  );
}

/** The keys of the classes change the answer; PageUp and PageDown go through the list. */
function useReviewKeys(
  item: ReviewItem | null,
  change: (choice: Choice) => void,
  onStep: (step: number) => void,
): void {
  useEffect(() => {
    if (!item) return;
    const onKey = (event: KeyboardEvent) => {
      if (!isForPage(event) || event.repeat) return;
      const step = { PageUp: -1, PageDown: 1 }[event.key];
      const key = classKeyOf(event);
      const chosen = key && classes.value.find((one) => one.key?.toLowerCase() === key.toLowerCase());
      if (step) onStep(step);
      else if (chosen) change({ label: chosen.name });
      else if (key === "u") change({ state: "unsure" });
      else if (key === "x") change({ state: "unusable" });
      else if (key === "k") change({ state: "skip" });
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  });
}
