// Placing items in layers without crossings to speak of, fast enough for thousands; and cycles in a ring.

// Strongly connected components of items 0..n-1, each a list; found without recursion.
function components(n, links) {
  const next = Array.from({ length: n }, () => []);
  for (const [a, b] of links) next[a].push(b);
  const index = new Int32Array(n).fill(-1);
  const low = new Int32Array(n);
  const on = new Uint8Array(n);
  const stack = [];
  const out = [];
  let clock = 0;
  for (let start = 0; start < n; start += 1) {
    if (index[start] >= 0) continue;
    const work = [[start, 0]];
    while (work.length) {
      const top = work[work.length - 1];
      const v = top[0];
      if (top[1] === 0) {
        index[v] = low[v] = clock;
        clock += 1;
        stack.push(v);
        on[v] = 1;
      }
      if (top[1] < next[v].length) {
        const w = next[v][top[1]];
        top[1] += 1;
        if (index[w] < 0) work.push([w, 0]);
        else if (on[w]) low[v] = Math.min(low[v], index[w]);
        continue;
      }
      work.pop();
      if (work.length) {
        const p = work[work.length - 1][0];
        low[p] = Math.min(low[p], low[v]);
      }
      if (low[v] === index[v]) {
        const found = [];
        let w;
        do {
          w = stack.pop();
          on[w] = 0;
          found.push(w);
        } while (w !== v);
        out.push(found.sort((a, b) => a - b));
      }
    }
  }
  return out;
}

// Rows of items by the longest way from a source; a cycle is cut where it is entered. Wide rows are wrapped.
function inRows(items, links) {
  const n = items.length;
  const rank = new Int32Array(n);
  const indegree = new Int32Array(n);
  const next = Array.from({ length: n }, () => []);
  const part = new Int32Array(n);
  components(n, links).forEach((c, k) => c.forEach((v) => (part[v] = k)));
  for (const [a, b] of links) {
    if (a === b || (part[a] === part[b] && a > b)) continue;
    next[a].push(b);
    indegree[b] += 1;
  }
  const queue = [];
  for (let v = 0; v < n; v += 1) if (!indegree[v]) queue.push(v);
  for (let k = 0; k < queue.length; k += 1)
    for (const w of next[queue[k]]) {
      rank[w] = Math.max(rank[w], rank[queue[k]] + 1);
      indegree[w] -= 1;
      if (!indegree[w]) queue.push(w);
    }
  const rows = [];
  for (let v = 0; v < n; v += 1) (rows[rank[v]] ||= []).push(v);
  orderRows(rows.filter(Boolean), links, n);
  return wrapRows(rows.filter(Boolean), items);
}

// Each item towards the mean place of its neighbours, a few times: far fewer crossings.
function orderRows(rows, links, n) {
  const around = Array.from({ length: n }, () => []);
  for (const [a, b] of links) {
    around[a].push(b);
    around[b].push(a);
  }
  const place = new Float64Array(n);
  const spread = () => rows.forEach((row) => row.forEach((v, k) => (place[v] = (k + 0.5) / row.length)));
  spread();
  for (let turn = 0; turn < 6; turn += 1) {
    for (const row of rows) {
      const wish = new Map(row.map((v) => [v, mean(around[v], place, place[v])]));
      row.sort((a, b) => wish.get(a) - wish.get(b) || a - b);
      row.forEach((v, k) => (place[v] = (k + 0.5) / row.length));
    }
  }
}

function mean(list, place, otherwise) {
  if (!list.length) return otherwise;
  let sum = 0;
  for (const v of list) sum += place[v];
  return sum / list.length;
}

function wrapRows(rows, items) {
  const gap = 26;
  const area = items.reduce((sum, i) => sum + (i.width + gap) * (i.height + 3 * gap), 0);
  const most = Math.max(700, Math.sqrt(area * 1.1));
  const places = [];
  let y = 0;
  for (const row of rows) {
    const lines = [[]];
    let x = 0;
    for (const v of row) {
      if (x > 0 && x + items[v].width > most) {
        lines.push([]);
        x = 0;
      }
      lines[lines.length - 1].push(v);
      x += items[v].width + gap;
    }
    for (const line of lines) {
      const width = line.reduce((sum, v) => sum + items[v].width + gap, -gap);
      const height = Math.max(...line.map((v) => items[v].height));
      let at = -width / 2;
      for (const v of line) {
        places[v] = { x: at + items[v].width / 2, y: y + height / 2 };
        at += items[v].width + gap;
      }
      y += height + gap;
    }
    y += 1.6 * gap;
  }
  return places;
}

// Items that drive each other, on a ring in order of declaration: every edge is a chord that passes no node.
function inRing(items) {
  const wide = Math.max(...items.map((i) => i.width));
  const high = Math.max(...items.map((i) => i.height));
  const n = items.length;
  if (n === 2) return [-1, 1].map((side) => ({ x: side * (wide / 2 + 75), y: 0 })); // room for the texts between
  const a = Math.max(wide * 0.9, (n * (wide + 34)) / (2 * Math.PI));
  const b = Math.max(high * 1.6, (n * (high + 62)) / (2 * Math.PI), a * 0.62);
  return items.map((_, k) => {
    const angle = (2 * Math.PI * k) / n; // clockwise from above
    return { x: a * Math.sin(angle), y: -b * Math.cos(angle) };
  });
}
