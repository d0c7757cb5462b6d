"""Files with faults, made from good ones by a seed, and what reading each of them does.

Bytes are changed anywhere; and since a seal or a hash would catch that, contents are changed too and sealed again:
values of the document, lines of steps, the structure of HDF5 files, markup. benchmarks/fuzz.py runs many of them.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy import sparse

import neurograph as ng
from neurograph.compiler import lower
from neurograph.io.document.steps import step_hash
from neurograph.io.formats import FORMATS
from neurograph.sealed import BLOCK, _digest

NUMBERS = (0, 1, -1, 2, 2**31, 2**63, 2**64, -(2**63), 10**30, 10**400, 0.5, -0.0, 1e308, -1e308, 1e-320, 3.0)
WORDS = (
    "",
    "n",
    "__class__",
    "family",
    "lambda",
    "\x00",
    "\ud83d",
    "é" * 40,
    "../..",
    "os.system",
    "a" * 3000,
    "nan",
    "tau",
)
TAGS = (
    "array",
    "scalar",
    "float",
    "slice",
    "learnable",
    "mapping",
    "csr",
    "neuron",
    "operator",
    "with",
    "later",
    "step",
)


class Strange(ng.Neuron):
    """A neuron that only its step in the file tells of."""

    inputs = ("input", "other")
    outputs = ("spike", "a")
    given = {"noise": "normal", "n": "step"}
    tau = ng.Param(3.0, "time constant", above=0.0)
    gain = ng.Param(1.0)
    mode = ng.Option("x", ("x", "y"))
    v = ng.State(0.0)
    surrogate = ng.SurrogateOption(ng.Atan())

    def step(self, v: Any, input: Any, other: Any, noise: Any, n: Any) -> dict[str, Any]:
        v = v + (ng.tanh(input) * self.gain - v + noise * 0.1 + other) / self.tau * self.dt
        s = ng.spike(v - 1.0, self.surrogate)
        return {"v": ng.hard_reset(v, s, 0.0), "spike": s, "a": ng.where(n > 3.0, v, ng.sqrt(abs(v)))}


def graphs(parts: Any) -> list[ng.Graph]:
    """What is mutated: small graphs with everything in them."""
    from neurograph import models

    own = ng.Graph("own")
    x = own.input("x", (2, 6, 6), encoder=ng.PopulationCode(3))
    a = own.population(
        "a", ng.LIF(tau=np.linspace(2.0, 4.0, 4), v=ng.Normal(0.0, 1.0), surrogate=ng.Atan(ng.learnable(2.0)))
    )
    b = own.population("deep.b", Strange(tau=ng.learnable(2.5, per="channel")), (5,))
    own.connect(x, a, ng.Conv2d(4, 3, padding=1), ng.BatchNorm(), ng.AvgPool2d(2))
    own.connect(a, b["input"], ng.Flatten(), ng.Dropout(0.2), ng.Dense(5, weight=np.ones((5, 36))))
    own.connect(b, b["other"], ng.Sparse(sparse.eye_array(5, format="csr")), delay=1.0)
    own.connect(
        b["a"], own.output("y", readout=ng.MeanFrom(2)), ng.Select(0, slice(0, 3)), ng.Dense(2).started(bias=np.ones(2))
    )
    own.probe(b, "v", "a", neurons=[0, 3], every=2)
    circuit = ng.Graph("circuit")
    e = circuit.population("e", ng.CondExpLIF(), (30,))
    circuit.population("source", ng.SpikeList([1.0, 2.0, 2.5], [0, 1, 1]), 3)
    circuit.connect(
        "source", e["exc"], ng.Explicit([0, 1, 2], [3, 4, 29], weight=[1.0, 2.0, 3.0], delay=[1.0, 2.0, 1.5])
    )
    circuit.connect(e, e["exc"], ng.FixedProbability(0.1), weight=ng.LogNormal(1.0, 0.5), delay=1.0, plasticity=ng.PairSTDP(),
                    synapse=ng.TsodyksMarkram())  # fmt: skip
    drawn = [parts.graph(random.Random(k)) for k in range(3)]
    parts_alone = [parts.holding(cls, random.Random(k)) for k, (_, cls) in enumerate(parts.classes())]
    return [own, circuit, own, circuit, models.recipe("lenet5")(), *drawn, *filter(_runs, parts_alone)]


def _runs(graph: ng.Graph) -> bool:
    try:
        lower(graph)
    except ng.NeuroGraphError:
        return False
    return True


def samples(format: str, folder: Path, parts: Any) -> list[bytes]:
    """Good files of a format."""
    out = []
    for k, graph in enumerate(graphs(parts)):
        path = folder / f"good{k}{FORMATS[format].endings[0]}"
        what: Any = ng.compile(_for_nir(k), "reference") if format == "nir" else graph
        try:
            ng.save(what, path, **({"dt": 1e-3, "lossy": True} if format == "nir" else {}))
        except ng.NeuroGraphError:
            continue
        out.append(path.read_bytes())
    return out


def _for_nir(k: int) -> ng.Graph:
    graph = ng.Graph("g")
    x = graph.input("x", (1, 8, 8) if k % 2 else 6)
    neuron = [ng.LIF(), ng.LeakyIntegrator(), ng.IF(), ng.CubaLIF()][k % 4]
    h = graph.population("h", neuron)
    graph.connect(x, h, *([ng.Conv2d(2, 3), ng.Flatten()] if k % 2 else [ng.Dense(4)]))
    if k % 3 == 0:
        graph.connect(h, h, ng.Dense(4, bias=False) if not k % 2 else ng.Dense(72), delay=1.0)
    graph.connect(h, graph.output("y"), ng.Dense(2))
    return graph


def faults() -> Any:
    """Those of HDF5, in a module beside this one."""
    name = "neurograph_tests_io_mutate_hdf5"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("mutate_hdf5.py"))
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


# mutations


def of_bytes(data: bytes, rng: random.Random) -> bytes:
    """Bytes flipped, cut, repeated, moved, overwritten."""
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5, 30])):
        at, size = rng.randrange(len(out) + 1), rng.choice([1, 1, 2, 4, 8, 64, 512])
        kind = rng.randrange(6)
        if kind == 0 and at < len(out):
            out[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            out[at : at + size] = rng.choice([b"\xff", b"\x00", b"\x7f", rng.randbytes(1)]) * size
        elif kind == 2:
            del out[at : at + size]
        elif kind == 3:
            out[at:at] = rng.randbytes(size)
        elif kind == 4:
            start = rng.randrange(len(out) + 1)
            out[at:at] = out[start : start + size]
        elif rng.random() < 0.2:
            del out[at:]
    return bytes(out)


def deep(rng: random.Random) -> Any:
    """Values within values, by any way that a document has."""
    value: Any = rng.choice(NUMBERS)
    for _ in range(rng.choice([3, 30, 60])):
        kind = rng.randrange(4)
        value = (
            [value] if kind == 0 else {rng.choice(TAGS): value} if kind < 3 else {"learnable": value, "per": "channel"}
        )
    return value


def anything(rng: random.Random, tree: Any) -> Any:
    """A value that does not belong where it is put."""
    kind = rng.randrange(8)
    if kind == 0:
        return deep(rng)
    if kind == 1:
        return copy.deepcopy(rng.choice([*places(tree), (0, 0, 0)])[2])  # what lies elsewhere in the file
    if kind == 2:
        return rng.choice(WORDS)
    if kind == 3:
        return [rng.choice(NUMBERS) for _ in range(rng.choice([0, 1, 2, 3, 70]))]
    if kind == 4:
        return {rng.choice(TAGS): rng.choice([*NUMBERS, *WORDS, [], {}, None])}
    if kind == 5:
        return {"array": {"dtype": rng.choice(["<f8", "<i8", "|b1", "<f2", "|u1", "<U4", "|O8", "f8"]),
                          "shape": rng.choice([[], [0], [3], [2**40], [2**20, 2**20], [-1], [0, 2**39]]),
                          "numbers": rng.choice(["", "1", "1 2 3", "nan inf -inf", "x"])}}  # fmt: skip
    return rng.choice([*NUMBERS, None, True, False, [], {}])


def places(tree: Any) -> list[tuple[Any, Any, Any]]:
    """Every (holder, key, value) of a document."""
    out, stack = [], [tree]
    while stack:
        at = stack.pop()
        pairs = at.items() if isinstance(at, dict) else enumerate(at) if isinstance(at, list) else ()
        for key, value in pairs:
            out.append((at, key, value))
            stack.append(value)
    return out


def of_tree(tree: Any, rng: random.Random) -> Any:
    """A document with other values, names, parts or lines of steps."""
    tree = copy.deepcopy(tree)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        graph = tree.get("graph") if isinstance(tree, dict) else None
        inner = (
            {n: v for n, v in graph.items() if n != "steps"} if isinstance(graph, dict) and rng.random() < 0.8 else tree
        )
        holder, key, value = rng.choice(places(inner) or places(tree) or [({}, "x", 0)])
        if key not in holder if isinstance(holder, dict) else key >= len(holder):
            continue
        kind = rng.randrange(10)
        if kind < 3:
            holder[key] = anything(rng, tree)
        elif kind == 3 and isinstance(value, int | float) and not isinstance(value, bool):
            holder[key] = rng.choice([*NUMBERS, value + 1, -value, value * 1000])
        elif kind == 4:
            del holder[key]
        elif kind == 5 and isinstance(holder, dict):
            holder[rng.choice([*WORDS, *TAGS])] = holder.pop(key) if rng.random() < 0.5 else anything(rng, tree)
        elif kind == 6 and isinstance(holder, list):
            holder.insert(rng.randrange(len(holder) + 1), copy.deepcopy(value))
        elif kind == 7:
            other, place, far = rng.choice(places(tree))
            holder[key], other[place] = copy.deepcopy(far), copy.deepcopy(value)
        elif rng.random() < 0.5:
            _of_steps(tree, rng)
    return tree


def _of_steps(tree: Any, rng: random.Random) -> None:
    """Another step under its right hash, so that it is followed."""
    graph = tree.get("graph", tree) if isinstance(tree, dict) else {}
    steps = graph.get("steps") if isinstance(graph, dict) else None
    if not isinstance(steps, dict) or not steps:
        return
    key = rng.choice(list(steps))
    step = steps[key]
    lines = step.get("step") if isinstance(step, dict) else None
    if isinstance(lines, list) and lines and rng.random() < 0.7:
        at = rng.randrange(len(lines))
        n = rng.randrange(len(lines))
        lines[at] = rng.choice([
            f"const {rng.choice(NUMBERS)}", f"mul {at - 1} {at - 1}", f"div {n} {n}", f"exp {n}", f"sqrt {n}", "dt",
            f"floor {n}", f"custom {n} {n} {n}", f"where {n} {n} {n}", f"pow2 {n}", f"gt {n} {n}", "leaf x", "", "const inf",
            f"param {rng.choice(WORDS)}", f"state {rng.choice(WORDS)}", "input input", f"add {n}", f"neg {at - 1}", "add " * 9,
        ])  # fmt: skip
    else:
        holder, place, _ = rng.choice(places(step) or [(steps, key, None)])
        holder[place] = anything(rng, step)
    try:
        made = step_hash(steps[key])
    except Exception:
        return
    text = json.dumps(graph).replace(f'"{key}"', f'"{made}"')
    graph.clear()
    graph.update(json.loads(text))


def of_json(data: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.25:
        return of_bytes(data, rng)
    tree = json.loads(data)
    if rng.random() < 0.9:
        tree.pop("hash", None)
    text = json.dumps(of_tree(tree, rng))
    if rng.random() < 0.02:  # far deeper than Python goes
        return text.replace("null", "[" * 20000 + rng.choice(["]" * 20000, ""]), 1).encode()
    return text.encode()


def of_markup(data: bytes, rng: random.Random) -> bytes:
    """GraphML: its JSON, its elements, or bytes."""
    from xml.sax.saxutils import escape, unescape

    text, kind = data.decode(), rng.random()
    start, end = text.find("{"), text.rfind("}") + 1
    if kind < 0.4 and end > start >= 0:
        tree = json.loads(unescape(text[start:end], {"&quot;": '"'}))
        tree.pop("hash", None)
        return (text[:start] + escape(json.dumps(of_tree(tree, rng))) + text[end:]).encode()
    if kind < 0.6:
        return of_bytes(data, rng)
    cut = [k for k, c in enumerate(text) if c in '<>"']
    a, b = sorted((rng.choice(cut), rng.choice(cut)))
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + k)} "{f"&{chr(97 + k)};" * 10}">' for k in range(9)
    )
    pieces = ("<node id='n'>", "</graph>", "&j;", "&#0;", "<data key='graph-neurograph'>{}</data>", "<a>" * 2000, text[a:b], "]]>",
              "<!ENTITY e SYSTEM 'file:///etc/passwd'>", ' id="n"', "<edge source='n' target='n'/>", "<key id='k' for='graph'/>")  # fmt: skip
    text = text[:a] + rng.choice(pieces) + text[rng.choice([a, b]) :]
    return (bomb + "]>" + text if rng.random() < 0.05 else text).encode("utf-8", "replace")


def of_model(path: Path, rng: random.Random) -> None:
    """A model file: its document, its HDF5, or its bytes, mostly sealed again."""
    kind = rng.random()
    if kind < 0.1:
        path.write_bytes(of_bytes(path.read_bytes(), rng))
        return
    if kind < 0.3:
        data = path.read_bytes()
        path.write_bytes(data[:BLOCK] + of_bytes(data[BLOCK:], rng))
    elif kind < 0.7:
        with h5py.File(path, "r+") as file:
            tree = json.loads(file["graph"][()])
            tree.pop("hash", None)
            for name in rng.sample(["graph", "settings"], 1) if rng.random() < 0.1 else ["graph"]:
                tree = tree if name == "graph" else json.loads(file[name][()])
                del file[name]
                file.create_dataset(name, data=json.dumps(of_tree(tree, rng)), dtype=h5py.string_dtype())
    else:
        faults().of_hdf5(path, rng, hash_at="graph")
    reseal(path)


def reseal(path: Path) -> None:
    """A header whose size and sha256 are right."""
    with path.open("rb+") as stream:
        stream.seek(0, os.SEEK_END)
        size = stream.tell() - BLOCK
        facts = {"format_version": 1, "hash": "", "name": ""}
        fields = {"sha256": _digest(stream, facts), "facts": facts, "size": size}
        stream.seek(0)
        stream.write((b"NeuroGraph model\n" + json.dumps(fields).encode() + b"\n").ljust(BLOCK, b"\0"))


def made(format: str, data: bytes, path: Path, rng: random.Random) -> None:
    """Write a file with faults made from a good one."""
    if format in ("json", "graphml"):
        path.write_bytes((of_json if format == "json" else of_markup)(data, rng))
        return
    path.write_bytes(data)
    if format == "hdf5":
        of_model(path, rng)
    elif rng.random() < 0.3:
        path.write_bytes(of_bytes(data, rng))
    else:
        faults().of_hdf5(path, rng)
