"""What a loader gives and what a model returns for it, checked where the two meet."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neurograph.errors import DataError, ShapeError
from neurograph.train.failures import TrainingError
from neurograph.train.schedules.schedule import Schedule

__all__ = [
    "checked_labels",
    "checked_loss",
    "checked_model",
    "checked_output",
    "checked_parts",
    "checked_value",
    "pair_of",
]


def checked_parts(model: Any, optimizer: Any, schedule: Any) -> None:
    """Raise TrainingError unless these are a model, an optimizer of its parameters, and a schedule or None."""
    checked_model(model, "fit")
    if not hasattr(optimizer, "param_groups"):
        raise TrainingError(
            f"fit: optimizer is {_said(optimizer)}; give one that holds the model's parameters, such as "
            "train.adamw(model, batch_size), train.optimizer('adamw', model, batch_size) or "
            "torch.optim.Adam(model.parameters())"
        )
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    own = [id(p) for p in model.parameters()]
    if own and held.isdisjoint(own):
        raise TrainingError(
            "fit: the optimizer holds no parameter of this model, which would stay as it is; make the optimizer of the model "
            "that is trained (each compile() makes new parameters)"
        )
    if schedule is not None and not isinstance(schedule, Schedule):
        raise TrainingError(
            f"fit: schedule is {_said(schedule)}; give one of neurograph.train, such as WarmupCosine(optimizer, epochs) or "
            "train.schedule('step', optimizer, epochs), which a resumed run goes on with"
        )


def checked_loss(loss: Any) -> None:
    """Raise TrainingError for a class, and for what is no function."""
    if isinstance(loss, type) or not callable(loss):
        what = f"the class {loss.__name__}" if isinstance(loss, type) else _said(loss)
        raise TrainingError(
            f"fit: loss is {what}; give a name such as 'cross_entropy', or a function of (output, labels): "
            "torch.nn.CrossEntropyLoss(), with the brackets"
        )


def checked_value(value: Any) -> Tensor:
    """The loss of a batch; raises TrainingError unless it is one number that gradients come from."""
    if isinstance(value, Tensor) and value.ndim == 0:
        return value
    got = f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else _said(value)
    raise TrainingError(
        f"fit: the loss function gave {got}; it must give one number, the mean over the batch, as a tensor without axes; take "
        "reduction='mean' or .mean()"
    )


def checked_model(model: Any, where: str) -> None:
    """Raise TrainingError unless it is a torch module."""
    if not isinstance(model, nn.Module):
        raise TrainingError(
            f"{where}: the model is {_said(model)}, and a torch module is needed: compile the graph with "
            "ng.compile(graph, 'torch', steps=T)"
        )


def pair_of(batch: Any, where: str) -> tuple[Tensor, Tensor]:
    """Images and labels of a batch, NumPy arrays as tensors; raises DataError for anything but a pair of batches."""
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        parts = f"{type(batch).__name__} of {len(batch)} parts" if hasattr(batch, "__len__") else _said(batch)
        raise DataError(
            f"{where}: the loader gave a {parts}; a batch is a pair (images, labels); let the collate_fn of the loader make it"
        )
    found = [torch.from_numpy(part) if isinstance(part, np.ndarray) else part for part in batch]
    images, labels = found
    if not isinstance(images, Tensor) or not isinstance(labels, Tensor):
        raise DataError(
            f"{where}: the loader gave {_said(images)} and {_said(labels)}; a batch is a pair of tensors or arrays, (images, "
            "labels); one sample at a time: put the data set into torch.utils.data.DataLoader(dataset, batch_size)"
        )
    if labels.ndim == 0:
        raise DataError(
            f"{where}: the loader gave one sample {tuple(images.shape)} with one label; put the data set into "
            "torch.utils.data.DataLoader(dataset, batch_size)"
        )
    return images, labels


def checked_output(output: Any, images: Tensor, labels: Tensor, where: str) -> Tensor:
    """The output, if it is one that can be trained: [N, classes] or [T, N, classes]."""
    count = len(labels)
    if isinstance(output, Tensor) and output.ndim in (2, 3) and output.shape[output.ndim - 2] == count:
        return output
    shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    said = f"{where}: the model returned {shape} for {count} images"
    if isinstance(output, Tensor) and images.ndim > 2 and len(images) == count != images.shape[1] == output.shape[-2]:
        raise ShapeError(
            f"{said}: the loader gives {tuple(images.shape)}, samples first, and a sequence has its steps first, [T, N, ...]; "
            "give images.transpose(0, 1), or use neurograph.data.Batches, which does"
        )
    if isinstance(output, dict):
        raise ShapeError(
            f"{said}: the network has the outputs {', '.join(map(str, output))}; fit trains a network of one output; take the "
            "others out of the graph (probe them to see them)"
        )
    raise ShapeError(
        f"{said}; it must return logits [N, classes], or [T, N, classes] of all steps; end the network with "
        "Flatten() and Dense(classes), or a pool over the map"
    )


def checked_labels(labels: Tensor, output: Tensor, where: str, look: bool) -> Tensor:
    """Labels int64 [N] in 0..K-1 or float [N, K] for an output [..., K]; raises DataError for others.

    `look`: whether to look at their values too, for which a GPU is waited for.
    """
    count, classes = len(labels), output.shape[-1]
    said = f"{where}: labels are {str(labels.dtype).removeprefix('torch.')} {tuple(labels.shape)}"
    rule = (
        f"for {classes} outputs they are whole numbers [N] from 0 to {classes - 1}, or floats [N, {classes}] of sum 1"
    )
    if labels.is_floating_point():
        if labels.shape != (count, classes):
            fix = "give labels.long()" if labels.ndim == 1 else "give the network as many outputs as there are classes"
            raise DataError(f"{said}; {rule}; {fix}")
        return labels
    if labels.ndim != 1 or labels.dtype == torch.bool or labels.is_complex():
        fix = "labels[:, 0]" if labels.ndim == 2 and labels.shape[1] == 1 else "labels.argmax(1) of one-hot rows"
        raise DataError(f"{said}; {rule}; give {fix if labels.ndim == 2 else 'whole numbers'}")
    if look and count:
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high >= classes:
            raise DataError(
                f"{said} from {low} to {high}; {rule}; count classes from 0, and give the network as many outputs as there "
                "are classes"
            )
    return labels.long()


def _said(thing: Any) -> str:
    """What was given instead, in a word or two."""
    return repr(thing) if isinstance(thing, str) else f"a {type(thing).__name__}"
