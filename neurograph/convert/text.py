"""A conversion report as text for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurograph.convert.energy import ENERGY_SOURCE

if TYPE_CHECKING:
    from neurograph.convert.measure import Comparison
    from neurograph.convert.report import ConversionReport


def text_of(report: ConversionReport) -> str:
    """Passes, thresholds, notes and, once tested, accuracy, layers and work."""
    source = f" ({report.recipe_source})" if report.recipe_source else ""
    lines = [f"{report.source.name}: conversion by recipe {report.recipe!r}{source}, {report.calibration:,} images"]
    lines += [f"  {text}" for text in report.passes]
    if report.fold_error is not None:
        lines.append(f"folding batch normalisation changed outputs by at most {report.fold_error:.1e} of the largest")
    rows = [["layer", "shape", "neurons", "in place of", "theta min", "mean", "max", "v0/theta", "first spike"]]
    for s in report.sites:
        theta = [f"{s.theta_min:.3g}", f"{s.theta_mean:.3g}", f"{s.theta_max:.3g}"]
        shape = "x".join(map(str, s.shape))
        rows.append(
            [s.name, shape, f"{s.neurons:,}", s.activation, *theta, _number(s.start, ".2f"), _number(s.latency, ".2f")]
        )
    lines += ["", *table(rows, left=4)]
    if report.latency is not None:
        lines.append(f"first spikes can reach the output after about {report.latency:.1f} steps")
    lines += [f"note: {note}" for note in report.notes]
    if report.comparison is None:
        lines += ["", "not tested yet: report.test(images, labels)"]
    else:
        lines += ["", tested_text(report.comparison)]
    return "\n".join(lines)


def tested_text(c: Comparison) -> str:
    """Accuracy over T, what the layers did, and work."""
    return "\n".join(_tested(c))


def _tested(c: Comparison) -> list[str]:
    shown = sorted({t for t in (2**k for k in range(20)) if t <= c.steps} | {c.at, c.steps})
    rows = [["T", *map(str, shown)]]
    if c.correct is not None:
        rows.append(["correct", *(f"{c.correct[t - 1]:,}" for t in shown)])
        rows.append(["  of all", *(_part(c.correct[t - 1], c.images) for t in shown)])
    rows.append(["ANN's answer", *(_part(c.agreeing[t - 1], c.images) for t in shown)])
    if c.reference_agreeing is not None:
        rows.append(["quantised ANN's", *(_part(c.reference_agreeing[t - 1], c.images) for t in shown)])
    lines = [f"tested on {c.images:,} images, {c.steps} steps, backend {c.backend}", *table(rows, left=1), ""]
    same = f"the ANN's answer for {c.agreeing[c.at - 1]:,} of {c.images:,} images"
    if c.correct is not None and c.ann_correct is not None:
        right, all_of = c.correct[c.at - 1], c.images
        loss = 100 * (c.ann_correct - right) / all_of
        lines.append(
            f"at T = {c.at}: SNN {right:,} of {all_of:,} correct ({_part(right, all_of)}), ANN {c.ann_correct:,} "
            f"({_part(c.ann_correct, all_of)}), loss {loss:.2f} points; {same}"
        )
        if c.reference_correct is not None:
            lines.append(f"  quantised ANN {c.reference_correct:,} ({_part(c.reference_correct, all_of)})")
        lines.append(
            f"  only the ANN right {c.ann_only:,}, only the SNN right {c.snn_only:,}: McNemar's exact p = {c.p:.2g}"
        )
    else:
        lines.append(f"at T = {c.at}: {same}; no labels, so no accuracy")
    rows = [["layer", "neurons", "rate", "spikes", "silent", "quiet", "saturated", "dead in ANN", "error", "corr."]]
    for x in c.layers:
        parts = [_number(v, ".1%") for v in (x.silent, x.quiet, x.saturated, x.dead)]
        tail = [_number(x.error, ".2%"), _number(x.correlation, ".4f")]
        rows.append([x.name, f"{x.neurons:,}", f"{x.rate:.4f}", f"{x.spikes:,.0f}", *parts, *tail])
    lines += ["", *table(rows, left=1)]
    ann = "the ANN's" if c.reference_agreeing is None else "the quantised ANN's"
    lines.append(
        "rate: spikes per neuron and step; spikes: per image; silent: neurons that fire for no image; quiet, saturated: of all\n"
        "(image, neuron) those without a spike, and with all they can give; error: sum |theta rate - a| / sum |a|, a "
        f"{ann} activation"
    )
    gain = f", {c.ann_energy / c.energy:.1f} times less" if 0 < c.energy < c.ann_energy else ""
    lines += [
        "",
        f"per image at T = {c.at}: {c.synops:,.0f} SynOps and {c.macs:,.0f} MACs (no spikes: the image), "
        f"ANN {c.ann_macs:,} MACs",
        f"energy {_joules(c.energy)}, ANN {_joules(c.ann_energy)}{gain} ({ENERGY_SOURCE})",
    ]
    return lines


def _joules(value: float) -> str:
    for unit, size in (("J", 1.0), ("mJ", 1e-3), ("uJ", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-9:.3g} nJ"


def _part(count: int, total: int) -> str:
    return f"{100 * count / total:.2f} %"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def table(rows: list[list[str]], left: int) -> list[str]:
    """Rows in columns, the first `left` of them flush left."""
    widths = [max(len(r[k]) for r in rows) for k in range(len(rows[0]))]
    out = []
    for i, row in enumerate(rows):
        cells = (c.ljust(w) if k < left else c.rjust(w) for k, (c, w) in enumerate(zip(row, widths, strict=True)))
        out.append("  ".join(cells).rstrip())
        if i == 0:
            out.append("  ".join("-" * w for w in widths))
    return out
