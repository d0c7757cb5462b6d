// The drawing: what is visible, laid out and given to cytoscape.

let cy = null;
let shown = null;
let drawnIds = [];
let spanned = null;
const LABELS = 46; // drawn edges up to which every edge carries its text
const CROWD = 500; // drawn edges from which they are drawn thin and straight

function draw(keep) {
  const before = keep && cy && cy.getElementById(`n:${keep}`).length ? cy.getElementById(`n:${keep}`).renderedPosition() : null;
  shown = visible();
  drawnIds = shown.nodes;
  const dense = shown.edges.length > 1.6 * shown.nodes.length + 6;
  const labelled = shown.edges.length <= LABELS && !dense;
  const { places, bends } = layOut(shown, labelled);
  spanned = extent(places, bends, shown.edges);
  const scale = scaleOf(drawnIds);
  const elements = [];
  for (const id of shown.open) elements.push(groupElement(id, places.get(id)));
  for (const id of shown.nodes) elements.push(...nodeElements(id, places.get(id), scale));
  for (const edge of shown.edges) elements.push(edgeElement(edge, places, bends, labelled));
  if (!cy) begin();
  cy.batch(() => {
    cy.elements().remove();
    cy.add(elements);
  });
  const after = keep && cy.getElementById(`n:${keep}`);
  if (before && after.length) {
    const now = after.renderedPosition();
    cy.panBy({ x: before.x - now.x, y: before.y - now.y });
  } else fit();
  mark();
  legend(scale);
}

function begin() {
  cy = cytoscape({
    container: $("drawing"), style: sheet(), autoungrabify: true, boxSelectionEnabled: false, maxZoom: 4, minZoom: 0.02,
    pixelRatio: "auto", hideEdgesOnViewport: DATA.edges.length > 600, layout: { name: "preset" },
  });
  cy.on("tap", (event) => {
    if (event.target === cy) choose("");
    else choose(event.target.data("key"));
  });
  cy.on("dbltap", "node", (event) => toggle(event.target.data("key").slice(2)));
  cy.on("mouseover", "node, edge", (event) => hover(event.target, true));
  cy.on("mouseout", "node, edge", (event) => hover(event.target, false));
}

function classOf(id) {
  const node = leaves.get(id);
  if (!node) return "closed";
  if (node.kind !== "population") return node.kind;
  return node.ports.length ? "population" : "source"; // a source is driven by nothing
}

function nodeElements(id, box, scale) {
  const out = [];
  const kind = classOf(id);
  const data = { key: `n:${id}`, w: box.width, h: box.height, title: titleOf(id, true) };
  data.aside = box.aside;
  data.up = box.text + (box.lines.length ? -7.5 * box.lines.length : 0);
  const value = scale && valueOf(id);
  let coloured = "";
  if (scale && value !== undefined) {
    const rgb = colourAt(scale.at(value));
    Object.assign(data, { colour: css(rgb), ink: inkOn(rgb) });
    coloured = " coloured";
  }
  const position = { x: box.x, y: box.y };
  const fold = foldOf.get(id);
  if (fold && !fold.open)
    for (const step of [10, 5])
      out.push({ data: { ...data, id: `s${step}:${id}`, title: "" }, position: { x: box.x + step, y: box.y - step }, classes: `stack ${kind}${coloured}` });
  out.push({ data: { ...data, id: `n:${id}` }, position, classes: `element ${kind}${coloured}` });
  if (box.lines.length) {
    const under = { key: data.key, id: `u:${id}`, w: 1, h: 1, title: box.lines.join("\n"), up: 0, ink: data.ink, colour: data.colour };
    out.push({ data: under, position: { x: box.x + box.aside, y: box.y + box.text + 8.5 }, classes: `under${coloured}` });
  }
  const used = usedPorts(id);
  if (box.ports.length)
    out.push({ data: { key: data.key, id: `a:${id}`, w: 1, h: 1, title: "", up: 0 }, position: anchorOf(box), classes: "anchor" });
  for (const port of box.ports)
    out.push({
      data: { key: data.key, id: `p:${id}:${port.port}`, w: port.width, h: port.height, title: port.port, up: 0 },
      position: { x: box.x + port.x, y: box.y + port.y }, classes: used.has(port.port) ? "port" : "port free",
    });
  return out;
}

