"""RandAugment for pictures."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import torch

from neurograph.data.transforms.picture_operations import OPERATIONS, Operation, Resampling
from neurograph.data.transforms.picture_operations.operation import LEVELS
from neurograph.data.transforms.picture_operations.warp import Warp, read
from neurograph.data.transforms.planes import planes
from neurograph.data.transforms.settings import probability
from neurograph.errors import DataError

__all__ = ["RandAugment"]

INTERPOLATIONS = ("random", "bilinear", "bicubic")


class RandAugment:
    """Change each picture by ``n`` random operations, each with probability ``p`` and at about level ``m`` of 10.

    x' = o_n(... o_1(x)): each o_i is drawn from 15 operations, with replacement, and done at the level
    clip(m + mstd z, 0, 10) with z normal, or at one uniform in 0..m where ``mstd`` is infinite. ``inc`` takes the
    variants whose change grows with the level. ``fill`` is what comes in from outside, in 0..1, one number or one per
    channel; BrainCog's is the mean (0.485, 0.456, 0.406). ``interpolation`` is "bilinear", "bicubic" or "random", which
    draws one of the two for each operation.

    Pictures are [N, C, H, W] of 1 or 3 channels in 0..1, brought to the 256 tones of a byte; each operation is Pillow's
    own on bytes. All frames of a sample [N, T, C, H, W] get the same operations at the same level.
    Raises DataError for settings that make no sense and for other pictures.

    Source: Cubuk et al. 2019, https://arxiv.org/abs/1909.13719, with the levels and the noise on them of timm 0.6.13:
    the defaults are its "rand-m9-mstd0.5-inc1".
    """

    def __init__(
        self,
        n: int = 2,
        m: float = 9.0,
        mstd: float = 0.5,
        inc: bool = True,
        *,
        p: float = 0.5,
        fill: float | Sequence[float] = 0.5,
        interpolation: str = "random",
    ) -> None:
        self.p = probability("RandAugment", p)
        if not (isinstance(n, int) and n >= 1 and 0 <= m <= LEVELS and mstd >= 0):
            raise DataError(
                f"RandAugment: n {n}, m {m}, mstd {mstd}; n is a whole number from 1 on, m a level in 0..10, mstd 0 or more"
            )
        self.fill = (fill,) if isinstance(fill, int | float) else tuple(fill)
        if not all(0 <= value <= 1 for value in self.fill):
            raise DataError(f"RandAugment: fill is {fill}; it is a tone in 0..1, or one for each channel")
        if interpolation not in INTERPOLATIONS:
            raise DataError(
                f"RandAugment: interpolation is {interpolation!r}; it is one of {', '.join(INTERPOLATIONS)}"
            )
        self.n, self.m, self.mstd, self.inc, self.interpolation = n, m, mstd, inc, interpolation
        kinds = (OPERATIONS[name] for name in sorted(OPERATIONS))
        found = [kind() for kind in kinds if kind.increasing in (None, inc)]
        self.warps = tuple(operation for operation in found if isinstance(operation, Warp))
        self.tones: tuple[Operation, ...] = tuple(operation for operation in found if not isinstance(operation, Warp))

    @classmethod
    def of(cls, text: str, *, fill: float | Sequence[float] = 0.5, interpolation: str = "random") -> RandAugment:
        """From timm's way to write it, as "rand-m9-mstd0.5-inc1"; n is 2, m 10, mstd 0 and inc off unless written.

        Raises DataError for another text.
        """
        first, *sections = text.split("-")
        found = {"m": LEVELS, "n": 2.0, "mstd": 0.0, "inc": 0.0}
        for section in sections:
            match = re.fullmatch(r"(m|n|mstd|inc)(\d+(?:\.\d+)?|inf)", section)
            if match is None:
                first = ""
                break
            found[match[1]] = float(match[2])
        if first != "rand" or found["n"] != found["n"] // 1:
            raise DataError(
                f"RandAugment: {text!r} is not understood; write rand, then any of -m<level>, -n<operations>, "
                "-mstd<deviation>, -inc<0 or 1>, as in 'rand-m9-mstd0.5-inc1'"
            )
        mstd = found["mstd"] if found["mstd"] <= 100 else math.inf  # timm's rule
        n, inc = int(found["n"]), bool(found["inc"])
        return cls(n, found["m"], mstd, inc, fill=fill, interpolation=interpolation)

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        planes(images, "RandAugment")
        channels = images.shape[-3]
        if channels not in (1, 3) or len(self.fill) not in (1, channels):
            raise DataError(
                f"RandAugment: pictures of {channels} channels and a fill of {len(self.fill)} numbers; it takes grey or "
                "RGB pictures and a fill of one number or one per channel"
            )
        if images.numel() and not bool(((images >= 0) & (images <= 1)).all()):
            raise DataError("RandAugment: tones outside 0..1; put it before Normalize, on pixels / 255")
        choice, group, level, sign = self.draws(len(images), generator, images.device)
        frames = images.shape[1] if images.ndim == 5 else 1
        if frames > 1:
            choice, group, level, sign = (v.repeat_interleave(frames, 1) for v in (choice, group, level, sign))
        tones = (images * 255).round().reshape(-1, *images.shape[-3:])
        fill = torch.tensor([float(round(255 * value)) for value in self.fill], dtype=tones.dtype, device=tones.device)
        fill = fill.expand(channels)
        # pictures sorted by what happens to them: one wait for the device in all, and no loop over pictures
        order = group.argsort(dim=1, stable=True)
        sizes = torch.stack([row.bincount(minlength=len(self.tones) + 3) for row in group]).tolist()
        for layer in range(self.n):
            *toned, linear, cubic, _ = order[layer].split(sizes[layer])
            for operation, index in zip(self.tones, toned, strict=True):
                if len(index):
                    amount = operation.amount(level[layer, index], sign[layer, index])
                    tones[index] = operation.apply(tones[index], amount, Resampling(False, fill))
            for index, resampling in ((linear, Resampling(False, fill)), (cubic, Resampling(True, fill))):
                if len(index):
                    which = choice[layer, index] - len(self.tones)
                    matrix = self._matrix(which, level[layer, index], sign[layer, index], *tones.shape[:-3:-1])
                    tones[index] = read(tones[index], matrix, resampling)
        return tones.div_(255).view(images.shape)

    def _matrix(
        self, which: torch.Tensor, level: torch.Tensor, sign: torch.Tensor, width: int, height: int
    ) -> torch.Tensor:
        """Maps [N, 6] of warp `which` [N] at these levels: all of them at once, since reading the pixels costs most."""
        each = (torch.stack(warp.matrix(warp.amount(level, sign), width, height), 1) for warp in self.warps)
        return torch.stack(tuple(each), 1)[torch.arange(len(which), device=which.device), which]

    def draws(self, count: int, generator: torch.Generator, device: torch.device) -> tuple[torch.Tensor, ...]:
        """Operation, group, level and sign [n, N] of each change of each picture.

        Operations are the tones', then the warps; each of the former is a group, then come the warps read by linear
        and by cubic interpolation, then those to which nothing happens.
        """
        shape, tones = (self.n, count), len(self.tones)
        choice = torch.randint(tones + len(self.warps), shape, generator=generator, device=device)
        draw = torch.rand((3, *shape), generator=generator, device=device)
        noise = torch.randn(shape, generator=generator, device=device)
        cubic = draw[1] < {"random": 0.5, "bilinear": 0.0, "bicubic": 1.0}[self.interpolation]
        group = torch.where(choice < tones, choice, tones + cubic.long())
        group = torch.where(draw[0] < self.p, group, tones + 2)
        if self.mstd == math.inf:
            level = torch.rand(shape, generator=generator, device=device) * self.m
        else:
            level = (self.m + self.mstd * noise).clamp(0, LEVELS)
        # exact amounts: with those of float32 a tone is off by one here and there
        return choice, group, level.double(), 1 - 2 * (draw[2] < 0.5).double()
