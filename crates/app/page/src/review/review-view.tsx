// What was answered, list by list; an image opens to be looked at and answered again.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { ReviewList } from "../server/types";
import { Icon } from "../shell/icon";
import { counted } from "../shell/words";
import { undo } from "../state/session";
import { status } from "../state/status";
import { allSent } from "../state/outbox";
import { Card } from "./card";
import { LISTS } from "./lists";
import { loadMore, loadReview, review } from "./load";
import { ReviewDialog } from "./review-dialog";

export function ReviewView() {
  const list = useSignal<ReviewList>("labels");
  const opened = useSignal<number | null>(null);
  useEffect(() => void loadReview(list.value), [list.value]);
  const { items, total, error, isLoading } = review.value;
  const item = opened.value === null ? null : (items[opened.value] ?? null);
  const takeBack = async () => {
    await undo();
    await allSent();
    await loadReview(list.value);
  };
  return (
    <div class="page wide">
      <div class="row spread">
        <h1 tabIndex={-1}>Review</h1>
        <button type="button" class="button" disabled={!status.value?.can_undo} onClick={() => void takeBack()}>
          <Icon name="undo" /> Undo the last answer
        </button>
      </div>
      <div class="chips" role="group" aria-label="Lists">
        {LISTS.map(({ name, title, countOf }) => (
          <button
            key={name}
            type="button"
            class="chip"
            data-list={name}
            aria-pressed={list.value === name}
            onClick={() => (list.value = name)}
          >
            {title}
            {countOf && <span class="muted"> {countOf(status.value!)}</span>}
          </button>
        ))}
      </div>
      <p class="muted">{LISTS.find(({ name }) => name === list.value)!.what}</p>
      {error && <p class="error" role="alert">{error}</p>}
      <p role="status" class="muted small" id="review-total">
        {isLoading ? "Loading…" : total === 0 ? "Nothing in this list." : counted(total, "image")}
      </p>
      <ul class="cards">
        {items.map((one, at) => (
          <Card key={one.id} item={one} list={list.value} onOpen={() => (opened.value = at)} />
        ))}
      </ul>
      {items.length < total && (
        <p><button type="button" class="button" onClick={() => void loadMore()}>Show more</button></p>
      )}
      <ReviewDialog
        item={item}
        showsGuess={list.value === "disagreements" || status.value?.settings.show_guess !== "hidden"}
        place={item ? `${opened.value! + 1} of ${total}` : ""}
        onStep={(step) => {
          const next = opened.value! + step;
          if (next >= 0 && next < items.length) opened.value = next;
        }}
        onClose={() => (opened.value = null)}
      />
    </div>
  );
}
