"use strict";
// The state of the page - step, layer, quantity, visible runs - and the controls that change it.

const byId = (id) => document.getElementById(id);

const tip = {
  show(found, x, y) {
    const box = byId("tip");
    if (!found) { this.hide(); return; }
    const rows = found.rows.map(([run, text]) => {
      const row = element("div");
      row.append(swatch(run.index), element("span", `${run.label}: ${text}`));
      return row;
    });
    box.replaceChildren(element("b", found.title), ...rows);
    box.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = box;
    const left = x + 14 + width > innerWidth ? x - width - 14 : x + 14;
    const top = y + 16 + height > innerHeight ? y - height - 12 : y + 16;
    box.style.transform = `translate(${Math.max(2, left)}px, ${Math.max(2, top)}px)`;
  },
  hide() { byId("tip").hidden = true; },
};

class App {
  constructor(packed) {
    this.runs = packed.map((one, index) => new Run(one, index));
    this.positions = [...new Set(this.runs.flatMap((run) => run.steps))].sort((a, b) => a - b);
    this.layer = 0;
    this.quantity = "gradient_norm";
    this.kind = this.wantedKind = "dense";
    this.charts = [
      new SeriesChart(this, byId("loss"), [["loss", "loss"]]),
      new ProfileChart(this, byId("profile-gradient_norm"), "gradient_norm"),
      new ProfileChart(this, byId("profile-update_ratio"), "update_ratio", { lines: [1e-3], band: [1e-4, 1e-2] }),
      new ProfileChart(this, byId("profile-output_std"), "output_std"),
      this.ends = new ProfileChart(this, byId("profile-ends"), "saturated", { log: false, fixed: [-0.02, 1.02] }),
      ...["output", "gradient", "weight"].map((name) => new HistogramChart(this, byId(`histogram-${name}`), name)),
    ];
    this.clip = new SeriesChart(this, byId("clip"), [["clip_before", "before"], ["clip_after", "after"]]);
    this.batchnorm = new ProfileChart(this, byId("profile-batchnorm"), BATCHNORM[0], { lines: [1] });
    // Panels of what not every network has.
    const some = (keys, where) => this.runs.some((run) => keys.some((key) => run[where][key]));
    for (const [chart, found] of [[this.clip, some(["clip_before"], "series")],
      [this.batchnorm, some(BATCHNORM, "quantities")]]) {
      chart.canvas.closest("figure").hidden = !found;
      if (found) this.charts.push(chart);
    }
    this.heatmaps = [];
    this.attributions = [];
  }

  shown() { return this.runs.filter((run) => run.visible); }
  depth() { return Math.max(...this.shown().map((run) => run.layers.length)); }
  longest() { return this.shown().reduce((a, b) => (b.layers.length > a.layers.length ? b : a)); }
  step() { return this.positions[Number(byId("step").value)]; }

  // The layers of a run to show a quantity of: those of the chosen kind, where every layer has it.
  columns(run, key) {
    const columns = run.quantities[key] ? run.quantities[key].columns : [];
    if (!OF_EVERY_LAYER.includes(key)) return columns;
    return columns.filter((layer) => KINDS[this.kind].has(kindOf(run.layers[layer])));
  }

  layerTitle(layer) {
    const names = [...new Set(this.shown().map((run) => run.layers[layer]).filter(Boolean))];
    return `${names.join(" / ")}, step ${this.step()}`;
  }

  // Index among a run's kept histograms of the one nearest to the slider's step.
  histogramIndex(run) {
    return nearest(run.histogramRows.map((row) => run.steps[row]), this.step());
  }

  goTo(step) {
    byId("step").value = nearest(this.positions, step);
    this.refresh();
  }

  chooseLayer(layer) {
    this.layer = Math.min(this.depth() - 1, Math.max(0, layer));
    byId("layer").value = this.layer;
    this.refresh();
  }

