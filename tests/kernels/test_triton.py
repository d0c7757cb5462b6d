"""The Triton engine against the Numba one: in Triton's interpreter (no GPU), and compiled ahead to PTX.

Triton reads TRITON_INTERPRET when it is imported, so the comparisons run in another process: this file
itself, started with the variable set, which answers each name of a case with "" or what went wrong.
"""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import neurograph as ng
from neurograph.errors import BackendError
from neurograph.expr import detach, floor, minimum, spike, sqrt, tanh, where
from neurograph.kernels import triton as engine
from neurograph.kernels.eager import prologue_code
from neurograph.kernels.fused import CpuEngine
from neurograph.kernels.scan import Scan, power_of_two, scan_of
from neurograph.kernels.triton import TritonEngine, available, block_size, unavailable
from neurograph.nodes import NEURONS
from neurograph.nodes.compartment import MCN
from neurograph.nodes.hh import HH, HHClassic
from neurograph.nodes.point import IF, LIF
from neurograph.nodes.surrogate import Atan, FastSigmoid, PiecewiseExp, Round, Sigmoid
from neurograph.spec import Neuron, Param, State, SurrogateOption, learnable


class Odd(Neuron):
    """What no shipped neuron does: states that swap, constant states and outputs, rare operations."""

    inputs = ("x", "y")
    outputs = ("spike", "level")
    gain = Param(0.7)
    a = State(0.3)
    b = State(-0.2)
    fixed = State(0.0)
    held = State(1.0)
    surrogate = SurrogateOption(Atan())

    def step(self, a: Any, b: Any, fixed: Any, held: Any, x: Any, y: Any) -> dict[str, Any]:
        third = a.trace.const(1.0) / a.trace.const(3.0)
        limit = where(x > 1.5, 1e-40, 1e39)  # neither is a normal float32
        quiet = ~((x > 0.5) | (y > third)) & (x <= y)
        u = where(quiet, sqrt(abs(a) + third), tanh(b) + floor(x) / 2.0) * held + fixed
        u = minimum(minimum(u, limit), where(y > 1.5, u, math.inf))
        s = spike(u - self.gain, self.surrogate)
        return {"a": b, "b": a - 0.1 * s, "fixed": 0.25, "held": detach(self.gain), "spike": s, "level": self.gain}


MADE: dict[str, Callable[[], Neuron]] = {
    **NEURONS,
    # states near 0 and inputs near 1 make these two fire
    "HH": lambda: HH(detection="above"),
    "HHClassic": lambda: HHClassic(v_th=0.3, integration="exponential_euler"),
    "soft": lambda: LIF(tau=3.0, reset="soft", detach_reset=False, surrogate=Sigmoid(learnable(4.0))),
    "v_reset": lambda: LIF(v_reset=0.1, v_rest=-0.1, decay_input=False, detach_reset=False, surrogate=FastSigmoid()),
    "exact": lambda: LIF(tau=3.0, integration="exact", surrogate=PiecewiseExp()),
    "detached": lambda: IF(detach_state=True, surrogate=Round()),
    "schematic": lambda: MCN.schematic(tau_apical=learnable(3.0)),
    "paper": lambda: MCN(gate_leak=False, detach_reset=False, surrogate=Atan(learnable(2.0))),
    "odd": Odd,
}
ROWS = {"LIF": ("tau", "threshold"), "MCN": ("tau_basal", "beta"), "PLIF": ("w",)}
STATIC = {"MCN": ("soma",), "soft": ("input",), "odd": ("y",)}


def scan_made(name: str) -> tuple[Scan, dict[str, float]]:
    neuron = MADE[name]()
    values = {n: float(getattr(v, "value", v)) for n, v in neuron.params.items()}
    rows = ROWS.get(name, ())
    exact = frozenset(n for n, v in neuron.params.items() if power_of_two(v) and n not in rows)
    return scan_of(neuron.trace(), reciprocal=exact), values


