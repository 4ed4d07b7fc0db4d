// A person who knows every image's class, and works the page by keys.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { allSent, expect, status } from "./browser.mjs";

export class Oracle {
  /** What was said last of each image: a class, or "unsure". */
  said = {};

  constructor(page, truth, record) {
    this.page = page;
    this.truth = JSON.parse(readFileSync(truth, "utf8"));
    this.record = record;
    if (existsSync(record)) this.said = JSON.parse(readFileSync(record, "utf8"));
  }

  get labels() {
    return Object.values(this.said).filter((word) => word !== "unsure").length;
  }

  /** The image that is shown, once it is drawn. */
  async shown() {
    await this.page.waitForFunction(() => {
      const id = document.querySelector("#labelling")?.dataset.id;
      return id && document.querySelector("canvas")?.dataset.drawn === id;
    });
    const { id, path } = await this.page.$eval("#labelling", (one) => ({ ...one.dataset }));
    const name = this.truth[path];
    if (!name) throw new Error(`the truth knows no ${path}`);
    return { id, path, name };
  }

  async classes() {
    return this.page.$$eval("#labelling [role=radio]", (all) => all.map((one) => ({ ...one.dataset })));
  }

  /** The key of a class; a class that is missing is made first. */
  async keyOf(name) {
    let one = (await this.classes()).find((other) => other.class === name);
    if (!one) {
      await this.addClass(name);
      one = (await this.classes()).find((other) => other.class === name);
    }
    return one.key;
  }

  async addClass(name) {
    await allSent(this.page);
    await this.page.keyboard.press("n");
    await this.page.keyboard.type(name);
    await this.page.keyboard.press("Enter");
    await this.page.waitForSelector(`#labelling [role=radio][data-class="${name}"]`);
  }

  async answer() {
    const image = await this.shown();
    const key = await this.keyOf(image.name);
    await this.pressAndWait(pressed(key), image.id);
    this.say(image.path, image.name);
    return image;
  }

  /** Presses a key that shows another image than this one, and waits until that is drawn. */
  async pressAndWait(key, id) {
    await this.page.keyboard.press(key);
    await this.page.waitForFunction((before) => {
      const now = document.querySelector("#labelling")?.dataset.id;
      return now && now !== before && document.querySelector("canvas")?.dataset.drawn === now;
    }, id, { polling: 5 });
  }

  say(path, word) {
    if (word === null) delete this.said[path];
    else this.said[path] = word;
    writeFileSync(this.record, JSON.stringify(this.said, null, 1));
  }

  /** The server and the oracle have the same count. */
  async checkCount(when) {
    await allSent(this.page);
    const { labelled } = await status(this.page);
    expect(labelled === this.labels, `${when}: the server has ${labelled} labels, the oracle gave ${this.labels}`);
  }

  async reportSpeed() {
    const waits = await this.page.evaluate(() => window.waits);
    const sorted = waits.sort((a, b) => a - b);
    const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
    console.log(`next image: p50 ${at(0.5).toFixed(1)} ms, p95 ${at(0.95).toFixed(1)} ms, most ${at(1).toFixed(1)} ms over ${sorted.length}`);
    expect(at(0.5) < 50, `the next image takes ${at(0.5).toFixed(0)} ms`);
  }
}

/** A key in the server's words as the browser's driver names it. */
export function pressed(key) {
  return key.replace(/\d$/, (digit) => `Digit${digit}`);
}
