// Opens a report in a real Chromium, works every control, and fails on any console error, network request, sideways
// scrolling of the page, clipped or overlapping chart label, or serious accessibility violation.
//
//     node browser.mjs REPORT.html [SCREENSHOT_DIR]
//
// Needs `npm install` in this folder and a Chromium (CHROMIUM names it, else `chromium` on the path).

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [report, screenshots] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const executablePath = process.env.CHROMIUM || execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
const problems = [];
// A browser that hangs must not hang what waits for this test.
setTimeout(() => { console.log("the browser took longer than nine minutes"); process.exit(1); }, 540_000).unref();
if (screenshots) mkdirSync(screenshots, { recursive: true });

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

for (const width of [1440, 390]) {
  for (const colorScheme of ["light", "dark"]) {
    const name = `${width}-${colorScheme}`;
    // axe is put into the page by the test, which the page's own content policy would forbid.
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, bypassCSP: true, reducedMotion: "reduce" });
    const page = await context.newPage();
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) problems.push(`${name}: console: ${message.text()}`);
    });
    page.on("pageerror", (error) => problems.push(`${name}: script: ${error}`));
    page.on("request", (request) => {
      if (!/^(file|data):/.test(request.url())) problems.push(`${name}: request: ${request.url()}`);
    });
    await page.goto(pathToFileURL(report).href);
    await workControls(page, name);
    await checkLayout(page, name);
    await checkPrint(page, name);
    await checkAccessibility(page, name);
    // As a reader finds it: the controls are back at their first choice.
    if (screenshots) await page.goto(pathToFileURL(report).href);
    if (screenshots) await takeScreenshots(page, name);
    if (screenshots && name === "1440-light") await page.pdf({ path: `${screenshots}/print.pdf`, format: "A4", margin: { top: "12mm", bottom: "12mm", left: "12mm", right: "12mm" } });
    await context.close();
  }
}
await browser.close();
for (const problem of [...new Set(problems)].slice(0, 40)) console.log(problem);
console.log(`${problems.length} problems in ${report}`);
process.exit(problems.length ? 1 : 0);

async function workControls(page, name) {
  const expect = (holds, what) => { if (!holds) problems.push(`${name}: ${what}`); };
  for (const theme of ["dark", "light", ""]) {
    await page.selectOption("#theme", theme);
    const shown = await page.evaluate(() => document.documentElement.dataset.theme);
    expect(theme === "" || shown === theme, `the theme is ${shown}, not ${theme}`);
  }
  for (const group of await page.$$eval("[data-choose]", (all) => all.map((one) => one.dataset.choose))) {
    const values = await page.$$eval(`[data-choose="${group}"] option`, (all) => all.map((one) => one.value));
    // A choice within another panel is seen once that panel is.
    for (const outer of await page.$$eval(`[data-choose="${group}"]`, ([one]) => {
      const panel = one.closest("[data-panel]");
      return panel ? [[panel.dataset.panel, panel.dataset.value]] : [];
    })) await page.selectOption(`[data-choose="${outer[0]}"]`, outer[1]);
    for (const value of [...values, values[0]]) {
      await page.selectOption(`[data-choose="${group}"]`, value);
      const seen = await page.$$eval(`[data-panel="${group}"]`, (all) => all.filter((one) => one.offsetParent !== null).map((one) => one.dataset.value));
      expect(seen.length === 1 && seen[0] === value, `${group}: chose ${value}, sees ${seen}`);
    }
  }
  for (const summary of await page.$$("summary")) {
    const opened = () => summary.evaluate((one) => one.parentElement.open);
    await summary.click();
    expect(await opened(), "a summary does not open");
    await summary.click();
    expect(!(await opened()), "a summary does not close");
  }
  if (await page.$("#filter")) {
    const rows = () => page.$$eval("#t-runs tbody tr", (all) => all.filter((one) => one.offsetParent !== null).length);
    const before = await rows();
    await page.fill("#filter", "no such run");
    expect((await rows()) === 0, "the filter shows rows that do not fit");
    await page.fill("#filter", "");
    expect((await rows()) === before, "the emptied filter hides rows");
  }
  for (const link of await page.$$("nav a")) {
    const target = await link.getAttribute("href");
    await link.click();
    expect(await page.$(target), `${target} leads nowhere`);
  }
  await page.evaluate(() => window.scrollTo(0, 0));
}

async function checkLayout(page, name) {
  const found = await page.evaluate(() => {
    const found = [];
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth + 1) found.push(`the page is ${root.scrollWidth} wide in ${root.clientWidth}`);
    for (const one of document.querySelectorAll("[data-panel]")) one.setAttribute("data-chosen", "");
    for (const svg of document.querySelectorAll("figure svg")) {
      const title = svg.closest("figure").id;
      const frame = svg.getBoundingClientRect();
      const texts = [...svg.querySelectorAll("text")].filter((text) => text.textContent.trim());
      const boxes = texts.map((text) => ({ text: text.textContent, box: text.getBoundingClientRect() }));
      for (const [i, { text, box }] of boxes.entries()) {
        if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1) found.push(`${title}: "${text}" is clipped`);
        for (const other of boxes.slice(i + 1)) {
          const over = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
          const under = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
          // Line boxes are taller than letters: three units of their overlap are empty.
          const slack = (3 * frame.width) / svg.viewBox.baseVal.width;
          if (over > 0.5 && under > slack) found.push(`${title}: "${text}" and "${other.text}" overlap`);
        }
      }
    }
    for (const select of document.querySelectorAll("[data-choose]")) select.dispatchEvent(new Event("change"));
    return found;
  });
  problems.push(...found.map((what) => `${name}: ${what}`));
}

// On paper nothing can be chosen or opened: all is there but the galleries, of which one.
async function checkPrint(page, name) {
  await page.emulateMedia({ media: "print" });
  const found = await page.evaluate(() => {
    const isShown = (one) => one.getClientRects().length > 0;
    window.dispatchEvent(new Event("beforeprint"));
    const found = [];
    for (const one of document.querySelectorAll("[data-panel]")) {
      if (!isShown(one) && !one.closest(".galleries")) found.push(`${one.dataset.panel} ${one.dataset.value} is not printed`);
    }
    for (const one of document.querySelectorAll(".galleries")) {
      if ([...one.children].filter(isShown).length !== 1) found.push("not one gallery of a cell is printed");
    }
    if (document.querySelector("details:not([open])")) found.push("details are printed closed");
    window.dispatchEvent(new Event("afterprint"));
    return found;
  });
  await page.emulateMedia({ media: null });
  problems.push(...found.map((what) => `${name}: ${what}`));
}

async function checkAccessibility(page, name) {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => (await window.axe.run(document)).violations.map((v) => ({ id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)) })));
  for (const v of violations) {
    if (["serious", "critical"].includes(v.impact)) problems.push(`${name}: axe ${v.id} (${v.impact}): ${v.help}: ${v.nodes.join(" | ")}`);
    else console.log(`${name}: axe ${v.id} (${v.impact}): ${v.nodes[0]}`);
  }
}

async function takeScreenshots(page, name) {
  await page.screenshot({ path: `${screenshots}/${name}.png` });
  await page.addStyleTag({ content: "nav { position: static !important }" });
  for (const section of await page.$$("section, header")) {
    const id = (await section.getAttribute("id")) || "header";
    await section.screenshot({ path: `${screenshots}/${name}-${id}.png` });
  }
}
