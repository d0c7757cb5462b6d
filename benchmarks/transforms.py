"""Time of each transform: a batch of 128 CIFAR pictures and one of 64 recordings of [10, 2, 48, 48] counts.

    python benchmarks/transforms.py [--threads 1] [--device cpu] [--repeats 5]

Prints milliseconds a batch, the median of the repeats after one warm-up: time of the processor on the CPU, so that
other programs do not count, and of the clock on a GPU.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from neurograph import data

PICTURES: dict[str, data.Transform] = {
    "RandomCrop(4)": data.RandomCrop(4),
    "HorizontalFlip": data.HorizontalFlip(),
    "RandomAffine(15)": data.RandomAffine(15.0),
    "ElasticDeform": data.ElasticDeform(),
    "RandomResizedCrop": data.RandomResizedCrop(),
    "Normalize": data.Normalize((0.5,) * 3, (0.2,) * 3),
    "RandomErasing": data.RandomErasing(),
    "RandAugment": data.RandAugment(),
}
FRAMES: dict[str, data.Transform] = {
    "RandomCrop(4)": data.RandomCrop(4),
    "HorizontalFlip": data.HorizontalFlip(),
    "RandomAffine(15)": data.RandomAffine(15.0),
    "CutoutAbs": data.CutoutAbs(),
    "CutoutTemporal": data.CutoutTemporal(),
    "GaussianBlur": data.GaussianBlur(),
    "SaltAndPepper": data.SaltAndPepper(),
    "EventRandAugment": data.EventRandAugment(),
    "DropEvent": data.DropEvent(),
    "DropEventByTime": data.DropEventByTime(),
    "DropEventByArea": data.DropEventByArea(),
    "EventDrop": data.EventDrop(),
    "TemporalJitter(0.5)": data.TemporalJitter(0.5),
}


def milliseconds(run: Callable[[], object], repeats: int, device: torch.device) -> float:
    clock = time.perf_counter if device.type == "cuda" else time.process_time

    def once() -> float:
        start = clock()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return clock() - start

    once()
    return 1e3 * statistics.median(once() for _ in range(repeats))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    generator = torch.Generator(device).manual_seed(0)
    pictures = torch.rand((128, 3, 32, 32), generator=generator, device=device)
    counts = torch.poisson(torch.full((64, 10, 2, 48, 48), 0.1, device=device), generator=generator)
    print(f"torch {torch.__version__}, {options.device}, {options.threads} thread(s); ms a batch")
    for title, batch, changes in (("128 x [3, 32, 32]", pictures, PICTURES), ("64 x [10, 2, 48, 48]", counts, FRAMES)):
        print(f"\n{title}")
        for name, change in changes.items():
            spent = milliseconds(lambda c=change, b=batch: c(b, generator), options.repeats, device)  # type: ignore[misc]
            print(f"  {name:22s}{spent:8.2f}")
        labels = torch.randint(10, (len(batch),), generator=generator, device=device)
        mixes: list[data.Mix] = [data.MixUp(10), data.CutMix(10)]
        if batch.ndim == 5:
            mixes.append(data.EventMix(10, prob=1.0))
        for mix in mixes:
            spent = milliseconds(
                lambda m=mix, b=batch, y=labels: m(b, y, generator),
                options.repeats,
                device,  # type: ignore[misc]
            )
            print(f"  {type(mix).__name__:22s}{spent:8.2f}")


if __name__ == "__main__":
    main()
