"""What an operator of a projection is: a function of one step's values, its weights and its shapes.

An operator is one file: its shape rule, its weights, and what it computes in torch and in NumPy (the
reference and numba backends). Arrays are `[B, *shape]`; `run` says how B splits into steps and batch.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from neurograph.constructed import Constructed
from neurograph.distributions import Distribution
from neurograph.errors import BackendError, ShapeError, SpecError, declared_at
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch

Array = np.ndarray[Any, Any]
Initializer = Callable[[np.random.Generator, Shape], Array]
Remake = tuple[tuple[Any, ...], Callable[..., Any]]


@dataclass
class Run:
    """How an operator is being run: `B = steps * batch`; a static input has one step that stands for all.

    `memory` outlives the call and belongs to the run's state (a dropout mask, say).
    """

    steps: int
    batch: int
    training: bool = False
    repeats: int = 1  # how many equal steps a static input stands for
    memory: dict[str, Any] = field(default_factory=dict)
    rng: np.random.Generator | None = None


@dataclass(frozen=True)
class Weight:
    """One array of an operator: its shape, how it starts, and whether training changes it.

    `buffer=True`: part of the model's state but not trained (running statistics).
    """

    shape: Shape
    init: Initializer
    learnable: bool = True
    buffer: bool = False


class Operator(Constructed):
    """Base of all operators. `pointwise_in_time`: the same function of each step, so all T may run at once."""

    family = "operator"
    not_taken = ". The size of what comes in is inferred, and not given"
    key: ClassVar[str] = ""
    pointwise_in_time: bool = True
    linear: ClassVar[bool] = False  # in evaluation a linear function of its input, plus a constant
    moves_only: ClassVar[bool] = False  # every value of its output is one of its input's, so spikes stay spikes
    by_channel: bool = False  # its weights are [out, in / groups, ...] over channels, with at most a bias per output
    starts: Mapping[str, Array] = MappingProxyType({})  # weights to begin with instead of drawn ones, by name

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.key:
            raise SpecError(f"operator {cls.__name__} needs a key, the name of its weights in a model")

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        """The output shape for one input shape; `target` is the population it must fit, where known."""
        raise NotImplementedError

    def weights(self, source: Shape, target: Shape) -> dict[str, Weight]:
        return {}

    def held(self, source: Shape, target: Shape) -> dict[str, Weight]:
        """The weights with what they start from."""
        out = self.weights(source, target)
        for name, array in self.starts.items():
            if name not in out or out[name].shape != array.shape:
                raise ShapeError(
                    f"{self!r} was given {name!r} of shape {array.shape}; it has "
                    + (", ".join(f"{n!r} {w.shape}" for n, w in out.items()) or "no weights")
                )
            out[name] = replace(out[name], init=fixed(array))
        for name, weight in out.items():
            if isinstance(weight.init, fixed) and weight.init.array.shape != weight.shape:
                raise ShapeError(
                    f"{self!r} was given {name!r} of shape {weight.init.array.shape}, and needs {weight.shape} here"
                )
        return out

    def started(self, **arrays: Any) -> Self:
        """The same operator, its weights beginning with these arrays."""
        out = copy.copy(self)
        out.starts = {**self.starts, **{n: given(a, f"weights {n!r} of {self!r}") for n, a in arrays.items()}}
        return out

    def set_later(self) -> dict[str, Any]:
        return dict(self.starts)

    def with_later(self, **values: Any) -> Self:
        return self.started(**values)

    def reweighted(self, weight: Array, bias: Array | None) -> Self:
        """The same operation with these weights, and a bias where there is one; of operators that are `by_channel`."""
        out = copy.copy(self)
        out.starts = {}
        out._forget(bias is not None)
        return out.started(weight=weight) if bias is None else out.started(weight=weight, bias=bias)

    def _forget(self, has_bias: bool) -> None:
        """Drop the weights it was declared with."""
        raise NotImplementedError

    def remake(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> Remake | None:
        """How to compute `torch(x, w, run)` again, for a backward pass that would rather compute than keep it:
        tensors that are kept anyway, and the function of them."""
        return None

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        raise BackendError(f"{self!r} defines no torch(x, w, run), so it does not run on the torch backend; write it")

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        raise BackendError(f"{self!r} defines no numpy(x, w, run), so it runs on the torch backend only; write it")

    def macs(self, source: Shape, target: Shape) -> int:
        """Multiply-accumulates per sample and step."""
        return 0

    def settings(self) -> str:
        """The text between the parentheses when the operator is printed."""
        return ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.settings()})"


def uniform_fan_in(fan_in: int) -> Initializer:
    """U(-1/sqrt(fan_in), 1/sqrt(fan_in)): PyTorch's default for linear and convolution layers."""
    bound = 1.0 / math.sqrt(max(1, fan_in))
    return lambda rng, shape: rng.uniform(-bound, bound, shape)


def filled(value: float) -> Initializer:
    return lambda rng, shape: np.full(shape, value)


def given(array: Any, what: str) -> Array:
    """An array the user hands in as weights: copied, real and finite."""
    try:
        out = np.array(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SpecError(f"{what} at {declared_at()}: give a number or an array of numbers ({error})") from None
    if not np.all(np.isfinite(out)):
        raise SpecError(f"{what} at {declared_at()}: weights must be finite")
    return out


class fixed:  # an initializer, as the functions above are
    """Not drawn: these values."""

    def __init__(self, array: Array):
        self.array = array

    def __call__(self, rng: np.random.Generator, shape: Shape) -> Array:
        if self.array.shape != shape:
            raise ShapeError(f"weights given have shape {self.array.shape}, needed is {shape}")
        return self.array


def starting(weight: Array | Distribution | None, otherwise: Initializer) -> Initializer:
    """How a weight begins: as the array given, drawn from the distribution given, or otherwise."""
    if isinstance(weight, Distribution):
        return lambda rng, shape: weight.sample(int(rng.integers(2**62)), math.prod(shape)).reshape(shape)
    return otherwise if weight is None else fixed(weight)


def pair(value: int | tuple[int, int], name: str) -> tuple[int, int]:
    """A size in two dimensions from one number or two."""
    two = (value, value) if isinstance(value, int) else tuple(value)
    if len(two) != 2 or not all(isinstance(v, int) and v >= 0 for v in two):
        raise SpecError(f"{name}={value!r} at {declared_at()}: give a whole number or two of them")
    return two


def needs_image(operator: Operator, source: Shape) -> tuple[int, int, int]:
    if len(source) != 3:
        raise ShapeError(f"{operator} expects (channels, height, width), but its input has shape {source}")
    return source
