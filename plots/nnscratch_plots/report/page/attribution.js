"use strict";
// What changes the gradient: stacked bars by dense block, in powers of ten, with the definition and
// the colours of nnscratch_plots.attribution.

const TERMS = {
  weights: { title: "weights", color: 1, hatch: [] },
  derivative: { title: "activation's derivative", color: 2, hatch: [[0, 8, 8, 0]] },
  batchnorm: { title: "batch norm", color: 3, hatch: [[2, 2, 3, 2], [6, 6, 7, 6]] },
  dropout: { title: "dropout", color: 6, hatch: [[0, 4, 8, 4]] },
};
const TERM_OF = { dense: "weights", batchnorm: "batchnorm", dropout: "dropout" };
const NARROW = 60; // blocks; with more of them bars touch, without a pattern

// Two layers that a record holds are neighbours, as far as their names tell.
function follow(below, above) {
  const numbers = [below, above].map((name) => name.split(".")[0]);
  return !numbers.every((one) => /^\d+$/.test(one)) || Number(numbers[1]) === Number(numbers[0]) + 1;
}

// Layer i changes the gradient's norm by the factor |dL/dy_(i-1)| / |dL/dy_i|, and its logarithms
// add up. A change belongs to the block of the dense layer at whose output it ends.
class Attribution {
  constructor(run) {
    this.run = run;
    const kinds = run.layers.map(kindOf), last = kinds.length - 1;
    const dense = kinds.flatMap((kind, layer) => (kind === "dense" ? [layer] : []));
    const heads = dense.length ? dense : [...kinds.keys()];
    const below = heads[0] > 0 ? 1 : 0; // layers before the first dense one have their own block
    this.heads = [...(below ? [0] : []), ...heads.slice(0, -1), ...(heads.at(-1) < last ? heads.slice(-1) : [])];
    this.block = kinds.map((_, layer) => lastNotAbove(heads, layer - 1) + below);
    this.term = kinds.map((kind) => TERM_OF[kind] || "derivative");
    this.terms = Object.keys(TERMS).filter((term) => this.term.indexOf(term, 1) > 0);
  }

  static of(run) {
    const whole = run.layers.every((name, i) => i === 0 || follow(run.layers[i - 1], name));
    return whole && run.layers.length > 1 ? new Attribution(run) : null;
  }

  // What each term adds in each block; a block with a norm that is 0 or not finite is broken.
  at(row) {
    const count = this.heads.length;
    const values = Object.fromEntries(this.terms.map((term) => [term, new Float64Array(count)]));
    const sums = new Float64Array(count);
    let above = Math.log10(this.run.value("gradient_norm", row, 0));
    for (let layer = 1; layer < this.run.layers.length; layer++) {
      const here = Math.log10(this.run.value("gradient_norm", row, layer));
      values[this.term[layer]][this.block[layer]] += above - here;
      sums[this.block[layer]] += above - here;
      above = here;
    }
    return { values, broken: Array.from(sums, (sum) => !Number.isFinite(sum)) };
  }

  // The lowest and the highest end of any bar at any step.
  extent() {
    if (this.ends) return this.ends;
    let [low, high] = [0, 0];
    for (let row = 0; row < this.run.steps.length; row++) {
      const { values, broken } = this.at(row);
      broken.forEach((left, block) => {
        if (left) return;
        let [down, up] = [0, 0];
        for (const term of this.terms) {
          const value = values[term][block];
          if (value < 0) down += value; else up += value;
        }
        [low, high] = [Math.min(low, down), Math.max(high, up)];
      });
    }
    this.ends = [low, high];
    return this.ends;
  }
}

class AttributionChart {
  constructor(app, canvas, words, attribution, range) {
    Object.assign(this, { app, canvas, words, attribution, range, run: attribution.run });
    listen(this, canvas);
  }

  layersShown() { return this.attribution.heads; }

  draw() {
    const { context, width, height } = prepare(this.canvas);
    const { heads, terms } = this.attribution, row = this.run.row(this.app.step());
    const found = this.found = this.attribution.at(row), { values, broken } = found;
    this.left = MARGIN.left;
    this.right = width - MARGIN.right;
    const axis = this.axis = new UprightAxis(this.range, MARGIN.top, height - MARGIN.bottom);
    drawUpright(context, axis, this.left, this.right);
    const ticks = linearTicks(0, heads.length - 1, 10, true)
      .map(({ value }) => ({ value, text: String(heads[value] + 1) }));
    const slot = (this.right - this.left) / heads.length, narrow = heads.length > NARROW;
    const wide = narrow ? slot : Math.min(60, 0.8 * slot);
    heads.forEach((_, block) => {
      const x = this.placeX(block) - wide / 2;
      if (broken[block]) {
        context.fillStyle = theme("strip");
        context.fillRect(x, axis.top, wide, axis.bottom - axis.top);
        return;
      }
      const ends = { down: 0, up: 0 };
      for (const term of terms) {
        const value = values[term][block], side = value < 0 ? "down" : "up";
        const [y1, y2] = [axis.place(ends[side]), axis.place(ends[side] += value)];
        fillTerm(context, term, x, Math.min(y1, y2), wide, Math.abs(y2 - y1), narrow);
      }
    });
    drawAcross(context, ticks, (block) => this.placeX(block), axis.bottom, this.left, this.right,
      "dense layer (input at the left)");
    rule(context, this.left, axis.place(0), this.right, axis.place(0), theme("ink"));
    const chosen = this.placeX(this.blockOf(this.app.layer));
    rule(context, chosen, MARGIN.top, chosen, axis.bottom, theme("soft"), [2, 3]);
    this.write(row);
  }