function groupElement(id, box) {
  const n = times(id);
  const title = `${last(id)}${n > 1 ? `  ×${n}` : ""}`;
  return {
    data: { key: `n:${id}`, id: `n:${id}`, w: box.width, h: box.height, title, up: 22, aside: widthOf(title, 12, 600) + 14, depth: id.split(".").length - 8 },
    position: { x: box.x, y: box.y }, classes: "group",
  };
}

function edgeElement(edge, places, bends, labelled) {
  const onRing = ringOf.has(edge.source) && ringOf.has(edge.target) && edge.source !== edge.target; // entered from any side
  const port = !onRing && edge.port && portsOf(edge.target).includes(edge.port) ? edge.port : "";
  const target = port ? `p:${edge.target}:${port}` : `n:${edge.target}`;
  const width = edge.many ? Math.min(4, 1.4 + Math.log2(edge.of.length) * 0.4) : 1.4;
  const own = edge.source === edge.target && port; // from the border: a port lies inside the box it belongs to
  const data = { key: edge.many ? `m:${edge.id}` : `e:${edge.of[0].id}`, id: `e:${edge.id}`, source: own ? `a:${edge.source}` : `n:${edge.source}`, target, width, wide: width + 1.6 };
  const text = edgeText(edge);
  if (text) data.spoken = text;
  if (labelled && text) data.text = text;
  const classes = [edge.kind];
  if (port) classes.push("toport");
  if (onRing) classes.push("ring");
  if (edge.source === edge.target && !port) Object.assign(data, loopAt(edge.source, places.get(edge.source)));
  if (shown.edges.length > CROWD) classes.push("crowd");
  if (edge.of.every((e) => e.rule && e.rule.sign === -1)) classes.push("inhibits");
  if (edge.of.some((e) => e.rule && e.rule.plasticity !== undefined)) classes.push("plastic");
  const points = bends.get(edge.id);
  if (points && points.length) {
    const box0 = places.get(edge.source);
    const from = own ? anchorOf(box0) : box0;
    const box = places.get(edge.target);
    const at = port ? box.ports.find((p) => p.port === port) : { x: 0, y: 0 };
    Object.assign(data, relative(points, from, { x: box.x + at.x, y: box.y + at.y }));
    if (points.outward && text) {
      const wide = Math.max(...text.split("\n").map((t) => widthOf(t, 10)));
      Object.assign(data, state.down ? { lx: points.outward * (wide / 2 + 5), ly: 0 } : { lx: 0, ly: points.outward * 15 });
    }
    classes.push("bent");
  }
  return { data, classes: classes.join(" ") };
}

function anchorOf(box) {
  return state.down ? { x: box.x + box.width / 2, y: box.y } : { x: box.x, y: box.y + box.height / 2 };
}

// A loop to the right, on a ring outwards.
function loopAt(id, box) {
  const ring = ringOf.get(id);
  const angle = ring ? ring.angle(id) : Math.PI / 2;
  const half = (Math.abs(Math.sin(angle)) * box.width + Math.abs(Math.cos(angle)) * box.height) / 2;
  const text = [38 * Math.sin(angle), -14 * Math.cos(angle)].map(Math.round); // its text stands outside too
  return { angle, reach: (half + 34) / 1.21, outward: `${Math.round((angle * 180) / Math.PI)}deg`, lx: text[0], ly: text[1] };
}

// Bends as cytoscape wants them: how far along the straight line between the ends, and how far from it.
function relative(points, from, to) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  const along = points.map((p) => ((p.x - from.x) * dx + (p.y - from.y) * dy) / (length * length));
  const aside = points.map((p) => -((p.x - from.x) * dy - (p.y - from.y) * dx) / length);
  return { weights: along, distances: aside };
}

