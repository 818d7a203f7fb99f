// The page. What it shows comes from the server, word for word; texts are never read as HTML.
import { Refused, follow, get, hasToken, post } from "./api.js";
import { COLOURS, Chart } from "./chart.js";
import { visible } from "./text.js";

const $ = (id) => document.getElementById(id);

function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node[name] = value;
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, visible(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined)
    .map((child) => child instanceof Node ? child : visible(child)));
  return node;
}

const number = (value, digits = 5) =>
  value === null || value === undefined ? "–" : Number(value.toPrecision(digits)).toString();
const bytes = (value) => value < 1024 ? `${value} B` : value < 1 << 20
  ? `${(value / 1024).toFixed(1)} KiB` : `${(value / (1 << 20)).toFixed(1)} MiB`;
const milliseconds = (value) => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
const shortId = (id) => id.split("-").at(-1);
const MOST_EVENTS = 600;
const MOST_POINTS = 6000;

const chart = new Chart($("chart"));
let dev = null; // the newest state of the session
let runs = []; // records, the newest first
let shown = null; // id of the run on the page
let userChose = false; // whether a person picked it
let stopStream = () => {};
let lastSeq = 0;
let live = null; // what the newest events of the shown run say
let events = []; // those in the list
let generations = [];

// ---- what went wrong -----------------------------------------------------------------------------

function notice(text) {
  $("notice").textContent = visible(text);
  $("notice").hidden = !text;
}

function failed(error) {
  if (error instanceof Refused && error.status === 401) {
    notice("This page does not have the token of the running arkor-host dev. Open the address that it printed when it started.");
  } else {
    notice(error.message);
  }
}

const act = (work) => async () => {
  try {
    notice("");
    await work();
  } catch (error) {
    failed(error);
  }
};

// ---- the session ---------------------------------------------------------------------------------

const PILLS = { building: "busy", ready: "good", swapped: "good", unchanged: "", stays: "good",
  restarting: "warn", waiting: "", error: "bad" };
let closedError = null;

function showDev(state) {
  const before = dev;
  dev = state;
  $("dev-state").textContent = visible(state.state);
  $("dev-state").className = `pill ${PILLS[state.state] ?? ""}`;
  let text = state.text.split("\n", 1)[0];
  if (state.state === "swapped" && state.timings) {
    const { build_ms, compiler_ms, hash_ms, load_ms, describe_ms } = state.timings;
    text += ` · compiler ${milliseconds(compiler_ms)}, look ${milliseconds(build_ms - compiler_ms)}, hash ${milliseconds(hash_ms)}, load ${milliseconds(load_ms)}, describe ${milliseconds(describe_ms)}`;
  }
  $("dev-text").textContent = visible(text);
  $("dev-text").title = visible(state.text);
  if (!state.error) closedError = null;
  $("overlay-text").textContent = visible(state.error ?? "");
  $("overlay").hidden = !state.error || closedError === state.error;
  $("start").disabled = state.run !== null;
  if (before?.run !== state.run) loadRuns(state.run);
  showControls();
}

function closeOverlay() {
  closedError = dev?.error ?? null;
  $("overlay").hidden = true;
}
$("overlay-close").onclick = closeOverlay;
addEventListener("keydown", (event) => { if (event.key === "Escape") closeOverlay(); });
$("reload").onclick = act(() => post("/api/dev/actions", { kind: "reload" }));
$("start").onclick = act(() => post("/api/dev/actions", { kind: "start" }));

// ---- runs ----------------------------------------------------------------------------------------

