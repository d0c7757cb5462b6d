// Everything can be done with the keyboard.

const KEYS = [
  ["/", "search; Enter goes to the next found, Shift+Enter to the one before"],
  ["arrows", "to the next node in that direction (in the tape: to the next instruction)"],
  ["Tab, Shift+Tab", "from node to node in order, while the drawing has the focus"],
  ["Enter, double click", "open or close a group, unfold repeats, or read the details of a population"],
  ["Backspace", "close the group around, or fold the repeats"],
  ["Esc", "let go: of the search, then of what is chosen, then of the focus"],
  ["+  −  0", "closer, farther, all of it"],
  ["e, c", "expand all, collapse all"],
  ["g, t, s", "graph, tape, side by side"],
  ["[  ]", "the tape after the pass before, after the next"],
  ["r", "layers down or to the right"],
  ["d", "dark or light"],
  ["?", "this help"],
];

function fillHelp() {
  const licences = el("details", {}, el("summary", {}, "Licences of the scripts in this page"));
  licences.append($("licences").content.cloneNode(true));
  $("help").replaceChildren(
    el("form", { method: "dialog" }, el("h2", { id: "help-title" }, "Help"), el("button", { "aria-label": "Close" }, "Close")),
    el("table", {}, el("tbody", {}, ...KEYS.map(([k, what]) => el("tr", {}, el("th", { scope: "row" }, el("kbd", {}, k)), el("td", {}, what))))),
    el("p", { class: "hint" }, `Drawn by NeuroGraph ${DATA.version}. The page holds everything it needs and sends nothing.`), licences);
}

function onKey(event) {
  if ($("help").open || event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.closest("input, select, textarea");
  if (typing) {
    if (event.target === $("search")) searchKey(event);
    return;
  }
  const press = event.target.closest("button, summary") && ["Enter", " "].includes(event.key);
  const action = press ? null : actionOf(event);
  if (!action) return;
  event.preventDefault();
  action();
}

function searchKey(event) {
  if (event.key === "Enter") nextMatch(event.shiftKey ? -1 : 1);
  else if (event.key === "ArrowDown") ($("tree").querySelector("[tabindex='0']") || $("tree")).focus();
  else if (event.key === "Escape") {
    $("search").value = "";
    search();
    $("drawing").focus();
  } else return;
  event.preventDefault();
}

function actionOf(event) {
  const where = event.target.closest("#tree, #tape, #drawing, [role=tablist]");
  const place = where ? where.id || "tabs" : "";
  const turn = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
  if (turn) {
    if (place === "tree") return () => treeKey(turn);
    if (place === "tabs") return () => show(state.tab === "graph" ? "tape" : "graph", true);
    if (place === "tape" || ($("graph-view").hidden && place !== "drawing")) return turn[1] ? () => moveInTape(turn[1]) : null;
    return place === "drawing" || !place ? () => step(turn) : null;
  }
  if (event.key === "Tab") return place === "drawing" ? tabStep(event.shiftKey ? -1 : 1) : null;
  if (event.key === "Enter") return place === "tape" ? () => $("panel").focus() : () => enter();
  return {
    "/": () => $("search").focus(), "?": () => $("help").showModal(), Escape: escape, Backspace: closeAround,
    "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), 0: () => fit(), e: () => setAll(true), c: () => setAll(false),
    g: () => show("graph"), t: () => show("tape"), s: toggleSide, r: turnLayers, d: toggleTheme, "[": () => setPass(state.pass - 1), "]": () => setPass(state.pass + 1),
  }[event.key];
}

function enter() {
  const id = state.selected.slice(2);
  if (!state.selected) return;
  const fold = foldOf.get(id);
  if (state.selected.startsWith("n:") && (groups.has(id) || (fold && !fold.open))) toggle(id);
  else $("panel").focus();
}

function escape() {
  if (state.selected) choose("");
  else if (document.activeElement) document.activeElement.blur();
}

function closeAround() {
  const id = state.selected.slice(2);
  if (!state.selected.startsWith("n:")) return;
  const fold = foldOf.get(id);
  if (fold && fold.open) {
    choose(`n:${fold.members[0]}`);
    setFold(fold, false);
  } else if (parentOf(id)) {
    state.collapsed.add(parentOf(id));
    const parent = parentOf(id);
    redraw(parent);
    choose(`n:${parent}`);
  }
}

// The nearest drawn node in a direction: what lies aside counts twice.
function step([dx, dy]) {
  const nodes = cy.nodes(".element");
  const from = drawnOf(state.selected);
  if (!from.length || !from.isNode()) return choose(nodes.length ? nodes[0].data("key") : "");
  const a = from.position();
  let best = null;
  let least = Infinity;
  nodes.forEach((n) => {
    const b = n.position();
    const along = (b.x - a.x) * dx + (b.y - a.y) * dy;
    const aside = Math.abs((b.x - a.x) * dy) + Math.abs((b.y - a.y) * dx);
    if (along > 1 && along + 2 * aside < least) [best, least] = [n, along + 2 * aside];
  });
  if (best) choose(best.data("key"), true);
}

function tabStep(by) {
  const nodes = cy.nodes(".element");
  const at = nodes.toArray().findIndex((n) => n.data("key") === state.selected);
  const next = at < 0 ? (by > 0 ? 0 : nodes.length - 1) : at + by;
  if (next < 0 || next >= nodes.length) return null; // at the end the focus goes on
  return () => choose(nodes[next].data("key"), true);
}

function treeKey([dx, dy]) {
  const rows = [...$("tree").children];
  const at = Math.max(0, rows.indexOf(document.activeElement));
  const id = rows[at].dataset.key.slice(2);
  if (dy && rows[at + dy]) {
    rows[at + dy].focus();
    choose(rows[at + dy].dataset.key);
  } else if (dx && groups.has(id) && state.collapsed.has(id) === dx > 0) {
    toggle(id);
    const again = [...$("tree").children].find((r) => r.dataset.key === `n:${id}`);
    if (again) again.focus();
  }
}
