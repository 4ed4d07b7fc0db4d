// Line drawings of 20 units, in the colour of the words beside them.

const PATHS: Record<string, string> = {
  "zoom-in": "M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM13 13l4 4M9 6.5v5M6.5 9h5",
  "zoom-out": "M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM13 13l4 4M6.5 9h5",
  smooth: "M3 14c3 0 3-8 7-8s4 8 7 8",
  invert: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14z",
  window: "M3 17 8 6l4 5 5-8M3 3v14h14",
  reset: "M4 10a6 6 0 1 0 2-4.5M4 3v4h4",
  skip: "M4 5l6 5-6 5zM13 5v10",
  unsure: "M7 7.5a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M10 15.8v.4",
  unusable: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM5.2 5.2l9.6 9.6",
  flag: "M5 17V3.5h9l-2 3.5 2 3.5H5",
  undo: "M4 8h8a4 4 0 0 1 0 8H8M4 8l4-4M4 8l4 4",
  add: "M10 4v12M4 10h12",
  close: "M5 5l10 10M15 5 5 15",
  check: "M4 10.5l4 4 8-9",
  settings: "M3 6h7M14 6h3M3 14h3M10 14h7M12 4v4M8 12v4",
  keys: "M3 5h14v10H3zM6 8h.5M9 8h.5M12 8h.5M6 12h8",
  download: "M10 3v10M6 9l4 4 4-4M4 17h12",
  warning: "M10 3 2.5 16.5h15zM10 8v4M10 14.2v.3",
};

export function Icon({ name }: { name: string }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={PATHS[name]} />
      {name === "invert" && <path class="filled" d="M10 3a7 7 0 0 1 0 14z" />}
    </svg>
  );
}
