// What nodes can be coloured by: numbers of a run or of the network, from low to high.

const RAMP = [[68, 1, 84], [65, 68, 135], [42, 120, 142], [34, 168, 132], [122, 209, 81], [253, 231, 37]];
const overlay = DATA.overlay || {};
const rateOf = new Map(overlay.rate || []);
const timeOf = new Map(overlay.time || []);
const timeOfLine = new Map(overlay.lines || []);
const rasterOf = new Map(overlay.raster || []);

// What arrives at a node belongs to it here: the weights and the time of its projections are where it is looked for.
function withArrivals(key) {
  const sum = new Map(DATA.nodes.map((n) => [n.id, n[key] || 0]));
  for (const e of DATA.edges) sum.set(e.target, (sum.get(e.target) || 0) + (e[key] || 0));
  return (id) => sum.get(id);
}

function timeWithArrivals() {
  const sum = new Map();
  for (const [id, spent] of timeOf) {
    const owner = projections.has(id) && !leaves.has(id) ? projections.get(id).target : id;
    sum.set(owner, (sum.get(owner) || 0) + spent);
  }
  return (id) => sum.get(id);
}

const COLOURS = {
  none: { name: "kind", of: null },
  ...(rateOf.size && { rate: { name: "firing rate", unit: overlay.rate_unit, of: (id) => rateOf.get(id), text: rateText, mean: true } }),
  ...(timeOf.size && { time: { name: "time", unit: "with its projections", of: timeWithArrivals(), text: seconds } }),
  weights: { name: "weights", unit: "with arriving projections", of: withArrivals("weights"), text: short },
  memory: { name: "memory", unit: "with arriving projections", of: withArrivals("bytes"), text: bytes },
  operations: { name: "operations", unit: "per sample and step, with arriving projections", of: withArrivals("ops"), text: short },
};

function rateText(rate) {
  return overlay.rate_unit === "Hz" ? `${trim(rate.toPrecision(3))} Hz` : trim(rate.toPrecision(3));
}

// The value of a node; of a group the sum of what it holds, of rates the mean weighted by neurons.
function valueOf(id, by = state.colour) {
  const chosen = COLOURS[by];
  if (!chosen || !chosen.of) return undefined;
  if (leaves.has(id)) return chosen.of(id);
  let [sum, weight] = [0, 0];
  for (const leaf of leavesOf(id)) {
    const value = chosen.of(leaf);
    if (value === undefined) continue;
    const share = chosen.mean ? leaves.get(leaf).size || 1 : 1;
    sum += value * share;
    weight += share;
  }
  return weight ? (chosen.mean ? sum / weight : sum) : undefined;
}

function valueText(id) {
  const value = valueOf(id);
  return value === undefined ? "" : COLOURS[state.colour].text(value);
}

// The scale over what is drawn: logarithmic where the values span more than two orders of magnitude.
function scaleOf(ids) {
  const values = ids.map((id) => valueOf(id)).filter((v) => v !== undefined);
  if (!values.length) return null;
  const positive = values.filter((v) => v > 0);
  const high = Math.max(...values);
  const low = Math.min(...values);
  const log = positive.length > 1 && high / Math.min(...positive) > 100;
  const from = log ? Math.log(Math.min(...positive)) : Math.min(low, 0 * high);
  const to = log ? Math.log(high) : high;
  const at = (v) => (to > from ? Math.min(1, Math.max(0, ((log ? Math.log(Math.max(v, 1e-300)) : v) - from) / (to - from))) : 0.5);
  return { at, low: log ? Math.exp(from) : from, high, log };
}

function colourAt(share) {
  const place = share * (RAMP.length - 1);
  const k = Math.min(RAMP.length - 2, Math.floor(place));
  return RAMP[k].map((a, i) => Math.round(a + (RAMP[k + 1][i] - a) * (place - k)));
}

function inkOn([r, g, b]) {
  return 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#111" : "#fff";
}

function css(rgb) {
  return `rgb(${rgb.join(",")})`;
}
