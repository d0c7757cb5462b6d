"use strict";
// The page's data and small helpers. Text from the network enters the document as text alone, never as markup.

const DATA = JSON.parse(document.getElementById("data").textContent);
// What is shared is put together again: a unit has its kind's texts, a projection the sums of its parts.
DATA.units = DATA.units.map((own) => {
  const kind = DATA.kinds[own.kind];
  const joined = (fields, values) => fields.map((field, k) => ({ ...field, value: values[k] }));
  return { ...kind, text: own.text, params: joined(kind.params, own.params), states: joined(kind.states, own.states), options: joined(kind.options, own.options) };
});
for (const node of DATA.nodes) {
  node.ports = node.unit === undefined ? [] : DATA.units[node.unit].inputs;
  if (node.kind === "population" && node.shape) node.size = node.shape.reduce((a, b) => a * b, 1);
}
for (const edge of DATA.edges) {
  const parts = edge.parts.map((k) => DATA.parts[k]);
  for (const key of ["ops", "weights", "bytes"]) edge[key] = parts.reduce((a, part) => a + (part[key] || 0), 0);
  edge.rule = parts.find((part) => part.delays !== undefined);
}

const state = {
  selected: "", // "n:" and a node's or group's name, "e:" and a projection's, or nothing
  collapsed: new Set(),
  colour: "none",
  pass: Math.max(0, DATA.tape.passes.length - 1),
  tab: "graph",
  side: false,
  down: true, // the direction of the layers
};

const $ = (id) => document.getElementById(id);

function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false && c !== ""));
  return made;
}

function count(n) {
  return Math.round(n).toLocaleString("en-US");
}

function several(n, what) {
  return `${count(n)} ${what}${n === 1 ? "" : "s"}`;
}

function short(n) {
  const size = Math.abs(n);
  if (size === 0) return "0";
  for (const [unit, sign] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e4, "k"]])
    if (size >= unit) return trim((n / (sign === "k" ? 1e3 : unit)).toPrecision(3)) + (sign === "k" ? "k" : sign);
  return Number.isInteger(n) ? String(n) : trim(n.toPrecision(3));
}

function trim(text) {
  return text.includes(".") && !text.includes("e") ? text.replace(/\.?0+$/, "") : text;
}

function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let k = 0;
  while (n >= 1024 && k < units.length - 1) {
    n /= 1024;
    k += 1;
  }
  return `${k ? trim(n.toPrecision(3)) : n} ${units[k]}`;
}

function seconds(s) {
  if (s >= 1) return `${trim(s.toPrecision(3))} s`;
  if (s >= 1e-3) return `${trim((s * 1e3).toPrecision(3))} ms`;
  return `${trim((s * 1e6).toPrecision(3))} µs`;
}

function size(shape) {
  return shape ? (shape.length ? shape.join("×") : "one") : "shape unknown";
}

function last(name) {
  return name.slice(name.lastIndexOf(".") + 1);
}

function theme(variable) {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
}

function say(text) {
  $("spoken").textContent = text;
}
