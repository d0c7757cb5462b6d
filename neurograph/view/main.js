// Choosing, switching views, colours and themes; and the start.

function choose(key, visit = false) {
  state.selected = key;
  const id = key.slice(2);
  if (visit && key.startsWith("n:") && leaves.has(id) && reveal(id)) redraw(id);
  if (visit && key.startsWith("e:")) {
    const edge = projections.get(id);
    if (edge && [reveal(edge.source), reveal(edge.target)].some(Boolean)) redraw();
  }
  mark();
  markTree();
  showPanel();
  lightTape();
  if (visit) bringIntoView(drawnOf(key));
  say(key ? `${id}: ${leaves.has(id) ? leaves.get(id).what : key.startsWith("n:") ? "group" : "projection"}` : "nothing chosen");
}

function bringIntoView(drawn) {
  if (!drawn.length || $("graph-view").hidden) return;
  const box = drawn.renderedBoundingBox();
  const out = box.x1 < 10 || box.y1 < 10 || box.x2 > cy.width() - 10 || box.y2 > cy.height() - 10;
  if (cy.zoom() < 0.45) cy.zoom({ level: 0.8, position: drawn.isNode() ? drawn.position() : drawn.midpoint() });
  if (out || cy.zoom() === 0.8) cy.center(drawn);
}

function show(tab, focus = false) {
  state.tab = tab;
  for (const name of ["graph", "tape"]) {
    const on = name === tab;
    $(`tab-${name}`).setAttribute("aria-selected", String(on));
    $(`tab-${name}`).tabIndex = on ? 0 : -1;
    $(`${name}-view`).hidden = !on && !state.side;
  }
  $("views").classList.toggle("side", state.side);
  if (focus) $(`tab-${tab}`).focus();
  if (!$("graph-view").hidden && cy) cy.resize();
  if (!$("tape-view").hidden && !$("tape").childElementCount) fillTape();
  lightTape();
}

function toggleSide() {
  state.side = !state.side;
  $("side").setAttribute("aria-pressed", String(state.side));
  show(state.tab);
  fit();
}

function setPass(k) {
  if (k < 0 || k >= DATA.tape.passes.length) return;
  state.pass = k;
  $("pass").value = String(k);
  fillTape();
  showPanel();
}

function setColour(name) {
  state.colour = name;
  draw();
}

function turnLayers() {
  state.down = !state.down;
  draw();
}

function toggleTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme || (dark ? "dark" : "light");
  setTheme(now === "dark" ? "light" : "dark");
}

function setTheme(name) {
  if (name) document.documentElement.dataset.theme = name;
  else delete document.documentElement.dataset.theme;
  repaint();
}

function repaint() {
  if (cy) cy.style().fromJson(sheet()).update();
  for (const canvas of document.querySelectorAll("#panel canvas")) {
    canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    paint(canvas);
  }
}

function legend(scale) {
  const item = (mark, text) => el("li", {}, el("span", { class: `mark ${mark}`, "aria-hidden": "true" }), text);
  const kinds = new Set(drawnIds.map(classOf));
  const edges = new Set(shown.edges.map((e) => e.kind));
  const some = (test) => shown.edges.some((e) => e.of.some(test));
  const rows = [
    kinds.has("input") && item("input", "input"), kinds.has("population") && item("population", "population"),
    kinds.has("source") && item("source", "source without inputs"), kinds.has("output") && item("output", "output"),
    kinds.has("closed") && item("closed", "collapsed group: double click opens"),
    drawnIds.some((id) => foldOf.has(id) && !foldOf.get(id).open) && item("stack", "×N: N alike, drawn once"),
    edges.has("plain") && item("line plain", "within the same step"), edges.has("delayed") && item("line delayed", "after a delay"),
    edges.has("recurrent") && item("line recurrent", "closes a cycle, after a delay"), edges.has("next") && item("line next", "to the next of the repeats"),
    some((e) => e.rule && e.rule.sign === -1) && item("end tee", "negative weights"), some((e) => e.rule && e.rule.plasticity !== undefined) && item("end diamond", "plastic"),
  ].filter(Boolean);
  const body = [el("ul", {}, ...rows)];
  if (scale) {
    const chosen = COLOURS[state.colour];
    const ramp = el("span", { class: "ramp", role: "img", "aria-label": `from ${chosen.text(scale.low)} to ${chosen.text(scale.high)}` });
    ramp.style.background = `linear-gradient(to right, ${RAMP.map(css).join(",")})`;
    body.unshift(el("div", { class: "scale" }, el("b", {}, chosen.name), el("span", {}, chosen.unit ? ` ${chosen.unit}` : ""), ramp,
      el("span", { class: "ends" }, el("span", {}, chosen.text(scale.low)), el("span", {}, scale.log ? "logarithmic" : ""), el("span", {}, chosen.text(scale.high)))));
  }
  $("legend-body").replaceChildren(...body);
}

