"use strict";
// How often each size occurs in the chosen layer, at the kept histogram nearest to the step.

class HistogramChart {
  constructor(app, canvas, name) {
    Object.assign(this, { app, canvas, name });
    listen(this, canvas);
  }

  measure() {}

  // What to draw of each visible run: bin numbers count from the first edge of the record.
  found() {
    return this.app.shown().flatMap((run) => {
      const one = run.histograms[this.name];
      const column = one ? one.columns.indexOf(this.app.layerOf(run)) : -1;
      if (column < 0) return [];
      const index = this.app.histogramIndex(run);
      const start = (index * one.columns.length + column) * one.bins;
      const counts = one.counts.subarray(start, start + one.bins);
      return [{ run, one, column, counts, total: counts.reduce((a, b) => a + b, 0) }];
    });
  }

  // The bins that this layer uses at any kept step of any visible run. Of magnitudes the first bin
  // holds the zeros: it stands just left of the others, and not 2^-100 away from them.
  measureBins(found) {
    let [low, high, zeros] = [Infinity, -Infinity, false];
    for (const { one, column } of found) {
      const width = one.columns.length * one.bins;
      for (let at = column * one.bins; at < one.counts.length; at += width) {
        for (let i = 0; i < one.bins; i++) {
          if (!one.counts[at + i]) continue;
          const bin = one.first + i;
          if (bin === 0 && one.edges[0] === 0) { zeros = true; continue; }
          low = Math.min(low, bin);
          high = Math.max(high, bin + 1);
        }
      }
    }
    if (low > high && !zeros) return null;
    if (low > high) [low, high] = [1, 2];
    this.zeros = zeros ? low - 3 : null;
    return [low - (zeros ? 4 : 1), high + 1];
  }

  // Where a bin begins on the axis, counted in bins.
  position(bin) { return bin === 0 && this.zeros !== null ? this.zeros : bin; }

  draw() {
    const found = this.found(), range = new Range(false);
    this.bins = found.length ? this.measureBins(found) : null;
    const kept = this.app.shown().some((run) => run.histograms[this.name]);
    const without = this.name === "param" ? "this layer has no weights" : "nothing to count";
    const most = Math.max(...found.map(({ counts, total }) => Math.max(...counts) / (total || 1)));
    range.fixed = [0, 1.05 * most || 1];
    const context = frame(this, this.bins && range, kept ? without : undefined), { axis } = this;
    if (!context) return;
    drawAcross(context, this.ticks(found[0].one), (bin) => this.placeX(bin), axis.bottom, this.left,
      this.right, "value");
    found.forEach((each, position) => this.outline(context, each, axis, position === 0));
  }

  outline(context, { run, one, counts, total }, axis, filled) {
    context.beginPath();
    let end = null;
    const close = () => { if (end !== null) context.lineTo(this.placeX(end), axis.bottom); };
    counts.forEach((count, i) => {
      const at = this.position(one.first + i), y = axis.place(count / (total || 1));
      if (at !== end) {
        close();
        context.moveTo(this.placeX(at), axis.bottom);
      }
      context.lineTo(this.placeX(at), y);
      context.lineTo(this.placeX(at + 1), y);
      end = at + 1;
    });
    close();
    context.strokeStyle = context.fillStyle = runColor(run.index);
    if (filled) {
      context.globalAlpha = 0.2;
      context.fill();
      context.globalAlpha = 1;
    }
    context.lineWidth = 1.4;
    context.setLineDash(runDash(run.index));
    context.stroke();
    context.setLineDash([]);
  }

  placeX(bin) {
    const [low, high] = this.bins;
    return this.left + Math.min(1, Math.max(0, (bin - low) / (high - low))) * (this.right - this.left);
  }

  // Ticks at 0 and at every few bins away from it.
  ticks(one) {
    const [low, high] = this.bins;
    const every = Math.max(1, Math.ceil((high - low) / Math.max(2, (this.right - this.left) / 62)));
    const zero = one.edges.indexOf(0);
    const ticks = this.zeros === null ? [] : [{ value: this.zeros + 0.5, text: "0" }];
    const first = this.zeros === null ? low : this.zeros + 3;
    one.edges.forEach((edge, i) => {
      const bin = one.first + i;
      if (bin < first || bin > high) return;
      if ((i - Math.max(0, zero)) % every === 0) ticks.push({ value: bin, text: binary(edge) });
    });
    return ticks;
  }

  describe(x) {
    if (!this.bins) return null;
    const [low, high] = this.bins;
    const position = Math.floor(low + (x - this.left) / (this.right - this.left) * (high - low));
    const bin = position === this.zeros ? 0 : position;
    let title = null;
    const rows = this.found().map(({ run, one, counts, total }) => {
      const i = bin - one.first;
      if (i < 0 || i >= one.bins) return [run, `0 of ${total}`];
      title = `${format(one.edges[i])} to ${format(one.edges[i + 1])}`;
      return [run, `${counts[i]} of ${total} sampled values`];
    });
    return { title: title || "no value here", rows };
  }

  click() {}

  locate(bin) { return [this.placeX(this.position(bin) + 0.5), (MARGIN.top + this.axis.bottom) / 2]; }
}

// An edge of a bin, a power of two, in few characters.
function binary(edge) {
  if (edge === 0) return "0";
  const exponent = Math.log2(Math.abs(edge)), sign = edge < 0 ? "−" : "";
  if (Math.abs(exponent) <= 6 && exponent >= -3) return `${sign}${Math.abs(edge)}`;
  return sign + power(2, Math.round(exponent));
}