class Problem:
    """The tensors of one comparison, and what either engine makes of them."""

    def __init__(self, name: str, steps: int, size: int, *, plain: bool = False, storage: torch.dtype = torch.float32):
        self.scan, values = scan_made(name)
        self.steps, self.size = steps, size
        random = torch.Generator().manual_seed(steps * 1000 + size)

        def noise(*shape: int, scale: float = 1.0, mean: float = 0.0) -> Tensor:
            x = torch.randn(shape, generator=random) * scale + mean
            return x.to(storage).float()

        scan, rows = self.scan, ROWS.get(name, ())
        params = {n: torch.tensor(v) + (noise(size, scale=0.1) if n in rows else 0) for n, v in values.items()}
        self.uniforms = prologue_code(scan)(params)
        self.rows = frozenset(n for n, u in self.uniforms.items() if u.ndim)
        self.static = frozenset(STATIC.get(name, ()))
        self.inputs = {n: noise(self.time(n), size, scale=1.5, mean=0.6) for n in scan.inputs}
        self.states: dict[str, Any] = {n: 0.25 if plain else noise(size, scale=0.3) for n in scan.states}
        self.final_gradients = {} if plain else {n: noise(size) for n in scan.states}
        self.output_gradients = {n: noise(steps, size) for n in scan.outputs}
        self.learned = frozenset(scan.uniforms) & set(scan.backward)
        self.record = (scan.states[0], *scan.observed)

    def time(self, name: str) -> int:
        return 1 if name in self.static else self.steps

    def solve(self, cls: Any, storage: torch.dtype = torch.float32) -> dict[str, Tensor]:
        scan, size = self.scan, self.size
        made = cls(scan, str(storage)[6:], self.rows, self.static, self.record)
        inputs = {n: x.to(storage) for n, x in self.inputs.items()}
        outputs = {n: torch.full((self.steps, size), -7.0, dtype=storage) for n in scan.outputs}
        recorded = {n: torch.full((self.steps, size), -7.0, dtype=storage) for n in self.record}
        final = {n: torch.full((size,), -7.0) for n in self.final_gradients}
        made.forward(self.steps, inputs, self.uniforms, self.states, outputs, final, recorded)
        into = {n: torch.full((self.time(n), size), -7.0, dtype=storage) for n in scan.inputs}
        starts = {n: torch.full((size,), -7.0) for n in self.final_gradients}
        above = {n: g.to(storage) for n, g in self.output_gradients.items()}
        sums = made.backward(
            self.steps, inputs, self.uniforms, self.states, above, self.final_gradients, into, starts, self.learned
        )
        groups = {"out": outputs, "rec": recorded, "final": final, "gin": into, "gstart": starts, "gpar": sums}
        return {f"{role} {n}": x for role, group in groups.items() for n, x in group.items()}


def message(key: str) -> Callable[[str], str]:
    return lambda text: f"{key}: {text}"


def compare(name: str, steps: int, size: int, plain: bool) -> None:
    problem = Problem(name, steps, size, plain=plain)
    ours, reference = problem.solve(TritonEngine), problem.solve(CpuEngine)
    assert ours.keys() == reference.keys()
    for key, x in ours.items():
        assert x.shape == reference[key].shape and x.dtype == torch.float32, key
        if key.startswith("gpar") and not x.ndim:  # summed in another order than the blocks of the CPU
            torch.testing.assert_close(x, reference[key], rtol=1e-5, atol=1e-4, msg=message(key))
        else:
            assert torch.equal(x, reference[key]), f"{key} differs by {(x - reference[key]).abs().max()}"
    if steps > 1 and "out spike" in ours:
        assert ours["out spike"].abs().mean() > 0.02, "the test must see spikes"


def narrow(name: str, storage: torch.dtype) -> None:
    """16-bit storage: float32 arithmetic on the rounded inputs, rounded once when stored."""
    problem = Problem(name, 4, 150, storage=storage)
    ours, reference = problem.solve(TritonEngine, storage), problem.solve(TritonEngine)
    # the interpreter cuts float32 to bfloat16 instead of rounding: one unit instead of half of one
    unit = {torch.float16: 2.0**-11, torch.bfloat16: 2.0**-7}[storage]
    for key, x in ours.items():
        stored = key.split()[0] in ("out", "rec", "gin")
        assert x.dtype == (storage if stored else torch.float32), key
        if key.endswith("spike") or not stored:
            assert torch.equal(x.float(), reference[key]), key
        else:
            torch.testing.assert_close(x.float(), reference[key], rtol=unit, atol=1e-7, msg=message(key))


