"use strict";
// The gradient at every block with a skip connection: what arrives, and what its two ways carry.

class BlockChart {
  constructor(app, canvas, words) {
    Object.assign(this, { app, canvas, words, key: "gradient_norm" });
    this.lanes = Object.keys(WORDS.lanes);
    listen(this, canvas);
  }

  runs() { return this.app.shown().filter((run) => run.lanes.sum); }

  // The layer of a lane in the block that stands at a place, counted from 0; or undefined.
  layer(run, lane, place) {
    const [blocks, columns] = run.lanes[lane];
    return columns[blocks.indexOf(run.lanes.sum[0][place])];
  }

  measure() {
    this.range = new Range(true, WORDS.level);
    for (const run of this.runs()) {
      for (const layer of this.lanes.flatMap((lane) => run.lanes[lane][1])) {
        for (let row = 0; row < run.steps.length; row++) this.range.add(run.value(this.key, row, layer));
      }
    }
    this.count = Math.max(1, ...this.runs().map((run) => run.lanes.sum[0].length));
  }

  // One colour for each lane where there is one run; several keep theirs. Dashes tell lanes apart.
  looks(run, i) { return { run, color: this.app.shown().length > 1 ? run.index : i, dash: i }; }

  draw() {
    const runs = this.runs(), context = frame(this, runs.length ? this.range : null);
    if (!context) return;
    const longest = runs.reduce((a, b) => (b.lanes.sum[0].length > a.lanes.sum[0].length ? b : a));
    const [, sums] = longest.lanes.sum;
    drawAcross(context, layerTicks(context, { ...longest, layers: longest.blocks }, sums, [...sums.keys()],
      this.right - this.left), (place) => this.placeX(place), this.axis.baseline, this.left, this.right,
    "block (input at the left)");
    const lines = runs.flatMap((run) => this.lanes.map((lane, i) => {
      const xs = [...run.lanes.sum[0].keys()];
      const row = run.row(this.app.step());
      return { ...this.looks(run, i), xs, ys: xs.map((place) => run.value(this.key, row, this.layer(run, lane, place))) };
    }));
    drawLines(context, lines, (place) => this.placeX(place), this.axis);
    this.words.replaceChildren(...this.lanes.map((lane, i) => {
      const span = element("span"), { color, dash } = this.looks(runs[0], i);
      span.append(swatch(color, dash), ` ${WORDS.lanes[lane]} `);
      return span;
    }));
  }

  placeX(place) {
    return this.left + (place + 0.5) / this.count * (this.right - this.left);
  }

  placeAt(x) {
    const place = Math.floor((x - this.left) / (this.right - this.left) * this.count);
    return Math.min(this.count - 1, Math.max(0, place));
  }

  describe(x) {
    const place = this.placeAt(x), step = this.app.step();
    const runs = this.runs().filter((run) => place < run.lanes.sum[0].length);
    const rows = runs.map((run) => [run, this.lanes.map((lane) => (
      `${WORDS.lanes[lane]} ${format(run.value(this.key, run.row(step), this.layer(run, lane, place)))}`)).join(", ")]);
    const names = [...new Set(runs.map((run) => run.lanes.sum[0][place]))];
    return { title: `block ${names.join(" / ")}, step ${step}`, rows };
  }

  click(x) {
    const run = this.runs()[0];
    if (run) this.app.choose(run, this.layer(run, "sum", Math.min(this.placeAt(x), run.lanes.sum[1].length - 1)));
  }

  layersShown() {
    return this.runs().flatMap((run) => this.app.inReference(run, run.lanes.sum[1]));
  }

  locate(place) { return [this.placeX(place), (this.axis.top + this.axis.bottom) / 2]; }
}
