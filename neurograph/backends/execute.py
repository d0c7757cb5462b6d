"""How a tape is walked, the same for every backend; a machine supplies what differs between array libraries."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Any, Protocol

from neurograph.backends.checks import State
from neurograph.errors import DataError
from neurograph.monitor import Recorder
from neurograph.plasticity.run import PlasticMachine, PlasticRun
from neurograph.projections.operator import Run
from neurograph.spec import Shape
from neurograph.tape import Instr, Tape


class Machine(PlasticMachine, Protocol):
    """What a backend does its own way. Arrays of a sequence are [T, N, ...], of a static value [1, N, ...]."""

    @property
    def xp(self) -> Any: ...

    def apply(self, instr: Instr, x: Any, run: Run) -> Any: ...

    def combine(self, instr: Instr, xs: list[Any]) -> Any: ...

    def scan(
        self, instr: Instr, steps: int, inputs: Mapping[str, Any], states: Mapping[str, Any], record: tuple[str, ...]
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]: ...

    def cat(self, parts: list[Any], axis: int = 0) -> Any: ...

    def zeros(self, shape: tuple[int, ...]) -> Any: ...

    def finite(self, x: Any) -> bool: ...

    def uniform(self, name: str, shape: tuple[int, ...], step: int) -> Any: ...

    def given(self, instr: Instr, shape: Shape, batch: int, steps: range) -> Any: ...


class Execution:
    """One run of a tape: the slots that are alive and the state that is handed on."""

    def __init__(
        self,
        tape: Tape,
        machine: Machine,
        batch: int,
        state: State,
        *,
        training: bool,
        check_numerics: bool,
        recorder: Recorder,
        signals: Mapping[str, float] | None = None,
    ):
        self.signals = dict(signals or {})
        self.tape, self.machine, self.batch = tape, machine, batch
        self.state, self.training, self.check_numerics = state, training, check_numerics
        self.recorder = recorder
        self.totals: dict[str, Any] = {}
        self.recorded: dict[str, int] = {}  # probe -> the step that comes next
        self.computed: set[str] = set()  # slots that are the same in every window
        self.kept: dict[str, Any] = {}  # those of them that later windows read
        self._probes: dict[str, list[Any]] = {}
        for probe in tape.probes:
            self._probes.setdefault(probe.population, []).append(probe)

    def window(self, inputs: Mapping[str, Any], total: int, window: range) -> None:
        """Run the steps of `window` of a run of `total` steps; state and readouts carry over to the next window."""
        slots: dict[str, Any] = dict(self.kept)
        again = len(window) < total and not self.training  # in training every window has a graph of its own
        for instr in self.tape.instructions:
            if not self.computed.issuperset(instr.outs):
                if instr.op == "input":
                    self._input(instr, slots, inputs, total, window)
                else:
                    self._execute(instr, slots, len(window))
                if self.check_numerics:
                    self._check(instr, slots)
                if again and self._lasting(instr, slots, inputs):
                    self.computed.update(instr.outs)
                    self.kept.update({o: slots[o] for o in instr.outs})
            for name in instr.frees:
                slots.pop(name, None)
        if self.kept:
            read = {s for i in self.tape.instructions if not self.computed.issuperset(i.outs) for s in i.ins}
            self.kept = {n: x for n, x in self.kept.items() if n in read}
        self.state["step"] = self.state.get("step", 0) + len(window)

    def _lasting(self, instr: Instr, slots: Mapping[str, Any], inputs: Mapping[str, Any]) -> bool:
        """Whether an instruction has the same result in every window: the first convolution of an image that stays."""
        if instr.op == "input":  # a static input may be given as a sequence
            return bool(instr.what.encoder.static and inputs[instr.name].ndim == len(instr.what.shape) + 1)
        unchanging = instr.op in ("zeros", "apply", "add", "concat", "combine") or (
            instr.op == "neuron" and not (instr.what.states or instr.what.given or instr.name in self._probes)
        )
        if not unchanging or not self.computed.issuperset(instr.ins):
            return False
        remembers = instr.op == "apply" and any(key.startswith(f"{instr.name}.") for key in self.state)
        return not remembers and all(slots[o].shape[0] == 1 for o in instr.outs)

    def _execute(self, instr: Instr, slots: dict[str, Any], steps: int) -> None:
        # looked up each time: a table of bound methods would be a cycle, and keep every output until the next
        # garbage collection
        getattr(self, f"_{instr.op}")(instr, slots, steps)

    def _input(self, instr: Instr, slots: dict[str, Any], inputs: Mapping[str, Any], total: int, window: range) -> None:
        x, node = inputs[instr.name], instr.what
        first = self.state.get("step", 0) - window.start
        if x.ndim == len(node.shape) + 2:
            # a slice of everything would still cost a copy of everything in the backward pass
            slots[instr.outs[0]] = x if len(window) == x.shape[0] else x[window.start : window.stop]
            return

        def uniform(shape: tuple[int, ...], t: int) -> Any:
            return self.machine.uniform(instr.name, tuple(shape), first + t)

        slots[instr.outs[0]] = node.encoder.encode(self.machine.xp, x, total, window, uniform)

    def _draw(self, instr: Instr, slots: dict[str, Any], steps: int) -> None:
        first = self.state.get("step", 0)
        shape = self.tape.slots[instr.outs[0]].shape
        slots[instr.outs[0]] = self.machine.given(instr, shape, self.batch, range(first, first + steps))

    def _zeros(self, instr: Instr, slots: dict[str, Any], steps: int) -> None:
        slots[instr.outs[0]] = self.machine.zeros((1, self.batch, *self.tape.slots[instr.outs[0]].shape))

    def _apply(self, instr: Instr, slots: dict[str, Any], steps: int) -> None:
        x = slots[instr.ins[0]]
        length = x.shape[0]
        memory = {k.removeprefix(f"{instr.name}."): v for k, v in self.state.items() if k.startswith(f"{instr.name}.")}
        run = Run(length, self.batch, self.training, repeats=steps if length != steps else 1, memory=memory)
        y = self.machine.apply(instr, x.reshape(length * self.batch, *x.shape[2:]), run)
        self.state.update({f"{instr.name}.{k}": v for k, v in run.memory.items()})
        # an operator with a memory may answer a static input with a sequence
        slots[instr.outs[0]] = y.reshape(-1, self.batch, *self.tape.slots[instr.outs[0]].shape)

    def _add(self, instr: Instr, slots: dict[str, Any], steps: int) -> None:
        total = slots[instr.ins[0]]
        for name in instr.ins[1:]:
            total = total + slots[name]
        slots[instr.outs[0]] = total

    def _combine(self, instr: Instr, slots: dict[str, Any], steps: int) -> None:
        parts = [slots[name] for name in instr.ins]
        length = max(p.shape[0] for p in parts)
        parts = [p if p.shape[0] == length else self.machine.cat([p] * length) for p in parts]
        y = self.machine.combine(instr, [p.reshape(length * self.batch, *p.shape[2:]) for p in parts])
        slots[instr.outs[0]] = y.reshape(length, self.batch, *y.shape[1:])

    def _concat(self, instr: Instr, slots: dict[str, Any], steps: int) -> None:
        parts = [slots[name] for name in instr.ins]
        length = max(p.shape[0] for p in parts)
        parts = [p if p.shape[0] == length else self.machine.cat([p] * length) for p in parts]
        slots[instr.outs[0]] = self.machine.cat(parts, 2)

    def _delay(self, instr: Instr, slots: dict[str, Any], steps: int) -> None:
        x = slots[instr.ins[0]]
        if x.shape[0] != steps:
            x = self.machine.cat([x] * steps)
        joined = self.machine.cat([self._waiting(instr, x.shape[2:]), x])
        slots[instr.outs[0]] = joined[:steps]
        self.state[f"{instr.name}.delay"] = joined[steps:]

    def _waiting(self, instr: Instr, shape: tuple[int, ...]) -> Any:
        """What was sent in the last `delay` steps and has not arrived; nothing at the start."""
        known = self.state.get(f"{instr.name}.delay")
        return self.machine.zeros((instr.steps, self.batch, *shape)) if known is None else known

    def _project(self, instr: Instr, slots: dict[str, Any], steps: int) -> None:
        x = slots[instr.ins[0]]
        if x.shape[0] != steps:
            x = self.machine.cat([x] * steps)
        joined = self.machine.cat([self._sent(instr), x])
        slots[instr.outs[0]] = self._arriving(instr, joined, steps)
        self.state[f"{instr.name}.sent"] = joined[steps:]

    def _sent(self, instr: Instr) -> Any:
        """What the source sent in the steps before, as many as the longest delay."""
        known = self.state.get(f"{instr.name}.sent")
        longest = instr.what.made.longest
        return self.machine.zeros((longest, self.batch, *instr.what.source)) if known is None else known

    def _arriving(self, instr: Instr, sent: Any, steps: int) -> Any:
        """The weighted sum that each step receives: `sent` begins as long before as the longest delay."""
        longest, total = instr.what.made.longest, None
        for delay, group in instr.what.groups:
            x = sent[longest - delay : longest - delay + steps]
            y = self.machine.apply(
                replace(instr, what=group), x.reshape(steps * self.batch, *x.shape[2:]), Run(steps, self.batch)
            )
            total = y if total is None else total + y
        shape = (steps, self.batch, *instr.what.target)
        return self.machine.zeros(shape) if total is None else total.reshape(shape)

    def _neuron(self, instr: Instr, slots: dict[str, Any], steps: int) -> None:
        name = instr.name
        inputs = dict(zip(instr.ports, (slots[s] for s in instr.ins), strict=True))
        states = {n: self.state[f"{name}.{n}"] for n in instr.what.states if f"{name}.{n}" in self.state}
        probes = self._probes.get(name, [])
        wanted = tuple(p.variable for p in probes)
        inner = tuple(v for v in wanted if v not in instr.what.outputs)
        # the same function of a value that does not change: once
        alone = not instr.what.states and all(len(x) == 1 for x in inputs.values())
        outputs, finals, recorded = self.machine.scan(instr, 1 if alone else steps, inputs, states, inner)
        for output, slot in zip(instr.what.outputs, instr.outs, strict=True):
            slots[slot] = outputs[output]
        self.state.update({f"{name}.{n}": v for n, v in finals.items()})
        for probe in probes:
            values = recorded[probe.variable] if probe.variable in inner else outputs[probe.variable]
            kept = self._thinned(self.machine.cat([values] * steps) if len(values) != steps else values, probe)
            if len(kept):
                self.recorder.add(probe.key, kept)

    def _thinned(self, values: Any, probe: Any) -> Any:
        """Every so many steps, counted from the state's first, and the chosen neurons in C order."""
        begun = self.recorded[probe.key] if probe.key in self.recorded else self.state.get("step", 0)
        self.recorded[probe.key] = begun + len(values)
        values = values[-begun % probe.every :: probe.every]
        if probe.neurons is None:
            return values
        flat = values.reshape(len(values), values.shape[1], prod(values.shape[2:]))
        if probe.neurons and not 0 <= min(probe.neurons) <= max(probe.neurons) < flat.shape[2]:
            raise DataError(f"probe of {probe.key!r} ({probe.at}): neuron {max(probe.neurons)} of {flat.shape[2]}")
        return flat[:, :, list(probe.neurons)]

    def _loop(self, instr: Instr, slots: dict[str, Any], steps: int) -> None:
        """Rounds of `instr.steps` steps; what is late reads what earlier rounds (or runs) sent."""
        late: dict[str, Any] = {i.name: LATE[i.op](self, i) for i in instr.body if i.late}
        needed = {s for i in self.tape.instructions for s in i.ins if i is not instr} | set(self.tape.outputs.values())
        kept: dict[str, list[Any]] = {o: [] for o in instr.outs if o in needed}
        first = self.state.get("step", 0)
        read = {n: split_steps(slots[n], instr.steps) for n in instr.ins}
        for start in range(0, steps, instr.steps):
            length = min(instr.steps, steps - start)
            inner = {n: xs[start // instr.steps if len(xs) > 1 else 0] for n, xs in read.items()}
            for member in instr.body:
                if member.late:
                    inner[member.outs[0]] = late[member.name].arriving(length, first + start)
            for member in instr.body:
                if not member.late:
                    self._execute(member, inner, length)
                if self.check_numerics:
                    self._check(member, inner, start)
            for member in instr.body:
                if member.late:
                    late[member.name].send(inner, length)
            for name, parts in kept.items():
                parts.append(inner[name])
        for name, parts in kept.items():
            slots[name] = self.machine.cat(parts) if len(parts) > 1 else parts[0]
        for waiting in late.values():
            waiting.keep()

    def _readout(self, instr: Instr, slots: dict[str, Any], steps: int) -> None:
        x = slots[instr.ins[0]]
        if x.shape[0] != steps:
            x = self.machine.cat([x] * steps)
        self.totals[instr.name] = instr.what.add(self.totals.get(instr.name), x)
        slots[instr.outs[0]] = self.totals[instr.name]

    def _check(self, instr: Instr, slots: dict[str, Any], start: int = 0) -> None:
        for name in instr.outs:
            if name in slots and instr.op not in ("loop", "readout") and not self.machine.finite(slots[name]):
                raise DataError(
                    f"check_numerics: %{name}, made by {instr.op} {instr.name!r} ({instr.at}), holds NaN or infinity. "
                    "Look at its inputs and weights; a lower learning rate is the usual remedy in training"
                )


class _Delay:
    """A delay in a loop: what was sent and has not arrived."""

    def __init__(self, run: Execution, instr: Instr):
        self.run, self.instr = run, instr
        self.waiting = deque(run._waiting(instr, run.tape.slots[instr.outs[0]].shape))

    def arriving(self, length: int, step: int) -> Any:
        parts = [self.waiting.popleft()[None] for _ in range(length)]
        return parts[0] if length == 1 else self.run.machine.cat(parts)

    def send(self, slots: Mapping[str, Any], length: int) -> None:
        sent = slots[self.instr.ins[0]]
        self.waiting.extend(sent[k if sent.shape[0] > 1 else 0] for k in range(length))

    def keep(self) -> None:
        self.run.state[f"{self.instr.name}.delay"] = self.run.machine.cat([x[None] for x in self.waiting])


class _Projection:
    """Synapses in a loop: what their source sent in the last steps."""

    def __init__(self, run: Execution, instr: Instr):
        self.run, self.instr = run, instr
        self.sent: deque[Any] = deque(run._sent(instr), maxlen=instr.what.made.longest)

    def history(self) -> Any:
        return self.run.machine.cat([x[None] for x in self.sent])

    def arriving(self, length: int, step: int) -> Any:
        return self.run._arriving(self.instr, self.history(), length)

    def send(self, slots: Mapping[str, Any], length: int) -> None:
        sent = slots[self.instr.ins[0]]
        self.sent.extend(sent[k if sent.shape[0] > 1 else 0] for k in range(length))

    def keep(self) -> None:
        self.run.state[f"{self.instr.name}.sent"] = self.history()


class _Plastic(_Projection):
    """Synapses whose weights the rule changes while they are used: one step at a time."""

    def __init__(self, run: Execution, instr: Instr):
        super().__init__(run, instr)
        self.rule = PlasticRun(instr, run.machine, run.batch, run.tape.dt, run.state, run.signals)

    def arriving(self, length: int, step: int) -> Any:
        return self.rule.step(self.sent[0], step)[None]

    def send(self, slots: Mapping[str, Any], length: int) -> None:
        super().send(slots, length)
        self.rule.fired = slots[self.instr.ins[1]][0]

    def keep(self) -> None:
        super().keep()
        self.rule.keep()


LATE: dict[str, Any] = {"delay": _Delay, "project": _Projection, "plastic": _Plastic}


def split_steps(x: Any, steps: int) -> Any:
    """A sequence in parts of so many steps; what is the same in all steps is one part.

    One split has one gradient for all parts. That of each slice would be as large as the sequence: T**2 for T steps.
    """
    if hasattr(x, "split"):  # torch
        return x.split(steps)
    return [x[start : start + steps] for start in range(0, x.shape[0], steps)]


def answers(tape: Tape, execution: Execution, steps: int) -> dict[str, Any]:
    """The outputs of a finished run."""
    readouts = {i.name: i.what for i in tape.instructions if i.op == "readout"}
    return {n: readouts[n].finish(t, steps) for n, t in execution.totals.items()}
