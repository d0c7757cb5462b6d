"""Labels as weights of classes."""

from __future__ import annotations

import torch

from neurograph.errors import DataError

__all__ = ["class_weights"]


def class_weights(labels: torch.Tensor, classes: int, owner: str) -> torch.Tensor:
    """Labels int64 [N] as float [N, K], 1 at the class; weights [N, K] as they are. Raises DataError for others."""
    if labels.is_floating_point() and labels.ndim == 2 and labels.shape[1] == classes:
        return labels
    if labels.dtype != torch.int64 or labels.ndim != 1:
        raise DataError(
            f"{owner}: labels of {labels.dtype} {list(labels.shape)}; it takes int64 [N] or float [N, {classes}]"
        )
    if labels.numel() and not bool(((labels >= 0) & (labels < classes)).all()):
        raise DataError(
            f"{owner}: labels {int(labels.min())}..{int(labels.max())} with classes={classes}; labels count from 0 to "
            "classes - 1: give the number of classes of the data set"
        )
    return torch.nn.functional.one_hot(labels, classes).float()
