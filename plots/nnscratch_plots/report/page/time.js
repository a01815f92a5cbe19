"use strict";
// The gradient on its way back through time: over the steps of time at one training step, and over
// the training steps at one step of time; each of the two sliders moves through the other picture.

class Time {
  constructor(packed) {
    const { layers, lags, rate, steps, ...held } = packed;
    Object.assign(this, { layers, lags, rate: decode(rate), steps: decode(steps) });
    this.held = Object.fromEntries(Object.entries(held).map(([key, one]) => [key, decode(one)]));
  }

  // At a kept step, in a layer, so many steps of time before the last; lags by their place.
  value(key, row, layer, place) {
    return this.held[key] && this.held[key][(row * this.layers.length + layer) * this.lags.length + place];
  }

  factor(row, layer) { return this.rate[row * this.layers.length + layer]; }
}

// What both pictures are of: a quantity of a layer, chosen in lists above them, and a lag.
class TimePanel {
  constructor(app) {
    this.app = app;
    const runs = app.runs.filter((run) => run.time);
    this.lags = [...new Set(runs.flatMap((run) => run.time.lags))].sort((a, b) => a - b);
    this.layers = [...new Set(runs.flatMap((run) => run.time.layers))];
    const known = Object.keys(WORDS.time).filter((key) => runs.some((run) => run.time.held[key]));
    [this.key] = known;
    [this.layer] = this.layers;
    byId("time-quantity").append(...known.map((key) => element("option", WORDS.time[key].title, { value: key })));
    byId("time-layer").append(...this.layers.map((name) => element("option", name, { value: name })));
    byId("time-layer").parentElement.hidden = this.layers.length < 2;
    byId("lag").max = Math.max(0, this.lags.length - 1);
    const choose = (name, event) => { this[name] = event.target.value; app.rebuild(); };
    byId("time-quantity").addEventListener("change", (event) => choose("key", event));
    byId("time-layer").addEventListener("change", (event) => choose("layer", event));
    byId("lag").addEventListener("input", () => app.refresh());
    this.charts = [new OverTime(this, byId("over-time")), new OverSteps(this, byId("lag-over-steps"))];
  }

  lag() { return this.lags[Number(byId("lag").value)]; }
  runs() { return this.app.shown().filter((run) => run.time && run.time.layers.includes(this.layer)); }

  // The row of a step, or the last one before it at which the way back was measured: of what
  // PyTorch's modules do it is at some steps only.
  row(run, step) {
    const { time } = run, layer = time.layers.indexOf(this.layer);
    let row = run.row(step);
    while (row > 0 && !(time.steps[row * time.layers.length + layer] >= 0)) row--;
    return row;
  }

  goTo(lag) {
    byId("lag").value = nearest(this.lags, lag);
    this.app.refresh();
  }

  value(run, row, lag) {
    const { time } = run, layer = time.layers.indexOf(this.layer), place = time.lags.indexOf(lag);
    return lag < time.steps[row * time.layers.length + layer] ? time.value(this.key, row, layer, place) : undefined;
  }

  text(run, row, lag) {
    const value = this.value(run, row, lag), last = this.value(run, row, 0);
    if (value === undefined) return "no such step of time";
    const left = last > 0 && Number.isFinite(value) ? `, ${format(value / last)} of the last step's` : "";
    return `${WORDS.time[this.key].short} ${format(value)}${left}`;
  }

  write() {
    const lag = this.lag();
    byId("lag-text").textContent = `${lag} before the last`;
    byId("lag").setAttribute("aria-valuetext", byId("lag-text").textContent);
    byId("time-text").replaceChildren(...this.runs().map((run) => {
      const row = this.row(run, this.app.step()), line = element("div");
      const factor = format(run.time.factor(row, run.time.layers.indexOf(this.layer)));
      line.append(swatch(run.index), ` step ${run.steps[row]}, ${lag} before the last: ${this.text(run, row, lag)}; `
        + `each step back multiplies it by ${factor}`);
      return line;
    }));
  }
}

class TimeChart {
  constructor(panel, canvas) {
    Object.assign(this, { panel, app: panel.app, canvas });
    listen(this, canvas);
  }

  measure() {
    this.range = new Range(true, WORDS.level);
    for (const run of this.panel.runs()) {
      for (let row = 0; row < run.steps.length; row++) {
        for (const lag of run.time.lags) this.range.add(this.panel.value(run, row, lag));
      }
    }
  }

  draw() {
    const lines = this.panel.runs().map((run) => this.line(run));
    const context = frame(this, lines.length ? this.range : null);
    if (!context) return;
    const [first, last] = this.ends(), { axis } = this;
    drawAcross(context, linearTicks(first, last, 6, true), (at) => this.placeX(at), axis.baseline,
      this.left, this.right, this.title);
    const at = this.placeX(this.here());
    rule(context, at, MARGIN.top, at, axis.baseline, theme("ink"), [2, 3]);
    drawLines(context, lines, (place) => this.placeX(place), axis);
  }

  placeX(at) {
    const [first, last] = this.ends();
    return this.left + 8 + (at - first) / (last - first || 1) * (this.right - this.left - 16);
  }

  at(x) {
    const [first, last] = this.ends();
    return first + (x - this.left - 8) / (this.right - this.left - 16) * (last - first);
  }

  describe(x) {
    const [lag, step] = this.pointed(this.at(x));
    const rows = this.panel.runs().map((run) => {
      const row = this.panel.row(run, step), at = row === run.row(step) ? "" : ` (at step ${run.steps[row]})`;
      return [run, this.panel.text(run, row, lag) + at];
    });
    return { title: `step ${step}, ${lag} steps of time before the last`, rows };
  }

  locate(at) { return [this.placeX(at), (this.axis.top + this.axis.bottom) / 2]; }
}

class OverTime extends TimeChart {
  title = "steps of time before the last";
  ends() { return [this.panel.lags[0], this.panel.lags.at(-1)]; }
  here() { return this.panel.lag(); }
  pointed(at) { return [this.panel.lags[nearest(this.panel.lags, at)], this.app.step()]; }
  click(x) { this.panel.goTo(this.at(x)); }

  line(run) {
    const row = this.panel.row(run, this.app.step());
    return { run, xs: run.time.lags, ys: run.time.lags.map((lag) => this.panel.value(run, row, lag)) };
  }

  // Arrow keys move through time.
  move(by) {
    const slider = byId("lag");
    slider.value = Number(slider.value) + by;
    this.app.refresh();
  }
}

class OverSteps extends TimeChart {
  title = "training step";
  overSteps = true;
  ends() { return [this.app.positions[0], this.app.positions.at(-1)]; }
  here() { return this.app.step(); }
  pointed(at) { return [this.panel.lag(), this.app.positions[nearest(this.app.positions, at)]]; }
  click(x) { this.app.goTo(this.at(x)); }

  line(run) {
    const lag = this.panel.lag();
    return { run, xs: run.steps, ys: run.steps.map((_, row) => this.panel.value(run, row, lag)) };
  }
}
