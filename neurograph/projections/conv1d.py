"""Conv1d: a convolution over (channels, length)."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neurograph.errors import ShapeError, SpecError, declared_at
from neurograph.projections.conv import Conv2d
from neurograph.projections.operator import Array, Operator, Run, Weight, given
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


class _Plane(Conv2d):
    """The convolution over an image of height 1; it speaks as the Conv1d that it computes."""

    @staticmethod
    def said(sides: tuple[int, int]) -> str:
        return str(sides[1])

    def __repr__(self) -> str:
        return f"Conv1d({self.settings()})"


class Conv1d(Operator):
    """y[o] = b[o] + sum_c W[o, c] * x[c] (cross-correlation); W is [out, in / groups, k].

    The settings are those of Conv2d with one number each.
    """

    key = "conv1d"
    linear = True
    by_channel = True

    def __init__(
        self,
        channels: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int | str = 0,
        padding_mode: str = "zeros",
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        weight: Any = None,
        learnable: bool = True,
    ):
        whole = {"channels": channels, "kernel": kernel, "stride": stride, "dilation": dilation, "groups": groups}
        for name, value in whole.items():
            if not isinstance(value, int):
                raise SpecError(f"Conv1d({name}={value!r}) at {declared_at()}: give a whole number")
        if weight is not None:
            weight = given(weight, "Conv1d(weight=...)")[..., None, :]
        self._plane = _Plane(
            channels, (1, kernel), stride=(1, stride), padding=padding if isinstance(padding, str) else (0, padding),
            padding_mode=padding_mode, dilation=(1, dilation), groups=groups, bias=bias, weight=weight,
            learnable=learnable,
        )  # fmt: skip

    @property
    def padding(self) -> tuple[int, int]:
        return self._plane.padding

    @property
    def groups(self) -> int:
        return self._plane.groups

    def arguments_given(self) -> dict[str, Any]:
        plane = self._plane.arguments_given()
        one = {
            n: plane[n] if isinstance(plane[n], str) else plane[n][1]
            for n in ("kernel", "stride", "padding", "dilation")
        }
        weight = None if plane["weight"] is None else plane["weight"][..., 0, :]
        return {**plane, **one, "weight": weight}

    def _forget(self, has_bias: bool) -> None:
        self._plane = copy.copy(self._plane)
        self._plane._forget(has_bias)

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        if len(source) != 2:
            raise ShapeError(f"{self} expects (channels, length), but its input has shape {source}")
        channels, _, length = self._plane.shape((source[0], 1, source[1]), None)
        return (channels, length)

    def weights(self, source: Shape, target: Shape) -> dict[str, Weight]:
        def init(of: Weight) -> Weight:
            shape = (*of.shape[:2], of.shape[3])
            return Weight(shape, lambda rng, shape: of.init(rng, of.shape).reshape(shape), of.learnable)

        out = self._plane.weights((source[0], 1, source[1]), (target[0], 1, target[1]))
        return {**out, "weight": init(out["weight"])}

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        return self._plane.torch(x.unsqueeze(2), {**w, "weight": w["weight"].unsqueeze(2)}, run).squeeze(2)

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        return self._plane.numpy(x[:, :, None], {**w, "weight": w["weight"][:, :, None]}, run)[:, :, 0]

    def macs(self, source: Shape, target: Shape) -> int:
        return self._plane.macs((source[0], 1, source[1]), (target[0], 1, target[1]))

    def settings(self) -> str:
        return self._plane.settings()
