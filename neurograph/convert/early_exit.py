"""Answers as soon as they are stable: each image leaves a run when its answer no longer changes."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neurograph.convert.images import numpy_of
from neurograph.errors import BackendError, DataError, ShapeError
from neurograph.readout import Readout, Steps

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class EarlyAnswers:
    """answers [N]: index of the largest logit; logits [N, classes] when the image left; steps [N] that it was run.

    full_answers [N]: those of the run of all steps, where they were asked for.
    """

    answers: Array
    logits: Array
    steps: Array
    full_answers: Array | None = None

    @property
    def mean_steps(self) -> float:
        """Steps per image."""
        return float(self.steps.mean())

    @property
    def agreement(self) -> float | None:
        """Part of the images with the answer of the full run, where that was asked for."""
        return None if self.full_answers is None else float((self.answers == self.full_answers).mean())

    def __str__(self) -> str:
        n = len(self.steps)
        text = f"{n:,} images answered in {self.mean_steps:.2f} steps on average, {int(self.steps.max())} at most"
        if self.full_answers is None:
            return text
        same = int((self.answers == self.full_answers).sum())
        return f"{text}; {same:,} of {n:,} answers ({100 * same / n:.2f} %) are those of the full run"


def answer_early(
    program: Any,
    images: Any,
    steps: int,
    *,
    patience: int = 4,
    margin: float | None = None,
    window: int = 4,
    least: int = 1,
    batch: int = 100,
    check: bool = False,
) -> EarlyAnswers:
    """Run a converted network in windows of steps; an image leaves once its answer was the same for `patience` steps.

    program: compiled for torch or numba, with one output; its weights are shared, it is not changed. images: [N, *shape]. An
    answer is the largest logit of what the output's readout says of the steps up to now. Looked at after each `window` steps:
    the image leaves if its answer has been the same in the last `patience` of them and its lead over the second exceeds
    `margin`, in the unit of the readout. Steps before `least` do not count, nor those in which what arrives at the output is
    still that of the first step, so that an answer of the biases alone is none. The others go on, up to `steps`. check: run all images to the
    end as well, to compare.
    """
    given = {"steps": steps, "patience": patience, "window": window, "least": least, "batch": batch}
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise DataError(f"answer_early({name}={value!r}): a whole number, 1 or more")
    if margin is not None and (isinstance(margin, bool) or not isinstance(margin, int | float) or margin != margin):
        raise DataError(f"answer_early(margin={margin!r}): a number, or None")
    if not hasattr(images, "shape"):
        raise DataError(f"answer_early() takes an array of images [N, *shape], not {type(images).__name__}")
    if len(images) == 0:
        raise DataError("answer_early(): there is no image")
    stepwise, output, readout = _stepwise(program)
    parts: list[tuple[Array, ...]] = []
    for start in range(0, len(images), batch):
        x = images[start : start + batch]
        run = _Batch(stepwise, output, readout, x)
        parts.append(run.to_the_end(steps, window, patience, margin, least))
        if check:
            full = _Batch(stepwise, output, readout, x).to_the_end(steps, window, steps + 1, None, 1)
            parts[-1] = (*parts[-1], full[0])
    return EarlyAnswers(*(np.concatenate(a) for a in zip(*parts, strict=True)))


def _stepwise(program: Any) -> tuple[Any, str, Readout]:
    """The program with every step of its output, the output's name, and how it was read."""
    tape = getattr(program, "tape", None)
    if tape is None or getattr(program, "backend", "") not in ("torch", "numba", "reference"):
        raise BackendError(f"answer_early() takes a program, compile(graph, 'torch' or 'numba'), not {program!r}")
    readouts = [i for i in tape.instructions if i.op == "readout"]
    if len(readouts) != 1 or len(tape.slots[readouts[0].outs[0]].shape) != 1:
        raise ShapeError("answer_early() needs one output with one axis of logits")
    if isinstance(readouts[0].what, Steps):
        raise ShapeError("answer_early(): a readout of all steps has no answer; let the output read Mean() or Last()")
    if not all(i.what.encoder.static for i in tape.instructions if i.op == "input"):
        raise BackendError(
            "answer_early(): an encoded input starts anew in each window; use one that is given as it is"
        )
    if getattr(program, "training", False):
        raise BackendError("answer_early(): the program is in training mode; call program.eval()")
    changed = tuple(replace(i, what=Steps()) if i.op == "readout" else i for i in tape.instructions)
    out = copy.copy(program)  # shares modules and weights
    out.tape = replace(tape, instructions=changed)
    return out, readouts[0].name, readouts[0].what


