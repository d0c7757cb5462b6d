// How the drawing looks, in the colours of the page's theme.

function sheet() {
  const c = (name) => theme(`--${name}`);
  const text = { "font-family": FONT, color: c("ink"), "text-halign": "center", "text-valign": "center" };
  return [
    { selector: "*", style: { "z-index-compare": "manual" } },
    {
      selector: "node",
      style: {
        ...text, shape: "round-rectangle", width: "data(w)", height: "data(h)", label: "data(title)", "font-size": 13,
        "font-weight": 600, "text-margin-y": "data(up)", "text-margin-x": 0, "background-color": c("population"), "border-color": c("population-line"),
        "border-width": 1.5, "z-index": 10, "min-zoomed-font-size": 5, "corner-radius": 7, "overlay-opacity": 0,
      },
    },
    { selector: "node.element[aside]", style: { "text-margin-x": "data(aside)" } },
    { selector: "node.input", style: { shape: "cut-rectangle", "background-color": c("input"), "border-color": c("input-line") } },
    { selector: "node.source", style: { shape: "round-octagon", "background-color": c("source"), "border-color": c("source-line") } },
    { selector: "node.output", style: { shape: "barrel", "background-color": c("output"), "border-color": c("output-line") } },
    { selector: "node.closed", style: { "background-color": c("closed"), "border-color": c("closed-line"), "border-style": "dashed" } },
    {
      selector: "node.group",
      style: {
        "background-color": c("group"), "background-opacity": 0.6, "border-color": c("group-line"), "border-width": 1,
        "text-valign": "top", "text-halign": "left", "text-margin-x": "data(aside)", "text-margin-y": 22, color: c("quiet"), "font-size": 12, "z-index": "data(depth)", "corner-radius": 10,
      },
    },
    { selector: "node.stack", style: { label: "", events: "no", "z-index": 8, "background-opacity": 1 } },
    {
      selector: "node.under",
      style: {
        shape: "rectangle", "background-opacity": 0, "border-width": 0, "font-size": 11, "font-weight": 400, color: c("quiet"),
        "text-wrap": "wrap", events: "no", "z-index": 11, "line-height": 1.3, "text-margin-y": 0,
      },
    },
    {
      selector: "node.port",
      style: {
        "font-size": 11, "font-weight": 400, "background-color": c("port"), "border-color": c("population-line"), "border-width": 1,
        "z-index": 12, "text-margin-y": 0, "corner-radius": 10,
      },
    },
    { selector: "node.anchor", style: { opacity: 0, events: "no" } },
    { selector: "node.port.free", style: { "border-style": "dashed", color: c("quiet") } },
    { selector: "node.coloured", style: { "background-color": "data(colour)", color: "data(ink)" } },
    { selector: "node.under.coloured", style: { "background-opacity": 0 } },
    {
      selector: "edge",
      style: {
        width: "data(width)", "line-color": c("edge"), "target-arrow-color": c("edge"), "target-arrow-shape": "triangle",
        "arrow-scale": 0.9, "curve-style": "bezier", "control-point-step-size": 34, "z-index": 5, "overlay-opacity": 0,
        "font-family": FONT, "font-size": 10, color: c("quiet"), "text-wrap": "wrap", "text-background-color": c("ground"),
        "text-background-opacity": 0.85, "text-background-padding": 1.5, "text-background-shape": "round-rectangle",
        "min-zoomed-font-size": 6, "loop-direction": "45deg", "loop-sweep": "60deg", "line-height": 1.2,
      },
    },
    { selector: "edge.ring", style: { "control-point-step-size": 56 } },
    { selector: "edge[reach]", style: { "control-point-step-size": "data(reach)", "loop-direction": "data(outward)", "text-margin-x": "data(lx)", "text-margin-y": "data(ly)" } },
    { selector: "edge.toport", style: { "z-index": 11 } },
    { selector: "edge.crowd", style: { "curve-style": "straight", opacity: 0.4, "arrow-scale": 0.6 } },
    { selector: "edge[text]", style: { label: "data(text)" } },
    {
      selector: "edge.bent",
      style: { "curve-style": "round-segments", "segment-distances": "data(distances)", "segment-weights": "data(weights)",
        "segment-radii": 14, "edge-distances": "node-position" },
    },
    { selector: "edge.bent[lx]", style: { "text-margin-x": "data(lx)", "text-margin-y": "data(ly)" } },
    { selector: "edge.delayed", style: { "line-style": "dashed", "line-dash-pattern": [7, 4] } },
    {
      selector: "edge.recurrent",
      style: { "line-color": c("loop"), "target-arrow-color": c("loop"), color: c("loop"), "line-style": "dashed", "line-dash-pattern": [7, 4],
        "target-arrow-shape": "vee" },
    },
    { selector: "edge.next", style: { "line-style": "dotted", "target-arrow-shape": "chevron" } },
    { selector: "edge.inhibits", style: { "target-arrow-shape": "tee" } },
    { selector: "edge.plastic", style: { "source-arrow-shape": "diamond", "source-arrow-color": c("edge") } },
    { selector: "edge.plastic.recurrent", style: { "source-arrow-color": c("loop") } },
    { selector: ".faint", style: { opacity: 0.22 } },
    { selector: "edge.near", style: { width: "data(wide)", opacity: 1, "z-index": 7 } },
    { selector: "edge.near.toport", style: { "z-index": 11 } },
    { selector: "edge.told[spoken]", style: { label: "data(spoken)", "z-index": 20 } },
    { selector: "node.sel", style: { "border-width": 3.5, "border-color": c("mark") } },
    { selector: "edge.sel", style: { "line-color": c("mark"), "target-arrow-color": c("mark"), "source-arrow-color": c("mark"), width: "data(wide)", "z-index": 20 } },
    { selector: "node.hit", style: { "underlay-color": c("mark"), "underlay-opacity": 0.28, "underlay-padding": 6 } },
  ];
}
