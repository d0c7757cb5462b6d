// The tree of dotted names, what of it is collapsed or folded, and the nodes and edges that are drawn therefore.

const leaves = new Map(DATA.nodes.map((n) => [n.id, n]));
const projections = new Map(DATA.edges.map((e) => [e.id, e]));
const groups = new Map(); // prefix -> its children in order
const roots = [];
const foldOf = new Map(); // a member's name -> its fold
const folds = DATA.folds.map((f) => ({ ...f, open: false }));

function parentOf(id) {
  const cut = id.lastIndexOf(".");
  return cut < 0 ? "" : id.slice(0, cut);
}

for (const node of DATA.nodes) {
  const parts = node.id.split(".");
  let at = "";
  parts.forEach((part, k) => {
    const inside = at ? groups.get(at) : roots;
    at = at ? `${at}.${part}` : part;
    if (k < parts.length - 1 && !groups.has(at)) {
      groups.set(at, []);
      inside.push(at);
    } else if (k === parts.length - 1) inside.push(at);
  });
}
for (const fold of folds) for (const member of fold.members) foldOf.set(member, fold);

function childrenOf(id) {
  return id ? groups.get(id) || [] : roots;
}

function leavesOf(id) {
  return leaves.has(id) ? [id] : childrenOf(id).flatMap(leavesOf);
}

function edgesWithin(id) {
  const inside = (name) => name === id || name.startsWith(id + ".");
  return DATA.edges.filter((e) => inside(e.source) && inside(e.target));
}

// What is drawn in place of an element (itself, a collapsed parent, or the first of its fold), and through which closed
// folds: each with the member it is in. Inside a folded block the folds are those of its first.
function trace(id) {
  const copies = [];
  let at = "";
  for (const part of id.split(".")) {
    let here = at ? `${at}.${part}` : part;
    const fold = foldOf.get(here);
    if (fold && !fold.open) {
      copies.push([fold, fold.members.indexOf(here)]);
      here = fold.members[0];
    }
    if (groups.has(here) && state.collapsed.has(here)) return { at: here, copies };
    at = here;
  }
  return { at, copies };
}

function standIn(id) {
  return trace(id).at;
}

// How many elements one that is drawn stands for by folding.
function times(id) {
  let product = 1;
  let at = "";
  for (const part of id.split(".")) {
    at = at ? `${at}.${part}` : part;
    const fold = foldOf.get(at);
    if (fold && !fold.open) product *= fold.members.length;
  }
  return product;
}

function kindOf(edge) {
  if (edge.loop && edge.delay) return "recurrent";
  return edge.delay ? "delayed" : "plain";
}

// The drawn nodes, the groups around them, and the drawn edges with the projections each stands for.
function visible() {
  const known = new Map();
  const traced = (id) => {
    if (!known.has(id)) known.set(id, trace(id));
    return known.get(id);
  };
  const nodes = new Set();
  for (const id of leaves.keys()) nodes.add(traced(id).at);
  const open = new Set();
  for (const id of nodes) for (let p = parentOf(id); p && !open.has(p); p = parentOf(p)) open.add(p);
  const merged = new Map();
  for (const edge of DATA.edges) {
    const drawn = drawnEdge(edge, traced(edge.source), traced(edge.target));
    if (!drawn) continue;
    const before = merged.get(drawn.id);
    if (before) {
      before.of.push(edge);
      if (drawn.kind === "recurrent") before.kind = drawn.kind;
    } else merged.set(drawn.id, { ...drawn, of: [edge] });
  }
  return { nodes: [...nodes], open, edges: [...merged.values()] };
}

function drawnEdge(edge, from, to) {
  const [source, target] = [from.at, to.at];
  const closed = groups.has(source) || groups.has(target);
  // from one copy of a folded block or population to the next
  let k = 0;
  while (k < from.copies.length && k < to.copies.length && from.copies[k][0] === to.copies[k][0] && from.copies[k][1] === to.copies[k][1]) k += 1;
  const [a, b] = [from.copies[k], to.copies[k]];
  const crossing = a && b && a[0] === b[0] && a[0].how !== "many";
  if (source === target && (groups.has(source) || crossing)) return null; // inside what is collapsed or folded
  const drawn = { source, target, kind: crossing ? "next" : kindOf(edge), port: leaves.has(target) ? edge.port : "" };
  if (!from.copies.length && !to.copies.length && !closed) return { ...drawn, id: edge.id, many: false };
  if (closed || [...from.copies, ...to.copies].some(([fold]) => fold.how === "many"))
    return { ...drawn, id: `${source} > ${target} > ${drawn.port} > ${source === target ? "" : drawn.kind}`, many: true };
  const parts = edge.parts.map((p) => DATA.parts[p].text).join(" ");
  return { ...drawn, id: [source, target, edge.port, edge.output, parts, edge.delay, drawn.kind].join(" > "), many: false };
}

// What is open at first: all of a small network; of a large one, as many levels as can be looked at.
function beginCollapsed() {
  const most = 40;
  for (const id of groups.keys()) state.collapsed.add(id);
  for (let depth = 0; ; depth += 1) {
    const level = [...groups.keys()].filter((id) => id.split(".").length === depth + 1);
    level.forEach((id) => state.collapsed.delete(id));
    if (!level.length) break;
    if (visible().nodes.length > most) {
      level.forEach((id) => state.collapsed.add(id));
      break;
    }
  }
  // a box says as much as many populations that are not connected with each other
  for (const [id, children] of groups) if (children.length >= 5 && !edgesWithin(id).length) state.collapsed.add(id);
}

// Open whatever hides an element; true if anything changed.
function reveal(id) {
  let changed = false;
  let at = "";
  for (const part of id.split(".")) {
    if (at && state.collapsed.delete(at)) changed = true;
    at = at ? `${at}.${part}` : part;
    const fold = foldOf.get(at);
    if (fold && !fold.open && fold.members[0] !== at) {
      fold.open = true;
      changed = true;
    }
  }
  return changed;
}
