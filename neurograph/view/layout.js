// Where everything is drawn. Each open group is laid out by itself, its inner groups as boxes: small layouts are fast,
// and what is inside one group stays together.

const PAD = { side: 18, top: 34, bottom: 18 };
const SLOW = { items: 110, links: 220 }; // from which dagre takes too long and rows are made instead

const ringOf = new Map(); // drawn nodes that are on a ring

// The places of all drawn nodes and groups (centres), and the bends of edges that pass several layers.
function layOut(shown, labelled) {
  ringOf.clear();
  const places = new Map();
  const bends = new Map();
  const inside = new Map(); // an open group, or the whole -> its drawn children
  for (const id of [...shown.nodes, ...shown.open]) {
    const parent = parentOf(id);
    if (!inside.has(parent)) inside.set(parent, new Set());
    inside.get(parent).add(id);
  }
  const lifted = liftedEdges(shown);
  const layout = (id) => {
    const items = order(id, inside.get(id)).map((child) => {
      if (!shown.open.has(child)) return { ...boxOf(child), inner: null };
      const inner = layout(child);
      const title = widthOf(`${last(child)}  ${subtitleOf(child)}`, 12, 600) + 40;
      return { id: child, width: Math.max(inner.width + 2 * PAD.side, title), height: inner.height + PAD.top + PAD.bottom, inner };
    });
    return arrange(items, lifted.get(id) || [], labelled);
  };
  const place = (made, x, y) => {
    made.items.forEach((item, k) => {
      const at = { x: x + made.at[k].x, y: y + made.at[k].y };
      places.set(item.id, { ...item, ...at });
      if (item.inner) place(item.inner, at.x, at.y + (PAD.top - PAD.bottom) / 2);
    });
    for (const [edge, points] of made.bends) bends.set(edge, points.map((p) => ({ x: x + p.x, y: y + p.y })));
  };
  place(layout(""), 0, 0);
  route(shown, places, bends, labelled);
  return { places, bends };
}

function order(parent, drawn) {
  return childrenOf(parent).filter((id) => drawn.has(id));
}

// Edges by the group in which both their ends are, each with the children of that group that hold its ends.
function liftedEdges(shown) {
  const out = new Map();
  for (const edge of shown.edges) {
    const a = edge.source.split(".");
    const b = edge.target.split(".");
    let k = 0;
    while (k < a.length - 1 && k < b.length - 1 && a[k] === b[k]) k += 1;
    const from = a.slice(0, k + 1).join(".");
    const to = b.slice(0, k + 1).join(".");
    const parent = a.slice(0, k).join(".");
    if (from === to) continue;
    if (!out.has(parent)) out.set(parent, []);
    out.get(parent).push({ from, to, edge });
  }
  return out;
}

// Places of items around (0, 0): delays are left out of the ranks where they close a cycle; items that are bound by
// delays alone form a ring.
function arrange(items, links, labelled) {
  const index = new Map(items.map((item, k) => [item.id, k]));
  const pairs = links.map((l) => [index.get(l.from), index.get(l.to), l]);
  const part = new Int32Array(items.length);
  const cycles = components(items.length, pairs);
  cycles.forEach((c, k) => c.forEach((v) => (part[v] = k)));
  const back = (p) => part[p[0]] === part[p[1]] && (p[2].edge.kind === "recurrent" || p[2].edge.kind === "next");
  const forward = pairs.filter((p) => !back(p));
  const rings = cycles.filter((c) => c.length > 1 && !forward.some((p) => c.includes(p[0]) && c.includes(p[1])));
  let made;
  if (rings.length && items.length <= SLOW.items) made = withRings(items, pairs, forward, rings, labelled);
  else if (items.length > SLOW.items || forward.length > SLOW.links || !forward.length)
    made = { at: turned(inRows(turnedBoxes(items), forward)), bends: new Map() };
  else made = layered(items, forward, labelled);
  return centred(items, made);
}

