"use strict";
// Line charts: a quantity over the layers at one step, and the loss or the clip over the steps.

const MOST_DOTS = 45; // with more values on a line, only those that stand alone get a dot
const MARGIN = { left: 58, right: 14, top: 8, bottom: 38 };

// Lines as {run, xs, ys}, and their looks if not those of the run; a value that has no place on the scale is marked in its strip.
function drawLines(context, lines, placeX, axis) {
  for (const line of lines) {
    const { color = line.run.index, dash = line.run.index } = line;
    context.strokeStyle = context.fillStyle = runColor(color);
    context.lineWidth = 1.8;
    context.setLineDash(runDash(dash));
    context.beginPath();
    let drawing = false;
    const marks = [], dots = [];
    line.ys.forEach((value, i) => {
      if (value === undefined) return;
      const x = placeX(line.xs[i]), y = axis.place(value);
      const kind = axis.range.kind(value);
      if (kind) {
        drawing = false;
        marks.push([kind, x, y]);
        return;
      }
      if (drawing) context.lineTo(x, y); else context.moveTo(x, y);
      if (!drawing || line.ys.length <= MOST_DOTS) dots.push([x, y]);
      drawing = true;
    });
    context.stroke();
    context.setLineDash([]);
    for (const [x, y] of dots) context.fillRect(x - 2, y - 2, 4, 4);
    for (const [kind, x, y] of marks) drawMark(context, kind, x, y);
  }
}

function drawMark(context, kind, x, y) {
  context.lineWidth = 1.5;
  context.beginPath();
  if (kind === "nan") {
    context.moveTo(x - 3, y - 3); context.lineTo(x + 3, y + 3);
    context.moveTo(x + 3, y - 3); context.lineTo(x - 3, y + 3);
    context.stroke();
    return;
  }
  const up = kind === "infinite" ? 1 : -1;
  context.moveTo(x - 4, y + 3 * up); context.lineTo(x + 4, y + 3 * up);
  context.lineTo(x, y - 4 * up);
  context.fill();
}

// One quantity of every visible run over the layers, at the slider's step.
class ProfileChart {
  constructor(app, canvas, key, { log = true, lines = [], band = [], fixed = null } = {}) {
    Object.assign(this, { app, canvas, key, log, lines, band, fixed });
    listen(this, canvas);
  }

  // The same range at every step, so that a slider that moves shows what changes; but where that
  // would press each single step flat, as after an explosion, the range follows the step.
  measure() {
    this.range = new Range(this.log, WORDS.level);
    for (const run of this.app.shown()) {
      const columns = this.app.columns(run, this.key);
      for (let row = 0; row < run.steps.length; row++) {
        for (const layer of columns) this.range.add(run.value(this.key, row, layer));
      }
    }
    if (this.fixed) this.range.fixed = this.fixed;
    for (const value of [...this.lines, ...this.band]) this.range.add(value);
    const { low, high } = this.range;
    this.follows = this.log && high > low && Math.log10(high / low) > MOST_DECADES;
  }

  draw() {
    const runs = this.app.shown().filter((run) => this.app.columns(run, this.key).length);
    const lines = runs.map((run) => {
      const row = run.row(this.app.step());
      const xs = this.app.columns(run, this.key);
      return { run, xs, ys: xs.map((layer) => run.value(this.key, row, layer)) };
    });
    const context = frame(this, runs.length ? this.rangeOf(lines) : null);
    if (!context) return;
    const { axis } = this;
    if (this.band.length) {
      const [high, low] = [axis.place(this.band[1]), axis.place(this.band[0])];
      context.fillStyle = theme("strip");
      context.fillRect(this.left, high, this.right - this.left, low - high);
    }
    for (const value of this.lines) {
      rule(context, this.left, axis.place(value), this.right, axis.place(value), theme("ink"), [6, 4]);
    }
    this.shade(context, axis, this.app.columns(runs[0], this.key));
    const ticks = this.ticks(context, runs);
    const title = this.app.agree ? "layer or block (input at the left)" : "depth, in layers with weights";
    drawAcross(context, ticks, (place) => this.placeX(place), axis.baseline, this.left, this.right,
      `${title}${this.follows ? "; the scale follows the step" : ""}`);
    const chosen = this.placeX(this.app.place(this.app.longest(), this.app.layer));
    rule(context, chosen, MARGIN.top, chosen, axis.baseline, theme("soft"), [2, 3]);
    drawLines(context, lines.map((line) => (
      { ...line, xs: line.xs.map((layer) => this.app.place(line.run, layer)) }
    )), (place) => this.placeX(place), axis);
  }

