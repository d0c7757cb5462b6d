"""Sizes for who gives none: minutes on two cores, or the published ones on a GPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "ACTIVATIONS",
    "ACTIVATIONS_EPOCHS",
    "DIGITS",
    "EVENTS",
    "FULL",
    "SMALL",
    "activation_sizes",
    "activation_training",
    "filled",
    "sizes_for",
]

#: Pictures, on a CPU.
SMALL: Mapping[str, Any] = {"width": 0.125, "steps": 4, "limit": 5000, "epochs": 2}
#: The 1,797 pictures of 8x8 pixels that scikit-learn brings.
DIGITS: Mapping[str, Any] = {"width": 0.125, "steps": 4, "limit": None, "epochs": 30}
#: Recordings of events, on a CPU.
EVENTS: Mapping[str, Any] = {"width": 0.125, "steps": 4, "limit": 1000, "epochs": 10}
#: As published: on a GPU, or where the published schedule is asked for.
FULL: Mapping[str, Any] = {"width": 1.0, "steps": 8, "limit": None, "epochs": 200}
#: Recipes of activations, which are small and see a picture once: how AdamW trains them, and epochs by data set.
ACTIVATIONS: Mapping[str, Any] = {"lr": 3e-3, "weight_decay": 2e-2, "smoothing": 0.0}
ACTIVATIONS_EPOCHS: Mapping[str, int] = {"digits": 80}


def sizes_for(dataset: str, *, full: bool) -> dict[str, Any]:
    """width, steps, limit and epochs for a data set."""
    from neurograph.data import EventSet
    from neurograph.data import dataset as named

    kind = named(dataset)
    if isinstance(kind, EventSet):
        return {**FULL, "steps": kind.usual_steps} if full else dict(EVENTS)
    return dict(FULL if full else DIGITS if kind.name == "digits" else SMALL)


def activation_sizes(dataset: str, *, full: bool) -> dict[str, Any]:
    """steps and epochs of a network without neurons that have a state."""
    return {"steps": 1, "epochs": FULL["epochs"] if full else ACTIVATIONS_EPOCHS.get(dataset, 6)}


def activation_training(optimizer: str) -> dict[str, Any]:
    """Fields of a job that trains a recipe of activations; none for an optimizer that they were not chosen with.

    Adam, which adds the decay to the gradient, takes the learning rate and the smoothing alone.
    """
    if optimizer not in ("adamw", "adam"):
        return {}
    return {k: v for k, v in ACTIVATIONS.items() if optimizer == "adamw" or k != "weight_decay"}


def filled(given: Mapping[str, Any], dataset: str, *, full: bool) -> dict[str, Any]:
    """The sizes that `given` lacks (or holds as None) and the preset knows."""
    return {k: v for k, v in sizes_for(dataset, full=full).items() if given.get(k) is None and v is not None}