  // Draw at the next frame, however many events ask for it before.
  refresh() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.draw(); });
  }

  draw() {
    this.charts.forEach((chart) => chart.draw());
    this.heatmaps.forEach((heatmap) => heatmap.draw());
    this.attributions.forEach((bars) => bars.draw());
    this.write();
  }

  // The numbers of the chosen layer as text, for eyes, screen readers and copying.
  write() {
    const step = this.step(), runs = this.shown();
    byId("step-text").textContent = runs.length === 1
      ? `step ${step}, loss ${format(runs[0].lossAt(step))}` : `step ${step}`;
    byId("step").setAttribute("aria-valuetext", `step ${step}`);
    const keys = Object.keys(QUANTITIES).filter((key) => key !== "saturated"
      && runs.some((run) => run.value(key, run.row(step), this.layer) !== undefined));
    const head = element("tr");
    head.append(element("th", "run"), ...keys.map((key) => element("th", QUANTITIES[key].title)));
    const rows = runs.map((run) => {
      const row = element("tr"), at = run.row(step);
      const ended = run.steps[at] === step ? "" : ` (step ${run.steps[at]})`;
      row.append(element("th", run.label + ended, { title: run.label }));
      for (const key of keys) {
        const value = run.value(key, at, this.layer);
        row.append(element("td", value === undefined ? "–" : format(value), { "data-key": key }));
      }
      return row;
    });
    byId("values").replaceChildren(head, ...rows);
    const names = [...new Set(runs.map((run) => run.layers[this.layer]).filter(Boolean))];
    byId("histogram-name").textContent = `${names.join(" / ")}, layer ${this.layer + 1}`;
    const kept = runs.filter((run) => run.histogramRows);
    const shown = kept.map((run) => run.steps[run.histogramRows[this.histogramIndex(run)]]);
    const others = [...new Set(shown)].filter((one) => one !== step);
    byId("histogram-step").textContent = others.length
      ? `Shown: step ${[...new Set(shown)].join(" / ")}, the nearest whose histograms this page holds.` : "";
  }

  // Offer the kinds of layers that the visible runs have, and say everywhere which one is shown.
  offerKinds() {
    const kinds = this.shown().flatMap((run) => run.layers.map(kindOf));
    const found = ["dense", "activations"].filter((key) => kinds.some(KINDS[key].has));
    if (found.length !== 1 || !kinds.every(KINDS[found[0]].has)) found.push("all");
    this.kind = found.includes(this.wantedKind) ? this.wantedKind : found[0];
    byId("kind").replaceChildren(...found.map((key) => element("option", KINDS[key].title, { value: key })));
    byId("kind").value = this.kind;
    byId("kind").parentElement.hidden = found.length === 1;
    for (const one of document.querySelectorAll(".kind")) one.textContent = KINDS[this.kind].one;
    for (const one of document.querySelectorAll(".kind-how")) one.textContent = KINDS[this.kind].how;
    for (const canvas of document.querySelectorAll("canvas[id]")) {
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", canvas.closest("figure").querySelector("figcaption").textContent.trim());
    }
  }

  // After another choice of runs, of layers or of quantity: new scales, then draw.
  rebuild() {
    const runs = this.shown();
    this.offerKinds();
    byId("quantity").value = this.quantity;
    this.colors = new ColorScale(this, this.quantity);
    byId("heatmap-how").textContent = QUANTITIES[this.quantity].how
      + (OF_EVERY_LAYER.includes(this.quantity) ? ` ${KINDS[this.kind].how}` : "");
    this.heatmaps = [];
    byId("heatmaps").replaceChildren(...runs.filter((run) => this.columns(run, this.quantity).length).map((run) => {
      const holder = element("div"), canvas = element("canvas", undefined, { tabindex: 0 });
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `${QUANTITIES[this.quantity].title} of ${run.label}, layers by steps`);
      canvas.style.height = `${Math.min(460, Math.max(180, 46 + run.layers.length))}px`;
      holder.append(element("h4", run.label), canvas);
      this.heatmaps.push(new Heatmap(this, canvas, run));
      return holder;
    }));
    this.attributions = offerAttributions(this);
    const names = this.longest().layers;
    byId("layer").replaceChildren(...names.map((name, i) => element("option", `${i + 1}: ${name}`, { value: i })));
    this.layer = Math.min(this.layer, names.length - 1);
    byId("layer").value = this.layer;
    byId("notes").replaceChildren(...runs.flatMap((run) => run.notes.map((note) => element("li",
      this.runs.length > 1 ? `${run.label}: ${note}` : note))));
    this.charts.forEach((chart) => chart.measure());
    drawLegend(byId("legend"), this.colors);
    this.draw();
  }
}

