"use strict";
// What changes the gradient: stacked bars by layer with weights (or join), in powers of ten.

const TERMS = WORDS.terms;
const NARROW = 60; // bars; with more of them they touch, without a pattern
// Patterns by the characters of Matplotlib's hatches: lines [x1, y1, x2, y2] in a square of 8.
const HATCHES = { "/": [[0, 8, 8, 0]], "\\": [[0, 0, 8, 8]], "-": [[0, 4, 8, 4]], "|": [[4, 0, 4, 8]],
  ".": [[2, 2, 3, 2], [6, 6, 7, 6]], x: [[0, 8, 8, 0], [0, 0, 8, 8]], "+": [[0, 4, 8, 4], [4, 0, 4, 8]] };

// What each term adds at each of the layers `heads`, at every kept step.
class Attribution {
  constructor(packed) {
    this.heads = packed.columns;
    this.terms = packed.terms;
    this.numbers = decode(packed);
  }

  // By term, and whether a bar is broken: some norm is 0 or not finite.
  at(row) {
    const { heads, terms } = this, count = heads.length * terms.length;
    const values = Object.fromEntries(terms.map((term, i) => [
      term, heads.map((_, bar) => this.numbers[row * count + bar * terms.length + i])]));
    const broken = heads.map((_, bar) => !terms.every((term) => Number.isFinite(values[term][bar])));
    return { values, broken };
  }

  // The lowest and the highest end of any bar at any step.
  extent() {
    if (this.ends) return this.ends;
    const { terms, numbers } = this;
    let [low, high] = [0, 0];
    for (let start = 0; start < numbers.length; start += terms.length) {
      const bar = numbers.subarray(start, start + terms.length);
      if (!bar.every(Number.isFinite)) continue;
      low = Math.min(low, bar.reduce((sum, value) => sum + Math.min(value, 0), 0));
      high = Math.max(high, bar.reduce((sum, value) => sum + Math.max(value, 0), 0));
    }
    this.ends = [low, high];
    return this.ends;
  }
}

class AttributionChart {
  constructor(app, canvas, words, run, range) {
    Object.assign(this, { app, canvas, words, range, run, attribution: run.attribution });
    listen(this, canvas);
  }

  layersShown() { return this.app.inReference(this.run, this.attribution.heads); }

  draw() {
    const context = frame(this, this.range), { axis } = this;
    const { heads, terms } = this.attribution, row = this.run.row(this.app.step());
    const { values, broken } = this.found = this.attribution.at(row);
    const ticks = layerTicks(context, this.run, heads, heads.map((_, bar) => bar), this.right - this.left);
    const slot = (this.right - this.left) / heads.length, narrow = heads.length > NARROW;
    const wide = narrow ? slot : Math.min(60, 0.8 * slot);
    heads.forEach((_, bar) => {
      const x = this.placeX(bar) - wide / 2;
      if (broken[bar]) {
        context.fillStyle = theme("strip");
        context.fillRect(x, axis.top, wide, axis.bottom - axis.top);
        return;
      }
      const ends = { down: 0, up: 0 };
      for (const term of terms) {
        const value = values[term][bar], side = value < 0 ? "down" : "up";
        const [y1, y2] = [axis.place(ends[side]), axis.place(ends[side] += value)];
        fillTerm(context, term, x, Math.min(y1, y2), wide, Math.abs(y2 - y1), narrow);
      }
    });
    drawAcross(context, ticks, (bar) => this.placeX(bar), axis.bottom, this.left, this.right,
      "layer or block (input at the left)");
    rule(context, this.left, axis.place(0), this.right, axis.place(0), theme("ink"));
    const chosen = this.placeX(Math.max(0, lastNotAbove(heads, this.app.layerOf(this.run) ?? 0)));
    rule(context, chosen, MARGIN.top, chosen, axis.bottom, theme("soft"), [2, 3]);
    this.write(row);
  }

