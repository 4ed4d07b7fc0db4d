// What the server says, as `GET /api/openapi.json` describes it.

/** A share with its 95 % interval and the number of answers it stands on. */
export interface Share {
  estimate: number;
  low: number;
  high: number;
  n: number;
}

export interface ClassInfo {
  name: string;
  count: number;
  /** "1" to "9", "0", "Shift+1" to "Shift+0", or an assigned letter. */
  key: string | null;
}

export interface Guess {
  class: string;
  probability: number;
}

export type ShowGuess = "hidden" | "after" | "before";
export type State = "skip" | "unsure" | "unusable";

export interface Settings {
  show_guess: ShowGuess;
  goal: number | null;
  strategy: string;
}

export interface ClassEstimate {
  class: string;
  n: number;
  sensitivity: Share | null;
  specificity: Share | null;
  ppv: Share | null;
}

export interface Estimate {
  n: number;
  accuracy: Share;
  balanced_accuracy: Share | null;
  classes: ClassEstimate[];
  confusion: { classes: string[]; counts: number[][] };
  unsure: number;
  unusable: number;
  /** Whether the intervals count groups (patients) and not single images. */
  clustered: boolean;
}

export interface CurvePoint {
  labels: number;
  accuracy: number;
  low: number;
  high: number;
}

export interface ResultFile {
  name: string;
  what: string;
  bytes: number;
  href: string;
}

export interface Finish {
  state: "running" | "done" | "failed";
  what: string;
  done: number;
  files: ResultFile[];
  folder: string | null;
  error: string | null;
}

export interface Status {
  pool: number;
  labelled: number;
  held_out: number;
  phase: "importing" | "pretraining" | "learning" | "finished";
  accuracy: Share | null;
  advice: string;
  name: string;
  project: string;
  version: string;
  classes: ClassInfo[];
  unsure: number;
  unusable: number;
  skipped: number;
  flagged: number;
  open: number;
  can_undo: boolean;
  settings: Settings;
  strategies: string[];
  progress: null | { what: string; done: number; seconds_left: number | null };
  model: null | { labels: number; encoder: boolean };
  estimate: Estimate | null;
  curve: CurvePoint[];
  forecast: null | { more_labels: number; low: number; high: number | null; minutes: number | null };
  no_more_gain: boolean;
  labels_per_minute: number | null;
  finish: Finish | null;
  problem: string | null;
  notes: string[];
}

/** An image and where its picture and samples are. */
export interface Item {
  id: number;
  path: string;
  image: string;
  pixels: string;
  guess: Guess | null;
}

export interface Next {
  items: Item[];
  left: number;
}

export interface ReviewItem extends Item {
  label: string | null;
  state: State | null;
  flag: string | null;
  left_out_probability: number | null;
  held_out: boolean;
  time: string;
}

export type ReviewList =
  | "labels"
  | "disagreements"
  | "flags"
  | "unsure"
  | "unusable"
  | "skipped";

export interface Review {
  total: number;
  items: ReviewItem[];
}

export interface AnswerReply {
  saved: true;
  labelled: number;
  guess: Guess | null;
}

export interface UndoReply {
  undone: null | { id: number; path: string; label: string | null; state: State | null };
  labelled: number;
}
