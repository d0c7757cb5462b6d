"""Spike calibration: a neuron that has fallen silent takes back spikes it sent too many."""

from __future__ import annotations

from typing import Any

from neurograph.expr import maximum, where
from neurograph.spec import Neuron, Option, Param, State


class SpikeCalibration(Neuron):
    """Passes spikes x on, and takes one back (-1) at each step of a silence longer than the neuron's intervals.

    At step t (from 0), where x > 0: last = t, n = n + 1, so the mean interval is last / n. Where t - last > last / n +
    allowance: y = -1, or 0 if that would make the sum of y -1; else y = x.
    A neuron may fire before the inhibition meant for it arrives; once it is silent, those spikes were too many.
    `debt=True` is BrainCog's rule: corrections that found nothing to take back are owed, and later spikes pay (y = 0), so a
    neuron that begins late loses nearly as many spikes as it waited steps. Of gradients only that of y = x passes.
    Source: Li et al. 2022, "Efficient and accurate conversion of SNN with burst spikes and spike calibration"; BrainCog's
    SpiCalib.
    """

    equation = "y = -1 where t - last > last/n + allowance and sent >= 1, else x;  sent = sent + y"
    aliases = ("SpiCalib",)
    allowance = Param(3.0, "steps beyond the mean interval", unit="steps", at_least=0.0)
    debt = Option(False, (False, True), "corrections that could not be sent are owed")
    step_number = State(0.0, "t")
    last = State(0.0, "the step of the last spike")
    count = State(0.0, "n: steps with spikes")
    sent = State(0.0, "the sum of y, or less by what is owed")

    def step(self, step_number: Any, last: Any, count: Any, sent: Any, input: Any) -> dict[str, Any]:
        fired = input > 0.0
        last = where(fired, step_number, last)
        count = where(fired, count + 1.0, count)
        due = step_number - last > last / maximum(count, 1.0) + self.allowance
        y = where(due, -1.0, input)
        if self.debt:
            sent = sent + y
            y = where(sent <= -1.0, 0.0, y)
        else:
            y = where(sent + y <= -1.0, 0.0, y)
            sent = sent + y
        return {"step_number": step_number + 1.0, "last": last, "count": count, "sent": sent, "spike": y}
