"""What the torch backend does its own way while a tape is executed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from neurograph.backends.array import uniform
from neurograph.backends.kept import SMALLEST, KeptAsBits
from neurograph.expr.value import Value
from neurograph.given import given_values
from neurograph.kernels.eager import step_code
from neurograph.projections.operator import Remake, Run
from neurograph.spec import Shape
from neurograph.tape import Instr

if TYPE_CHECKING:
    from neurograph.backends.torch import TorchProgram

_LARGE = 1 << 20  # bytes above which a value is computed again rather than kept for the backward pass


def _shaped(remake: Remake, shape: torch.Size) -> Remake:
    sources, function = remake
    return sources, lambda *held: function(*held).reshape(shape)


class TorchMachine:
    """What a tape's execution asks of torch."""

    xp = torch

    def __init__(
        self,
        program: TorchProgram,
        keep_state: bool,
        spikes: Mapping[str, bool] | None = None,
        again: bool = False,
        last: str = "",
    ):
        """`spikes`: slots that are kept as bits. `again`: in a backward pass, where no running statistics follow, and
        nothing reads what population `last` computes."""
        self.program, self.keep_state = program, keep_state
        self.spikes, self.again, self.last = spikes or {}, again, last
        self.remakes: dict[str, Remake] = {}  # slot -> how to compute it again
        self.codes: dict[Any, Any] = {}

    def kept(self, slots: Sequence[str], values: Sequence[Any]) -> AbstractContextManager[Any]:
        """A context in which what is kept of these values is kept as bits, where they are spikes."""
        if not self.spikes or not torch.is_grad_enabled():
            return nullcontext()
        pairs = zip(slots, values, strict=False)
        found = [(x, self.spikes[s]) for s, x in pairs if s in self.spikes and x.nbytes >= SMALLEST]
        return KeptAsBits(found) if found else nullcontext()

    def apply(self, instr: Instr, x: Tensor, run: Run) -> Tensor:
        module = self.program.get_submodule(instr.name) if instr.name in self.program._weighted else None
        held = {} if module is None else {**dict(module._parameters), **dict(module._buffers)}
        if self.again and run.training and module is not None:
            held.update({n: b.clone() for n, b in module._buffers.items() if b is not None})
        again = instr.what.remake(x, held, run) if torch.is_grad_enabled() and x.nbytes >= _LARGE else None
        if again is not None:
            self.remakes[instr.outs[0]] = again
        with self.kept(instr.ins, (x,)):
            return instr.what.torch(x, held, run)  # type: ignore[no-any-return]

    def combine(self, instr: Instr, xs: list[Tensor]) -> Tensor:
        with self.kept(instr.ins, xs):
            return instr.what.torch(xs)  # type: ignore[no-any-return]

    def scan(
        self,
        instr: Instr,
        steps: int,
        inputs: Mapping[str, Tensor],
        states: Mapping[str, Tensor],
        record: tuple[str, ...],
    ) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
        unit = self.program.get_submodule(instr.name)
        keep = self.keep_state or instr.name in self.program._stepped
        remake = {
            port: _shaped(self.remakes[slot], inputs[port].shape)
            for port, slot in zip(instr.ports, instr.ins, strict=True)
            if slot in self.remakes and instr.name not in self.program._stepped
        }
        with self.kept(instr.ins, tuple(inputs.values())):
            return unit(steps, inputs, states, record, keep, remake, instr.name == self.last)  # type: ignore[no-any-return]

    def cat(self, parts: list[Tensor], axis: int = 0) -> Tensor:
        return torch.cat(parts, axis)

    def zeros(self, shape: tuple[int, ...]) -> Tensor:
        return torch.zeros(shape, dtype=self.program.dtype, device=self.program.device)

    def finite(self, x: Tensor) -> bool:
        return bool(torch.isfinite(x).all())

    def uniform(self, name: str, shape: tuple[int, ...], step: int) -> Tensor:
        draw = self.program._draw if self.program.training else 0
        numbers = uniform(self.program.seed + draw, name, shape, step)
        return torch.from_numpy(numbers).to(self.program.device, self.program.dtype)

    def given(self, instr: Instr, shape: Shape, batch: int, steps: range) -> Tensor:
        unit, draw = self.program.get_submodule(instr.name), self.program._draw if self.program.training else 0
        # only counts depend on parameters, and to fetch those waits for a GPU
        needed: Any = unit.names if instr.what.given[instr.ports[0]] == "poisson" else ()
        params = {n: getattr(unit, n).detach().cpu().numpy() for n in needed}
        dtype = str(self.program.dtype).removeprefix("torch.")
        values = given_values(
            instr.what, instr.ports[0], params, population=instr.name, shape=shape, batch=batch, steps=steps,
            dt=self.program.tape.dt, seed=self.program.seed + draw, dtype=np.dtype(dtype),
        )  # fmt: skip
        return torch.from_numpy(values).to(self.program.device)

    # what a plasticity rule asks for; weights change by the rule here, not by a gradient

    def array(self, value: Any) -> Tensor:
        return torch.as_tensor(value, dtype=self.program.dtype, device=self.program.device)

    def index(self, value: Any) -> Tensor:
        return torch.as_tensor(np.asarray(value, np.int64), device=self.program.device)

    def weights_of(self, name: str) -> Mapping[str, Tensor]:
        module = self.program.get_submodule(name)
        return {n: t.detach() for n, t in (*module.named_parameters(), *module.named_buffers())}

    def evaluate(self, results: Mapping[str, Value], leaves: Mapping[str, Any]) -> dict[str, Tensor]:
        key = tuple(sorted((n, id(v)) for n, v in results.items()))
        if key not in self.codes:
            self.codes[key] = step_code(results)
        return self.codes[key](leaves, self.program.dtype, self.program.device)
