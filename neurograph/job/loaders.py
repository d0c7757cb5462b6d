"""The batches of a run: what is changed at random, what is mixed, and in which order samples come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurograph import data
from neurograph.data import transforms
from neurograph.errors import DataError
from neurograph.job.settings import AUGMENTS, MIXES, Job

if TYPE_CHECKING:
    from neurograph.job.parts import Parts

__all__ = ["augmentation", "mixing", "testing", "training"]

#: What comes in from outside when RandAugment moves a picture, as in BrainCog.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
#: A mix by its name; all take (classes, parameter of the Beta distribution, share of samples).
_MIXES = {"mixup": "MixUp", "cutmix": "CutMix", "eventmix": "EventMix"}


def training(job: Job, parts: Parts, device: str, rank: int = 0, world: int = 1) -> data.Batches:
    """Shuffled, changed and mixed batches of the training split; of several processes each gets its part."""
    transform, normalize = augmentation(job, parts)
    size = min(job.batch, len(parts.train) // world * world)
    return data.Batches(
        parts.train, size, shuffle=True, drop_last=True, seed=job.seed, transform=transform, normalize=normalize,
        mix=mixing(job, parts), device=device, rank=rank, world=world, balance=job.balance,
    )  # fmt: skip


def testing(job: Job, parts: Parts, device: str, rank: int = 0, world: int = 1) -> data.Batches:
    """The test split as it is; every process sees all of it where it cannot be shared out evenly."""
    size, count = min(job.batch, len(parts.test)), len(parts.test)
    if size % world or count % size % world:
        rank, world = 0, 1
    return data.Batches(parts.test, size, seed=job.seed, normalize=job.normalize, device=device, rank=rank, world=world)


def augmentation(job: Job, parts: Parts) -> tuple[transforms.Transform | None, bool]:
    """The random changes of training batches, and whether the loader has still to normalise.

    usual: what the data set says. randaugment: that, then RandAugment, and for pictures a random rectangle of noise
    behind the normalisation, as BrainCog trains.
    """
    if job.augment not in AUGMENTS:
        raise DataError(f"augment {job.augment!r}: give one of {', '.join(AUGMENTS)}")
    if job.augment == "none":
        return None, job.normalize
    part = parts.train
    usual = data.dataset(part.name).augmentation((part.shape[-2], part.shape[-1]))
    held = [] if usual is None else [usual]
    if job.augment == "usual":
        return usual, job.normalize
    if not isinstance(part, data.ImageData):
        return transforms.Compose(*held, transforms.EventRandAugment()), job.normalize
    held.append(transforms.RandAugment(fill=IMAGENET_MEAN if part.shape[0] == 3 else 0.5))
    if job.normalize:
        held.append(transforms.Normalize(part.mean, part.std))
    return transforms.Compose(*held, transforms.RandomErasing()), False


def mixing(job: Job, parts: Parts) -> Any:
    """What mixes the samples of a batch and their labels; None: nothing. Raises DataError where it does not fit."""
    if job.mix not in MIXES:
        raise DataError(f"mix {job.mix!r}: give one of {', '.join(MIXES)}")
    if job.mix == "none":
        return None
    if job.mix == "eventmix" and not parts.events:
        raise DataError(f"mix 'eventmix' mixes events, but {parts.train.name} has pictures; use mixup or cutmix")
    classes, beta, chance = len(parts.train.classes), job.mix_beta, job.mix_probability
    return getattr(transforms, _MIXES[job.mix])(classes, beta, chance)
