// The trainer's side of the contract, and the globals that scripts expect. Evaluated before the
// trainer's own modules.

const natives = globalThis.__arkor;
delete globalThis.__arkor;

// ---- The contract ----

/** What the host answered instead of a result. `code` is the contract's name of the error. */
export class HostError extends Error {
  constructor(code, message) {
    super(message);
    this.name = "HostError";
    this.code = code;
  }
}

const EXPLAINED = {
  "outside-loop": "only a training loop may call this",
  ended: "the loop was told to end and must return",
};

const NOT_READY = {
  dataset: "the run has no data, or not yet",
  inference: "there is no model yet",
  artifacts: "there is no run yet to keep a file for",
  run: "there is no run yet",
};

function call(name, ...values) {
  const answer = natives.call(name, ...values);
  if (answer.error === undefined) {
    return answer.ok;
  }
  const { tag, val } = typeof answer.error === "string" ? { tag: answer.error } : answer.error;
  const text = val ?? EXPLAINED[tag] ?? NOT_READY[name.split(".")[0]] ?? tag;
  throw new HostError(tag, `${name}: ${text}`);
}

function functions(name, names) {
  const object = {};
  for (const one of names) {
    object[one] = (...values) => call(`${name}.${one}`, ...values);
  }
  return object;
}

export const dataset = Object.freeze(functions("dataset", ["info", "read", "batch"]));
export const inference = Object.freeze(functions("inference", ["generate"]));
export const artifacts = Object.freeze(functions("artifacts", ["write"]));
export const run = Object.freeze(functions("run", ["info"]));
export const session = Object.freeze({
  ...functions("session", [
    "model",
    "forwardBackward",
    "forward",
    "optimStep",
    "evaluate",
    "sample",
    "saveState",
    "loadState",
    "tokenize",
    "detokenize",
  ]),
  renderChat: (messages, options) =>
    call(
      "session.renderChat",
      typeof messages === "string" ? messages : JSON.stringify(messages),
      options,
    ),
});
export const hooks = Object.freeze({
  ...functions("hooks", ["checkpoint", "log", "evaluated", "resumePoint"]),
  message: (level, text) => natives.message(level, String(text).toWellFormed()),
});

export const action = Object.freeze({
  stop: (reason) => ({ tag: "stop", val: reason }),
  save: () => ({ tag: "save" }),
  evaluate: () => ({ tag: "evaluate" }),
  evaluated: (measurement) => ({ tag: "evaluated", val: measurement }),
  setLearningRate: (rate) => ({ tag: "set-learning-rate", val: rate }),
  followSchedule: () => ({ tag: "follow-schedule" }),
  pause: () => ({ tag: "pause" }),
  logMetric: (name, value) => ({ tag: "log-metric", val: { name, value } }),
});

export const scratch = (shape) => ({ tag: "scratch", val: shape });
export const file = (path) => ({ tag: "file", val: path });
export const hub = (name, more = {}) => ({ tag: "hub", val: { name, ...more } });
export const url = (url, more = {}) => ({ tag: "url", val: { url, ...more } });
export const other = (name, parameters) => ({ tag: "other", val: { name, parameters } });
export const bpe = (vocabSize) => ({ tag: "bpe", val: vocabSize });
export const bytes = () => ({ tag: "bytes" });

export const format = Object.freeze({
  text: () => ({ tag: "text" }),
  rows: (field = "text") => ({ tag: "rows", val: field }),
  conversations: (field = "messages") => ({ tag: "conversations", val: field }),
  completions: (fields) => ({
    tag: "completions",
    val: { prompt: "prompt", completion: "completion", ...fields },
  }),
  preferences: (fields) => ({
    tag: "preferences",
    val: { prompt: "prompt", chosen: "chosen", rejected: "rejected", ...fields },
  }),
  labels: (fields) => ({
    tag: "labels",
    val: { prompt: "prompt", completion: "completion", label: "label", ...fields },
  }),
  prompts: (field = "prompt") => ({ tag: "prompts", val: field }),
  named: other,
});

export const loss = Object.freeze({
  crossEntropy: () => ({ tag: "cross-entropy" }),
  importanceSampling: () => ({ tag: "importance-sampling" }),
  ppo: (clip = { low: 0.8, high: 1.2 }) => ({ tag: "ppo", val: clip }),
  named: other,
});

export const defineTrainer = (trainer) => trainer;

// ---- Globals ----

const define = (name, value) =>
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });

/** A value as `console.log` shows it, whatever it is: getters and proxies may throw. */
function inspect(value, depth, seen) {
  try {
    return shown(value, depth, seen);
  } catch {
    return `[${typeof value} that cannot be shown]`;
  }
}

