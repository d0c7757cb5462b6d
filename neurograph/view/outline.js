// The list of everything by prefix, which is also how the page is read without the drawing; and the search.

let matches = [];

function fillTree() {
  const query = $("search").value.trim().toLowerCase();
  if (query) return;
  $("tree").replaceChildren(...treeRows("", 1));
  markTree();
}

function treeRows(parent, level) {
  const out = [];
  for (const id of childrenOf(parent)) {
    const fold = foldOf.get(id);
    if (fold && !fold.open && fold.members[0] !== id) continue;
    const open = groups.has(id) && !state.collapsed.has(id);
    out.push(treeRow(id, level, open));
    if (open) out.push(...treeRows(id, level + 1));
  }
  return out;
}

function treeRow(id, level, open) {
  const fold = foldOf.get(id);
  const folded = fold && !fold.open;
  const group = groups.has(id);
  const can = group || folded;
  const twist = el("span", { class: "twist", "aria-hidden": "true" }, group ? (open ? "▾" : "▸") : folded ? "▸" : "");
  const detail = folded ? `×${count(fold.members.length)}` : group ? count(leavesOf(id).length) : leaves.get(id).type;
  const row = el("div", { class: "item", role: "treeitem", "aria-level": level, "aria-selected": "false", "data-key": `n:${id}`, tabindex: -1,
    ...(can && { "aria-expanded": String(Boolean(open)) }), onclick: () => choose(`n:${id}`, true), ondblclick: () => toggle(id) },
    twist, el("span", { class: `dot ${classOf(id)}`, "aria-hidden": "true" }), el("span", { class: "label" }, titleOf(id, true)), el("span", { class: "detail" }, detail));
  if (can) twist.addEventListener("click", (event) => {
    event.stopPropagation();
    toggle(id);
  });
  row.style.paddingLeft = `${level * 14 - 6}px`;
  return row;
}

function markTree() {
  let any = null;
  for (const row of $("tree").children) {
    const on = row.dataset.key === state.selected;
    row.setAttribute("aria-selected", String(on));
    row.tabIndex = -1;
    if (on) any = row;
  }
  const focusable = any || $("tree").firstElementChild;
  if (focusable) focusable.tabIndex = 0;
  if (any) any.scrollIntoView({ block: "nearest" });
}

// Names first, then types and operators; what is hidden in closed groups and folds is found too.
function search() {
  const query = $("search").value.trim().toLowerCase();
  cy.nodes().removeClass("hit");
  if (!query) {
    $("found").textContent = "";
    matches = [];
    fillTree();
    return;
  }
  const score = (name, more) => (name.toLowerCase() === query ? 0 : name.toLowerCase().includes(query) ? 1 : more.toLowerCase().includes(query) ? 2 : 3);
  const all = [
    ...DATA.nodes.map((n) => ({ key: `n:${n.id}`, score: score(n.id, n.what), detail: n.type })),
    ...[...groups.keys()].map((g) => ({ key: `n:${g}`, score: score(g, ""), detail: "group" })),
    ...DATA.edges.map((e) => ({ key: `e:${e.id}`, score: score(e.id, partNames(e).join(" ")), detail: `${e.source} → ${e.target}` })),
  ].filter((m) => m.score < 3);
  all.sort((a, b) => a.score - b.score);
  matches = all.map((m) => m.key);
  $("found").textContent = matches.length ? `${count(matches.length)} found` : "Nothing has this name or type";
  $("tree").replaceChildren(...all.slice(0, 200).map((m) =>
    el("div", { class: "item", role: "treeitem", "aria-level": 1, "aria-selected": "false", "data-key": m.key, tabindex: -1, onclick: () => choose(m.key, true) },
      el("span", { class: `dot ${m.key.startsWith("n:") ? classOf(m.key.slice(2)) : "edge"}`, "aria-hidden": "true" }),
      el("span", { class: "label" }, m.key.slice(2)), el("span", { class: "detail" }, m.detail))));
  const drawn = new Set(matches.filter((k) => k.startsWith("n:")).map((k) => drawnOf(k).id && drawnOf(k).id()));
  cy.nodes(".element").filter((n) => drawn.has(n.id())).addClass("hit");
  markTree();
}

function nextMatch(by) {
  if (!matches.length) return;
  const at = matches.indexOf(state.selected);
  choose(matches[(at + by + matches.length) % matches.length], true);
}
