// The chart of a run: some of its series over the steps, and lines where code changed.
/* global uPlot */
import { visible } from "./text.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const COLOURS = 6;

export class Chart {
  constructor(box) {
    this.box = box;
    this.series = new Map(); // name -> { steps: [], values: [] }
    this.shown = new Set(["loss", "eval_loss"]);
    this.marks = []; // { step, failed }
    this.plot = null;
    this.waiting = false;
    new ResizeObserver(() => this.resize()).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.rebuild());
  }

  clear() {
    this.series.clear();
    this.marks = [];
    this.rebuild();
  }

  load(all) {
    this.series = new Map(all.map(({ name, points }) => [name, {
      steps: points.map(([step]) => step),
      values: points.map(([, value]) => value),
    }]));
    this.rebuild();
  }

  add(name, step, value) {
    if (value === null || value === undefined || !Number.isFinite(value)) return;
    let series = this.series.get(name);
    const isNew = !series;
    if (isNew) this.series.set(name, series = { steps: [], values: [] });
    // Steps that an attempt cut off are trained again.
    while (series.steps.length && series.steps.at(-1) >= step) {
      series.steps.pop();
      series.values.pop();
    }
    series.steps.push(step);
    series.values.push(value);
    this.redraw(isNew);
  }

  mark(step, failed) {
    this.marks.push({ step, failed });
    this.redraw(false);
  }

  names() {
    const first = ["loss", "eval_loss"].filter((name) => this.series.has(name));
    const rest = [...this.series.keys()].filter((name) => !first.includes(name));
    return [...first, ...rest.sort()];
  }

  points() { return Math.max(0, ...[...this.series.values()].map((one) => one.steps.length)); }

  toggle(name) {
    if (!this.shown.delete(name)) this.shown.add(name);
    this.rebuild();
  }

  // Many events may come between two frames.
  redraw(whole) {
    this.whole ||= whole;
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      if (this.whole || !this.plot) this.rebuild();
      else this.plot.setData(this.data());
      this.whole = false;
    });
  }

  visible() { return this.names().filter((name) => this.shown.has(name)); }

  data() {
    const tables = this.visible().map((name) => {
      const { steps, values } = this.series.get(name);
      return [steps, values];
    });
    return tables.length ? uPlot.join(tables) : [[]];
  }

  rebuild() {
    this.plot?.destroy();
    this.plot = null;
    const names = this.visible();
    if (!names.length) return;
    const all = this.names();
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 },
      ticks: { stroke: colour("--line"), width: 1 } };
    this.plot = new uPlot({
      width: Math.max(200, this.box.clientWidth),
      height: 300,
      scales: { x: { time: false } },
      cursor: { drag: { x: true, y: false } },
      legend: { live: true },
      axes: [{ ...axis, label: "step", labelSize: 22, stroke: colour("--soft") }, { ...axis, size: 62 }],
      series: [{ label: "step" }, ...names.map((name) => ({
        label: visible(name),
        stroke: colour(`--series-${all.indexOf(name) % COLOURS}`),
        width: 2,
        spanGaps: true,
        points: { show: this.series.get(name).steps.length < 40, size: 5 },
        value: (_, value) => (value === null || value === undefined ? "–" : value.toPrecision(5)),
      }))],
      hooks: { draw: [(plot) => this.drawMarks(plot)] },
    }, this.data(), this.box);
  }

  drawMarks(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.lineWidth = devicePixelRatio;
    for (const { step, failed } of this.marks) {
      const x = plot.valToPos(step, "x", true);
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.strokeStyle = colour(failed ? "--bad" : "--mark");
      ctx.setLineDash(failed ? [4 * devicePixelRatio, 4 * devicePixelRatio] : []);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }

  resize() {
    this.plot?.setSize({ width: Math.max(200, this.box.clientWidth), height: 300 });
  }
}
