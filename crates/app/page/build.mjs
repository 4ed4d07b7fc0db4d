// Builds the page into built/, or with --check says whether built/ is what would be built now.

import { build } from "esbuild";
import { copyFile, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const built = join(here, "built");
const LIMIT_BYTES = 120 * 1024;

if (process.argv.includes("--check")) {
  const fresh = await mkdtemp(join(tmpdir(), "fewlabel-page-"));
  try {
    await buildInto(fresh);
    process.exitCode = await compare(fresh);
  } finally {
    await rm(fresh, { recursive: true });
  }
} else {
  await buildInto(built);
}

async function buildInto(folder) {
  await build({
    absWorkingDir: here,
    entryPoints: { app: "src/main.tsx" },
    outdir: folder,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    banner: { js: "/* Built by `npm run build` from crates/app/page; holds Preact and its signals (MIT). */" },
  });
  await build({
    absWorkingDir: here,
    entryPoints: { app: "style.css" },
    outdir: folder,
    bundle: true,
    minify: true,
    target: "es2022",
    charset: "utf8",
    banner: { css: "/* Built by `npm run build` from crates/app/page. */" },
  });
  for (const name of ["index.html", "favicon.svg"]) {
    await copyFile(join(here, name), join(folder, name));
  }
}

async function compare(fresh) {
  const names = (await readdir(fresh)).sort();
  const stale = [];
  let bytes = 0;
  for (const name of names) {
    const now = await readFile(join(fresh, name));
    const kept = await readFile(join(built, name)).catch(() => null);
    bytes += now.length;
    if (!kept || !now.equals(kept)) stale.push(name);
  }
  if (stale.length) console.log(`built/ is not current: ${stale.join(", ")}; run \`npm run build\``);
  if (bytes > LIMIT_BYTES) console.log(`the page has ${bytes} bytes, more than ${LIMIT_BYTES}`);
  if (!stale.length) console.log(`built/ is current: ${names.join(", ")}, ${bytes} bytes`);
  return stale.length || bytes > LIMIT_BYTES ? 1 : 0;
}