function withRings(items, pairs, forward, rings, labelled) {
  const ringAt = new Map();
  rings.forEach((ring) => {
    const angle = (id) => (2 * Math.PI * ring.findIndex((v) => items[v].id === id)) / ring.length - (ring.length === 2 ? Math.PI / 2 : 0);
    ring.forEach((v) => {
      ringAt.set(v, ring);
      ringOf.set(items[v].id, { angle });
    });
  });
  const outer = [];
  const outerOf = new Map();
  items.forEach((item, v) => {
    const ring = ringAt.get(v);
    if (ring && outerOf.has(ring[0]) && ring[0] !== v) {
      outerOf.set(v, outerOf.get(ring[0]));
      return;
    }
    outerOf.set(v, outer.length);
    if (!ring) outer.push({ ...item, members: null });
    else {
      const inner = centred(ring.map((w) => items[w]), { at: inRing(ring.map((w) => items[w])), bends: new Map() });
      outer.push({ id: item.id, width: inner.width, height: inner.height, members: ring, inner });
    }
  });
  const between = forward.map((p) => [outerOf.get(p[0]), outerOf.get(p[1]), p[2]]).filter((p) => p[0] !== p[1]);
  const made = between.length
    ? layered(outer, between, labelled)
    : { at: turned(inRows(turnedBoxes(outer), [])), bends: new Map() };
  const at = [];
  outer.forEach((box, k) => {
    if (!box.members) at[items.findIndex((i) => i.id === box.id)] = made.at[k];
    else
      box.members.forEach((v, j) => {
        at[v] = { x: made.at[k].x + box.inner.at[j].x, y: made.at[k].y + box.inner.at[j].y };
      });
  });
  return { at, bends: made.bends };
}

function layered(items, pairs, labelled) {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: state.down ? "TB" : "LR", nodesep: 34, edgesep: 16, ranksep: labelled ? 16 : 44 });
  items.forEach((item, k) => graph.setNode(String(k), { width: item.width, height: item.height }));
  const seen = new Map(); // parallel edges share one way, wide enough for all their labels
  for (const [a, b, link] of pairs) {
    const key = `${a} ${b}`;
    if (!seen.has(key)) seen.set(key, { a, b, links: [], width: 0, height: 0 });
    const way = seen.get(key);
    way.links.push(link);
    if (labelled) {
      const lines = edgeText(link.edge).split("\n").filter(Boolean);
      way.width += Math.max(0, ...lines.map((t) => widthOf(t, 10))) + 8;
      way.height = Math.max(way.height, 13 * lines.length + 4);
    }
  }
  for (const [key, way] of seen)
    graph.setEdge(String(way.a), String(way.b), { width: way.width, height: way.height, labelpos: "c" }, key);
  dagre.layout(graph);
  const bends = new Map();
  for (const [key, way] of seen) {
    const points = graph.edge(String(way.a), String(way.b), key).points.slice(1, -1);
    const far = points.length > 1;
    way.links.forEach((link, k) => {
      const aside = (k - (way.links.length - 1) / 2) * 18;
      if (far) bends.set(link.edge.id, points.map((p) => (state.down ? { x: p.x + aside, y: p.y } : { x: p.x, y: p.y + aside })));
    });
  }
  return { at: items.map((_, k) => graph.node(String(k))), bends };
}

function turnedBoxes(items) {
  return state.down ? items : items.map((i) => ({ width: i.height, height: i.width }));
}

function turned(places) {
  return state.down ? places : places.map((p) => ({ x: p.y, y: p.x }));
}

function centred(items, made) {
  let [left, right, upper, lower] = [Infinity, -Infinity, Infinity, -Infinity];
  const grow = (x, y, w, h) => {
    left = Math.min(left, x - w / 2);
    right = Math.max(right, x + w / 2);
    upper = Math.min(upper, y - h / 2);
    lower = Math.max(lower, y + h / 2);
  };
  items.forEach((item, k) => grow(made.at[k].x, made.at[k].y, item.width, item.height));
  for (const points of made.bends.values()) points.forEach((p) => grow(p.x, p.y, 8, 8));
  const [cx, cy] = [(left + right) / 2, (upper + lower) / 2];
  const bends = new Map([...made.bends].map(([id, ps]) => [id, ps.map((p) => ({ x: p.x - cx, y: p.y - cy }))]));
  return { items, at: made.at.map((p) => ({ x: p.x - cx, y: p.y - cy })), bends, width: right - left, height: lower - upper };
}
