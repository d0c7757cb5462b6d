"""The sign of a weight, where the target's port gives it a meaning."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurograph.errors import SpecError


def check_sign(weight: Any, port: str, where: str) -> None:
    """Raise SpecError where a weight is below 0 and `port` (in words, "" if any sign will do) adds to a conductance.

    A conductance below 0 drives the potential away from its reversal potential: nothing in a cell does that.
    """
    least = float(np.min(weight, initial=0.0)) if port else 0.0
    if least < 0.0:
        raise SpecError(
            f"{where}: weight {least:g} at {port}, which adds to a conductance and so takes weights of at least 0. It is the "
            "port that says what inhibits: project to the inhibitory one with a positive weight (a distribution with low=0)"
        )
