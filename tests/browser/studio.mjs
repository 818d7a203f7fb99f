// Looks at the Studio as a person would, while it edits the trainer as a person would.
//
//     node studio.mjs CHROMIUM URL SOURCE
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [program, url, source] = process.argv.slice(2);
const original = readFileSync(source, "utf8");

function edit(from, to) {
  assert.ok(original.includes(from), `the source has no ${from}`);
  writeFileSync(source, original.replace(from, to));
}

const profile = mkdtempSync(join(tmpdir(), "arkor-browser-"));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: program,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  context.setDefaultTimeout(120_000);
  const page = context.pages()[0];
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(new URL(url).origin)) problems.push(`asked ${request.url()}`);
  });
  await page.goto(url);
  assert.equal(new URL(page.url()).hash.includes("token"), false, "the token stays in the address");

  // The chart moves.
  await page.waitForSelector("#chart canvas");
  await page.waitForFunction(() => /^\d/.test(document.querySelector("#tiles b")?.textContent ?? ""));
  const picture = () => page.evaluate(() => document.querySelector("#chart canvas").toDataURL());
  const first = await picture();
  await page.waitForFunction((before) =>
    document.querySelector("#chart canvas")?.toDataURL() !== before, first);
  const run = await page.getAttribute("#run", "data-run");

  // An edit is swapped in, and the page was not loaded again for it.
  await page.evaluate(() => { window.stillHere = true; });
  edit(" tokens to train on", " tokens, and edited");
  await page.waitForSelector('#events li[data-type="swapped"]');
  await page.waitForFunction(() =>
    document.querySelector("#generations li.active b")?.textContent === "generation 2");
  assert.equal(await page.evaluate(() => window.stillHere), true);

  // What is broken is told with the compiler's words, and the run goes on.
  edit("fn describe(", "fn describes(");
  await page.waitForSelector("#overlay:not([hidden])");
  assert.match(await page.textContent("#overlay-text"), /src\/lib\.rs:\d+/);
  const step = () => page.evaluate(() => parseInt(document.querySelector("#tiles b").textContent, 10));
  const before = await step();
  await page.waitForFunction((than) =>
    parseInt(document.querySelector("#tiles b").textContent, 10) > than, before);
  writeFileSync(source, original);
  await page.waitForSelector("#overlay", { state: "hidden" });
  await page.waitForFunction(() =>
    document.querySelector("#generations li.active b")?.textContent === "generation 3");

  // A person steers, and goes back.
  await page.click("#pause");
  await page.waitForSelector('#events li[data-type="paused"]');
  await page.click("#continue");
  await page.waitForSelector('#events li[data-type="continued"]');
  await page.fill("#rate", "0.0007");
  await page.click("#set-rate");
  await page.waitForFunction(() => [...document.querySelectorAll('#events li[data-type="action"] .text')]
    .some((text) => text.textContent.includes("set-learning-rate 0.0007")));
  await page.click("#generations li:nth-child(2) button");
  await page.waitForFunction(() =>
    document.querySelector("#generations li.active b")?.textContent === "generation 4");
  await page.click("#replay");
  await page.waitForFunction(() => /answered differently/.test(document.querySelector("#replayed").textContent));

  // Another configuration: a run that is linked to its parent, shown without being asked for.
  edit("learning_rate: Some(2e-3)", "learning_rate: Some(1e-3)");
  await page.waitForFunction((old) => document.querySelector("#run").dataset.run !== old, run);
  assert.match(await page.getAttribute("#parent", "href"), new RegExp(encodeURIComponent(run)));
  await page.waitForFunction(() => document.querySelector("#run-status").textContent === "running");
  assert.equal(await page.locator("#runs a").count(), 2);
  await page.click("#parent");
  await page.waitForFunction((old) => document.querySelector("#run").dataset.run === old, run);
  assert.equal(await page.textContent("#run-status"), "stopped");

  // A tab that is opened late sees the state at once, and one without the token nothing.
  const late = await context.newPage();
  await late.goto(url);
  await late.waitForFunction(() => document.querySelectorAll("#runs a").length === 2);
  await late.close();
  const stranger = await context.newPage();
  await stranger.goto(new URL(url).origin);
  await stranger.waitForSelector("#notice:not([hidden])");
  assert.equal(await stranger.locator("#runs a").count(), 0);
  await stranger.close();

  assert.equal(await page.evaluate(() => window.stillHere), true);
  assert.deepEqual(problems, []);
  console.log("all of it was seen");
} finally {
  await context.close();
  rmSync(profile, { recursive: true, force: true });
}
