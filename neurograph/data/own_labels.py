"""Labels as a user has them: a list, an array or a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neurograph.errors import DataError

__all__ = ["own_labels"]


def own_labels(labels: Any, classes: Sequence[str] | None, where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels int64 [N], and the names of the classes; raises DataError for labels that are no whole numbers [N]."""
    array = labels.detach().cpu().numpy() if hasattr(labels, "detach") else np.asarray(labels)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise DataError(
            f"{where}: labels are {array.dtype} with shape {array.shape}; give whole numbers [N], one a sample, as argmax(1) "
            "of one-hot ones"
        )
    numbers = array.astype(np.int64)
    if classes is None:
        classes = [str(k) for k in range(int(numbers.max(initial=-1)) + 1)]
    return numbers, tuple(classes)
