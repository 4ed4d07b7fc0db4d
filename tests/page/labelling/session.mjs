// The course of labelling: what a person does between plain answers.

import { allSent, expect, expected, status } from "./browser.mjs";
import { pressed } from "./oracle.mjs";

export async function giveFirstHalf(oracle, total) {
  await giveUntil(oracle, total, {
    3: undoByBackspace,
    6: skip,
    8: unsure,
    10: undoByControlZ,
    12: flag,
    14: addMissingClasses,
    15: reload,
    18: answerWithoutServer,
    20: reloadWithUnsent,
    22: answerByClick,
    24: answerByNumpad,
    26: answerByArrows,
    28: answerOnPhone,
  });
  await oracle.checkCount("after the first half");
}

export async function giveSecondHalf(oracle, total) {
  await oracle.checkCount("before the second half");
  const first = oracle.labels;
  await giveUntil(oracle, total, { [first + 2]: undoByBackspace, [first + 4]: takeBackUnsent, [first + 6]: seeGuesses });
  await oracle.checkCount("after the second half");
}

/** Plain answers; at the counts of `events` something else is done first. */
async function giveUntil(oracle, total, events) {
  const left = new Map(Object.entries(events).map(([at, event]) => [Number(at), event]));
  while (oracle.labels < total) {
    const event = left.get(oracle.labels);
    left.delete(oracle.labels);
    if (event) await event(oracle);
    else await oracle.answer();
  }
}

async function undoByBackspace(oracle) {
  await undoBy(oracle, "Backspace");
}

async function undoByControlZ(oracle) {
  await undoBy(oracle, "Control+z");
}

/** A wrong answer, taken back, and the right one. */
async function undoBy(oracle, key) {
  const image = await oracle.shown();
  const wrong = (await oracle.classes()).find((one) => one.class !== image.name);
  await oracle.pressAndWait(pressed(wrong.key), image.id);
  await allSent(oracle.page);
  const other = await oracle.shown();
  await oracle.pressAndWait(key, other.id);
  const back = await oracle.shown();
  expect(back.path === image.path, `${key} shows ${back.path}, not ${image.path}`);
  await allSent(oracle.page);
  const checked = await oracle.page.$eval("[role=radio][aria-checked=true]", (one) => one.dataset.class).catch(() => null);
  expect(checked === wrong.class, `after undo ${checked} is marked as said before, not ${wrong.class}`);
  await oracle.answer();
}

async function skip(oracle) {
  const image = await oracle.shown();
  await oracle.pressAndWait("k", image.id);
  const next = await oracle.shown();
  expect(next.path !== image.path, "the skipped image stays");
  await allSent(oracle.page);
  expect((await status(oracle.page)).skipped === 1, "the skipped image is not counted");
  await oracle.answer();
}

async function unsure(oracle) {
  const image = await oracle.shown();
  await oracle.pressAndWait("u", image.id);
  oracle.say(image.path, "unsure");
  await allSent(oracle.page);
  expect((await status(oracle.page)).unsure === 1, "the unsure image is not counted");
  await oracle.answer();
}

async function flag({ page }) {
  const before = (await status(page)).flagged;
  await page.keyboard.press("f");
  await page.waitForSelector("dialog[open] textarea");
  // Digits in a note are no answers.
  await page.keyboard.type("ask Dr 1 about 2");
  await page.click('dialog[open] button[type="submit"]');
  await page.waitForSelector("dialog[open]", { state: "detached" });
  await allSent(page);
  expect((await status(page)).flagged === before + 1, "the flag is not counted");
  await page.keyboard.press("Escape");
}

/** Half way: the classes that nobody had named, which cannot be made while the server is away. */
async function addMissingClasses(oracle) {
  const known = new Set((await oracle.classes()).map((one) => one.class));
  for (const name of new Set(Object.values(oracle.truth))) if (!known.has(name)) await oracle.addClass(name);
}

async function reload(oracle) {
  await oracle.checkCount("before the reload");
  await oracle.page.reload();
  await oracle.shown();
  await oracle.checkCount("after the reload");
  await oracle.answer();
}

/** Answers that could not be sent outlive the page. */
async function reloadWithUnsent(oracle) {
  const { page } = oracle;
  await allSent(page);
  expected.failures = true;
  await page.route("**/api/answers", (route) => route.abort());
  for (let i = 0; i < 3; i++) await oracle.answer();
  await page.reload();
  const image = await oracle.shown();
  expect(!(image.path in oracle.said), "an image with an unsent answer is shown again");
  await page.unroute("**/api/answers");
  await page.waitForSelector("#away", { state: "detached", timeout: 10_000 });
  expected.failures = false;
  await oracle.checkCount("after a reload with unsent answers");
}