def wide() -> None:
    """The blocks of a large M, whose number would take the interpreter long."""
    assert block_size("forward", 1 << 20, 1) == 1024 and block_size("forward", 1 << 18, 1) == 256
    assert [block_size("backward", 1 << 20, n) for n in (1, 3, 4)] == [512, 512, 256]
    engine._ENOUGH = 2
    try:
        compare("IF", 3, 2060, False)
    finally:
        engine._ENOUGH = 512


def refused() -> None:
    scan, _ = scan_made("LIF")
    problem = Problem("LIF", 2, 8)
    problem.inputs["input"] = problem.inputs["input"].double()
    made = TritonEngine(scan, "float32", problem.rows, frozenset(), ())
    with pytest.raises(BackendError, match=r"LIF: in_input has dtype torch.float64.*eager path"):
        made.forward(2, problem.inputs, problem.uniforms, problem.states, {"spike": torch.empty(2, 8)}, {}, {})
    with pytest.raises(BackendError, match="TRITON_INTERPRET"):
        made.compile_ahead(90)
    assert available("cpu") and not available("cuda")
    empty = Problem("LIF", 2, 0).solve(TritonEngine)
    assert empty["out spike"].shape == (2, 0)


def ports_of_two_types() -> None:
    """A program whose neurons get bfloat16 at one port (a convolution under autocast) and float32 at another."""
    from neurograph.backends.torch import Unit

    Unit._engine_kind = lambda self, x, dtype: "triton" if self.fused else "eager"  # type: ignore[method-assign]
    graph = ng.Graph("ports")
    cells = graph.population("cells", ng.MCN())
    graph.connect(graph.input("image", (3, 6, 6)), cells["basal"], ng.Conv2d(4, 3, padding=1))
    graph.connect(graph.input("drive", (4, 6, 6)), cells["soma"])
    graph.connect(cells, graph.output("y", readout=ng.Steps()))
    random = torch.Generator().manual_seed(0)
    given = {n: torch.randn(4, 2, *s, generator=random) + 0.5 for n, s in (("image", (3, 6, 6)), ("drive", (4, 6, 6)))}
    ran = []
    for fused in (True, False):
        program = ng.compile(graph, fused=fused, seed=1)
        assert ("@triton.jit" in program.source("cells")) == fused, "the source is that of what runs"
        leaves = {n: x.clone().requires_grad_() for n, x in given.items()}
        with torch.autocast("cpu", torch.bfloat16):
            outputs, state = program.run(leaves)
        outputs["y"].float().square().sum().backward()
        ran.append(
            (outputs["y"].detach().float(), {n: x for n, x in state.items() if n != "step"}, leaves["drive"].grad)
        )
    (ya, sa, ga), (yb, sb, gb) = ran
    assert torch.equal(ya, yb) and 0.02 < float(ya.mean()) < 0.98
    assert sa.keys() == sb.keys() and all(torch.equal(sa[n], sb[n]) for n in sa), "a port was rounded to bfloat16"
    assert ga.dtype == torch.float32
    torch.testing.assert_close(ga, gb)


CASES: dict[str, Callable[[], None]] = {}
for made_name in MADE:
    CASES[f"{made_name}-sequence"] = lambda n=made_name: compare(n, 5, 300, False)
    CASES[f"{made_name}-one-step"] = lambda n=made_name: compare(n, 1, 37, True)
for made_name in ("LIF", "MCN"):
    for kind in (torch.float16, torch.bfloat16):
        CASES[f"{made_name}-{str(kind)[6:]}"] = lambda n=made_name, k=kind: narrow(n, k)
CASES["wide-blocks"] = wide
CASES["refused"] = refused
CASES["ports-of-two-types"] = ports_of_two_types


def answer() -> None:
    with np.errstate(all="ignore"):  # lanes past the end compute on zeros
        for line in sys.stdin:
            try:
                CASES[line.strip()]()
                print(json.dumps(""), flush=True)
            except BaseException:
                print(json.dumps(traceback.format_exc()), flush=True)


