"""What is pasted into a kernel: the functions of a rule and of a distribution, as the kernels' files name them."""

from __future__ import annotations

from typing import Any


def pairs(
    unit: Any, key: Any, n_pre: Any, n_post: Any, numbers: Any, arrays: Any, marks: Any, pre: Any, post: Any
) -> Any:
    """A rule's pairs of one unit, into `pre` and `post`; returns how many."""


def draw(raw: Any, numbers: Any, table: Any) -> Any:
    """A value of a distribution from 64 random bits."""