async function loadRuns(begun) {
  try {
    runs = (await get("/api/runs")).runs;
  } catch (error) {
    failed(error);
    return;
  }
  // A new run is what one wants to see, unless one chose to look at another.
  const wanted = decodeURIComponent(location.hash.replace(/^#\/runs\//, ""));
  const known = runs.some((run) => run.id === shown);
  if (begun && !(userChose && known)) choose(begun);
  else if (!known) choose(runs.find((run) => run.id === wanted)?.id ?? runs[0]?.id);
  showRuns();
}

const STATUS = { running: "busy", completed: "good", stopped: "warn", failed: "bad", interrupted: "warn" };

function showRuns() {
  $("no-runs").hidden = runs.length > 0;
  $("runs").replaceChildren(...runs.map((run) => el("li", {}, el("a", {
    href: `#/runs/${encodeURIComponent(run.id)}`,
    "aria-current": run.id === shown ? "true" : null,
    "data-run": run.id,
  },
  el("div", { class: "row" }, el("b", {}, run.name),
    el("span", { class: `pill ${STATUS[run.status] ?? ""}` }, run.status)),
  el("small", {}, `${shortId(run.id)} · step ${run.step} · loss ${number(run.loss, 4)}`
    + (run.parent ? ` · after ${shortId(run.parent)}` : ""))))));
}

addEventListener("hashchange", () => {
  const wanted = /^#\/runs\/(.+)$/.exec(location.hash);
  if (!wanted) return;
  // To go back to the run in flight is to follow again.
  const id = decodeURIComponent(wanted[1]);
  userChose = id !== dev?.run;
  choose(id);
});

async function choose(id) {
  if (!id || id === shown) return;
  shown = id;
  stopStream();
  stopStream = () => {};
  events = [];
  generations = [];
  live = { paused: false, total: null, speed: null, rate: null };
  chart.clear();
  $("replayed").replaceChildren();
  $("run").hidden = false;
  showRuns();
  try {
    await loadRun(id);
  } catch (error) {
    if (shown === id) failed(error);
  }
}

async function loadRun(id) {
  const path = `/api/runs/${encodeURIComponent(id)}`;
  const run = await get(path);
  const after = Math.max(0, run.last_seq - MOST_EVENTS);
  const [first, page, metrics, code] = await Promise.all([
    get(`${path}/events?limit=1`), get(`${path}/events?after=${after}&limit=5000`),
    get(`${path}/metrics?points=1500`), get(`${path}/generations`),
  ]);
  if (shown !== id) return;
  put(run);
  lastSeq = page.last_seq;
  if (after > 0) first.events.forEach(remember);
  page.events.forEach((event) => { remember(event); list(event); });
  generations = code.generations;
  chart.load(metrics.series);
  for (const one of generations) {
    if (one.outcome !== "rejected" && one.load_ms !== null) chart.mark(one.step, one.outcome === "rolled-back");
  }
  showAll();
  stopStream = follow(() => `${path}/events/stream?after=${lastSeq}`, {
    message: (event) => { if (shown === id) came(event); },
    lost: () => {},
  });
}

function put(run) {
  const at = runs.findIndex((one) => one.id === run.id);
  if (at >= 0) runs[at] = run;
  else runs.unshift(run);
}

const current = () => runs.find((run) => run.id === shown);

// ---- events --------------------------------------------------------------------------------------

const TERMINAL = ["completed", "stopped", "failed", "interrupted"];

/// What an event says of the run, into `live` and its record.
function remember(event) {
  const run = current();
  if (run) {
    run.last_seq = Math.max(run.last_seq, event.seq);
    if (event.step !== undefined) run.step = event.step;
  }
  switch (event.type) {
    case "started":
      live.total = event.total_steps;
      live.paused = false;
      if (run) run.status = "running";
      break;
    case "log":
      live.speed = event.tokens_per_second;
      live.rate = event.learning_rate;
      if (run && event.loss !== null) run.loss = event.loss;
      break;
    case "evaluation":
      if (run && event.loss !== null) run.eval_loss = event.loss;
      break;
    case "paused": live.paused = true; break;
    case "continued": live.paused = false; break;
    default:
      if (TERMINAL.includes(event.type)) {
        live.paused = false;
        if (run) run.status = event.type;
      }
  }
}

let drawing = false;
function showSoon() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; showAll(); });
}

/// A new event of the run on the page.
function came(event) {
  if (event.seq <= lastSeq) return;
  lastSeq = event.seq;
  remember(event);
  list(event);
  if (event.type === "log") {
    chart.add("loss", event.step, event.loss);
    chart.add("learning_rate", event.step, event.learning_rate);
    chart.add("grad_norm", event.step, event.grad_norm);
    chart.add("tokens_per_second", event.step, event.tokens_per_second);
    for (const { name, value } of event.metrics ?? []) chart.add(`metrics/${name}`, event.step, value);
    if (chart.points() > MOST_POINTS) thin();
  } else if (event.type === "evaluation") {
    if (event.loss !== null) chart.add("eval_loss", event.step, event.loss);
    for (const { name, value } of event.metrics ?? []) chart.add(`eval/${name}`, event.step, value);
  } else if (event.type === "swapped" || event.type === "rolled-back") {
    chart.mark(event.step, event.type === "rolled-back");
  }
  if (["started", "swapped", "swap-rejected", "rolled-back"].includes(event.type)) loadGenerations();
  if (TERMINAL.includes(event.type)) loadRuns(null);
  showSoon();
}

let thinning = false;
async function thin() {
  if (thinning) return;
  thinning = true;
  const id = shown;
  try {
    const { series } = await get(`/api/runs/${encodeURIComponent(id)}/metrics?points=1500`);
    if (shown === id) chart.load(series);
  } catch (error) {
    failed(error);
  }
  thinning = false;
}

let loadingGenerations = false;
async function loadGenerations() {
  // Many swaps may come at once; the last reading sees them all.
  if (loadingGenerations) { loadingGenerations = "again"; return; }
  loadingGenerations = true;
  const id = shown;
  try {
    const code = await get(`/api/runs/${encodeURIComponent(id)}/generations`);
    if (shown === id) { generations = code.generations; showGenerations(); }
  } catch (error) {
    failed(error);
  }
  const again = loadingGenerations === "again";
  loadingGenerations = false;
  if (again) loadGenerations();
}