@pytest.fixture(scope="module")
def interpreter() -> Iterator[Callable[[str], str]]:
    pytest.importorskip("triton", reason="Triton is not installed")
    root = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": root}
    command, pipe = [sys.executable, "-W", "error", __file__], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        assert process.stdin is not None and process.stdout is not None

        def ask(case: str) -> str:
            process.stdin.write(case + "\n")
            process.stdin.flush()
            return str(json.loads(process.stdout.readline() or '"the process ended"'))

        yield ask
        process.stdin.close()


@pytest.mark.parametrize("case", CASES)
def test_interpreted(case: str, interpreter: Callable[[str], str]) -> None:
    trouble = interpreter(case)
    assert not trouble, trouble


def check_ptx(name: str, capability: int, dtype: str = "float32") -> dict[str, str]:
    pytest.importorskip("triton", reason="Triton is not installed")
    if engine.interpreting():
        pytest.skip("TRITON_INTERPRET=1 is set: nothing is compiled")
    scan, _ = scan_made(name)
    rows, static = frozenset(ROWS.get(name, ())) & set(scan.uniforms), frozenset(STATIC.get(name, ()))
    made = TritonEngine(scan, dtype, rows, static, ())
    texts = made.compile_ahead(capability, frozenset(scan.uniforms) & set(scan.backward))
    assert texts.keys() == {"forward", "backward"}
    for text in texts.values():
        assert f".target sm_{capability}" in text
        exact = text.replace("cvt.rmi.ftz.f32.f32", "")  # floor, which the generated text corrects
        assert not re.search(r"\bfma\.|\bmad\.\w*\.?f32|\.ftz|\.approx|\.full\.f32|\batom\.|\bred\.", exact)
        assert set(re.findall(r"\b(?:add|sub|mul|div|sqrt)\.(\w+)\.f32", text)) <= {"rn"}
        assert re.search(r"ld\.global\.v\d", text) and re.search(r"st\.global\.v\d", text)
    return texts


@pytest.mark.parametrize("name", MADE)
def test_ptx_has_correctly_rounded_arithmetic_and_vector_loads(name: str) -> None:
    check_ptx(name, 90)


@pytest.mark.parametrize(("name", "dtype"), [("LIF", "float32"), ("MCN", "bfloat16"), ("LIF", "float16")])
def test_ptx_of_capability_8_0_and_16_bit_storage(name: str, dtype: str) -> None:
    narrow = {"bfloat16": "cvt.rn.bf16", "float16": "cvt.rn.f16"}.get(dtype)
    for text in check_ptx(name, 80, dtype).values():
        assert (narrow is None) or narrow in text


def test_float64_is_refused() -> None:
    scan, _ = scan_made("LIF")
    with pytest.raises(BackendError, match=r"LIF has dtype float64.*eager path"):
        TritonEngine(scan, "float64", frozenset(), frozenset(), ())


def test_a_device_without_triton_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    problem = Problem("LIF", 2, 8)
    if engine.find_spec("triton") is not None:
        assert not available("cpu") and "CUDA" in unavailable("cpu")
        assert available("cuda:0")
        with pytest.raises(BackendError, match="run on CUDA devices, these tensors are on cpu"):
            problem.solve(TritonEngine)
    monkeypatch.setitem(sys.modules, "triton", None)
    assert not available("cuda") and "pip install triton" in unavailable("cuda")
    scan, _ = scan_made("LIF")
    with pytest.raises(BackendError, match="pip install triton"):
        TritonEngine(scan, "float32", frozenset(), frozenset(), ()).compile_ahead(90)


def test_source_is_readable_and_the_same_for_every_dtype() -> None:
    scan, _ = scan_made("MCN")
    texts = {TritonEngine(scan, d, frozenset(), frozenset(), ()).source() for d in engine.STORAGE}
    assert len(texts) == 1
    text = texts.pop()
    assert "def forward(" in text and "def backward(" in text and "state_v_basal" in text
    assert max(map(len, text.splitlines())) <= 120


if __name__ == "__main__":
    answer()