class _Batch:
    """Images that are still being run, and the answers of those that have left."""

    def __init__(self, program: Any, output: str, readout: Readout, images: Any):
        self.program, self.output, self.readout = program, output, readout
        self.images = images
        self.delays = {f"{i.name}.{what}" for i in program.tape.walk() for what in ("delay", "sent") if i.late}
        self.state: dict[str, Any] | None = None
        self.total: Any = None
        self.place = np.arange(len(images))
        self.same = np.zeros(len(images), int)
        self.answer = np.full(len(images), -1)
        self.first: Array | None = None  # what arrived at the output in the first step
        self.reached = np.zeros(len(images), bool)

    def to_the_end(
        self, steps: int, window: int, patience: int, margin: float | None, least: int
    ) -> tuple[Array, Array, Array]:
        n = len(self.images)
        answers, used, logits = np.full(n, -1), np.full(n, steps), None
        done = 0
        while len(self.place):
            length = min(window, steps - done)
            now = self._run(length, done, least)
            done += length
            leaves = (self.same >= patience) & (_lead(now) > margin if margin is not None else True)
            leaves |= done == steps
            if not leaves.any():
                continue
            if logits is None:
                logits = np.zeros((n, now.shape[1]), now.dtype)
            gone = self.place[leaves]
            answers[gone], used[gone], logits[gone] = self.answer[leaves], done, now[leaves]
            self._keep(np.flatnonzero(~leaves))
        assert logits is not None
        return answers, logits, used

    def _run(self, length: int, done: int, least: int) -> Array:
        """The next steps; what the readout says after the last of them, [N, classes]."""
        if self.program.backend == "torch":
            import torch

            given = torch.as_tensor(self.images).to(self.program.device)
            with torch.inference_mode():
                outputs, self.state = self.program.run(given, length, self.state)
        else:
            outputs, self.state = self.program.run(self.images, length, self.state)
        for t, x in enumerate(numpy_of(outputs[self.output])):
            self.total = self.readout.add(self.total, x[None])
            now = self.readout.finish(self.total, done + t + 1)
            answer = now.argmax(-1)
            self.first = x if self.first is None else self.first
            self.reached |= (x != self.first).any(1)
            counts = self.reached & (done + t + 1 >= least)
            self.same = np.where(counts, np.where(answer == self.answer, self.same + 1, 1), 0)
            self.answer = answer
        return np.asarray(now)

    def _keep(self, rows: Array) -> None:
        """Go on with some of the images: their part of everything that has one row per image."""
        if not len(rows):
            self.place = rows
            return
        assert self.state is not None
        count = len(self.place)
        self.images, self.place = self.images[rows], self.place[rows]
        assert self.first is not None
        self.same, self.answer = self.same[rows], self.answer[rows]
        self.first, self.reached = self.first[rows], self.reached[rows]
        self.total = self.readout.some(self.total, rows)
        for key, value in self.state.items():
            if key in self.delays:
                self.state[key] = value[:, rows]
            elif getattr(value, "ndim", 0):
                if len(value) != count:
                    raise BackendError(
                        f"answer_early(): the state's {key!r} has shape {tuple(value.shape)}, not one row for each of {count} "
                        "images; run this network to the end"
                    )
                self.state[key] = value[rows]


def _lead(logits: Array) -> Array:
    """How far the largest is above the second."""
    if logits.shape[1] < 2:
        return np.full(len(logits), np.inf)
    two = np.partition(logits, -2, axis=1)
    return np.asarray(two[:, -1] - two[:, -2])
