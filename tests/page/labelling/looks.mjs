// Every view, wide and narrow, light and dark: nothing runs out of the page, axe finds nothing serious, a screenshot.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, problems, watch } from "./browser.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const VIEWS = {
  label: async (page) => {
    await page.waitForSelector("canvas[data-drawn]");
  },
  "label-window": async (page) => {
    await page.waitForSelector("canvas[data-drawn]");
    await page.click('[aria-label="View of the image"] button:has-text("Window")');
    await page.waitForSelector(".window-panel");
  },
  "label-settings": async (page) => {
    await page.click("#settings");
    await page.waitForSelector("dialog[open] fieldset");
  },
  "label-keys": async (page) => {
    await page.keyboard.press("?");
    await page.waitForSelector("dialog[open] .keys");
  },
  progress: async (page) => {
    await page.waitForSelector("#advice");
  },
  review: async (page) => {
    await page.waitForSelector(".card img");
  },
  "review-image": async (page) => {
    await page.click(".card button");
    await page.waitForSelector("dialog[open] canvas[data-drawn]");
  },
  classes: async (page) => {
    await page.waitForSelector(".class-row");
    await page.click('.class-row button:has-text("Rename")');
  },
  finish: async (page) => {
    await page.waitForSelector(".button.large");
  },
};

export async function lookAtEveryView(browser, signedIn, url, out) {
  const storageState = await signedIn.storageState();
  for (const width of [1440, 390]) {
    for (const colorScheme of ["light", "dark"]) {
      // axe is put into the page by the test, which the page's own content policy would forbid.
      const context = await browser.newContext({
        storageState, viewport: { width, height: width === 390 ? 844 : 900 }, colorScheme, bypassCSP: true, reducedMotion: "reduce", hasTouch: width === 390,
      });
      await lookAt(context, url, out, `${width}-${colorScheme}`);
      await context.close();
    }
  }
  // 200 % zoom of a screen of 1280 pixels is a screen of 640.
  const context = await browser.newContext({ storageState, viewport: { width: 640, height: 512 }, deviceScaleFactor: 2, bypassCSP: true });
  await lookAt(context, url, out, "zoomed");
  await context.close();
}

async function lookAt(context, url, out, size) {
  for (const [view, arrange] of Object.entries(VIEWS)) {
    const name = `${size}-${view}`;
    const page = await context.newPage();
    watch(page, url, name);
    const address = new URL(url);
    await page.goto(`${address.origin}/#${view.split("-")[0]}`);
    await page.waitForSelector("main h1:not(.waiting)");
    await arrange(page);
    await page.waitForLoadState("networkidle", { timeout: 400 }).catch(() => undefined);
    await checkWidth(page, name);
    await checkAccessibility(page, name);
    await page.screenshot({ path: `${out}/${name}.png`, fullPage: !view.includes("-") });
    await page.close();
  }
}

async function checkWidth(page, name) {
  const over = await page.evaluate(() => {
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth + 1) return null;
    const wide = [...document.querySelectorAll("body *")].find((one) => one.getBoundingClientRect().right > root.clientWidth + 1 && !one.closest(".scroll, .visually-hidden"));
    return `${root.scrollWidth} wide in ${root.clientWidth}: ${wide?.outerHTML.slice(0, 120)}`;
  });
  expect(over === null, `${name}: the page is ${over}`);
}

async function checkAccessibility(page, name) {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => (await window.axe.run(document)).violations.map((v) => ({ id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)) })));
  for (const v of violations) {
    const words = `${name}: axe ${v.id} (${v.impact}): ${v.help}: ${v.nodes.join(" | ")}`;
    if (["serious", "critical"].includes(v.impact)) problems.push(words);
    else console.log(words);
  }
}
