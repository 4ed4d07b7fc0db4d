// One image, and what can be said of it.

import { useSignal } from "@preact/signals";
import { Viewer } from "../image/viewer";
import { AddClass } from "../classes/add-class";
import { answer, notes, saidBefore } from "../state/session";
import { classes, status } from "../state/status";
import { current } from "../state/upcoming";
import { Acts } from "./acts";
import { ClassChoice } from "./class-choice";
import { FirstClasses } from "./first-classes";
import { FlagDialog } from "./flag-dialog";
import { Guess } from "./guess";
import { LastAnswer } from "./last-answer";
import { NothingNext } from "./nothing-next";
import { SettingsPanel } from "./settings-panel";
import { useLabelKeys } from "./use-label-keys";

/** When more labels no longer help, whoever labels should hear of it here. */
function Enough() {
  if (!status.value?.no_more_gain) return null;
  return <p class="advice enough small">{status.value.advice} <a href="#progress">See why</a></p>;
}

export function LabelView() {
  const item = current.value;
  const isFlagging = useSignal(false);
  const isAdding = useSignal(false);
  const openFlag = () => (isFlagging.value = current.value !== null);
  const openAdd = () => (isAdding.value = classes.value.length > 0);
  useLabelKeys({ flag: openFlag, add: openAdd });
  if (!item) return <NothingNext />;

  const note = notes.value.get(item.id) ?? null;
  const before = saidBefore.value?.id === item.id ? saidBefore.value.choice : null;
  return (
    <div class="label" id="labelling" data-id={item.id} data-path={item.path}>
      <section class="image-side" aria-labelledby="path">
        <h1 id="path" class="path" tabIndex={-1} title={item.path}>
          <span class="visually-hidden">Label the image </span>
          <bdi>{item.path}</bdi>
          {note !== null && <span class="badge">flagged</span>}
        </h1>
        <Viewer item={item} />
      </section>
      <section class="answer-side" aria-label="Your answer">
        {classes.value.length === 0 ? (
          <FirstClasses />
        ) : (
          <>
            {item.guess && <Guess guess={item.guess} />}
            <ClassChoice
              classes={classes.value}
              chosen={before && "label" in before ? before.label : null}
              onChoose={(label) => answer({ label })}
            />
            <AddClass isOpen={isAdding} keys="N" />
          </>
        )}
        <Enough />
        <Acts onFlag={openFlag} isFlagged={note !== null} />
        <LastAnswer />
        <SettingsPanel />
      </section>
      <FlagDialog
        item={item}
        note={note}
        isOpen={isFlagging.value}
        onClose={() => (isFlagging.value = false)}
      />
    </div>
  );
}
