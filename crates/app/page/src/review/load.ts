// The list that the review shows, page by page.

import { signal } from "@preact/signals";
import { get } from "../server/request";
import type { Review, ReviewItem, ReviewList } from "../server/types";
import type { Choice } from "../state/session";

const PAGE = 60;

interface Loaded {
  list: ReviewList;
  items: ReviewItem[];
  total: number;
  isLoading: boolean;
  error: string | null;
}

export const review = signal<Loaded>({
  list: "labels", items: [], total: 0, isLoading: true, error: null,
});

export async function loadReview(list: ReviewList): Promise<void> {
  review.value = { list, items: [], total: 0, isLoading: true, error: null };
  await load(list);
}

export function loadMore(): Promise<void> {
  return load(review.value.list);
}

/** Shows a changed answer before the list is asked for anew. */
export function showChanged(id: number, choice: Choice): void {
  const change = "label" in choice
    ? { label: choice.label, state: null }
    : { label: null, state: choice.state };
  patch(id, change);
}

export function showFlag(id: number, flag: string | null): void {
  patch(id, { flag });
}

function patch(id: number, change: Partial<ReviewItem>): void {
  const items = review.value.items.map((item) => (item.id === id ? { ...item, ...change } : item));
  review.value = { ...review.value, items };
}

async function load(list: ReviewList): Promise<void> {
  const { items: before } = review.value;
  try {
    const page = await get<Review>(`/api/review?list=${list}&offset=${before.length}&count=${PAGE}`);
    // Another list may have been chosen meanwhile.
    if (review.value.list !== list) return;
    const known = new Set(before.map(({ id }) => id));
    const items = [...before, ...page.items.filter(({ id }) => !known.has(id))];
    review.value = { list, items, total: page.total, isLoading: false, error: null };
  } catch (failed) {
    if (review.value.list !== list) return;
    review.value = { ...review.value, isLoading: false, error: (failed as Error).message };
  }
}