// On paper: the whole drawing as an image in the light theme, the legend, and what was chosen or all elements as a list.
function toPaper() {
  const before = document.documentElement.dataset.theme || "";
  setTheme("light");
  const picture = cy ? cy.png({ full: true, scale: 2, maxWidth: 3000, maxHeight: 3000, bg: "#ffffff", output: "base64uri" }) : "";
  const rows = DATA.nodes.slice(0, 300).map((n) => [n.id, n.what, n.shape ? size(n.shape) : "?", n.ops ? count(n.ops) : ""]);
  const edges = DATA.edges.slice(0, 300).map((e) => [e.id, `${e.source} → ${e.target}`, partNames(e).join(" › "), e.delay, e.weights ? count(e.weights) : ""]);
  const more = DATA.nodes.length + DATA.edges.length - rows.length - edges.length;
  $("paper").replaceChildren(el("h1", {}, DATA.title), el("p", {}, $("subtitle").textContent), el("img", { src: picture, alt: "The network" }),
    $("legend-body").cloneNode(true), el("h2", {}, "Nodes"), table(rows, ["name", "what", "shape", "operations"]) || "",
    el("h2", {}, "Projections"), table(edges, ["name", "from, to", "through", "delay", "weights"]) || "",
    more > 0 ? el("p", {}, `and ${count(more)} more`) : "");
  setTheme(before);
}

function savePicture() {
  const blob = cy.png({ full: true, scale: 2, maxWidth: 8000, maxHeight: 8000, bg: theme("--ground"), output: "blob" });
  const link = el("a", { href: URL.createObjectURL(blob), download: `${DATA.name.replace(/[^\w.-]+/g, "_")}.png` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function start() {
  const neurons = DATA.nodes.reduce((a, n) => a + (n.kind === "population" ? n.size || 0 : 0), 0);
  $("title").textContent = DATA.title;
  $("subtitle").textContent = [several(DATA.nodes.length, "node"), several(DATA.edges.length, "projection"), neurons && several(neurons, "neuron"), DATA.program].filter(Boolean).join(" · ");
  if (DATA.problem) {
    $("problem").hidden = false;
    $("problem").textContent = `This graph cannot run yet. ${DATA.problem}`;
  }
  $("colour").replaceChildren(...Object.entries(COLOURS).map(([k, c]) => el("option", { value: k }, c.name)));
  const clicks = {
    "tab-graph": () => show("graph"), "tab-tape": () => show("tape"), side: toggleSide, theme: toggleTheme, fit: () => fit(), "zoom-in": () => zoom(1.25),
    "zoom-out": () => zoom(0.8), "expand-all": () => setAll(true), "collapse-all": () => setAll(false), turn: turnLayers, save: savePicture,
    "help-open": () => $("help").showModal(),
  };
  for (const [id, act] of Object.entries(clicks)) $(id).addEventListener("click", act);
  $("colour").addEventListener("change", (e) => setColour(e.target.value));
  $("pass").addEventListener("change", (e) => setPass(Number(e.target.value)));
  $("only").addEventListener("change", lightTape);
  $("search").addEventListener("input", search);
  document.addEventListener("keydown", onKey);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  addEventListener("beforeprint", toPaper);
  new ResizeObserver(() => cy && cy.resize()).observe($("drawing"));
  if (innerHeight < 600) $("legend").open = false;
  fillHelp();
  fillPasses();
  beginCollapsed();
  fillTree();
  $("busy").hidden = false;
  // the page is on the screen before the layout of a large network begins
  requestAnimationFrame(() => setTimeout(() => {
    draw();
    showPanel();
    $("busy").hidden = true;
    const ready = () => (document.documentElement.dataset.ready = String(Math.round(performance.now())));
    if (DATA.nodes.length) cy.one("render", ready); // drawn, not only laid out
    else ready();
  }, 0));
}

start();
