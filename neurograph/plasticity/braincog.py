"""BrainCog's learning rules, in which a step pairs the spikes that arrive in it with those it causes.

x_t: what arrives in step t, s_t: whether the target fires in step t. NeuroGraph shows a rule the spikes s_t in
the step after, behind the decay and the arrivals of that step, so what a pair needs of step t is kept until
then. Rates count per step; `decay` is a factor per step, as in BrainCog. Weights stay within [w_min, w_max].
Source: BrainCog's base/learningrule (Zeng et al. 2023).
"""

from __future__ import annotations

from typing import Any

from neurograph.plasticity.rule import Param, Plasticity, State


class BrainCogSTDP(Plasticity):
    """p_t = decay p_{t-1} + x_t,  dw = eta p_t s_t: potentiation alone."""

    equation = "p = decay p + x;  w += eta p s"
    eta = Param(0.01, "learning rate")
    factor = Param(0.99, "decay of the trace", unit="per step", at_least=0.0)
    p = State(0.0, "trace of the source", of="pre")
    p_before = State(0.0, "p of the step that the target's spikes are of", of="pre")

    def decay(self, p: Any) -> dict[str, Any]:
        return {"p_before": p, "p": p * self.factor}

    def on_pre(self, p: Any) -> dict[str, Any]:
        return {"p": p + 1.0}

    def on_post(self, w: Any, p_before: Any) -> dict[str, Any]:
        return {"w": self.bounded(w + p_before * self.eta)}


class BrainCogLTD(Plasticity):
    """q_t = decay (q_{t-1} + s_{t-1}),  dw = -eta x_t q_t: depression alone."""

    equation = "q = decay (q + s of the step before);  w -= eta x q"
    eta = Param(0.01, "learning rate")
    factor = Param(0.99, "decay of the trace", unit="per step", at_least=0.0)
    q = State(0.0, "trace of the target", of="post")
    arrived = State(0.0, "1 where a spike has arrived in this step", of="pre")

    def decay(self, q: Any) -> dict[str, Any]:
        return {"q": q * self.factor, "arrived": 0.0}

    # s of the step before is seen after the arrivals: its part of x q is taken when it comes
    def on_pre(self, w: Any, q: Any) -> dict[str, Any]:
        return {"w": self.bounded(w - q * self.factor * self.eta), "arrived": 1.0}

    def on_post(self, w: Any, q: Any, arrived: Any) -> dict[str, Any]:
        return {"w": self.bounded(w - arrived * self.factor * self.eta), "q": q + 1.0}


class BrainCogFullSTDP(Plasticity):
    """BrainCogSTDP and BrainCogLTD together: dw = a_plus p_t s_t - a_minus x_t q_t."""

    equation = "p = decay_plus p + x;  q = decay_minus (q + s of the step before);  w += A_plus p s - A_minus x q"
    a_plus = Param(0.01, "potentiation by one pair")
    a_minus = Param(0.0105, "depression by one pair")
    decay_plus = Param(0.99, "decay of p", unit="per step", at_least=0.0)
    decay_minus = Param(0.99, "decay of q", unit="per step", at_least=0.0)
    p = State(0.0, "trace of the source", of="pre")
    p_before = State(0.0, "p of the step that the target's spikes are of", of="pre")
    arrived = State(0.0, "1 where a spike has arrived in this step", of="pre")
    q = State(0.0, "trace of the target", of="post")

    def decay(self, p: Any, q: Any) -> dict[str, Any]:
        return {"p_before": p, "p": p * self.decay_plus, "arrived": 0.0, "q": q * self.decay_minus}

    def on_pre(self, w: Any, p: Any, q: Any) -> dict[str, Any]:
        return {"w": self.bounded(w - q * self.decay_minus * self.a_minus), "p": p + 1.0, "arrived": 1.0}

    def on_post(self, w: Any, p_before: Any, arrived: Any, q: Any) -> dict[str, Any]:
        change = p_before * self.a_plus - arrived * self.decay_minus * self.a_minus
        return {"w": self.bounded(w + change), "q": q + 1.0}


class BrainCogHebb(Plasticity):
    """dw = eta x_t s_t: the spikes of one step alone."""

    equation = "w += eta x s"
    eta = Param(0.01, "learning rate")
    arrived = State(0.0, "1 where a spike has arrived in this step", of="pre")
    before = State(0.0, "arrived, in the step that the target's spikes are of", of="pre")

    def decay(self, arrived: Any) -> dict[str, Any]:
        return {"before": arrived, "arrived": 0.0}

    def on_pre(self) -> dict[str, Any]:
        return {"arrived": 1.0}

    def on_post(self, w: Any, before: Any) -> dict[str, Any]:
        return {"w": self.bounded(w + before * self.eta)}


class BrainCogBCM(Plasticity):
    """phi_t = ((tau - 1) phi_{t-1} + s_t) / tau,  dw = eta (x_t s_t (s_t - phi_t) - (1 - weight_decay) w).

    The weights decay once every `interval`: give interval=dt for BrainCog's decay in every step.
    """

    equation = "phi = ((tau - 1) phi + s) / tau;  w += eta (x s (s - phi) - (1 - weight_decay) w)"
    eta = Param(0.01, "learning rate")
    tau = Param(10.0, "time constant of the threshold", unit="steps", above=0.0)
    weight_decay = Param(0.99, "what is left of a weight, at a learning rate of 1")
    phi = State(0.0, "sliding threshold", of="post")
    arrived = State(0.0, "1 where a spike has arrived in this step", of="pre")
    before = State(0.0, "arrived, in the step that the target's spikes are of", of="pre")

    def decay(self, phi: Any, arrived: Any) -> dict[str, Any]:
        return {"phi": phi * ((self.tau - 1.0) / self.tau), "before": arrived, "arrived": 0.0}  # type: ignore[operator]

    def on_pre(self) -> dict[str, Any]:
        return {"arrived": 1.0}

    def _kept(self) -> Any:
        """What an interval leaves of a weight."""
        return 1.0 - self.eta * (1.0 - self.weight_decay)  # type: ignore[operator]

    def on_post(self, w: Any, phi: Any, before: Any) -> dict[str, Any]:
        phi = phi + 1.0 / self.tau  # type: ignore[operator]
        # on_step takes its part of this change too, which the rule does not
        return {"w": self.bounded(w + before * self.eta * (1.0 - phi) / self._kept()), "phi": phi}

    def on_step(self, w: Any) -> dict[str, Any]:
        return {"w": self.bounded(w * self._kept())}
