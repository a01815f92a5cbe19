"use strict";
// Scales and axes. A log axis has a place for every value: zero, infinity and NaN get strips.

const FONT = '12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

function power(base, exponent) {
  const digits = [...String(Math.abs(exponent))].map((digit) => SUPERSCRIPTS[digit]).join("");
  return `${base}${exponent < 0 ? "⁻" : ""}${digits}`;
}

// Round numbers between low and high, at most about `count` of them.
function linearTicks(low, high, count, whole = false) {
  const rough = (high - low) / Math.max(1, count);
  const size = 10 ** Math.floor(Math.log10(rough || 1));
  let step = [1, 2, 5, 10].map((factor) => factor * size).find((one) => one >= rough) || 1;
  if (whole) step = Math.max(1, Math.round(step));
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) {
    ticks.push({ value: k * step, text: String(Number((k * step).toPrecision(12))) });
  }
  return ticks;
}

// Names of layers as ticks at `places`, as many as fit: where not all do, a block has one for all.
function layerTicks(context, run, layers, places, width) {
  const longest = (ticks) => Math.max(0, ...ticks.map(({ text }) => context.measureText(text).width));
  const all = layers.map((layer, i) => ({ value: places[i], text: run.layers[layer] }));
  if (all.length * (longest(all) + 10) < width) return all;
  const groups = [];
  layers.forEach((layer, i) => {
    const block = run.blocks[layer], last = groups.at(-1);
    if (block && last && last.block === block) last.places.push(places[i]);
    else groups.push({ block, places: [places[i]], text: block || run.layers[layer] });
  });
  const ticks = groups.map(({ places: of, text }) => ({ value: (of[0] + of.at(-1)) / 2, text }));
  const every = Math.ceil(ticks.length * (longest(ticks) + 14) / width);
  return ticks.filter((_, i) => i % every === 0);
}

function logTicks(low, high, count) {
  const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
  if (last - first < 1) {
    const ticks = [];
    for (let exponent = first - 1; exponent <= last + 1; exponent++) {
      for (const factor of [1, 2, 5]) {
        const value = factor * 10 ** exponent;
        if (value >= low && value <= high) ticks.push({ value, text: String(Number(value.toPrecision(3))) });
      }
    }
    return ticks;
  }
  const every = Math.max(1, Math.ceil((last - first + 1) / count));
  const ticks = [];
  for (let exponent = first; exponent <= last; exponent++) {
    if (exponent % every === 0) ticks.push({ value: 10 ** exponent, text: power(10, exponent) });
  }
  return ticks;
}

// The range that finite values need, widened to be seen; log ranges leave values <= 0 aside.
class Range {
  constructor(log, least = 0.6) {
    Object.assign(this, { log, least }); // decades that a log range has at least
    this.low = Infinity;
    this.high = -Infinity;
    this.kinds = { nan: false, infinite: false, zero: false };
  }

  add(value) {
    if (value === undefined) return;
    const kind = this.kind(value);
    if (kind) this.kinds[kind] = true;
    else if (value < this.low || value > this.high) {
      this.low = Math.min(this.low, value);
      this.high = Math.max(this.high, value);
    }
  }

  kind(value) {
    if (Number.isNaN(value)) return "nan";
    if (!Number.isFinite(value)) return "infinite";
    return this.log && value <= 0 ? "zero" : null;
  }

  padded() {
    let { low, high } = this;
    if (low > high) [low, high] = this.log ? [0.1, 10] : [0, 1];
    if (this.log) {
      const middle = (Math.log10(low) + Math.log10(high)) / 2;
      const half = Math.max(this.least / 2, 0.54 * (Math.log10(high) - Math.log10(low)));
      return [10 ** (middle - half), Math.min(10 ** (middle + half), Number.MAX_VALUE)];
    }
    const room = 0.05 * (high - low) || 0.5;
    return [low - room, high + room];
  }
}

const STRIP = 15;

// The upright axis between pixels `top` and `bottom`: strips above and below, a scale between.
class UprightAxis {
  constructor(range, top, bottom) {
    this.range = range;
    this.strips = {};
    this.baseline = bottom; // below the strips
    for (const kind of ["nan", "infinite"]) {
      if (range.kinds[kind]) { this.strips[kind] = top; top += STRIP; }
    }
    if (range.kinds.zero) { bottom -= STRIP; this.strips.zero = bottom; }
    [this.top, this.bottom] = [top, bottom];
    [this.low, this.high] = range.fixed || range.padded();
  }

  place(value) {
    const kind = this.range.kind(value);
    if (kind) return kind in this.strips ? this.strips[kind] + STRIP / 2 : this.top;
    const at = this.range.log ? Math.log10 : Number;
    const share = (at(value) - at(this.low)) / (at(this.high) - at(this.low));
    return this.bottom - Math.min(1, Math.max(0, share)) * (this.bottom - this.top);
  }

  ticks() {
    const count = Math.max(2, Math.floor((this.bottom - this.top) / 34));
    return (this.range.log ? logTicks : linearTicks)(this.low, this.high, count);
  }
}

// A canvas that is sharp on any screen; returns its context and its size in CSS pixels.
function prepare(canvas) {
  const ratio = Math.max(1, window.devicePixelRatio || 1);
  const width = canvas.clientWidth || 300, height = canvas.clientHeight || 150;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = FONT;
  return { context, width, height, ratio };
}

function drawUpright(context, axis, left, right) {
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const [kind, top] of Object.entries(axis.strips)) {
    context.fillStyle = theme("strip");
    context.fillRect(left, top, right - left, STRIP);
    context.fillStyle = theme("soft");
    context.fillText(WORDS.strips[kind], left - 6, top + STRIP / 2);
  }
  for (const tick of axis.ticks()) {
    const y = Math.round(axis.place(tick.value)) + 0.5;
    if ("nan" in axis.strips || "infinite" in axis.strips) if (y < axis.top + 8) continue;
    rule(context, left, y, right, y, theme("grid"));
    context.fillStyle = theme("soft");
    context.fillText(tick.text, left - 6, y);
  }
}

function drawAcross(context, ticks, place, y, left, right, title) {
  rule(context, left, y + 0.5, right, y + 0.5, theme("soft"));
  context.textBaseline = "top";
  context.textAlign = "center";
  context.fillStyle = theme("soft");
  let taken = -Infinity;
  for (const tick of ticks) {
    const x = place(tick.value), half = context.measureText(tick.text).width / 2;
    const at = Math.min(x, right + 10 - half);
    if (at - half < taken + 6 || x > right + 1) continue;
    rule(context, x, y, x, y + 4, theme("soft"));
    context.fillText(tick.text, at, y + 6);
    taken = at + half;
  }
  context.fillText(title, (left + right) / 2, y + 20);
}

function rule(context, x1, y1, x2, y2, color, dash = [], width = 1) {
  context.save();
  context.strokeStyle = color;
  context.lineWidth = width;
  context.setLineDash(dash);
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
  context.restore();
}
