// The design that `arkor-host dev` replaces, as a yardstick: a bundler watches the trainer; what it wrote is
// imported into Node, asked what to train, and that is hashed. Nothing else runs meanwhile.
//
//     node watch.mjs FOLDER VARIANT...
//
// saves each file in turn as FOLDER/trainer.ts and prints the milliseconds from each rename to the hash, as JSON.

import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { watch } from "rolldown";

const [folder, ...variants] = process.argv.slice(2);
const trainer = join(folder, "trainer.ts");
const bundle = join(folder, "out", "trainer.mjs");

// As much of the package that trainers import as these trainers use.
const library = join(folder, "node_modules", "arkor");
mkdirSync(library, { recursive: true });
writeFileSync(join(library, "package.json"), '{ "name": "arkor", "type": "module", "main": "index.js" }');
writeFileSync(
  join(library, "index.js"),
  `export const defineTrainer = (trainer) => trainer;
export const scratch = (shape) => ({ tag: "scratch", val: shape });
export const bytes = () => ({ tag: "bytes" });
export const file = (path) => ({ tag: "file", val: path });
export const action = { logMetric: (name, value) => ({ tag: "log-metric", val: { name, value } }) };
`,
);

let ended = () => {};
const end = () => new Promise((resolve) => (ended = resolve));

copyFileSync(variants.at(-1), trainer);
const watcher = watch({
  input: trainer,
  external: ["arkor"],
  platform: "node",
  output: { file: bundle, format: "esm" },
});
watcher.on("event", async (event) => {
  if (event.code === "BUNDLE_END") {
    await event.result.close();
  } else if (event.code === "ERROR") {
    console.error(event.error);
    process.exit(1);
  } else if (event.code === "END") {
    ended();
  }
});
await end();

const times = [];
for (const [number, variant] of variants.entries()) {
  // Longer than its watcher takes to be ready again.
  await new Promise((resolve) => setTimeout(resolve, 30 + (number % 7)));
  const built = end();
  const beside = join(folder, "trainer.new");
  copyFileSync(variant, beside);
  const begin = performance.now();
  renameSync(beside, trainer);
  await built;
  const module = await import(`${pathToFileURL(bundle).href}?save=${number}`);
  createHash("sha256").update(JSON.stringify(module.default.describe())).digest("hex");
  times.push(performance.now() - begin);
  const wanted = Number(/variant-(\d+)/.exec(variant)[1]);
  const told = module.default.onLog({}, { seen: 0 })[0].val.value;
  if (told !== wanted) {
    console.error(`${variant} was saved and ${told} was loaded`);
    process.exit(1);
  }
}
await watcher.close();
console.log(JSON.stringify(times));
