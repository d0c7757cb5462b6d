"""Numbers and arrays as a page shows them: text, or a summary with a histogram; never the array itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neurograph.fields import Learnable

Array = np.ndarray[Any, Any]
BINS = 24
MOST = 1_000_000  # values that a histogram is drawn from; of more, every so many


def shown(value: Any) -> dict[str, Any]:
    """`text` for people, and for an array of several values what it holds."""
    if isinstance(value, Learnable):
        return {**shown(value.value), "learnt": value.per}
    if hasattr(value, "detach"):
        value = value.detach().cpu().double().numpy()
    if isinstance(value, str | bool):
        return {"text": str(value)}
    if isinstance(value, int | float | np.number) or (isinstance(value, np.ndarray) and value.size == 1):
        return {"text": number(float(np.asarray(value).reshape(-1)[0]))}
    if isinstance(value, np.ndarray) or (isinstance(value, list | tuple) and value and np.ndim(value)):
        array = np.asarray(value)
        if array.dtype.kind in "fiub":
            return histogram(array)
    return {"text": repr(value)}


def number(x: float) -> str:
    return f"{x:.6g}"


def histogram(array: Array) -> dict[str, Any]:
    """Shape, extremes, mean, deviation, share of zeros, and counts in equal bins."""
    flat = array.reshape(-1)
    if flat.size == 0:
        return {"text": f"array {list(array.shape)}, empty"}
    drawn = flat[:: math.ceil(flat.size / MOST)].astype(np.float64)
    drawn = drawn[np.isfinite(drawn)]
    if drawn.size == 0:
        return {"text": f"array {list(array.shape)}, no finite value"}
    low, high = float(np.min(drawn)), float(np.max(drawn))
    out: dict[str, Any] = {
        "text": f"array {list(array.shape)}", "count": int(flat.size), "low": number(low), "high": number(high),
        "mean": number(float(drawn.mean())), "sd": number(float(drawn.std())),
        "zeros": round(float((drawn == 0).mean()), 4),
    }  # fmt: skip
    if drawn.size < flat.size:
        out["sample"] = int(drawn.size)
    if high > low and math.isfinite(high - low):
        out["bins"] = np.histogram(drawn, BINS, (low, high))[0].tolist()
    return out
