// The tape: its lines after the chosen pass, linked with the drawing both ways.

function fillPasses() {
  $("pass").replaceChildren(...DATA.tape.passes.map((p, k) => el("option", { value: k, selected: k === state.pass }, p.name)));
  $("pass").disabled = !DATA.tape.passes.length;
}

function chosenElements() {
  const id = state.selected.slice(2);
  if (!state.selected) return new Set();
  if (state.selected.startsWith("e:")) return new Set([id]);
  if (state.selected.startsWith("m:")) return new Set((shown.edges.find((e) => e.id === id) || { of: [] }).of.map((e) => e.id));
  return new Set(leavesOf(id));
}

function fillTape() {
  const now = DATA.tape.passes[state.pass];
  if (!now) {
    $("tape").replaceChildren(el("p", { class: "warn" }, "There is no tape: ", DATA.problem));
    return;
  }
  const before = state.pass > 0 ? new Set(DATA.tape.passes[state.pass - 1].rows.map((r) => r[0])) : null;
  const most = Math.max(0, ...timeOfLine.values());
  const rows = now.rows.map(([line, depth, frees], k) => {
    const [text, type, elements] = DATA.tape.lines[line];
    const fresh = before && !before.has(line);
    const row = el("div", { class: `row${fresh ? " fresh" : ""}`, role: "option", "aria-selected": "false", id: `row-${k}` },
      el("span", { class: "no" }, String(k + 1)), el("span", { class: "sign", title: fresh ? "not so after the pass before" : "" }, fresh ? "+" : ""),
      codeOf(text, depth), el("span", { class: "type" }, type), el("span", { class: "free" }, frees ? `free ${frees}` : ""), timeBar(text, most));
    row.elements = elements;
    row.addEventListener("click", () => pickRow(row));
    return row;
  });
  $("tape").replaceChildren(...rows);
  $("tape").classList.toggle("timed", most > 0);
  const lines = new Set(now.rows.map((r) => r[0]));
  const gone = before ? [...before].filter((l) => !lines.has(l)) : [];
  const fresh = rows.filter((r) => r.classList.contains("fresh")).length;
  const since = before && DATA.tape.passes[state.pass - 1].name;
  const change = fresh || gone.length ? `; ${fresh} new or changed, ${gone.length} gone since ${since}` : `; the same as after ${since}`;
  $("tape-note").textContent = `${count(now.rows.length)} instructions, dt ${now.dt}${before ? change : ""}`;
  lightTape();
}

function codeOf(text, depth) {
  const code = el("code", {});
  code.style.paddingLeft = `${depth * 2}em`;
  for (const piece of text.split(/(%[\w.]+)/)) code.append(piece.startsWith("%") ? el("var", {}, piece) : piece);
  return code;
}

function timeBar(text, most) {
  const spent = timeOfLine.get(text);
  const cell = el("span", { class: "time" }, spent === undefined ? "" : seconds(spent));
  if (spent !== undefined && most > 0) cell.style.setProperty("--share", `${(100 * spent) / most}%`);
  return cell;
}

function pickRow(row) {
  if (!row.elements.length) return;
  const at = row.elements.findIndex((e) => keyOf(e) === state.selected);
  choose(keyOf(row.elements[(at + 1) % row.elements.length])); // again: the next member of a loop
}

function keyOf(element) {
  return leaves.has(element) ? `n:${element}` : `e:${element}`;
}

function lightTape() {
  const wanted = chosenElements();
  let first = null;
  for (const row of $("tape").children) {
    const lit = Boolean(row.elements) && row.elements.some((e) => wanted.has(e));
    row.classList.toggle("lit", lit);
    row.setAttribute("aria-selected", String(lit));
    row.hidden = $("only").checked && wanted.size > 0 && !lit;
    if (lit && !first) first = row;
  }
  if (first && !$("tape-view").hidden) first.scrollIntoView({ block: "nearest" });
}

function moveInTape(by) {
  const rows = [...$("tape").children].filter((r) => !r.hidden && r.elements && r.elements.length);
  const at = rows.findIndex((r) => r.classList.contains("lit"));
  const current = keyOf((rows[at] || { elements: [""] }).elements[0]);
  let k = at + by;
  while (rows[k] && rows[k].elements.length === 1 && keyOf(rows[k].elements[0]) === current && state.selected === current) k += by;
  if (rows[k]) choose(keyOf(rows[k].elements[0]));
}

// In the panel: the instructions of what is chosen, in the last tape.
function tapeSection(elements) {
  const tape = DATA.tape.passes[state.pass];
  if (!tape) return null;
  const wanted = new Set(elements);
  const found = tape.rows.filter((r) => DATA.tape.lines[r[0]][2].some((e) => wanted.has(e)) && DATA.tape.lines[r[0]][1]);
  if (!found.length) return null;
  const most = 12;
  return section(`On the tape after ${tape.name}`,
    el("pre", { class: "equation" }, found.slice(0, most).map((r) => DATA.tape.lines[r[0]][0]).join("\n")),
    found.length > most ? el("p", { class: "hint" }, `and ${count(found.length - most)} more`) : null,
    el("button", { class: "fold", onclick: () => show("tape") }, "Show in the tape"));
}
