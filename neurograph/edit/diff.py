"""What changed from one graph to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurograph.errors import GraphError, declared_at
from neurograph.graph import Graph
from neurograph.io.document.document import document

Array = np.ndarray[Any, Any]
_UNNAMED = (
    "with",
    "later",
    "array",
    "scalar",
    "csr",
    "mapping",
    "learnable",
)  # say how a value is written, not where it is
_KINDS = {"input": "input", "population": "population", "output": "output", "projection": "projection"}


@dataclass(frozen=True)
class Change:
    """One value that is another: of which part, where in it, before and after, as text."""

    part: str
    place: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.part}: {self.place}: {self.before} -> {self.after}"


@dataclass(frozen=True)
class Differences:
    """Parts added, removed and changed; empty and false where two graphs are equal."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def __str__(self) -> str:
        lines = [f"+ {p}" for p in self.added] + [f"- {p}" for p in self.removed] + [f"~ {c}" for c in self.changed]
        return "\n".join(lines) or "no difference"

    def as_data(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {"added": list(self.added), "removed": list(self.removed), "changed": [vars(c) for c in self.changed]}


def differences(before: Graph, after: Graph) -> Differences:
    """What was added, removed and changed from `before` to `after`; where a part was declared does not count."""
    if not isinstance(after, Graph):
        raise GraphError(f"diff() at {declared_at()} takes a Graph, got {type(after).__name__}")
    old, new = _parts(before), _parts(after)
    changed = [] if before.name == after.name else [Change("graph", "name", repr(before.name), repr(after.name))]
    for part in old:
        if part in new:
            changed += [Change(part, *c) for c in _compared("", old[part], new[part])]
    for what in ("nodes", "projections", "probes"):
        one, two = (list(getattr(g, what)) for g in (before, after))
        if one != two and sorted(one) == sorted(two):
            first = next(k for k, (a, b) in enumerate(zip(one, two, strict=True)) if a != b)
            changed.append(Change("graph", f"order of {what}", one[first], two[first]))
    return Differences(tuple(p for p in new if p not in old), tuple(p for p in old if p not in new), tuple(changed))


def _parts(graph: Graph) -> dict[str, Any]:
    data = document(graph, _Held, places=False)
    out: dict[str, Any] = {}
    for part in (*data["nodes"], *data["projections"]):
        kind = next(k for k in _KINDS if k in part)
        out[f"{kind} {part[kind]!r}"] = {k: v for k, v in part.items() if k != kind}
    for probe in data["probes"]:
        out[f"probe '{probe['of']}.{probe['variable']}'"] = {k: probe[k] for k in ("neurons", "every")}
    return out


@dataclass(frozen=True, eq=False)
class _Held:
    array: Array


def _compared(place: str, old: Any, new: Any) -> list[tuple[str, str, str]]:
    if isinstance(old, _Held) and isinstance(new, _Held):
        return _arrays(place, old.array, new.array)
    if isinstance(old, dict) and isinstance(new, dict):
        out = []
        for key in (*old, *(k for k in new if k not in old)):
            if key == "step" and isinstance(old.get(key), str) and place.endswith("neuron"):
                if old[key] != new.get(key) and old.get("neuron") == new.get("neuron") and old["with"] == new["with"]:
                    out.append((f"{place}.step", "another step", "under the same name"))
                continue
            below = place if key in _UNNAMED else f"{place}.{key}".lstrip(".")
            out += _compared(below, old.get(key), new.get(key))
        return out
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [c for k, (a, b) in enumerate(zip(old, new, strict=True)) for c in _compared(f"{place}[{k}]", a, b)]
    same = type(old) is type(new) and old == new and repr(old) == repr(new)  # 0.0 is not -0.0
    return [] if same else [(place, _short(old), _short(new))]


def _arrays(place: str, old: Array, new: Array) -> list[tuple[str, str, str]]:
    kinds = [f"{a.dtype.name}{list(a.shape)}" for a in (old, new)]
    if kinds[0] != kinds[1]:
        return [(place, kinds[0], kinds[1])]
    if old.tobytes() == new.tobytes():
        return []
    if not old.ndim:
        return [(place, _short(_Held(old)), _short(_Held(new)))]
    bits = [a.reshape(-1).view(f"V{a.itemsize}") for a in (old, new)]
    with np.errstate(invalid="ignore", over="ignore"):  # infinities and NaN
        far = np.nanmax(np.abs(old.astype(np.float64) - new.astype(np.float64)), initial=0.0)
    return [(place, kinds[0], f"{int(np.sum(bits[0] != bits[1]))} of {old.size} values differ, by {far:.3g} at most")]


def _short(value: Any) -> str:
    if isinstance(value, _Held):
        array = value.array
        return f"{array.dtype.name}{list(array.shape) if array.ndim else f'({array})'}"
    if isinstance(value, dict):
        tag = next((t for t in ("array", "scalar", "float") if t in value), None)
        if tag is not None:
            return _short(value[tag]) if tag != "float" else str(value[tag])
        if "learnable" in value:
            return f"learnable({_short(value['learnable'])}, per={value['per']!r})"
        family = next(iter(value), None)
        inner = value.get("with")
        if isinstance(inner, dict):
            return f"{value[family]}({', '.join(f'{k}={_short(v)}' for k, v in inner.items())})"
    if isinstance(value, list):
        return f"[{', '.join(map(_short, value))}]"
    return repr(value)