const actionText = (action) => action.kind + (action.value === undefined ? ""
  : ` ${typeof action.value === "object" ? `${action.value.name} = ${number(action.value.value)}` : action.value}`);
const faultText = (fault) => `${fault.function} of generation ${fault.generation}: ${causeText(fault.cause)}`;
const causeText = (cause) => typeof cause === "string" ? cause
  : [cause.kind, typeof cause.value === "object" ? JSON.stringify(cause.value) : cause.value]
    .filter((part) => part !== undefined && part !== null).join(": ");

function evaluationText(event) {
  const metrics = (event.metrics ?? []).map(({ name, value }) => `${name} ${number(value)}`);
  const best = event.best_score ?? event.best_loss;
  const kind = event.score && event.score.name !== "loss" ? ` ${event.score.name}` : "";
  return [event.loss === null ? null : `loss ${number(event.loss)}`,
    event.perplexity === null ? null : `perplexity ${number(event.perplexity, 4)}`,
    ...metrics, best === null ? null : `best${kind} ${number(best)}`].filter(Boolean).join(", ");
}

function text(event) {
  switch (event.type) {
    case "started": return [event.resumed_from === null ? "training begins"
      : `goes on from step ${event.resumed_from}`, `${event.parameters.toLocaleString()} weights`,
    event.parent ? `takes the place of ${shortId(event.parent)}` : null,
    event.weights_from ? "with its weights" : null].filter(Boolean).join(", ");
    case "log": return `loss ${number(event.loss)}  lr ${number(event.learning_rate, 3)}`
      + (event.metrics ?? []).map(({ name, value }) => `  ${name} ${number(value)}`).join("");
    case "evaluation": return evaluationText(event);
    case "checkpoint": return `${event.id} (${bytes(event.size)})`;
    case "artifact": return `${event.name} (${bytes(event.size)})`;
    case "message": return event.text;
    case "action": return `${event.callback ?? "a user"} asked: ${actionText(event.action)}`;
    case "callback-failed": return faultText(event.fault);
    case "swapped": return `generation ${event.generation} in place of ${event.previous}: load `
      + `${milliseconds(event.load_ms)}, start ${milliseconds(event.start_ms)}, memory ${event.state_size === null ? "none" : bytes(event.state_size)} in ${milliseconds(event.state_ms)}, wait ${milliseconds(event.wait_ms)}`;
    case "swap-rejected": return `the new code was not taken: ${faultText(event.fault)}`;
    case "rolled-back": return `generation ${event.failed} failed, ${event.generation} is back: ${faultText(event.fault)}`;
    case "completed": case "stopped": return `${event.reason.kind}${event.reason.value ? `: ${event.reason.value}` : ""}`
      + (event.checkpoint ? `, checkpoint ${event.checkpoint}` : "");
    case "failed": return event.message + (event.hint ? ` (${event.hint})` : "");
    case "interrupted": return event.checkpoint ? `it can be resumed from ${event.checkpoint}` : "no checkpoint was written";
    case "ending": return `about to be ${event.status}`;
    default: return "";
  }
}

const KINDS = { swapped: "good", checkpoint: "good", completed: "good", "swap-rejected": "bad",
  "rolled-back": "bad", "callback-failed": "bad", failed: "bad", paused: "warn", stopped: "warn",
  interrupted: "warn" };

const isNoise = (event) => event.type === "log"
  || (event.type === "action" && event.action.kind === "log-metric");

function list(event) {
  if (isNoise(event) && !$("all-events").checked) return;
  events.unshift(event);
  if (events.length > MOST_EVENTS) events.length = MOST_EVENTS;
}

const rows = new Map();
function showEvents() {
  const box = $("events");
  const wanted = new Set(events.map((event) => event.seq));
  for (const [seq, row] of rows) if (!wanted.has(seq)) { row.remove(); rows.delete(seq); }
  let before = null;
  for (const event of events) {
    let row = rows.get(event.seq);
    if (!row) {
      row = el("li", { "data-seq": event.seq, "data-type": event.type },
        el("span", { class: "step" }, event.step ?? ""),
        el("span", { class: `kind ${KINDS[event.type] ?? ""}` }, event.type),
        el("span", { class: "text" }, text(event)));
      rows.set(event.seq, row);
      if (before) before.after(row);
      else box.prepend(row);
    }
    before = row;
  }
}

$("all-events").onchange = () => { const id = shown; shown = null; rows.clear(); $("events").replaceChildren(); choose(id); };

// ---- the run on the page -------------------------------------------------------------------------

