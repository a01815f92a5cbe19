"use strict";
// Line charts: a quantity over the layers at one step, and the loss or the clip over the steps.

const MOST_DOTS = 45; // with more values on a line, only those that stand alone get a dot
const MARGIN = { left: 58, right: 14, top: 8, bottom: 38 };

// Lines as {run, xs, ys}; a value that has no place on the scale is marked in its strip.
function drawLines(context, lines, placeX, axis) {
  for (const line of lines) {
    context.strokeStyle = context.fillStyle = runColor(line.run.index);
    context.lineWidth = 1.8;
    context.setLineDash(runDash(line.run.index));
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
    this.range = new Range(this.log);
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
    const { context, width, height } = prepare(this.canvas);
    const runs = this.app.shown().filter((run) => this.app.columns(run, this.key).length);
    this.left = MARGIN.left;
    this.right = width - MARGIN.right;
    const bottom = height - MARGIN.bottom;
    if (!runs.length) { emptyPanel(context, width, height, "not in these records"); return; }
    const lines = runs.map((run) => {
      const row = run.row(this.app.step());
      const xs = this.app.columns(run, this.key);
      return { run, xs, ys: xs.map((layer) => run.value(this.key, row, layer)) };
    });
    const axis = this.axis = new UprightAxis(this.rangeOf(lines), MARGIN.top, bottom);
    drawUpright(context, axis, this.left, this.right);
    if (this.band.length) {
      const [high, low] = [axis.place(this.band[1]), axis.place(this.band[0])];
      context.fillStyle = theme("strip");
      context.fillRect(this.left, high, this.right - this.left, low - high);
    }
    for (const value of this.lines) {
      rule(context, this.left, axis.place(value), this.right, axis.place(value), theme("ink"), [6, 4]);
    }
    const count = this.app.depth();
    drawAcross(context, linearTicks(1, count, 8, true), (n) => this.placeX(n - 1), bottom,
      this.left, this.right, `layer (input at the left)${this.follows ? "; the scale follows the step" : ""}`);
    const chosen = this.placeX(this.app.layer);
    rule(context, chosen, MARGIN.top, chosen, bottom, theme("soft"), [2, 3]);
    drawLines(context, lines, (layer) => this.placeX(layer), axis);
  }

  rangeOf(lines) {
    if (!this.follows) return this.range;
    const range = new Range(this.log);
    [...lines.flatMap(({ ys }) => ys), ...this.lines, ...this.band].forEach((value) => range.add(value));
    range.kinds = this.range.kinds;
    return range;
  }

  placeX(layer) {
    const count = Math.max(1, this.app.depth() - 1), inset = 8;
    return this.left + inset + (layer / count) * (this.right - this.left - 2 * inset);
  }

  // The layers of any visible run's line.
  layersShown() {
    return [...new Set(this.app.shown().flatMap((run) => this.app.columns(run, this.key)))];
  }

  // The one of them nearest to pixel x, or null.
  layerAt(x) {
    const away = (layer) => Math.abs(this.placeX(layer) - x);
    return this.layersShown().reduce((best, layer) => (
      best === null || away(layer) < away(best) ? layer : best), null);
  }

  describe(x) {
    const layer = this.layerAt(x);
    if (layer === null) return null;
    const rows = this.app.shown().map((run) => [run, this.text(run, layer)]);
    return { title: this.app.layerTitle(layer), rows };
  }

  text(run, layer) {
    const row = run.row(this.app.step());
    if (layer >= run.layers.length) return "no such layer";
    const kind = KINDS[this.app.kind];
    if (OF_EVERY_LAYER.includes(this.key) && !kind.has(kindOf(run.layers[layer]))) {
      return `${run.layers[layer]} is no ${kind.one}`;
    }
    const value = format(run.value(this.key, row, layer));
    const at = run.steps[row] === this.app.step() ? "" : ` (step ${run.steps[row]})`;
    return `${QUANTITIES[this.key].title} ${value}${at}`;
  }

  click(x) { const layer = this.layerAt(x); if (layer !== null) this.app.chooseLayer(layer); }

  locate(layer, run) {
    const value = run.value(this.key, run.row(this.app.step()), layer);
    return [this.placeX(layer), value === undefined ? MARGIN.top + 20 : this.axis.place(value)];
  }
}

// One series or two of every visible run over the steps; `keys` are [name in the record, in words].
class SeriesChart {
  constructor(app, canvas, keys) {
    Object.assign(this, { app, canvas, keys, overSteps: true });
    listen(this, canvas);
  }

  runs() { return this.app.shown().filter((run) => this.keys.some(([key]) => run.series[key])); }

  measure() {
    const values = this.runs().flatMap((run) => this.keys.flatMap(([key]) => [...(run.series[key] || [])]));
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
    const { context, width, height } = prepare(this.canvas);
    this.left = MARGIN.left;
    this.right = width - MARGIN.right;
    const bottom = height - MARGIN.bottom;
    if (!this.runs().length) { emptyPanel(context, width, height, "not in these records"); return; }
    const axis = this.axis = new UprightAxis(this.range, MARGIN.top, bottom);
    drawUpright(context, axis, this.left, this.right);
    drawAcross(context, linearTicks(this.first, this.last, 8, true), (step) => this.placeX(step),
      bottom, this.left, this.right, "step");
    const at = this.placeX(this.app.step());
    rule(context, at, MARGIN.top, at, bottom, theme("ink"), [2, 3]);
    // The first series is a line, the second the same line fainter.
    this.keys.forEach(([key], i) => {
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
      const said = this.keys.filter(([key]) => run.series[key]).map(([key, name]) => `${name} ${format(run.series[key][i])}`);
      return [run, `${said.join(", ")} at step ${run.seriesSteps[i]}`];
    });
    return { title: this.canvas.closest("figure").querySelector("figcaption").textContent, rows };
  }

  click(x) { this.app.goTo(this.stepAt(x)); }

  locate(step) { return [this.placeX(step), (this.axis.top + this.axis.bottom) / 2]; }
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