  // Every second block of a network on a grey ground, where runs agree and a block shows many layers.
  shade(context, axis, columns) {
    const { blocks } = this.app.longest();
    const together = (layer, i) => blocks[layer] && blocks[layer] === blocks[columns[i - 1]];
    if (!this.app.agree || !columns.some(together)) return;
    let odd = false;
    context.globalCompositeOperation = "destination-over"; // below what is there
    for (let from = 0, to; from < blocks.length; from = to) {
      for (to = from + 1; to < blocks.length && blocks[to] === blocks[from]; to++);
      if (!blocks[from] || !(odd = !odd)) continue;
      context.fillStyle = theme("strip");
      const [left, right] = [this.placeX(from - 0.5), this.placeX(to - 0.5)];
      context.fillRect(left, axis.top, right - left, axis.bottom - axis.top);
    }
    context.globalCompositeOperation = "source-over";
  }

  ticks(context, runs) {
    if (!this.app.agree) return linearTicks(...this.app.span(), 8, true);
    const columns = this.app.columns(runs[0], this.key);
    return layerTicks(context, runs[0], columns, columns, this.right - this.left);
  }

  rangeOf(lines) {
    if (!this.follows) return this.range;
    const range = new Range(this.log, WORDS.level);
    [...lines.flatMap(({ ys }) => ys), ...this.lines, ...this.band].forEach((value) => range.add(value));
    range.kinds = this.range.kinds;
    return range;
  }

  placeX(place) {
    const [low, high] = this.app.span(), inset = 8;
    return this.left + inset + (place - low) / (high - low || 1) * (this.right - this.left - 2 * inset);
  }

  // Layers of the longest run that stand where any visible run's line has a layer.
  layersShown() {
    return this.app.shown().flatMap((run) => this.app.inReference(run, this.app.columns(run, this.key)));
  }

  // The run and layer drawn nearest to pixel x, or null.
  nearest(x) {
    let best = null;
    for (const run of this.app.shown()) {
      for (const layer of this.app.columns(run, this.key)) {
        const away = Math.abs(this.placeX(this.app.place(run, layer)) - x);
        if (!best || away < best.away) best = { run, layer, away };
      }
    }
    return best;
  }

  describe(x) {
    const found = this.nearest(x);
    if (!found) return null;
    const layers = this.app.shown().map((run) => (
      [run, run.like(found.run, found.layer, this.app.columns(run, this.key))]));
    const names = layers.map(([run, layer]) => run.layers[layer]).filter(Boolean);
    const rows = layers.map(([run, layer]) => [run, this.text(run, layer, found)]);
    return { title: `${[...new Set(names)].join(" / ")}, step ${this.app.step()}`, rows };
  }

  text(run, layer, found) {
    const row = run.row(this.app.step()), field = FIELDS[this.key];
    if (layer === undefined) {
      const there = run.like(found.run, found.layer, [...run.layers.keys()]);
      if (there === undefined) return "no such layer";
      return field.everyLayer ? `${run.layers[there]} is no ${WORDS.roles[this.app.role].one}`
        : `${field.short} not measured`;
    }
    const at = run.steps[row] === this.app.step() ? "" : ` (step ${run.steps[row]})`;
    return `${field.short} ${format(run.value(this.key, row, layer))}${at}`;
  }

  click(x) { const found = this.nearest(x); if (found) this.app.choose(found.run, found.layer); }