function showAll() {
  const run = current();
  if (!run) return;
  $("run").dataset.run = run.id;
  $("run-name").textContent = visible(run.name);
  const parts = [el("span", { class: `pill ${STATUS[run.status] ?? ""}`, id: "run-status" }, live.paused ? "paused" : run.status),
    visible(` ${run.id} · config ${run.config.slice(0, 8)} · begun ${new Date(run.created).toLocaleString()}`)];
  if (run.parent) {
    parts.push(" · takes the place of ", el("a", { id: "parent", href: `#/runs/${encodeURIComponent(run.parent)}` }, shortId(run.parent)));
  }
  $("run-facts").replaceChildren(...parts);
  const tile = (name, value) => el("div", { class: "tile" }, el("span", {}, name), el("b", {}, value));
  $("tiles").replaceChildren(
    tile("step", `${run.step}${live.total ? ` / ${live.total}` : ""}`), tile("loss", number(run.loss)),
    tile("evaluation loss", number(run.eval_loss)), tile("learning rate", number(live.rate, 3)),
    tile("tokens / s", live.speed ? Math.round(live.speed).toLocaleString() : "–"));
  const names = chart.names();
  $("series").replaceChildren(...names.map((name, index) => el("button", {
    class: `s${index % COLOURS}`,
    "aria-pressed": String(chart.shown.has(name)),
    onclick: () => { chart.toggle(name); showAll(); },
  }, name)));
  showEvents();
  showGenerations();
  showControls();
  showRuns();
}

function showControls() {
  const inFlight = dev !== null && shown !== null && dev.run === shown;
  for (const button of $("controls").querySelectorAll("button, input")) button.disabled = !inFlight;
  $("pause").hidden = live?.paused ?? false;
  $("continue").hidden = !(live?.paused ?? false);
  $("replay").disabled = !dev?.code;
}

function showGenerations() {
  const inFlight = dev?.run === shown;
  const item = (one) => el("li", { class: one.outcome, "data-outcome": one.outcome },
    el("div", { class: "row" },
      el("b", {}, one.generation === null ? "not taken" : `generation ${one.generation}`),
      el("span", {},
        inFlight && one.generation !== null && one.outcome !== "active"
          ? el("button", { title: "Let this code handle the callbacks again",
            onclick: act(() => runAction("roll-back", one.generation)) }, "go back to it") : null,
        " ", el("span", { class: `pill ${one.outcome === "active" ? "good" : one.fault ? "bad" : ""}` }, one.outcome))),
    el("div", {}, el("code", {}, one.component.slice(0, 12)), ` · step ${one.step}`
      + (one.load_ms === null ? "" : ` · load ${milliseconds(one.load_ms)}, start ${milliseconds(one.start_ms)}, memory ${one.state_size === null ? "none" : bytes(one.state_size)}`)),
    one.fault ? el("div", { class: "fault" }, faultText(one.fault)) : null);
  $("generations").replaceChildren(...[...generations].reverse().slice(0, 100).map(item));
}

const runAction = (kind, value) =>
  post(`/api/runs/${encodeURIComponent(shown)}/actions`, value === undefined ? { kind } : { kind, value });
for (const kind of ["stop", "pause", "continue", "save"]) $(kind).onclick = act(() => runAction(kind));
$("set-rate").onclick = act(async () => {
  const rate = Number($("rate").value);
  if ($("rate").value.trim() === "" || !Number.isFinite(rate)) throw new Error("a learning rate is a number, 2e-4 for one");
  await runAction("set-learning-rate", rate);
});

$("replay").onclick = act(async () => {
  const last = Number($("replay-last").value) || 200;
  const answer = await post(`/api/runs/${encodeURIComponent(shown)}/replay`, { last });
  const asked = (actions) => actions.length ? actions.map(actionText).join(", ") : "nothing";
  const differing = answer.answers.filter((one) => !one.skipped && (one.differs || one.error));
  $("replayed").replaceChildren(
    el("p", {}, `${answer.events} events in ${milliseconds(answer.milliseconds)}: ${answer.differing} answered differently, ${answer.failed} failed, ${answer.skipped} need a run.`),
    el("ol", {}, ...differing.slice(0, 100).map((one) => el("li", {},
      `step ${one.step} ${one.callback}: `, one.error
        ? el("span", { class: "bad" }, one.error)
        : `asks ${asked(one.actions)}; the run's code asked ${asked(one.recorded)}`))));
});

// ---- begin ---------------------------------------------------------------------------------------

if (hasToken()) {
  follow(() => "/api/dev/stream", {
    message: (state) => { notice(""); showDev(state); },
    lost: async () => {
      $("dev-state").textContent = "disconnected";
      $("dev-state").className = "pill bad";
      try { await get("/api/dev"); } catch (error) { failed(error); }
    },
  });
  loadRuns(null);
} else {
  failed(new Refused(401, { message: "" }));
}