/** Answers given while the server is away are kept, said to be, and sent when it is back. */
async function answerWithoutServer(oracle) {
  const { page } = oracle;
  await oracle.shown();
  await page.waitForTimeout(1_500);
  expected.failures = true;
  await page.context().setOffline(true);
  for (let i = 0; i < 5; i++) await oracle.answer();
  const banner = await page.waitForSelector("#away", { timeout: 10_000 }).catch(() => null);
  const words = banner ? await banner.textContent() : "";
  expect(/5 answers kept, will be sent/.test(words), `without the server the page says: ${words}`);
  await page.waitForTimeout(300);
  await page.context().setOffline(false);
  await allSent(page);
  await page.waitForSelector("#away", { state: "detached", timeout: 10_000 });
  expected.failures = false;
  await oracle.checkCount("after the server was away");
}

/** An answer that was never sent is taken back without the server. */
async function takeBackUnsent(oracle) {
  const { page } = oracle;
  await oracle.answer();
  await allSent(page);
  expected.failures = true;
  await page.context().setOffline(true);
  await oracle.answer();
  const image = await oracle.shown();
  await oracle.pressAndWait(pressed(await oracle.keyOf(image.name)), image.id);
  await oracle.pressAndWait("Backspace", (await oracle.shown()).id);
  expect((await oracle.shown()).path === image.path, "an unsent answer is not taken back");
  await page.context().setOffline(false);
  await allSent(page);
  await page.waitForSelector("#away", { state: "detached", timeout: 10_000 });
  expected.failures = false;
  await oracle.checkCount("after an unsent answer was taken back");
}

async function answerByClick(oracle) {
  const image = await oracle.shown();
  await oracle.keyOf(image.name);
  await oracle.page.click(`[role=radio][data-class="${image.name}"]`);
  oracle.say(image.path, image.name);
  await movedOn(oracle, image);
}

async function answerByNumpad(oracle) {
  const image = await oracle.shown();
  const key = await oracle.keyOf(image.name);
  if (!/^\d$/.test(key)) return void (await oracle.answer());
  // The driver's numpad has its lock off: Shift is how it types a digit.
  await oracle.pressAndWait(`Shift+Numpad${key}`, image.id);
  oracle.say(image.path, image.name);
  await movedOn(oracle, image);
}

/** With the keyboard alone, as a screen reader's user: Tab to the group, arrows, Space. */
async function answerByArrows(oracle) {
  const { page } = oracle;
  const image = await oracle.shown();
  await oracle.keyOf(image.name);
  await page.focus("#path");
  const focused = () => page.evaluate(() => document.activeElement.dataset.class ?? null);
  for (let i = 0; i < 20 && (await focused()) === null; i++) await page.keyboard.press("Tab");
  expect((await focused()) !== null, "Tab does not reach the classes");
  for (let i = 0; i < 40 && (await focused()) !== image.name; i++) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Space");
  oracle.say(image.path, image.name);
  await movedOn(oracle, image);
  const said = await page.textContent("#said");
  expect(said.includes(`Saved: ${image.name}`) && said.includes("Next:"), `a screen reader hears: ${said}`);
}

/** On a screen of 390 pixels, with all classes scrolled to, the image stays in sight. */
async function answerOnPhone(oracle) {
  const { page } = oracle;
  const image = await oracle.shown();
  await oracle.keyOf(image.name);
  await page.setViewportSize({ width: 390, height: 844 });
  const button = `[role=radio][data-class="${image.name}"]`;
  await page.click(button);
  oracle.say(image.path, image.name);
  await movedOn(oracle, image);
  const top = await page.$eval("canvas", (canvas) => canvas.getBoundingClientRect().top);
  expect(top >= 0, `after an answer on a phone the image begins at ${top}`);
  await page.setViewportSize({ width: 1440, height: 900 });
}

/** The guess is shown only if it is asked for: after the answer, or before. */
async function seeGuesses(oracle) {
  const { page } = oracle;
  expect(!(await page.$("#guess, #guess-after")), "a guess is shown that nobody asked for");
  if ((await status(page)).model) {
    await chooseGuess(page, "After the answer");
    await oracle.answer();
    await page.waitForSelector("#guess-after", { timeout: 10_000 });
    await chooseGuess(page, "Before the answer");
    await page.waitForSelector("#guess", { timeout: 10_000 });
    await oracle.answer();
  } else console.log("no model yet: guesses are not looked at");
  await chooseGuess(page, "Hidden");
  await page.waitForSelector("#guess", { state: "detached", timeout: 10_000 });
  await oracle.answer();
}

async function chooseGuess(page, name) {
  await page.click("#settings");
  await page.click(`dialog[open] label:has-text("${name}")`);
  await page.waitForFunction(async (wanted) => {
    const { settings } = await (await fetch("/api/status")).json();
    return wanted.toLowerCase().startsWith(settings.show_guess);
  }, name);
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog[open]", { state: "detached" });
}

async function movedOn(oracle, image) {
  await oracle.page.waitForFunction((id) => document.querySelector("#labelling")?.dataset.id !== id, image.id);
}