function shown(value, depth, seen) {
  switch (typeof value) {
    case "string":
      return depth < 0 ? value : JSON.stringify(value);
    case "bigint":
      return `${value}n`;
    case "symbol":
      return value.toString();
    case "function":
      return `[${/^class\b/.test(Function.prototype.toString.call(value)) ? "class" : "function"} ${value.name || "(anonymous)"}]`;
    case "object":
      break;
    default:
      return Object.is(value, -0) ? "-0" : String(value);
  }
  if (value === null) return "null";
  if (seen.includes(value)) return "[circular]";
  if (value instanceof Error) return natives.locate(value);
  if (value instanceof Date) return Number.isNaN(+value) ? "Invalid Date" : value.toISOString();
  if (value instanceof RegExp) return value.toString();
  if (value instanceof Promise) return "Promise {}";
  const inner = [...seen, value];
  const show = (item) => inspect(item, Math.max(depth, 0) + 1, inner);
  const short = depth >= 3;
  const list = (items, open, close, length) => {
    const rest = length > items.length ? [`... ${length - items.length} more`] : [];
    const texts = [...items, ...rest];
    if (texts.length === 0) return open + close;
    const line = `${open} ${texts.join(", ")} ${close}`;
    if (line.length <= 90 && !line.includes("\n")) {
      return open.endsWith("[") ? `${open}${texts.join(", ")}${close}` : line;
    }
    const lines = texts.map((text) => `  ${text.replaceAll("\n", "\n  ")}`);
    return `${open}\n${lines.join(",\n")}\n${close}`;
  };
  if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))) {
    const kind = Array.isArray(value) ? "" : `${value.constructor.name}(${value.length}) `;
    if (short) return `${kind}[...]`;
    return list(Array.from(value.slice(0, 100), show), `${kind}[`, "]", value.length);
  }
  if (value instanceof Map) {
    if (short) return "Map {...}";
    const items = [...value].slice(0, 100).map(([k, v]) => `${show(k)} => ${show(v)}`);
    return list(items, `Map(${value.size}) {`, "}", value.size);
  }
  if (value instanceof Set) {
    if (short) return "Set {...}";
    return list([...value].slice(0, 100).map(show), `Set(${value.size}) {`, "}", value.size);
  }
  const name = Object.getPrototypeOf(value)?.constructor?.name;
  const kind = name === undefined || name === "Object" ? "" : `${name} `;
  if (short) return `${kind}{...}`;
  const keys = Object.keys(value);
  const items = keys.slice(0, 100).map((key) => {
    const text = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? key : JSON.stringify(key);
    try {
      return `${text}: ${show(value[key])}`;
    } catch {
      return `${text}: [getter that throws]`;
    }
  });
  return list(items, `${kind}{`, "}", keys.length);
}

/** What stands for `%s` and its kin. */
function substituted(kind, value) {
  switch (kind) {
    case "s":
      return typeof value === "string" ? value : inspect(value, 2, []);
    case "d":
      return String(Number(value));
    case "i":
      return String(Number.parseInt(value, 10));
    case "f":
      return String(Number.parseFloat(value));
    case "j":
      return JSON.stringify(value);
    case "c":
      // A style, for browsers.
      return "";
    default:
      return inspect(value, 0, []);
  }
}

/** As `console.log` puts its arguments together: `%s` and its kin, then the rest with blanks. */
function formatted(values) {
  let [first, ...rest] = values;
  if (typeof first === "string" && rest.length > 0) {
    first = first.replace(/%([sdifjoOc%])/g, (whole, kind) => {
      if (kind === "%") return "%";
      if (rest.length === 0) return whole;
      const value = rest.shift();
      try {
        return substituted(kind, value);
      } catch {
        return inspect(value, 0, []);
      }
    });
    values = [first, ...rest];
  }
  return values.map((value) => inspect(value, -1, [])).join(" ");
}

let indent = "";
const counts = new Map();
const begun = new Map();

function print(level, values) {
  // Half a surrogate pair is no text for the host.
  const text = formatted(values).toWellFormed();
  natives.message(level, indent ? indent + text.replaceAll("\n", `\n${indent}`) : text);
}

const named = (label) => (typeof label === "string" ? label : inspect(label, 0, []));
const elapsed = (label) =>
  `${named(label)}: ${(performance.now() - begun.get(label)).toFixed(1)}ms`;

const group = (...values) => {
  if (values.length > 0) print("info", values);
  indent += "  ";
};

