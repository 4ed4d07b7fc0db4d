"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("scripted");

  // Colours: the reader's choice, else the system's.
  const theme = document.getElementById("theme");
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const paint = () => { root.dataset.theme = theme.value || (system.matches ? "dark" : "light"); };
  theme.addEventListener("change", paint);
  system.addEventListener("change", paint);
  paint();

  // On paper everything is open and light.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    root.dataset.theme = "light";
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const details of opened) details.open = true;
  });
  window.addEventListener("afterprint", () => {
    paint();
    for (const details of opened) details.open = false;
  });

  // What is wider than its frame says so on a narrow screen.
  const widths = new ResizeObserver((entries) => requestAnimationFrame(() => {
    for (const { target } of entries) target.toggleAttribute("data-wide", target.scrollWidth > target.clientWidth + 1);
  }));
  for (const frame of document.querySelectorAll(".scroll")) widths.observe(frame);

  // A choice shows one of the panels of its group.
  for (const select of document.querySelectorAll("[data-choose]")) {
    const panels = document.querySelectorAll(`[data-panel="${select.dataset.choose}"]`);
    const show = () => {
      for (const panel of panels) panel.toggleAttribute("data-chosen", panel.dataset.value === select.value);
    };
    select.addEventListener("change", show);
    show();
  }

  // A filter hides the rows that do not hold all of its words.
  for (const input of document.querySelectorAll("[data-filter]")) {
    const rows = [...document.querySelectorAll(`#${input.dataset.filter} tbody tr`)];
    const count = document.getElementById("filter-count");
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
    });
  }
})();
