// The panel beside the drawing: everything that is known of what is chosen.

function showPanel() {
  const [kind, id] = [state.selected.slice(0, 2), state.selected.slice(2)];
  let content = overview();
  if (kind === "n:" && leaves.has(id)) content = nodePanel(leaves.get(id));
  else if (kind === "n:" && groups.has(id)) content = groupPanel(id);
  else if (kind === "e:" && projections.has(id)) content = edgePanel(projections.get(id));
  else if (kind === "m:") content = mergedPanel(shown.edges.find((e) => e.id === id));
  $("panel").replaceChildren(...content);
  $("panel").scrollTop = 0;
  for (const canvas of $("panel").querySelectorAll("canvas")) paint(canvas);
}

function heading(text, kind, ...after) {
  return el("div", { class: "head" }, el("h2", {}, text), el("span", { class: "kind" }, kind), ...after);
}

function section(title, ...content) {
  const body = content.flat().filter(Boolean);
  return body.length ? el("section", {}, el("h3", {}, title), ...body) : null;
}

function table(rows, head) {
  const body = rows.filter(Boolean).map((row) => el("tr", {}, ...row.map((cell, k) => el(k ? "td" : "th", k ? {} : { scope: "row" }, cell ?? ""))));
  if (!body.length) return null;
  const top = head && el("thead", {}, el("tr", {}, ...head.map((h) => el("th", { scope: "col" }, h))));
  return el("div", { class: "wide" }, el("table", {}, top || null, el("tbody", {}, ...body)));
}

function link(key, text) {
  return el("button", { class: "link", onclick: () => choose(key, true) }, text || key.slice(2));
}

function overview() {
  const sum = (key, list) => list.reduce((a, x) => a + (x[key] || 0), 0);
  const populations = DATA.nodes.filter((n) => n.kind === "population");
  const types = new Map();
  for (const n of DATA.nodes) types.set(n.type, (types.get(n.type) || 0) + 1);
  const all = [...DATA.nodes, ...DATA.edges];
  return [
    heading(DATA.title, "network"),
    section("All together", table([
      ["populations", count(populations.length)],
      ["neurons", count(sum("size", populations))],
      ["projections", count(DATA.edges.length)],
      ["weights and synapses", count(sum("weights", all))],
      ["operations per step", count(sum("ops", all))],
      ["memory", bytes(sum("bytes", all))],
      ["dt", String(DATA.dt)],
      DATA.program && ["compiled", DATA.program],
      overlay.note && ["run", overlay.note],
    ]), el("p", { class: "hint" }, "Operations and memory are for one sample; those of synapses depend on how often their sources fire.")),
    section("Kinds", table([...types].sort((a, b) => b[1] - a[1]).map(([t, n]) => [t, count(n)]))),
    repeats(),
    el("p", { class: "hint" }, "Choose a population or a projection to see what it is. ? shows all keys."),
  ].filter(Boolean);
}

// Those that stand by themselves, not the copies inside other repeats.
function repeats() {
  const own = folds.filter((f) => trace(f.members[0]).copies.every(([fold, member]) => member === 0 || fold === f));
  const most = 8;
  return own.length ? section("Repeats", own.slice(0, most).map(foldRow), own.length > most ? el("p", { class: "hint" }, `and ${count(own.length - most)} more`) : null) : null;
}

function foldRow(fold) {
  const name = `${fold.members[0]} … ${last(fold.members[fold.members.length - 1])}`;
  const what = { chain: "one after another", alike: "side by side, connected alike", many: "equal, however connected" }[fold.how];
  return el("p", {}, el("strong", {}, `×${count(fold.members.length)} `), `${name}: ${what}. `, foldButton(fold));
}

function foldButton(fold) {
  return el("button", { class: "fold", onclick: () => setFold(fold, !fold.open) }, fold.open ? `Fold ×${count(fold.members.length)}` : `Unfold ×${count(fold.members.length)}`);
}

function foldNote(id) {
  const fold = foldOf.get(id);
  return fold ? section("Repeats", foldRow(fold)) : null;
}

function nodePanel(node) {
  const unit = node.unit === undefined ? null : DATA.units[node.unit];
  const own = (list) => list.length ? list : null;
  const arriving = DATA.edges.filter((e) => e.target === node.id);
  const leaving = DATA.edges.filter((e) => e.source === node.id);
  return [
    heading(node.id, node.kind),
    el("p", { class: "what" }, node.what),
    foldNote(node.id),
    unit ? equation(unit) : el("p", { class: "doc" }, node.doc || ""),
    runSection(node.id),
    unit && parameters(unit, node.learnt),
    unit && states(unit),
    unit && options(unit),
    section("Size", table([
      ["shape", node.shape ? size(node.shape) : "not known yet"],
      node.size !== undefined && ["neurons", count(node.size)],
      node.weights ? ["learnt values", count(node.weights)] : null,
      node.bytes ? ["memory", bytes(node.bytes)] : null,
      node.ops ? ["operations per step", `${count(node.ops)}${unit ? ` (${unit.ops} each)` : ""}`] : null,
      node.combine ? ["arrivals are", node.combine] : null,
      node.probes ? ["probed", node.probes.join(", ")] : null,
    ])),
    unit && (unit.inputs.length > 1 || unit.outputs.length > 1) ? ports(node, unit, arriving) : null,
    own(arriving) && section("Arriving", edgeList(arriving, "source")),
    own(leaving) && section("Leaving", edgeList(leaving, "target")),
    tapeSection([node.id]),
    declared(node.at),
  ].filter(Boolean);
}