// What is drawn spans this; to ask cytoscape would take a second for thousands of edges.
function extent(places, bends, edges) {
  let [x1, y1, x2, y2] = [Infinity, Infinity, -Infinity, -Infinity];
  const grow = (x, y, dx, dy) => {
    [x1, y1, x2, y2] = [Math.min(x1, x - dx), Math.min(y1, y - dy), Math.max(x2, x + dx), Math.max(y2, y + dy)];
  };
  for (const box of places.values()) grow(box.x, box.y, box.width / 2 + 12, box.height / 2 + 12);
  for (const points of bends.values()) for (const p of points) grow(p.x + (points.outward && state.down ? points.outward * 40 : 0), p.y, 40, 14);
  for (const edge of edges) {
    if (edge.source !== edge.target || bends.has(edge.id)) continue;
    const box = places.get(edge.source);
    const { angle, reach } = loopAt(edge.source, box);
    grow(box.x + 1.3 * reach * Math.sin(angle), box.y - 1.3 * reach * Math.cos(angle), 50 + 40 * Math.abs(Math.sin(angle)), 30);
  }
  return { x1, y1, x2, y2 };
}

function fit() {
  if (!cy || !drawnIds.length) return;
  cy.resize();
  const { x1, y1, x2, y2 } = spanned;
  const level = Math.min(1.25, (cy.width() - 40) / (x2 - x1), (cy.height() - 70) / (y2 - y1));
  const pan = { x: cy.width() / 2 - (level * (x1 + x2)) / 2, y: (cy.height() - 30) / 2 - (level * (y1 + y2)) / 2 };
  cy.viewport({ zoom: Math.max(cy.minZoom(), level), pan });
}

function zoom(by) {
  cy.zoom({ level: cy.zoom() * by, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } });
}

// The drawn element of the selection: itself, or what stands for it.
function drawnOf(key) {
  if (!cy || !key) return cy ? cy.collection() : [];
  if (key.startsWith("n:")) {
    const exact = cy.getElementById(key);
    const id = key.slice(2);
    return exact.length || !leaves.has(id) ? exact : cy.getElementById(`n:${standIn(id)}`);
  }
  const id = key.slice(2);
  const found = shown.edges.find((e) => (key.startsWith("m:") ? e.id === id : e.of.some((p) => p.id === id)));
  return found ? cy.getElementById(`e:${found.id}`) : cy.collection();
}

function mark() {
  if (!cy) return;
  cy.batch(() => {
    cy.elements().removeClass("sel near told faint");
    const chosen = drawnOf(state.selected);
    if (!chosen.length) return;
    chosen.addClass("sel");
    if (chosen.isEdge()) {
      chosen.addClass("told");
      return;
    }
    const keys = new Set(chosen.union(inside(chosen)).map((n) => n.data("key")));
    const around = cy.edges().filter((e) => keys.has(e.source().data("key")) || keys.has(e.target().data("key")));
    if (cy.edges().length > 8) cy.edges().not(around).addClass("faint");
    around.addClass(around.length > 8 ? "near" : "near told");
  });
}

function inside(chosen) {
  if (!chosen.hasClass("group")) return cy.collection();
  const prefix = `${chosen.data("key")}.`;
  return cy.nodes().filter((n) => n.data("key").startsWith(prefix));
}

function hover(target, on) {
  $("drawing").style.cursor = on ? "pointer" : "";
  if (target.isNode()) return;
  if (on) target.addClass("near told");
  else mark();
}

// Open or close a group, fold or unfold repeats.
function toggle(id) {
  const fold = foldOf.get(id);
  if (groups.has(id) && state.collapsed.has(id)) state.collapsed.delete(id);
  else if (fold && !fold.open && leaves.has(id)) fold.open = true;
  else if (groups.has(id)) state.collapsed.add(id);
  else return;
  redraw(id);
}

function redraw(keep) {
  draw(keep);
  fillTree();
  showPanel();
}

function setFold(fold, open) {
  fold.open = open;
  redraw(fold.members[0]);
  say(open ? `${fold.members.length} unfolded` : `folded ${fold.members.length}`);
}

function setAll(open) {
  state.collapsed = new Set(open ? [] : groups.keys());
  redraw();
}