define("console", {
  log: (...values) => print("info", values),
  info: (...values) => print("info", values),
  debug: (...values) => print("debug", values),
  warn: (...values) => print("warn", values),
  error: (...values) => print("error", values),
  dir: (value) => print("info", [inspect(value, 0, [])]),
  table: (value) => print("info", [inspect(value, 0, [])]),
  trace: (...values) => print("debug", [natives.locate(new Error(formatted(values)))]),
  assert: (condition, ...values) => {
    if (!condition) print("error", ["assertion failed:", ...values]);
  },
  count: (label = "default") => {
    counts.set(label, (counts.get(label) ?? 0) + 1);
    print("info", [`${named(label)}: ${counts.get(label)}`]);
  },
  countReset: (label = "default") => counts.delete(label),
  time: (label = "default") => begun.set(label, performance.now()),
  timeLog: (label = "default", ...values) => print("info", [elapsed(label), ...values]),
  timeEnd: (label = "default") => {
    print("info", [elapsed(label)]);
    begun.delete(label);
  },
  clear: () => {},
  group,
  groupCollapsed: group,
  groupEnd: () => {
    indent = indent.slice(2);
  },
});

const timer = (repeat) => (callback, milliseconds, ...values) => {
  if (typeof callback !== "function") throw new TypeError("a timer needs a function to call");
  const call = values.length > 0 ? () => callback(...values) : callback;
  return natives.setTimer(() => void call(), Number(milliseconds) || 0, repeat);
};
const clear = (id) => {
  if (typeof id === "number") natives.clearTimer(id);
};
define("setTimeout", timer(false));
define("setInterval", timer(true));
define("setImmediate", (callback, ...values) => timer(false)(callback, 0, ...values));
define("clearTimeout", clear);
define("clearInterval", clear);
define("clearImmediate", clear);

define(
  "TextEncoder",
  class TextEncoder {
    get encoding() {
      return "utf-8";
    }
    encode(text = "") {
      return natives.encode(String(text));
    }
  },
);
define(
  "TextDecoder",
  class TextDecoder {
    #fatal;
    constructor(label = "utf-8", options = {}) {
      if (!/^utf-?8$/i.test(label)) throw new RangeError(`only UTF-8 is supported, not ${label}`);
      this.#fatal = options.fatal === true;
    }
    get encoding() {
      return "utf-8";
    }
    decode(data = new Uint8Array()) {
      const view = ArrayBuffer.isView(data)
        ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
        : data;
      const text = natives.decode(view, this.#fatal);
      return text.startsWith("\ufeff") ? text.slice(1) : text;
    }
  },
);

function clone(value, seen) {
  if (typeof value === "function" || typeof value === "symbol") {
    throw new TypeError(`${String(value)} cannot be cloned`);
  }
  if (typeof value !== "object" || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  const keep = (copy) => (seen.set(value, copy), copy);
  if (value instanceof Date) return keep(new Date(+value));
  if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
  if (value instanceof ArrayBuffer) return keep(value.slice(0));
  if (ArrayBuffer.isView(value)) {
    const copy = clone(value.buffer, seen);
    return keep(new value.constructor(copy, value.byteOffset, value.length ?? value.byteLength));
  }
  if (value instanceof Map) {
    const copy = keep(new Map());
    for (const [k, v] of value) copy.set(clone(k, seen), clone(v, seen));
    return copy;
  }
  if (value instanceof Set) {
    const copy = keep(new Set());
    for (const item of value) copy.add(clone(item, seen));
    return copy;
  }
  if (value instanceof Error) {
    const copy = keep(new (globalThis[value.name] ?? Error)(value.message));
    copy.stack = value.stack;
    return copy;
  }
  const copy = keep(Array.isArray(value) ? [] : {});
  for (const key of Object.keys(value)) copy[key] = clone(value[key], seen);
  return copy;
}
define("structuredClone", (value) => clone(value, new Map()));

define("crypto", {
  getRandomValues: (array) => {
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(
      natives.random(array.byteLength),
    );
    return array;
  },
  randomUUID: () => {
    const data = natives.random(16);
    data[6] = (data[6] & 0x0f) | 0x40;
    data[8] = (data[8] & 0x3f) | 0x80;
    const hex = Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  },
});

// The interpreter seeds its own by the clock; a run is to repeat. xoshiro128** (Blackman and Vigna,
// "Scrambled linear pseudorandom number generators", 2018), from the host's randomness.
let words;
const rotate = (x, k) => (x << k) | (x >>> (32 - k));
function next() {
  // Not before they are asked for: this here is evaluated when the runtime is made.
  words ??= new Uint32Array(natives.random(16).buffer);
  const result = Math.imul(rotate(Math.imul(words[1], 5), 7), 9) >>> 0;
  const t = words[1] << 9;
  words[2] ^= words[0];
  words[3] ^= words[1];
  words[1] ^= words[2];
  words[0] ^= words[3];
  words[2] ^= t;
  words[3] = rotate(words[3], 11);
  return result;
}
Math.random = () => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992;