  locate(layer, run) {
    const value = run.value(this.key, run.row(this.app.step()), layer);
    const x = this.placeX(this.app.place(run, layer));
    return [x, value === undefined ? MARGIN.top + 20 : this.axis.place(value)];
  }
}

// One series or two of every visible run over the steps.
class SeriesChart {
  constructor(app, canvas, keys) {
    Object.assign(this, { app, canvas, keys, overSteps: true });
    listen(this, canvas);
  }

  runs() { return this.app.shown().filter((run) => this.keys.some((key) => run.series[key])); }

  measure() {
    const values = this.runs().flatMap((run) => this.keys.flatMap((key) => [...(run.series[key] || [])]));
    const finite = values.filter((value) => Number.isFinite(value));
    const smallest = finite.reduce((a, b) => Math.min(a, b), Infinity);
    const largest = finite.reduce((a, b) => Math.max(a, b), -Infinity);
    this.range = new Range(smallest >= 0 && largest > 30 * Math.max(smallest, 1e-300));
    values.forEach((value) => this.range.add(value));
    const steps = this.app.shown().map((run) => [run.seriesSteps[0], run.seriesSteps.at(-1)]);
    this.first = Math.min(...steps.map(([first]) => first));
    this.last = Math.max(...steps.map(([, last]) => last));
  }

  draw() {
    const context = frame(this, this.runs().length ? this.range : null);
    if (!context) return;
    const { axis } = this;
    drawAcross(context, linearTicks(this.first, this.last, 8, true), (step) => this.placeX(step),
      axis.baseline, this.left, this.right, "step");
    const at = this.placeX(this.app.step());
    rule(context, at, MARGIN.top, at, axis.baseline, theme("ink"), [2, 3]);
    // The first series is a line, the second the same line fainter.
    this.keys.forEach((key, i) => {
      context.globalAlpha = i ? 0.45 : 1;
      const lines = this.runs().filter((run) => run.series[key])
        .map((run) => ({ run, xs: run.seriesSteps, ys: run.series[key] }));
      drawLines(context, lines, (step) => this.placeX(step), axis);
    });
    context.globalAlpha = 1;
  }

  placeX(step) {
    return this.left + (step - this.first) / (this.last - this.first || 1) * (this.right - this.left);
  }

  stepAt(x) {
    return this.first + (x - this.left) / (this.right - this.left) * (this.last - this.first);
  }

  describe(x) {
    const step = this.stepAt(x);
    const rows = this.runs().map((run) => {
      const i = nearest(run.seriesSteps, step);
      const said = this.keys.filter((key) => run.series[key] && run.series[key][i] !== undefined)
        .map((key) => `${WORDS.series[key]} ${format(run.series[key][i])}`);
      return [run, `${said.join(", ")} at step ${run.seriesSteps[i]}`];
    });
    return { title: this.canvas.closest("figure").querySelector("figcaption").textContent, rows };
  }

  click(x) { this.app.goTo(this.stepAt(x)); }

  locate(step) { return [this.placeX(step), (this.axis.top + this.axis.bottom) / 2]; }
}

// The part of a chart that all have: its place, and the upright axis of a range, if there is any.
function frame(chart, range, nothing = "not in these records") {
  const { context, width, height } = prepare(chart.canvas);
  chart.left = MARGIN.left;
  chart.right = width - MARGIN.right;
  if (!range) { emptyPanel(context, width, height, nothing); return null; }
  chart.axis = new UprightAxis(range, MARGIN.top, height - MARGIN.bottom);
  drawUpright(context, chart.axis, chart.left, chart.right);
  return context;
}

function emptyPanel(context, width, height, text) {
  context.fillStyle = theme("soft");
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, width / 2, height / 2);
}

// The pointer over a chart shows its values; a click chooses.
function listen(chart, canvas) {
  const where = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const show = (event) => {
    tip.show(chart.describe(...where(event)), event.clientX, event.clientY);
  };
  canvas.addEventListener("pointermove", show);
  canvas.addEventListener("pointerdown", show);
  canvas.addEventListener("pointerleave", () => tip.hide());
  canvas.addEventListener("click", (event) => chart.click(...where(event)));
}
