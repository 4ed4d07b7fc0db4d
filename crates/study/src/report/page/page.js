"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("scripted");

  // Colours: the reader's choice, else the system's; print is always light.
  const theme = document.getElementById("theme");
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const paint = () => { root.dataset.theme = theme.value || (system.matches ? "dark" : "light"); };
  theme.addEventListener("change", paint);
  system.addEventListener("change", paint);
  paint();
  window.addEventListener("beforeprint", () => { root.dataset.theme = "light"; });
  window.addEventListener("afterprint", paint);

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
