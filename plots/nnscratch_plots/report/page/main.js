"use strict";
// The state of the page - step, layer, quantity, visible runs - and the controls that change it.

const { ends: ENDS, batchnorm: BATCHNORM } = WORDS;

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
  constructor() {
    this.runs = DATA.runs.map((one, index) => new Run(one, index));
    this.positions = [...new Set(this.runs.flatMap((run) => run.steps))].sort((a, b) => a - b);
    this.layer = 0;
    this.quantity = "gradient_norm";
    this.role = this.wantedRole = "weights";
    const { line, band } = WORDS.update;
    this.charts = [
      new SeriesChart(this, byId("loss"), ["loss", "validation_loss"]),
      new ProfileChart(this, byId("profile-gradient_norm"), "gradient_norm"),
      new ProfileChart(this, byId("profile-update_ratio"), "update_ratio", { lines: [line], band }),
      new ProfileChart(this, byId("profile-output_std"), "output_std"),
      this.ends = new ProfileChart(this, byId("profile-ends"), "saturated", { log: false, fixed: [-0.02, 1.02] }),
      ...["output", "gradient", "param"].map((name) => new HistogramChart(this, byId(`histogram-${name}`), name)),
    ];
    this.clip = new SeriesChart(this, byId("clip"), ["clip_before", "clip_after"]);
    this.blocks = new BlockChart(this, byId("blocks"), byId("lanes"));
    this.batchnorm = new ProfileChart(this, byId("profile-batchnorm"), BATCHNORM[0], { lines: [1] });
    byId("time").hidden = !this.runs.some((run) => run.time);
    this.time = byId("time").hidden ? null : new TimePanel(this);
    if (this.time) this.charts.push(...this.time.charts);
    // Panels of what not every network has.
    const some = (keys, where) => this.runs.some((run) => keys.some((key) => run[where][key]));
    for (const [chart, found] of [[this.clip, some(["clip_before"], "series")],
      [this.blocks, some(["sum"], "lanes")], [this.batchnorm, some(BATCHNORM, "quantities")]]) {
      chart.canvas.closest("figure").hidden = !found;
      if (found) this.charts.push(chart);
    }
    this.heatmaps = [];
    this.attributions = [];
  }

  shown() { return this.runs.filter((run) => run.visible); }
  longest() { return this.shown().reduce((a, b) => (b.layers.length > a.layers.length ? b : a)); }
  step() { return this.positions[Number(byId("step").value)]; }

  // Where a layer stands across: runs of the same layers side by side, others by depth.
  place(run, layer) { return this.agree ? layer : run.places[layer]; }

  // The first and the last place of all visible runs.
  span() {
    const places = this.shown().flatMap((run) => [0, run.layers.length - 1].map((i) => this.place(run, i)));
    return [Math.min(...places), Math.max(...places)];
  }

  // The layers of a run to show a quantity of: those of the chosen role, where every layer has it.
  columns(run, key) {
    const columns = run.quantities[key] ? run.quantities[key].columns : [];
    if (!FIELDS[key].everyLayer || this.role === "all") return columns;
    const chosen = this.role === "weights" ? WORDS.weighted : [this.role];
    return columns.filter((layer) => chosen.includes(run.roles[layer]));
  }

  // `layer` is one of the longest run: which of another run stands there, if any does.
  layerOf(run) { return run.like(this.longest(), this.layer, [...run.layers.keys()]); }

  // Layers of a run as layers of the longest one.
  inReference(run, layers) {
    const longest = this.longest(), all = [...longest.layers.keys()];
    return layers.map((layer) => longest.like(run, layer, all)).filter((layer) => layer !== undefined);
  }

  choose(run, layer) {
    const [found] = this.inReference(run, [layer]);
    if (found !== undefined) this.chooseLayer(found);
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
    this.layer = Math.min(this.longest().layers.length - 1, Math.max(0, layer));
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
    const layers = new Map(runs.map((run) => [run, this.layerOf(run)]));
    const keys = Object.keys(FIELDS).filter((key) => key !== "saturated"
      && runs.some((run) => run.value(key, run.row(step), layers.get(run)) !== undefined));
    const head = element("tr");
    head.append(element("th", "run"), element("th", "layer"),
      ...keys.map((key) => element("th", FIELDS[key].short, { title: FIELDS[key].title })));
    const rows = runs.map((run) => {
      const row = element("tr"), at = run.row(step);
      const ended = run.steps[at] === step ? "" : ` (step ${run.steps[at]})`;
      row.append(element("th", run.label + ended, { title: run.label }),
        element("th", run.layers[layers.get(run)] || "–"));
      for (const key of keys) {
        const value = run.value(key, at, layers.get(run));
        row.append(element("td", value === undefined ? "–" : format(value), { "data-key": key }));
      }
      return row;
    });
    byId("values").replaceChildren(head, ...rows);
    if (this.time) this.time.write();
    const names = [...new Set(runs.map((run) => run.layers[layers.get(run)]).filter(Boolean))];
    byId("histogram-name").textContent = names.join(" / ");
    const kept = runs.filter((run) => run.histogramRows);
    const shown = kept.map((run) => run.steps[run.histogramRows[this.histogramIndex(run)]]);
    const others = [...new Set(shown)].filter((one) => one !== step);
    byId("histogram-step").textContent = others.length
      ? `Shown: step ${[...new Set(shown)].join(" / ")}, the nearest whose histograms this page holds.` : "";
  }

  // Offer the roles that layers of the visible runs have, and say everywhere which one is shown.
  offerRoles() {
    const there = new Set(this.shown().flatMap((run) => run.roles));
    if (WORDS.weighted.some((role) => there.has(role))) there.add("weights");
    const found = Object.keys(WORDS.roles).filter((role) => there.has(role));
    if (found.length > 1) found.push("all");
    this.role = found.includes(this.wantedRole) ? this.wantedRole : found[0];
    const said = WORDS.roles[this.role];
    byId("role").replaceChildren(...found.map((role) => element("option", WORDS.roles[role].title, { value: role })));
    byId("role").value = this.role;
    byId("role").parentElement.hidden = found.length === 1;
    for (const one of document.querySelectorAll(".role")) one.textContent = said.one;
    for (const one of document.querySelectorAll(".role-how")) one.textContent = said.how;
    for (const canvas of document.querySelectorAll("canvas[id]")) {
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", canvas.closest("figure").querySelector("figcaption").textContent.trim());
    }
  }

  // After another choice of runs, of layers or of quantity: new scales, then draw.
  rebuild() {
    const runs = this.shown();
    this.agree = runs.every((run) => sameLayers(run, runs[0]));
    this.offerRoles();
    byId("quantity").value = this.quantity;
    this.colors = new ColorScale(this, this.quantity);
    const { how, everyLayer, title } = FIELDS[this.quantity];
    byId("heatmap-how").textContent = how + (everyLayer ? ` ${WORDS.roles[this.role].how}` : "");
    this.heatmaps = [];
    byId("heatmaps").replaceChildren(...runs.filter((run) => this.columns(run, this.quantity).length).map((run) => {
      const holder = element("div"), canvas = element("canvas", undefined, { tabindex: 0 });
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `${title} of ${run.label}, layers by steps`);
      canvas.style.height = `${Math.min(460, Math.max(180, 46 + run.layers.length))}px`;
      holder.append(element("h4", run.label), canvas);
      this.heatmaps.push(new Heatmap(this, canvas, run));
      return holder;
    }));
    this.attributions = offerAttributions(this);
    const names = this.longest().layers;
    byId("layer").replaceChildren(...names.map((name, i) => element("option", name, { value: i })));
    this.layer = Math.min(this.layer, names.length - 1);
    byId("layer").value = this.layer;
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
  const option = (key) => element("option", FIELDS[key].title, { value: key });
  const ofNorm = (key) => element("option", FIELDS[key].title.replace(/^[^:]*: /, ""), { value: key });
  byId("quantity").append(...Object.keys(FIELDS).filter(known).map(option));
  byId("quantity").addEventListener("change", (event) => { app.quantity = event.target.value; app.rebuild(); });
  for (const [select, keys, chart, made] of [["ends", ENDS, app.ends, option],
    ["batchnorm", BATCHNORM, app.batchnorm, ofNorm]]) {
    byId(select).append(...keys.filter(known).map(made));
    chart.key = keys.find(known) || keys[0];
    byId(select).addEventListener("change", (event) => { chart.key = event.target.value; app.rebuild(); });
  }
  byId("role").addEventListener("change", (event) => { app.wantedRole = event.target.value; app.rebuild(); });
  byId("step").max = app.positions.length - 1;
  // The last step that still says something: of a run that diverged, the last with a finite loss.
  const telling = app.positions.findLastIndex((step) => app.runs.some((run) => run.steps.at(-1) >= step
    && Number.isFinite(run.lossAt(step))));
  byId("step").value = telling < 0 ? app.positions.length - 1 : telling;
  byId("step").addEventListener("input", () => app.refresh());
  byId("layer").addEventListener("change", (event) => app.chooseLayer(Number(event.target.value)));
  for (const button of document.querySelectorAll("button.go")) {
    button.addEventListener("click", () => {
      const run = app.runs[Number(button.dataset.run)], layer = run.layers.indexOf(button.dataset.layer);
      if (layer >= 0) app.choose(run, layer);
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
    if (chart.move) chart.move(move);
    else if (chart.overSteps && event.key.match(/Left|Right/)) {
      app.goTo(app.positions[Math.min(app.positions.length - 1, Math.max(0, Number(byId("step").value) + move))]);
    } else if (chart.layersShown) {
      const beyond = chart.layersShown().filter((layer) => (layer - app.layer) * move > 0);
      if (beyond.length) app.chooseLayer(move > 0 ? Math.min(...beyond) : Math.max(...beyond));
    } else if (!chart.overSteps) app.chooseLayer(app.layer + move);
  });
}

const app = new App();
byId("notes").append(...DATA.notes.map((note) => element("li", note)));
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
