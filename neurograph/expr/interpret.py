"""The definition of a traced step: NumPy, one operation after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurograph.expr.ops import OPS
from neurograph.expr.value import Value, live


def interpret(results: Mapping[str, Value], leaves: Mapping[str, Any], dtype: np.dtype[Any]) -> dict[str, Any]:
    """Evaluate `results` on arrays; `results` must be expanded (no exp, sigmoid or tanh left)."""
    known: dict[int, Any] = {}
    for value in live(results.values()):
        if value.op == "leaf":
            known[value.index] = np.asarray(leaves[str(value.attr)], dtype)
        elif value.op == "const":
            known[value.index] = np.asarray(float(str(value.attr)), dtype)
        else:
            arguments = [known[a.index] for a in value.args if a.index in known]
            known[value.index] = OPS[value.op].numpy(*arguments)
    return {name: known[value.index] for name, value in results.items()}
