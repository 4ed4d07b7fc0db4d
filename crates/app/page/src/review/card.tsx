// One answered image, small.

import type { ReviewItem, ReviewList } from "../server/types";
import { percent } from "../shell/words";
import { wordOf } from "../state/session";

interface Props {
  item: ReviewItem;
  list: ReviewList;
  onOpen: () => void;
}

const SIZE = 256;

export function Card({ item, list, onOpen }: Props) {
  const said = saidOf(item);
  const isDisputed = list === "disagreements";
  return (
    <li class="card" data-id={item.id} data-path={item.path}>
      <button type="button" onClick={onOpen}>
        <span class="thumb">
          <img
            src={`${item.image}?size=${SIZE}`}
            alt=""
            loading="lazy"
            decoding="async"
            onLoad={showSamples}
          />
        </span>
        <span class="card-words">
          <strong>{said}</strong>
          {isDisputed && item.guess && item.guess.class !== item.label && (
            <span class="warn">model: {item.guess.class}</span>
          )}
          {isDisputed && item.left_out_probability !== null && (
            <span class="muted small">your label: {percent(item.left_out_probability)} likely</span>
          )}
          {item.flag !== null && <span class="small">⚑ {item.flag || "flagged"}</span>}
          <bdi class="muted small card-path">{item.path}</bdi>
          {item.held_out && <span class="badge quiet">held out</span>}
        </span>
      </button>
    </li>
  );
}

/** An image smaller than its place shows its samples, as the large one does. */
function showSamples({ currentTarget: image }: { currentTarget: HTMLImageElement }): void {
  image.classList.toggle("coarse", image.naturalWidth < SIZE / 2);
}

export function saidOf(item: ReviewItem): string {
  if (item.label !== null) return item.label;
  return item.state ? wordOf({ state: item.state }) : "no answer";
}
