"use strict";
// Layers by steps: one canvas per run, one colour scale for all of them.

const VIRIDIS = WORDS.map.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
const [LEAST_DECADES, MOST_DECADES] = WORDS.decades;
const HEAT_MARGIN = { left: 110, right: 6, top: 6, bottom: 38 };

function viridis(share) {
  const at = Math.min(1, Math.max(0, share)) * (VIRIDIS.length - 1);
  const i = Math.min(VIRIDIS.length - 2, Math.floor(at));
  return VIRIDIS[i].map((low, part) => low + (at - i) * (VIRIDIS[i + 1][part] - low));
}

// Flat colours outside the scale, each with its own pattern for print in grey.
const SPECIALS = {
  zero: (x, y) => (x % 4 === 1 && y % 4 === 1 ? [255, 255, 255] : [0, 0, 0]),
  infinite: (x, y) => ((x + y) % 6 < 2 ? [0, 0, 0] : [232, 89, 12]),
  nan: (x, y) => ((x + y) % 7 === 0 || (x - y + 7000) % 7 === 0 ? [110, 110, 110] : [228, 228, 228]),
};

// The colours of one quantity of the chosen layers over all runs, shown or not: toggling a run
// changes no colour.
class ColorScale {
  constructor(app, key) {
    this.log = FIELDS[key].log;
    const range = this.range = new Range(this.log);
    const starts = [];
    for (const run of app.runs) {
      const columns = app.columns(run, key);
      if (!columns.length) continue;
      const last = run.value(key, 0, columns.at(-1));
      if (Number.isFinite(last) && last > 0) starts.push(Math.log10(last));
      for (let row = 0; row < run.steps.length; row++) {
        for (const layer of columns) range.add(run.value(key, row, layer));
      }
    }
    if (!this.log) { [this.low, this.high] = [0, 1]; return; }
    [this.low, this.high] = range.low > range.high ? [0.1, 10] : [range.low, range.high];
    let [low, high] = [Math.log10(this.low), Math.log10(this.high)];
    if (high - low > MOST_DECADES && starts.length) {
      const anchor = starts.sort((a, b) => a - b)[starts.length >> 1];
      low = Math.max(low, anchor - 0.6 * MOST_DECADES);
      high = Math.min(high, anchor + 0.4 * MOST_DECADES);
    }
    const missing = Math.max(0, LEAST_DECADES - (high - low)) / 2;
    [low, high] = [low - missing, high + missing];
    this.cut = [this.low < 10 ** low * 0.999, this.high > 10 ** high * 1.001];
    [this.low, this.high] = [10 ** low, 10 ** high];
  }

  kind(value) {
    if (Number.isNaN(value)) return "nan";
    if (!Number.isFinite(value)) return "infinite";
    return this.log && value <= 0 ? "zero" : null;
  }

  share(value) {
    if (!this.log) return (value - this.low) / (this.high - this.low);
    return Math.log10(value / this.low) / Math.log10(this.high / this.low);
  }
}

class Heatmap {
  constructor(app, canvas, run) {
    Object.assign(this, { app, canvas, run, overSteps: true });
    this.image = document.createElement("canvas");
    listen(this, canvas);
  }

  layersShown() { return this.app.inReference(this.run, this.layers); }

  // Rows are the chosen layers that have the quantity, the first at the bottom.
  frame(context) {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    this.layers = this.app.columns(this.run, this.app.quantity);
    const names = this.layers.map((layer) => context.measureText(this.run.layers[layer]).width);
    this.left = 12 + Math.min(HEAT_MARGIN.left, width / 4, names.reduce((a, b) => Math.max(a, b)));
    this.right = width - HEAT_MARGIN.right;
    this.top = HEAT_MARGIN.top;
    this.bottom = height - HEAT_MARGIN.bottom;
    const steps = this.run.steps;
    const gap = (i) => steps.length > 1 ? steps[i + 1] - steps[i] : 1;
    this.edges = [steps[0] - gap(0) / 2];
    for (let i = 0; i + 1 < steps.length; i++) this.edges.push((steps[i] + steps[i + 1]) / 2);
    this.edges.push(steps.at(-1) + gap(Math.max(0, steps.length - 2)) / 2);
  }

  placeStep(step) {
    const [first, last] = [this.edges[0], this.edges.at(-1)];
    return this.left + (step - first) / (last - first) * (this.right - this.left);
  }

  placeRow(row) {
    return this.bottom - (row + 0.5) / this.layers.length * (this.bottom - this.top);
  }

  rowAt(y) {
    const row = Math.floor((this.bottom - y) / (this.bottom - this.top) * this.layers.length);
    return Math.min(this.layers.length - 1, Math.max(0, row));
  }

  columnAt(x) {
    const [first, last] = [this.edges[0], this.edges.at(-1)];
    const step = first + (x - this.left) / (this.right - this.left) * (last - first);
    return Math.min(this.run.steps.length - 1, Math.max(0, lastNotAbove(this.edges, step)));
  }