  // The sums of this step, and how many bars could not be drawn.
  write(row) {
    const { values, broken } = this.found, { terms, heads } = this.attribution, { layers } = this.run;
    const left = broken.filter(Boolean).length;
    const parts = [];
    if (left < heads.length) {
      parts.push(`Step ${this.run.steps[row]}, from ${layers.at(-1)} down to ${layers[0]}: `);
      let whole = 0;
      for (const term of terms) {
        const sum = values[term].reduce((all, value, bar) => (broken[bar] ? all : all + value), 0);
        const span = element("span", undefined, { "data-term": term });
        whole += sum;
        span.append(termSquare(), `${TERMS[term].title} ${signed(sum)}`);
        parts.push(span, ", ");
      }
      const times = left ? "" : `: the gradient arrives ${format(10 ** whole)} times as large`;
      parts.push(element("span", `together ${signed(whole)}`, { "data-term": "together" }), `${times}.`);
    }
    if (left) parts.push(` Not drawn, and in no sum: ${left} of ${heads.length} bars, where ${WORDS.broken}.`);
    this.words.replaceChildren(...parts);
    for (const span of this.words.querySelectorAll("[data-term]")) {
      const square = span.querySelector("canvas");
      if (!square) continue;
      const { context, width, height } = prepare(square);
      fillTerm(context, span.dataset.term, 0, 0, width, height, false);
    }
  }

  placeX(bar) { return this.left + (bar + 0.5) / this.attribution.heads.length * (this.right - this.left); }

  barAt(x) {
    const count = this.attribution.heads.length;
    return Math.min(count - 1, Math.max(0, Math.floor((x - this.left) / (this.right - this.left) * count)));
  }

  describe(x) {
    const bar = this.barAt(x), { heads, terms } = this.attribution, { layers } = this.run;
    const { values, broken } = this.found;
    const upper = layers[bar + 1 < heads.length ? heads[bar + 1] : layers.length - 1];
    const said = terms.map((term) => `${TERMS[term].title} ${signed(values[term][bar])}`);
    const sum = terms.reduce((all, term) => all + values[term][bar], 0);
    const text = broken[bar] ? WORDS.broken : `${said.join(", ")}, together ${signed(sum)}`;
    const step = this.run.steps[this.run.row(this.app.step())];
    return { title: `${upper} down to ${layers[heads[bar]]}, step ${step}`, rows: [[this.run, text]] };
  }

  click(x) { this.app.choose(this.run, this.attribution.heads[this.barAt(x)]); }

  locate(bar) { return [this.placeX(bar), (this.axis.top + this.axis.bottom) / 2]; }
}

function signed(value) {
  const rounded = Math.round(value * 100) / 100 || 0;
  return (rounded < 0 ? "" : "+") + rounded.toFixed(2);
}

function termSquare() { return element("canvas", undefined, { "aria-hidden": "true" }); }

// A part of a bar: its colour, and over it a pattern for print in grey.
function fillTerm(context, term, x, y, width, height, plain) {
  const { color, hatch } = TERMS[term];
  context.fillStyle = runColor(color);
  context.fillRect(x, y, width, height);
  if (plain || !hatch) return;
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = theme("panel");
  context.beginPath();
  for (let across = 0; across < width; across += 8) {
    for (let down = 0; down < height; down += 8) {
      for (const [x1, y1, x2, y2] of HATCHES[hatch[0]]) {
        context.moveTo(x + across + x1, y + down + y1);
        context.lineTo(x + across + x2, y + down + y2);
      }
    }
  }
  context.stroke();
  context.restore();
}

// One chart for each visible run that has an attribution, all on one scale; none: no panel.
function offerAttributions(app) {
  const found = app.shown().filter((run) => run.attribution);
  byId("attribution").hidden = !found.length;
  const range = new Range(false);
  const [low, high] = [0, 1].map((end) => found.map((run) => run.attribution.extent()[end]));
  range.fixed = [Math.min(-0.1, 1.08 * Math.min(...low)), Math.max(0.1, 1.08 * Math.max(...high))];
  const charts = [];
  byId("attributions").replaceChildren(...found.map((run) => {
    const holder = element("div"), words = element("p", undefined, { class: "terms" });
    const canvas = element("canvas", undefined, { tabindex: 0, role: "img",
      "aria-label": `What changes the gradient of ${run.label}, by layer` });
    if (app.runs.length > 1) holder.append(element("h4", run.label));
    holder.append(canvas, words);
    charts.push(new AttributionChart(app, canvas, words, run, range));
    return holder;
  }));
  return charts;
}