  // The sums of this step, and what could not be drawn.
  write(row) {
    const { values, broken } = this.found, { terms, heads } = this.attribution, { layers } = this.run;
    const left = broken.filter(Boolean).length;
    const parts = [];
    if (left < heads.length) {
      parts.push(`Step ${this.run.steps[row]}, from ${layers.at(-1)} down to ${layers[0]}: `);
      let whole = 0;
      for (const term of terms) {
        const sum = values[term].reduce((all, value, block) => (broken[block] ? all : all + value), 0);
        const span = element("span", undefined, { "data-term": term });
        whole += sum;
        span.append(termSquare(), `${TERMS[term].title} ${signed(sum)}`);
        parts.push(span, ", ");
      }
      const times = left ? "" : `: the gradient arrives ${format(10 ** whole)} times as large`;
      parts.push(element("span", `together ${signed(whole)}`, { "data-term": "together" }), `${times}.`);
    }
    if (left) {
      const marks = layers.map((_, layer) => markOf(this.run.value("gradient_norm", row, layer)));
      const where = Object.keys(SPECIAL_NAMES).filter((kind) => marks.includes(kind)).map((kind) => (
        `${SPECIAL_NAMES[kind]} at ${listed(layers, marks.map((mark) => mark === kind))}`));
      const blocks = listed(heads.map((head) => layers[head]), broken);
      parts.push(left < heads.length
        ? ` Not drawn, and not in these sums: ${left} of ${heads.length} blocks (${blocks})`
        : `Nothing can be drawn at step ${this.run.steps[row]}`, `, since the gradient is ${where.join("; ")}.`);
    }
    this.words.replaceChildren(...parts);
    for (const span of this.words.querySelectorAll("[data-term]")) {
      const square = span.querySelector("canvas");
      if (!square) continue;
      const { context, width, height } = prepare(square);
      fillTerm(context, span.dataset.term, 0, 0, width, height, false);
    }
  }

  placeX(block) { return this.left + (block + 0.5) / this.attribution.heads.length * (this.right - this.left); }

  blockOf(layer) { return Math.max(0, lastNotAbove(this.attribution.heads, layer)); }

  blockAt(x) {
    const count = this.attribution.heads.length;
    return Math.min(count - 1, Math.max(0, Math.floor((x - this.left) / (this.right - this.left) * count)));
  }

  describe(x) {
    const block = this.blockAt(x), { heads, terms } = this.attribution, { layers } = this.run;
    const { values, broken } = this.found;
    const upper = layers[block + 1 < heads.length ? heads[block + 1] : layers.length - 1];
    const said = terms.map((term) => `${TERMS[term].title} ${signed(values[term][block])}`);
    const sum = terms.reduce((all, term) => all + values[term][block], 0);
    const text = broken[block] ? "a norm is 0 or not finite" : `${said.join(", ")}, together ${signed(sum)}`;
    const step = this.run.steps[this.run.row(this.app.step())];
    return { title: `${upper} down to ${layers[heads[block]]}, step ${step}`, rows: [[this.run, text]] };
  }

  click(x) { this.app.chooseLayer(this.attribution.heads[this.blockAt(x)]); }

  locate(block) { return [this.placeX(block), (this.axis.top + this.axis.bottom) / 2]; }
}

function markOf(value) {
  if (Number.isNaN(value)) return "nan";
  return value === 0 ? "zero" : Number.isFinite(value) ? null : "infinite";
}

// The marked ones of a list of names, neighbours as "first to last".
function listed(names, marked) {
  const parts = [];
  for (let from = 0; from < names.length; from++) {
    if (!marked[from]) continue;
    let to = from;
    while (marked[to + 1]) to++;
    parts.push(to === from ? names[from] : `${names[from]} to ${names[to]}`);
    from = to;
  }
  return parts.length > 4 ? `${parts.slice(0, 3).join(", ")} and ${parts.length - 3} more places` : parts.join(", ");
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
  if (plain || !hatch.length) return;
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = theme("panel");
  context.beginPath();
  for (let across = 0; across < width; across += 8) {
    for (let down = 0; down < height; down += 8) {
      for (const [x1, y1, x2, y2] of hatch) {
        context.moveTo(x + across + x1, y + down + y1);
        context.lineTo(x + across + x2, y + down + y2);
      }
    }
  }
  context.stroke();
  context.restore();
}

// One chart for each visible run whose layers leave no gap, all on one scale; none: no panel.
function offerAttributions(app) {
  const found = app.shown().map((run) => Attribution.of(run)).filter(Boolean);
  byId("attribution").hidden = !found.length;
  const range = new Range(false);
  const [low, high] = [0, 1].map((end) => found.map((one) => one.extent()[end]));
  range.fixed = [Math.min(-0.1, 1.08 * Math.min(...low)), Math.max(0.1, 1.08 * Math.max(...high))];
  const charts = [];
  byId("attributions").replaceChildren(...found.map((attribution) => {
    const holder = element("div"), words = element("p", undefined, { class: "terms" });
    const canvas = element("canvas", undefined, { tabindex: 0, role: "img",
      "aria-label": `What changes the gradient of ${attribution.run.label}, by dense layer` });
    if (app.runs.length > 1) holder.append(element("h4", attribution.run.label));
    holder.append(canvas, words);
    charts.push(new AttributionChart(app, canvas, words, attribution, range));
    return holder;
  }));
  return charts;
}