  // Paint every pixel once; then every marked cell at least two pixels wide, so that none is lost
  // where there are more cells than pixels.
  paint(ratio) {
    const scale = this.app.colors, key = this.app.quantity;
    const width = Math.max(1, Math.round((this.right - this.left) * ratio));
    const height = Math.max(1, Math.round((this.bottom - this.top) * ratio));
    this.image.width = width;
    this.image.height = height;
    const context = this.image.getContext("2d");
    const pixels = context.createImageData(width, height);
    const put = (x, y, [red, green, blue]) => {
      pixels.data.set([red, green, blue, 255], 4 * (y * width + x));
    };
    const columns = Array.from({ length: width }, (_, x) => this.columnAt(this.left + (x + 0.5) / ratio));
    for (let y = 0; y < height; y++) {
      const layer = this.layers[this.rowAt(this.top + (y + 0.5) / ratio)];
      let before = -1, color = null;
      for (let x = 0; x < width; x++) {
        if (columns[x] !== before) {
          before = columns[x];
          const value = this.run.value(key, before, layer);
          color = scale.kind(value) ? null : viridis(scale.share(value));
        }
        if (color) put(x, y, color);
      }
    }
    for (let column = 0; column < this.run.steps.length; column++) {
      for (let row = 0; row < this.layers.length; row++) {
        const kind = scale.kind(this.run.value(key, column, this.layers[row]));
        if (!kind) continue;
        const x1 = Math.floor((this.placeStep(this.edges[column]) - this.left) * ratio);
        const x2 = Math.ceil((this.placeStep(this.edges[column + 1]) - this.left) * ratio);
        const y1 = Math.floor((this.placeRow(row + 0.5) - this.top) * ratio);
        const y2 = Math.ceil((this.placeRow(row - 0.5) - this.top) * ratio);
        for (let y = y1; y < Math.min(height, Math.max(y2, y1 + 2)); y++) {
          for (let x = x1; x < Math.min(width, Math.max(x2, x1 + 2)); x++) {
            if (x >= 0 && y >= 0) put(x, y, SPECIALS[kind](x, y));
          }
        }
      }
    }
    context.putImageData(pixels, 0, 0);
    this.painted = `${key} ${width} ${height}`;
  }

  draw() {
    const { context, ratio } = prepare(this.canvas);
    this.frame(context);
    const size = [(this.right - this.left) * ratio, (this.bottom - this.top) * ratio].map(Math.round);
    if (this.painted !== `${this.app.quantity} ${size[0]} ${size[1]}`) this.paint(ratio);
    context.drawImage(this.image, this.left, this.top, this.right - this.left, this.bottom - this.top);
    const steps = this.run.steps;
    drawAcross(context, linearTicks(steps[0], steps.at(-1), 6, true), (step) => this.placeStep(step),
      this.bottom, this.left, this.right, "step");
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillStyle = theme("soft");
    const count = this.layers.length;
    for (const tick of linearTicks(0, count - 1, Math.min(count, 6), true)) {
      const layer = this.layers[tick.value], { layers, blocks } = this.run;
      const name = count > 12 && blocks[layer] ? blocks[layer] : layers[layer];
      context.fillText(shortened(context, name, this.left - 8), this.left - 6, this.placeRow(tick.value));
    }
    const x = this.placeStep(this.run.steps[this.run.row(this.app.step())]);
    rule(context, x, this.top, x, this.bottom, "#ffffff", [], 3);
    rule(context, x, this.top, x, this.bottom, "#000000", [4, 4], 1.5);
    const row = this.layers.indexOf(this.app.layerOf(this.run));
    if (row >= 0) {
      context.fillStyle = theme("ink");
      const y = this.placeRow(row);
      context.beginPath();
      context.moveTo(this.left, y); context.lineTo(this.left - 5, y - 4); context.lineTo(this.left - 5, y + 4);
      context.fill();
    }
  }

  describe(x, y) {
    const column = this.columnAt(x), layer = this.layers[this.rowAt(y)];
    const value = format(this.run.value(this.app.quantity, column, layer));
    const text = `${FIELDS[this.app.quantity].short} ${value}`;
    return { title: `${this.run.layers[layer]}, step ${this.run.steps[column]}`, rows: [[this.run, text]] };
  }

  click(x, y) {
    this.app.choose(this.run, this.layers[this.rowAt(y)]);
    this.app.goTo(this.run.steps[this.columnAt(x)]);
  }

  locate(step, layer) {
    return [this.placeStep(step), this.placeRow(this.layers.indexOf(layer))];
  }
}

function shortened(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let kept = text;
  while (kept && context.measureText(`${kept}…`).width > width) kept = kept.slice(0, -1);
  return `${kept}…`;
}

// The scale as a bar, and the flat colours that occur.
function drawLegend(holder, scale) {
  holder.replaceChildren();
  const canvas = element("canvas");
  canvas.setAttribute("aria-hidden", "true");
  holder.append(canvas);
  const { context, width } = prepare(canvas);
  const left = 22, right = width - 22;
  for (let x = left; x < right; x++) {
    context.fillStyle = `rgb(${viridis((x - left) / (right - left)).map(Math.round).join(",")})`;
    context.fillRect(x, 0, 1.5, 14);
  }
  const ticks = scale.log ? logTicks(scale.low, scale.high, 7) : linearTicks(0, 1, 4);
  const place = (value) => left + scale.share(value) * (right - left);
  drawAcross(context, ticks, place, 14, left, right, "");
  for (const [kind, seen] of Object.entries(scale.range.kinds)) {
    if (!seen) continue;
    const label = element("span"), square = element("canvas");
    label.append(square, WORDS.marks[kind]);
    holder.append(label);
    const drawn = prepare(square);
    for (let x = 0; x < drawn.width; x++) {
      for (let y = 0; y < drawn.height; y++) {
        drawn.context.fillStyle = `rgb(${SPECIALS[kind](x, y).join(",")})`;
        drawn.context.fillRect(x, y, 1, 1);
      }
    }
  }
  if (scale.cut && scale.cut.some(Boolean)) {
    holder.append(element("span", "beyond the ends of the bar: the colour of its end"));
  }
}
