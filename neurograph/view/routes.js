// Ways of edges around what lies between their ends: those that go back run beside the nodes, as do those whose straight
// line would pass through another node. `u` is along the layers, `v` across them.

const LANE = 15;

function route(shown, places, bends, labelled) {
  if (shown.edges.length > 400) return;
  const flat = (box) => (state.down ? { u: box.y, v: box.x, du: box.height / 2, dv: box.width / 2 } : { u: box.x, v: box.y, du: box.width / 2, dv: box.height / 2 });
  const boxes = new Map(shown.nodes.map((id) => [id, flat(places.get(id))]));
  const lanes = [];
  const entered = new Map();
  for (const edge of shown.edges) {
    if (bends.has(edge.id) || (ringOf.has(edge.target) && edge.source !== edge.target)) continue;
    const [a, b] = [boxes.get(edge.source), boxes.get(edge.target)];
    const port = portPlace(edge, places);
    if (edge.source === edge.target && !port) continue; // a plain loop
    const back = edge.kind !== "plain" && b.u <= a.u + 1 && edge.kind !== "delayed";
    const others = [...boxes].filter(([id]) => id !== edge.source && id !== edge.target).map(([, box]) => box);
    if (!back && edge.source !== edge.target && !others.some((box) => passes(a, b, box))) continue;
    const lined = entered.get(edge.target) || 0; // ports are entered from the layer before, each way at a height of its own
    const before = port ? b.u - b.du - 14 - 9 * lined : null;
    if (port && back) entered.set(edge.target, lined + 1);
    const from = back ? a.u : a.u + a.du + 16;
    const to = before !== null ? before : back ? b.u : b.u - b.du - 16;
    const wide = labelled ? Math.max(LANE, ...edgeText(edge).split("\n").map((t) => widthOf(t, 10) + 12)) : LANE;
    const v = lane(a, b, from, to, others, lanes, back, wide);
    const points = [{ u: from, v }, { u: to, v }];
    // one more, so that the text stands in the middle of the lane and not at its corner
    if (before !== null && back) {
      points.splice(1, 0, { u: from + Math.sign(to - from), v });
      points.push({ u: before, v: state.down ? port.x : port.y });
    }
    const way = points.map((p) => (state.down ? { x: p.v, y: p.u } : { x: p.u, y: p.v }));
    way.outward = Math.sign(v - (a.v + b.v) / 2);
    bends.set(edge.id, way);
  }
}

function portPlace(edge, places) {
  const box = places.get(edge.target);
  const port = box.ports && box.ports.find((p) => p.port === edge.port);
  return port ? { x: box.x + port.x, y: box.y + port.y } : null;
}

// Whether the straight line between two boxes' centres passes through a third.
function passes(a, b, box) {
  const [du, dv] = [b.u - a.u, b.v - a.v];
  let [low, high] = [0, 1];
  for (const [start, step, centre, half] of [[a.u, du, box.u, box.du - 3], [a.v, dv, box.v, box.dv - 3]]) {
    if (Math.abs(step) < 1e-9) {
      if (Math.abs(start - centre) > half) return false;
      continue;
    }
    const [s, t] = [(centre - half - start) / step, (centre + half - start) / step].sort((x, y) => x - y);
    low = Math.max(low, s);
    high = Math.min(high, t);
  }
  return low < high;
}

// The nearest free line beside both ends, to either side, that no box and no other way stands on.
function lane(a, b, from, to, others, lanes, back, wide) {
  const [low, high] = [Math.min(from, to) - 4, Math.max(from, to) + 4];
  const near = others.filter((box) => box.u + box.du > low && box.u - box.du < high);
  const free = (side) => {
    let v = side > 0 ? Math.max(a.v + a.dv, b.v + b.dv) + 20 : Math.min(a.v - a.dv, b.v - b.dv) - 20;
    if (!back) v = (a.v + b.v) / 2;
    for (let tries = 0; tries < 60; tries += 1) {
      const box = near.find((n) => Math.abs(n.v - v) < n.dv + 12);
      const used = lanes.find((l) => Math.abs(l.v - v) < l.wide - 1 && l.low < high && l.high > low);
      if (!box && !used) break;
      v = box ? box.v + side * (box.dv + 20) : used.v + side * used.wide;
    }
    return v;
  };
  const middle = (a.v + b.v) / 2;
  const [right, left] = [free(1), free(-1)];
  const v = right - middle <= (middle - left) * 2 ? right : left;
  lanes.push({ v, low, high, wide });
  return v;
}
