"""A run of a program with a clock: seconds of each instruction, and the spikes of every population."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from neurograph.backends.checks import checked_inputs, checked_state
from neurograph.backends.execute import Execution
from neurograph.monitor import Recorder
from neurograph.tape import Instr, Tape
from neurograph.view.overlay import PER_STEP, Overlay, Raster, line_text, raster_of


class Timed(Execution):
    """An execution that notes how long each instruction takes; a loop's own time is what its members leave."""

    def __init__(self, *args: Any, device: Any = None, **options: Any):
        super().__init__(*args, **options)
        self.seconds: dict[str, float] = {}
        self.rates: dict[str, list[float]] = {}
        self.spikes: dict[str, list[Any]] = {}
        self._inner = 0.0
        self._device = device

    def _execute(self, instr: Instr, slots: dict[str, Any], steps: int) -> None:
        outer, self._inner = self._inner, 0.0
        before = self._now()
        super()._execute(instr, slots, steps)
        spent = self._now() - before
        self._note(instr, spent - self._inner)
        self._inner = outer + spent
        if instr.op == "neuron" and "spike" in instr.what.outputs:
            self._look(instr, slots, steps)

    def _input(self, instr: Instr, slots: dict[str, Any], inputs: Mapping[str, Any], total: int, window: range) -> None:
        before = self._now()
        super()._input(instr, slots, inputs, total, window)
        self._note(instr, self._now() - before)

    def _now(self) -> float:
        if self._device is not None and self._device.type == "cuda":
            import torch

            torch.cuda.synchronize(self._device)  # what was only started has not taken its time yet
        return time.perf_counter()

    def _note(self, instr: Instr, seconds: float) -> None:
        text = line_text(instr)
        self.seconds[text] = self.seconds.get(text, 0.0) + seconds

    def _look(self, instr: Instr, slots: dict[str, Any], steps: int) -> None:
        """Keep the mean of the spikes and those of the first sample; looking takes no time of the instruction's."""
        before = self._now()
        values = slots[instr.outs[instr.what.outputs.index("spike")]]
        self.rates.setdefault(instr.name, []).append(float(values.sum()) / (values[0].size if isinstance(
            values, np.ndarray) else values[0].numel()) * (steps / len(values)))  # fmt: skip
        first = values[:, :1]
        array = first.detach().cpu().float().numpy() if hasattr(first, "detach") else np.asarray(first)
        self.spikes.setdefault(instr.name, []).append(np.repeat(array, steps, 0) if len(array) != steps else array)
        self._inner += self._now() - before


def profiled(program: Any, inputs: Any, steps: int | None = None) -> Overlay:
    """Run a torch or array program once to have its kernels ready, then once with the clock."""
    run = _run_torch if program.backend == "torch" else _run_arrays
    run(program, inputs, steps)
    execution, total = run(program, inputs, steps)
    tape: Tape = program.tape
    raster: dict[str, Raster] = {}
    for name, parts in execution.spikes.items():
        raster[name] = raster_of(np.concatenate(parts), tape.dt)
    rate = {name: sum(parts) / total for name, parts in execution.rates.items()}
    return Overlay(
        rate, PER_STEP, execution.seconds, raster,
        f"{total} steps of {execution.batch} samples on {program.backend}",
    )  # fmt: skip


def _run_torch(program: Any, inputs: Any, steps: int | None) -> tuple[Timed, int]:
    import torch

    from neurograph.backends.torch_machine import TorchMachine

    training = program.training
    program.eval()
    try:
        with torch.no_grad():
            given = program._tensors(inputs)
            return _walk(program, TorchMachine(program, True), given, steps, program.device)
    finally:
        program.train(training)


def _run_arrays(program: Any, inputs: Any, steps: int | None) -> tuple[Timed, int]:
    return _walk(program, program, program._arrays(inputs), steps, None)


def _walk(program: Any, machine: Any, given: Any, steps: int | None, device: Any) -> tuple[Timed, int]:
    total, batch = checked_inputs(program.tape, given, steps, program.steps)
    execution = Timed(
        program.tape, machine, batch, checked_state(program.tape, None, batch, program._converted),
        training=False, check_numerics=False, recorder=Recorder(), device=device,
    )  # fmt: skip
    execution.window(given, total, range(total))
    return execution, total