function offerRuns(app) {
  const boxes = app.runs.map((run) => {
    const label = element("label"), box = element("input", undefined, { type: "checkbox" });
    box.checked = run.visible;
    box.disabled = app.runs.length === 1;
    box.addEventListener("change", () => {
      run.visible = box.checked;
      if (!app.shown().length) run.visible = box.checked = true;
      app.rebuild();
    });
    label.append(box, swatch(run.index), run.label);
    return label;
  });
  byId("runs").replaceChildren(...boxes);
}

function offerChoices(app) {
  const known = (key) => app.runs.some((run) => run.quantities[key]);
  const option = (key) => element("option", QUANTITIES[key].title, { value: key });
  byId("quantity").append(...Object.keys(QUANTITIES).filter(known).map(option));
  byId("quantity").addEventListener("change", (event) => { app.quantity = event.target.value; app.rebuild(); });
  for (const [select, keys, chart] of [["ends", ENDS, app.ends], ["batchnorm", BATCHNORM, app.batchnorm]]) {
    byId(select).append(...keys.filter(known).map(option));
    chart.key = keys.find(known) || keys[0];
    byId(select).addEventListener("change", (event) => { chart.key = event.target.value; app.rebuild(); });
  }
  byId("kind").addEventListener("change", (event) => { app.wantedKind = event.target.value; app.rebuild(); });
  byId("step").max = app.positions.length - 1;
  // The last step that still says something: of a run that diverged, the last with a finite loss.
  const telling = app.positions.findLastIndex((step) => app.runs.some((run) => run.steps.at(-1) >= step
    && Number.isFinite(run.lossAt(step))));
  byId("step").value = telling < 0 ? app.positions.length - 1 : telling;
  byId("step").addEventListener("input", () => app.refresh());
  byId("layer").addEventListener("change", (event) => app.chooseLayer(Number(event.target.value)));
  for (const button of document.querySelectorAll("button.go")) {
    button.addEventListener("click", () => {
      const layer = app.runs[Number(button.dataset.run)].layers.indexOf(button.dataset.layer);
      if (layer >= 0) app.chooseLayer(layer);
      app.goTo(Number(button.dataset.step));
      byId("controls").scrollIntoView({ behavior: "smooth" });
      byId("step").focus({ preventScroll: true });
    });
  }
}

// Arrow keys on a picture: left and right its own axis, up and down the layer of a heatmap; of the
// layers the next that the picture shows.
function offerKeys(app) {
  document.querySelector(".panels").addEventListener("keydown", (event) => {
    const target = event.target;
    if (target.tagName !== "CANVAS") return;
    const move = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1 }[event.key];
    if (!move) return;
    event.preventDefault();
    const chart = [...app.charts, ...app.heatmaps, ...app.attributions].find((one) => one.canvas === target);
    if (chart.overSteps && event.key.match(/Left|Right/)) {
      app.goTo(app.positions[Math.min(app.positions.length - 1, Math.max(0, Number(byId("step").value) + move))]);
    } else if (chart.layersShown) {
      const beyond = chart.layersShown().filter((layer) => (layer - app.layer) * move > 0);
      if (beyond.length) app.chooseLayer(move > 0 ? Math.min(...beyond) : Math.max(...beyond));
    } else if (!chart.overSteps) app.chooseLayer(app.layer + move);
  });
}

const app = new App(JSON.parse(byId("data").textContent));
document.documentElement.classList.add("scripted");
byId("app").hidden = false;
offerRuns(app);
offerChoices(app);
offerKeys(app);
app.rebuild();
const redraw = () => { offerRuns(app); app.rebuild(); };
for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", redraw);
addEventListener("beforeprint", () => document.querySelectorAll("details.run").forEach((one) => { one.open = true; }));
let width = innerWidth;
addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; redraw(); } });