function equation(unit) {
  const lines = unit.equation.length ? unit.equation : unit.traced;
  return section("Equation", el("pre", { class: "equation" }, lines.join("\n")), el("p", { class: "doc" }, unit.doc),
    unit.equation.length && unit.traced && unit.traced.length
      ? el("details", {}, el("summary", {}, "The step as it is computed"), el("pre", { class: "equation" }, unit.traced.join("\n")))
      : null,
    unit.problem ? el("p", { class: "warn" }, unit.problem) : null);
}

function parameters(unit, learnt = []) {
  const now = new Map(learnt.filter((w) => w.value).map((w) => [w.name, w.value]));
  const rows = unit.params.map((p) => {
    const value = { ...p.value, ...(now.get(p.name) || {}) };
    const tags = [p.value.learnt && `learnt per ${p.value.learnt}`, p.bounds].filter(Boolean).join(", ");
    return [p.name, shownValue(value, p.unit), el("span", {}, p.doc, tags ? el("em", {}, ` (${tags})`) : "")];
  });
  return section("Parameters", table(rows));
}

function states(unit) {
  return section("States", table(unit.states.map((s) => [s.name, shownValue(s.value), s.of === "neuron" ? s.doc : `${s.doc} (per ${s.of})`])));
}

function options(unit) {
  return section("Options", table(unit.options.map((o) => [o.name, o.value, el("span", {}, o.doc, o.choices ? el("em", {}, ` (one of ${o.choices})`) : "")])));
}

function ports(node, unit, arriving) {
  const rows = unit.inputs.map((p) => [p, "input", several(arriving.filter((e) => e.port === p).length, "projection")]);
  return section("Compartments and ports", table([...rows, ...unit.outputs.map((p) => [p, "output", ""])]));
}

function edgeList(list, end) {
  const most = 60;
  const rows = list.slice(0, most).map((e) => [
    link(`e:${e.id}`), link(`n:${e[end]}`), [partNames(e).join(" › "), e.delay ? `delay ${e.delay}` : ""].filter(Boolean).join(", "),
  ]);
  return [table(rows), list.length > most ? el("p", { class: "hint" }, `and ${count(list.length - most)} more`) : null];
}

function shownValue(value, unit = "") {
  if (!value) return el("span", { class: "hint" }, "drawn when compiled");
  if (value.count === undefined) return el("span", { class: "value" }, value.text, unit ? el("span", { class: "unit" }, ` ${unit}`) : "");
  return el("div", { class: "value" }, bars(value), el("span", { class: "unit" },
    `${value.text}: ${value.low} to ${value.high}${unit ? ` ${unit}` : ""}, mean ${value.mean}, sd ${value.sd}` +
    `${value.zeros ? `, ${trim((100 * value.zeros).toPrecision(3))} % zero` : ""}${value.sample ? ` (of ${short(value.sample)})` : ""}`));
}

function bars(value) {
  if (!value.bins) return null;
  const most = Math.max(...value.bins);
  const label = `Histogram from ${value.low} to ${value.high}, mean ${value.mean}`;
  return el("div", { class: "bars", role: "img", "aria-label": label, title: label }, ...value.bins.map((n) => {
    const bar = el("i");
    bar.style.height = `${n ? Math.max(3, (100 * n) / most) : 0}%`;
    return bar;
  }));
}

function edgePanel(edge) {
  const { rule } = edge;
  const rows = edge.parts.map((k) => DATA.parts[k]);
  const plastic = rule && rule.plasticity !== undefined ? DATA.units[rule.plasticity] : null;
  return [
    heading(edge.id, "projection"),
    el("p", { class: "what" }, link(`n:${edge.source}`), outputsOf(edge.source) > 1 ? ` ${edge.output}` : "", " → ",
      link(`n:${edge.target}`), (leaves.get(edge.target).ports || []).length > 1 ? ` ${edge.port}` : ""),
    section("Connection", table([
      ["delay", edge.delay || "none"],
      edge.loop && ["cycle", edge.delay ? "closes a cycle, broken by this delay" : "part of a cycle, in the same step"],
      rule && ["rule", rule.text],
      rule && [rule.made ? "synapses" : "synapses expected", rule.synapses === undefined ? "known once made" : count(rule.synapses)],
      rule && rule.fan_out && ["from each source", rule.fan_out],
      rule && rule.fan_in && ["onto each target", rule.fan_in],
      rule && ["weight", shownValue(rule.weight)],
      rule && rule.delays.count !== undefined && ["delays", shownValue(rule.delays)],
      !rule && ["weights", count(edge.weights)],
      ["operations per step", rule ? "one addition for each synapse of a neuron that fires" : count(edge.ops)],
      ["memory", edge.bytes ? bytes(edge.bytes) : "none of its own"],
    ])),
    rows.length ? section("Through, in order", rows.map(operator)) : section("Through", el("p", {}, "One to one.")),
    plastic ? section("Plasticity", el("p", { class: "what" }, plastic.text), equation(plastic), parameters(plastic), states(plastic)) : null,
    runSection(edge.id),
    tapeSection([edge.id]),
    declared(edge.at),
  ].filter(Boolean);
}

