// The texts and sizes of what is drawn.

const FONT = "system-ui, Segoe UI, Roboto, Helvetica Neue, Liberation Sans, sans-serif"; // as cytoscape takes it
const ruler = document.createElement("canvas").getContext("2d");

function widthOf(text, pixels, weight = 400) {
  ruler.font = `${weight} ${pixels}px ${FONT}`;
  return ruler.measureText(text).width;
}

function cut(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

// The ports drawn at a node are those of compartments, of many only the ones in use; other ports are written at the edges.
function portsOf(id) {
  const node = leaves.get(id);
  if (!node || node.ports.length < 2) return [];
  const potentials = DATA.units[node.unit].states.map((s) => s.name).filter((n) => n.startsWith("v_")).map((n) => n.slice(2));
  if (!potentials.some((c) => node.ports.some((p) => p.startsWith(c)))) return [];
  return node.ports.length <= 4 ? node.ports : node.ports.filter((p) => usedPorts(id).has(p));
}

const arrivals = new Map();
for (const edge of DATA.edges) {
  if (!arrivals.has(edge.target)) arrivals.set(edge.target, new Set());
  arrivals.get(edge.target).add(edge.port);
}

function usedPorts(id) {
  return arrivals.get(id) || new Set();
}

function titleOf(id, inside) {
  const fold = foldOf.get(id);
  const own = inside ? last(id) : id;
  if (!fold || fold.open) return cut(own, 30);
  const end = last(fold.members[fold.members.length - 1]);
  return `${cut(own, 16)} … ${cut(end, 14)}`;
}

function subtitleOf(id) {
  const node = leaves.get(id);
  const text = node ? describe(node) : `${count(leavesOf(id).length)} inside`;
  const fold = foldOf.get(id);
  return fold && !fold.open ? `×${count(fold.members.length)}   ${text}` : text;
}

function describe(node) {
  const shape = node.shape ? size(node.shape) : "?";
  return `${cut(node.type, 22)}  ${shape}`;
}

// A box: its size, and where its ports are relative to its centre.
function boxOf(id) {
  const node = leaves.get(id);
  const extra = valueText(id);
  const lines = [subtitleOf(id), extra].filter(Boolean);
  let width = Math.max(64, widthOf(titleOf(id, true), 13, 600), ...lines.map((t) => widthOf(t, 11))) + 26;
  let height = 26 + 15 * lines.length;
  const ports = node ? portsOf(id) : [];
  const places = [];
  let aside = 0;
  if (ports.length && !state.down) {
    const most = Math.max(...ports.map((p) => widthOf(p, 11))) + 16;
    width += most + 4;
    height = Math.max(height, ports.length * 25 + 10);
    aside = (most + 4) / 2;
    ports.forEach((port, k) => places.push({ port, x: -width / 2 + most / 2 + 8, y: (k - (ports.length - 1) / 2) * 25, width: most, height: 20 }));
  } else if (ports.length) {
    const widths = ports.map((p) => widthOf(p, 11) + 16);
    const total = widths.reduce((a, b) => a + b + 8, -8);
    width = Math.max(width, total + 16);
    height += 30;
    let x = -total / 2;
    ports.forEach((port, k) => {
      places.push({ port, x: x + widths[k] / 2, y: -height / 2 + 16, width: widths[k], height: 20 });
      x += widths[k] + 8;
    });
  }
  return { id, width, height, lines, ports: places, aside, text: ports.length && state.down ? 15 : 0 };
}

function partNames(edge) {
  return edge.parts.map((k) => DATA.parts[k].type);
}

// The text at a drawn edge: what it passes through, how many projections it stands for, its delay.
function edgeText(drawn) {
  const edge = drawn.of[0];
  const out = [];
  if (drawn.kind === "next") return ""; // its box says how many there are
  if (drawn.many && drawn.of.length > 1) out.push(`${count(drawn.of.length)} projections`);
  else {
    const names = partNames(edge);
    out.push(names.length > 4 ? `${names.slice(0, 3).join(" › ")} … +${names.length - 3}` : names.join(" › "));
    const target = leaves.get(drawn.target);
    const plain = target && (target.ports.length < 2 || edge.port === "input");
    if (target && !plain && (ringOf.has(drawn.target) || !portsOf(drawn.target).length)) out.push(`into ${edge.port}`);
  }
  out.push(delayText(drawn));
  return out.filter(Boolean).join("\n");
}

function delayText(drawn) {
  const delays = new Set(drawn.of.map((e) => e.delay).filter(Boolean));
  if (!delays.size) return "";
  const text = delays.size === 1 ? cut([...delays][0], 22) : "several";
  return drawn.kind === "recurrent" ? `↻ delay ${text}` : `delay ${text}`;
}
