// The globals that a trainer finds besides those of ECMAScript. Not for projects whose `lib` has "dom".

interface Console {
  log(...values: unknown[]): void;
  info(...values: unknown[]): void;
  debug(...values: unknown[]): void;
  warn(...values: unknown[]): void;
  error(...values: unknown[]): void;
  trace(...values: unknown[]): void;
  dir(value: unknown): void;
  table(value: unknown): void;
  assert(condition?: boolean, ...values: unknown[]): void;
  count(label?: string): void;
  countReset(label?: string): void;
  time(label?: string): void;
  timeLog(label?: string, ...values: unknown[]): void;
  timeEnd(label?: string): void;
  clear(): void;
  group(...values: unknown[]): void;
  groupCollapsed(...values: unknown[]): void;
  groupEnd(): void;
}

/** Lines in the run's log. */
declare var console: Console;

/** Time passes only while a callback waits for a promise. */
declare function setTimeout<T extends unknown[]>(
  callback: (...values: T) => void,
  milliseconds?: number,
  ...values: T
): number;
declare function setInterval<T extends unknown[]>(
  callback: (...values: T) => void,
  milliseconds?: number,
  ...values: T
): number;
declare function setImmediate<T extends unknown[]>(
  callback: (...values: T) => void,
  ...values: T
): number;
declare function clearTimeout(id: number | undefined): void;
declare function clearInterval(id: number | undefined): void;
declare function clearImmediate(id: number | undefined): void;
declare function queueMicrotask(callback: () => void): void;
declare function structuredClone<T>(value: T): T;

declare class TextEncoder {
  readonly encoding: "utf-8";
  encode(text?: string): Uint8Array<ArrayBuffer>;
}

/** Of UTF-8. */
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean });
  readonly encoding: "utf-8";
  decode(data?: ArrayBuffer | ArrayBufferView): string;
}

/** To 10 ms, unless arkor.toml grants a precise clock. */
declare var performance: { now(): number };

/** Random numbers repeat with the code, unless arkor.toml grants others. */
declare var crypto: {
  getRandomValues<T extends ArrayBufferView>(array: T): T;
  randomUUID(): string;
};
