// The lists of the review.

import type { ReviewList, Status } from "../server/types";

interface List {
  name: ReviewList;
  title: string;
  what: string;
  countOf?: (status: Status) => number;
}

export const LISTS: List[] = [
  {
    name: "labels",
    title: "Your labels",
    what: "All images with a class, the newest first.",
    countOf: (status) => status.labelled,
  },
  {
    name: "disagreements",
    title: "Disagreements",
    what: "Labels that a classifier which did not see them finds unlikely, likely mistakes first. "
      + "Change one only if you yourself see that it is wrong.",
  },
  {
    name: "flags",
    title: "Flagged",
    what: "Images with a flag and its note.",
    countOf: (status) => status.flagged,
  },
  {
    name: "unsure",
    title: "Unsure",
    what: "Images that could not be told.",
    countOf: (status) => status.unsure,
  },
  {
    name: "unusable",
    title: "Unusable",
    what: "Images that left the pool.",
    countOf: (status) => status.unusable,
  },
  {
    name: "skipped",
    title: "Skipped",
    what: "Images that come back later.",
    countOf: (status) => status.skipped,
  },
];
