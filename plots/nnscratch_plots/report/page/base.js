"use strict";
// Reading the page's data, writing numbers, and the looks of runs.

const byId = (id) => document.getElementById(id);
const DATA = JSON.parse(byId("data").textContent);
const WORDS = DATA.words, FIELDS = WORDS.fields; // what the page says and draws by name

const ARRAYS = { f4: Float32Array, f8: Float64Array, u1: Uint8Array, u2: Uint16Array };

function decode(packed) {
  const text = atob(packed.data);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new ARRAYS[packed.type](bytes.buffer);
}

// Four digits. undefined is what was never measured, which is not the same as NaN.
function format(value) {
  if (value === undefined) return "not measured";
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "infinite" : "-infinite";
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e4 ? value.toPrecision(4) : value.toExponential(3);
}

// One value per layer and step; a layer without such a quantity has no column.
class Quantity {
  constructor(packed, layers) {
    this.values = decode(packed);
    this.columns = packed.columns;
    this.width = packed.columns.length;
    this.column = new Int32Array(layers).fill(-1);
    packed.columns.forEach((layer, column) => { this.column[layer] = column; });
  }

  at(row, layer) {
    const column = layer < this.column.length ? this.column[layer] : -1;
    return column < 0 ? undefined : this.values[row * this.width + column];
  }
}

class Run {
  constructor(packed, index) {
    const { label, layers, roles, blocks, places, lanes, steps } = packed;
    Object.assign(this, { index, label, layers, roles, blocks, places, lanes, steps, visible: true });
    const { steps: seriesSteps, ...series } = packed.series;
    this.seriesSteps = seriesSteps;
    this.series = Object.fromEntries(Object.entries(series).map(([key, one]) => [key, decode(one)]));
    if (this.series.validation_loss) { // not measured before the first epoch ends
      this.series.validation_loss = Array.from(this.series.validation_loss,
        (value) => (Number.isNaN(value) ? undefined : value));
    }
    this.quantities = {};
    for (const [key, one] of Object.entries(packed.quantities)) {
      this.quantities[key] = new Quantity(one, layers.length);
    }
    this.time = packed.time && new Time(packed.time);
    this.attribution = packed.attribution && new Attribution(packed.attribution);
    this.histograms = {};
    if (packed.histograms) {
      const { rows, ...named } = packed.histograms;
      this.histogramRows = rows;
      for (const [name, one] of Object.entries(named)) {
        this.histograms[name] = { ...one, bins: one.edges.length - 1, counts: decode(one) };
      }
    }
  }

  value(key, row, layer) {
    return this.quantities[key] ? this.quantities[key].at(row, layer) : undefined;
  }

  // The layer of this run, of those given, that stands where `layer` of another run does: of the same
  // name where both have the same layers, else of the same role and about as deep. Or undefined.
  like(other, layer, columns) {
    if (sameLayers(this, other)) return columns.includes(layer) ? layer : undefined;
    const away = (one) => Math.abs(this.places[one] - other.places[layer]);
    const alike = columns.filter((one) => this.roles[one] === other.roles[layer] && away(one) < 0.75);
    return alike.length ? alike.reduce((best, one) => (away(one) < away(best) ? one : best)) : undefined;
  }

  // The kept step at or before `step`, as an index; the first where the run began later.
  row(step) { return Math.max(0, lastNotAbove(this.steps, step)); }

  lossAt(step) { return this.series.loss[Math.max(0, lastNotAbove(this.seriesSteps, step))]; }
}

function sameLayers(one, other) {
  return one === other || (one.layers.length === other.layers.length
    && one.layers.every((name, i) => name === other.layers[i]));
}

// Index of the last entry of an increasing list that is not above `value`, or -1.
function lastNotAbove(list, value) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] <= value) low = middle + 1; else high = middle;
  }
  return low - 1;
}

function nearest(list, value) {
  const i = lastNotAbove(list, value);
  if (i < 0) return 0;
  return i + 1 < list.length && list[i + 1] - value < value - list[i] ? i + 1 : i;
}

// The colours of all pictures, with dashes for print in grey; lightened on dark paper.
const COLORS = WORDS.colors;
const DASHES = [[], [7, 3], [2, 2], [8, 2, 2, 2]];

function isDark() { return matchMedia("screen and (prefers-color-scheme: dark)").matches; }

function runColor(index) {
  const color = COLORS[index % COLORS.length];
  if (!isDark()) return color;
  const light = (at) => Math.round(127.5 + parseInt(color.slice(at, at + 2), 16) / 2);
  return index % COLORS.length ? `rgb(${light(1)},${light(3)},${light(5)})` : "#ffffff";
}

function runDash(index) { return DASHES[index % DASHES.length]; }

function theme(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// A short stroke in the colour and dashes of a run, for legends and the text under the pointer.
function swatch(index, dash = index) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const line = document.createElementNS(space, "line");
  const all = { x1: 0, x2: 26, y1: 6, y2: 6, stroke: runColor(index), "stroke-width": 3,
    "stroke-dasharray": runDash(dash).join(" ") };
  for (const [name, value] of Object.entries(all)) line.setAttribute(name, value);
  for (const [name, value] of Object.entries({ width: 26, height: 12, "aria-hidden": "true" })) {
    svg.setAttribute(name, value);
  }
  svg.append(line);
  return svg;
}
