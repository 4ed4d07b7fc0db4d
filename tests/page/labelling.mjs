// Labels images in a real Chromium, as a person does: by keys, with undo, skip, a class added half way, a reload, and
// a while without the server. Then looks at every view, wide and narrow, light and dark.
//
//     node labelling.mjs URL --truth truth.json [--answers 139] [--out FOLDER] [--phase 1|2]
//
// truth.json: {"path of the image": "its class"}. Phase 1 gives half of the labels; the server may then be started
// anew, and phase 2 gives the rest. FOLDER/answers.json is what was said: {"path": "class" or "unsure"}.

import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { openBrowser, problems, signIn } from "./labelling/browser.mjs";
import { Oracle } from "./labelling/oracle.mjs";
import { giveFirstHalf, giveSecondHalf } from "./labelling/session.mjs";
import { changeClasses, finish, lookAtImage, reviewAndChange } from "./labelling/views.mjs";
import { lookAtEveryView } from "./labelling/looks.mjs";

const { values, positionals: [url] } = parseArgs({
  allowPositionals: true,
  options: {
    truth: { type: "string" },
    answers: { type: "string", default: "139" },
    out: { type: "string", default: "labelling-out" },
    phase: { type: "string" },
  },
});
if (!url || !values.truth) throw new Error("usage: labelling.mjs URL --truth truth.json [--answers N] [--out FOLDER] [--phase 1|2]");
// A browser that hangs must not hang what waits for this test.
setTimeout(() => { console.log("the browser took longer than nine minutes"); process.exit(1); }, 540_000).unref();
mkdirSync(values.out, { recursive: true });

const total = Number(values.answers);
const browser = await openBrowser();
let page;
try {
  const signedIn = await signIn(browser, url);
  const { context } = signedIn;
  page = signedIn.page;
  const oracle = new Oracle(page, values.truth, `${values.out}/answers.json`);
  if (values.phase !== "2") await giveFirstHalf(oracle, Math.ceil(total / 2));
  if (values.phase !== "1") {
    await giveSecondHalf(oracle, total);
    await lookAtImage(oracle);
    await reviewAndChange(oracle);
    await changeClasses(oracle);
    await finish(page);
    await lookAtEveryView(browser, context, url, values.out);
  }
  await oracle.reportSpeed();
} catch (error) {
  problems.push(`the test stopped: ${error.stack}`);
  await page?.screenshot({ path: `${values.out}/stopped.png` }).catch(() => undefined);
}
await browser.close();
for (const problem of [...new Set(problems)].slice(0, 40)) console.log(problem);
console.log(`${problems.length} problems`);
process.exit(problems.length ? 1 : 0);
