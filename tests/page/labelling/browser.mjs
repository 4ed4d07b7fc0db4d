// A Chromium, a page that is signed in, and what goes wrong in it.

import { execFileSync } from "node:child_process";
import { chromium } from "playwright-core";

/** All that is wrong, in words; the test fails if there is any. */
export const problems = [];

/** While the server is made to be away, failed requests are what is wanted. */
export const expected = { failures: false };

export function expect(holds, what) {
  if (!holds) problems.push(what);
}

export function openBrowser() {
  const executablePath = process.env.CHROMIUM || execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
  return chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** The token of the address becomes a cookie: it is needed once. */
export async function signIn(browser, url) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" });
  const page = await context.newPage();
  watch(page, url, "labelling");
  // A page with unsent answers asks whether to leave it.
  page.on("dialog", (dialog) => dialog.accept());
  await page.addInitScript(measureWaits);
  await page.goto(url);
  await page.waitForSelector("main h1");
  return { context, page };
}

/** In the page: the time from every key to the drawing of another image, in `window.waits`. */
function measureWaits() {
  window.waits = [];
  let pressed = null;
  let last = null;
  addEventListener("keydown", () => { pressed = performance.now(); }, { capture: true });
  new MutationObserver(() => {
    const drawn = document.querySelector("#labelling canvas")?.dataset.drawn;
    if (!drawn || drawn === last) return;
    if (pressed !== null && last !== null) window.waits.push(performance.now() - pressed);
    [pressed, last] = [null, drawn];
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-drawn"] });
}

/** Every error in the console and every request that leaves the server is a problem. */
export function watch(page, url, name) {
  const { origin } = new URL(url);
  page.on("console", (message) => {
    if (expected.failures || !["error", "warning"].includes(message.type())) return;
    problems.push(`${name}: console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`${name}: script: ${error}`));
  page.on("request", (request) => {
    const address = request.url();
    if (!address.startsWith(origin) && !/^(data|blob):/.test(address)) problems.push(`${name}: request: ${address}`);
  });
}

export function status(page) {
  return page.evaluate(async () => (await fetch("/api/status")).json());
}

/** All answers are with the server. */
export function allSent(page) {
  return page.waitForSelector('main[data-unsent="0"]', { state: "attached", timeout: 60_000 });
}
