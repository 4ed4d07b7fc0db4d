// What can be done beside answering: look closely, review, finish.

import { allSent, expect, status } from "./browser.mjs";
import { pressed } from "./oracle.mjs";

/** What is on the canvas. */
function ink(page) {
  return page.$eval("canvas", (canvas) => canvas.toDataURL());
}

export async function lookAtImage(oracle) {
  const { page } = oracle;
  await oracle.shown();
  const first = await ink(page);
  const scale = () => page.$eval("canvas", (canvas) => Number(canvas.dataset.scale));
  const fitted = await scale();
  expect(fitted < 1 || Number.isInteger(fitted), `the image is enlarged by ${fitted}, not by a whole factor`);

  for (const [key, what] of [["i", "invert"], ["s", "smooth"]]) {
    await page.keyboard.press(key);
    expect((await ink(page)) !== first, `${what} changes nothing`);
    await page.keyboard.press(key);
    expect((await ink(page)) === first, `${what} twice is not as before`);
  }
  await page.keyboard.press("+");
  expect((await scale()) > fitted, "+ does not enlarge");
  await page.keyboard.press("r");
  expect((await ink(page)) === first, "reset after enlarging is not as before");

  const box = await (await page.$("canvas")).boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.wheel(0, -240);
  await page.waitForFunction((before) => Number(document.querySelector("canvas").dataset.scale) > before, fitted);
  const enlarged = await ink(page);
  await drag(page, x, y, "left");
  expect((await ink(page)) !== enlarged, "dragging does not move the image");
  await page.keyboard.press("r");

  await drag(page, x, y, "right");
  expect((await ink(page)) !== first, "the right button does not change the window");
  expect((await page.textContent(".seen")).includes("By hand"), "the line above the image does not name the window");
  await page.keyboard.press("w");
  await page.keyboard.press("r");
  expect((await ink(page)) === first, "reset after a window is not as before");

  await page.keyboard.press("?");
  await page.waitForSelector("dialog[open] .keys");
  const { id } = await oracle.shown();
  await page.keyboard.press("Digit1");
  expect((await oracle.shown()).id === id, "a key answers behind a dialog");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog[open]", { state: "detached" });
}

async function drag(page, x, y, button) {
  await page.mouse.move(x, y);
  await page.mouse.down({ button });
  await page.mouse.move(x + 60, y + 40, { steps: 4 });
  await page.mouse.up({ button });
}

/** Changes one answer in the review and changes it back. */
export async function reviewAndChange(oracle) {
  const { page } = oracle;
  const classes = await oracle.classes();
  await page.click('nav a[href="#review"]');
  await page.waitForSelector(".card");
  const path = await page.$eval(".card", (card) => card.dataset.path);
  const said = oracle.said[path];
  const other = classes.find((one) => one.class !== said);
  await page.click(".card button");
  for (const name of [other.class, said]) {
    await page.waitForSelector("dialog[open] canvas[data-drawn]");
    await page.keyboard.press(pressed(classes.find((one) => one.class === name).key));
    await allSent(page);
    const label = await page.evaluate(async (wanted) => {
      const list = await (await fetch("/api/review?list=labels&count=50")).json();
      return list.items.find((item) => item.path === wanted)?.label;
    }, path);
    expect(label === name, `the review says ${name}, the server has ${label}`);
  }
  await page.keyboard.press("Escape");
  for (const list of await page.$$eval("[data-list]", (all) => all.map((one) => one.dataset.list))) {
    await page.click(`[data-list="${list}"]`);
    await page.waitForFunction(() => !document.querySelector("#review-total").textContent.includes("Loading"));
    expect(!(await page.$("main .error")), `the list ${list} cannot be shown`);
  }
}

/** A class gets a letter and another name, and both are taken back; a spare class is merged away. */
export async function changeClasses(oracle) {
  const { page } = oracle;
  const before = (await status(page)).classes;
  const { name } = before[0];
  await page.click('nav a[href="#classes"]');
  const row = (of) => page.locator(`.class-row[data-class="${of}"]`);
  const set = async (of, what, value) => {
    await row(of).getByRole("button", { name: `${what} ${of}` }).click();
    await row(of).locator("form input").fill(value);
    await row(of).locator("form button").click();
    await row(of).locator("form").waitFor({ state: "detached" });
  };
  const classes = async () => (await status(page)).classes;

  await row(name).getByRole("button", { name: `Key ${name}` }).click();
  await row(name).locator("form input").fill("s");
  await row(name).locator("form button").click();
  expect(/smoothing/.test(await row(name).locator(".error").textContent()), "a class gets the key of smoothing");
  await row(name).locator("form input").fill("q");
  await row(name).locator("form button").click();
  await row(name).locator("form").waitFor({ state: "detached" });
  expect((await classes())[0].key === "q", `the key is ${(await classes())[0].key}, not q`);
  await set(name, "Key", "");

  await set(name, "Rename", `${name} (new)`);
  expect((await classes())[0].name === `${name} (new)`, "the class is not renamed");
  await set(`${name} (new)`, "Rename", name);
  expect((await classes())[0].count === before[0].count, "renaming changes the count of a class");

  await page.click("main .add-class");
  await page.keyboard.type("spare");
  await page.keyboard.press("Enter");
  await row("spare").waitFor();
  await row("spare").getByRole("button", { name: "Merge spare" }).click();
  await row("spare").locator("form select").selectOption(name);
  await row("spare").locator("form button").click();
  await row("spare").waitFor({ state: "detached" });
  expect((await classes()).length === before.length, "the merged class is still there");
}

/** Makes the results and looks whether every file is there. */
export async function finish(page) {
  await page.click('nav a[href="#finish"]');
  await page.click(".button.large");
  await page.waitForSelector(".files li", { timeout: 300_000 });
  for (const address of await page.$$eval(".files a", (all) => all.map((one) => one.href))) {
    const code = await page.evaluate(async (href) => (await fetch(href)).status, address);
    expect(code === 200, `${address}: ${code}`);
  }
}