function outputsOf(id) {
  const { unit } = leaves.get(id);
  return unit === undefined ? 1 : DATA.units[unit].outputs.length;
}

function operator(row, k) {
  const unit = row.unit === undefined ? null : DATA.units[row.unit];
  return el("div", { class: "operator" },
    el("p", {}, el("b", {}, `${k + 1}  ${row.text}`)),
    row.doc ? el("p", { class: "doc" }, row.doc) : null,
    el("p", { class: "unit" }, [`${size(row.in)} → ${size(row.out)}`, row.ops ? `${count(row.ops)} operations` : "", row.bytes ? bytes(row.bytes) : ""].filter(Boolean).join(" · ")),
    table((row.values || []).map((w) => [w.name, w.value ? shownValue(w.value) : el("span", { class: "hint" }, `${size(w.shape)}, drawn when compiled`), w.learnt ? "" : "not learnt"])),
    unit ? [equation(unit), parameters(unit)] : null);
}

function groupPanel(id) {
  const inner = leavesOf(id).map((l) => leaves.get(l));
  const edges = edgesWithin(id);
  const sum = (key) => [...inner, ...edges].reduce((a, x) => a + (x[key] || 0), 0);
  const closed = state.collapsed.has(id);
  return [
    heading(id, "group", el("button", { class: "fold", onclick: () => toggle(id) }, closed ? "Expand" : "Collapse")),
    foldNote(id),
    section("Inside", table([
      ["elements", count(inner.length)],
      ["neurons", count(inner.reduce((a, n) => a + (n.size || 0), 0))],
      ["projections within", count(edges.length)],
      ["weights and synapses", count(sum("weights"))],
      ["operations per step", count(sum("ops"))],
      ["memory", bytes(sum("bytes"))],
    ])),
    runSection(id),
    section("Elements", table(childrenOf(id).slice(0, 60).map((c) => [link(`n:${c}`, last(c)), leaves.has(c) ? describe(leaves.get(c)) : `${count(leavesOf(c).length)} inside`]))),
    tapeSection(inner.map((n) => n.id)),
  ].filter(Boolean);
}

function mergedPanel(edge) {
  if (!edge) return overview();
  return [
    heading(`${edge.source} → ${edge.target}`, several(edge.of.length, "projection")),
    section("Projections", edgeList(edge.of, "target")),
    tapeSection(edge.of.map((e) => e.id)),
  ].filter(Boolean);
}

function declared(at) {
  return at ? section("Declared", el("p", { class: "at" }, at)) : null;
}

function runSection(id) {
  const [rate, time, raster] = [groups.has(id) ? valueOf(id, "rate") : rateOf.get(id), timeOf.get(id), rasterOf.get(id)];
  return section("In the run",
    rate !== undefined || time !== undefined ? table([
      rate !== undefined && ["firing rate", `${rateText(rate)}${overlay.rate_unit === "Hz" ? "" : ` ${overlay.rate_unit}`}`],
      time !== undefined && ["time", seconds(time)],
    ]) : null,
    raster ? rasterCanvas(raster, id) : null);
}

function rasterCanvas(raster, id) {
  if (!raster.spikes) return el("p", { class: "hint" }, `No spike of ${count(raster.size)} neurons.`);
  const canvas = el("canvas", { width: 640, height: Math.max(80, Math.min(300, raster.rows * 2)), role: "img", "aria-label": `Raster of ${id}: ${count(raster.spikes)} spikes of ${count(raster.size)} neurons` });
  canvas.raster = raster;
  const thin = [raster.each > 1 ? `a row is ${raster.each} neurons` : "", raster.thin > 1 ? `one spike in ${raster.thin} is drawn` : ""].filter(Boolean).join(", ");
  return el("figure", {}, canvas, el("figcaption", {}, `${count(raster.spikes)} spikes of ${count(raster.size)} neurons, ${raster.start} to ${trim(raster.stop.toPrecision(5))}${thin ? ` (${thin})` : ""}`));
}

function paint(canvas) {
  const { raster } = canvas;
  const pen = canvas.getContext("2d");
  pen.fillStyle = theme("--ink");
  const [w, h] = [canvas.width - 4, canvas.height - 4];
  const tall = Math.max(1.5, Math.min(6, (h / raster.rows) * 0.8));
  raster.x.forEach((x, k) => pen.fillRect(2 + (x / 1000) * w, 2 + (1 - (raster.y[k] + 1) / raster.rows) * h, 1.5, tall));
}
