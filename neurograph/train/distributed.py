"""Several processes that train one network: who is who, and what they exchange.

    torchrun --nproc-per-node 2 my_script.py

with `with train.distributed.context() as ranks:` around what my_script does. `fit` finds the context by itself.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import itertools
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from neurograph.errors import NeuroGraphError
from neurograph.train.device import device_of
from neurograph.train.failures import TrainingError

__all__ = ["Context", "context", "current"]

FAILURE = "neurograph/failure"
VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Context:
    """This process among those of a run: `rank` of `world`, and the device it computes on.

    Use it in `with`, which ends the connection, or call `close()`. With a world of 1 nothing is connected.
    """

    rank: int = 0
    world: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    store: Any = field(default=None, repr=False)
    runs: Iterator[int] = field(default_factory=itertools.count, repr=False)

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes files and talks."""
        return self.rank == 0

    def wrapped(self, model: nn.Module) -> nn.Module:
        """The model with gradients averaged over all processes; its weights become those of rank 0."""
        if self.world == 1:
            return model
        with torch.no_grad():
            for tensor in model.state_dict().values():
                dist.broadcast(tensor, 0)
        parallel, places = nn.parallel.DistributedDataParallel, [self.device] if self.device.type == "cuda" else None
        # Running statistics are the same everywhere, because batch statistics are joint: no exchange before each batch.
        renamed = "forward_sync_buffers" in inspect.signature(parallel).parameters  # torch 2.13
        unsent: dict[str, Any] = {"forward_sync_buffers" if renamed else "broadcast_buffers": False}
        return parallel(model, device_ids=places, **unsent)

    def total(self, numbers: Sequence[float]) -> list[float]:
        """Each number summed over all processes."""
        if self.world == 1:
            return list(numbers)
        summed = torch.tensor(list(numbers), dtype=torch.float64, device=self.device)
        dist.all_reduce(summed)
        return summed.tolist()

    def gathered(self, own: Tensor) -> list[Tensor]:
        """A tensor of every process, in the order of ranks; all have one shape and type."""
        if self.world == 1:
            return [own]
        place = own.to(self.device)
        every = [torch.empty_like(place) for _ in range(self.world)]
        dist.all_gather(every, place)
        return [one.to(own.device) for one in every]

    def spread_random(self) -> None:
        """Give each rank but the first a random state of its own, drawn from the first one's seed."""
        if self.world > 1:
            seed = self.gathered(torch.tensor([torch.initial_seed() & (2**63 - 1)]))[0]
            if self.rank:
                sequence = np.random.SeedSequence((int(seed), self.rank))
                torch.manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1)))

    @contextmanager
    def together(self) -> Iterator[None]:
        """What stops one process stops all: its message is what the others raise, as a TrainingError."""
        place = f"{FAILURE}/{next(self.runs)}"  # each run has its own, so that an earlier failure is not this one's
        if self.world == 1:
            yield
            return
        try:
            yield
        except KeyboardInterrupt:
            raise
        except Exception as error:
            # A lost connection, where another process has said why.
            lost = not isinstance(error, NeuroGraphError) and isinstance(error, RuntimeError)
            told = self._told(place) if lost else None
            if told is not None:
                raise TrainingError(f"rank {self.rank} stops, because another process did: {told}") from error
            self._tell(place, f"rank {self.rank}: {error}")
            raise

    def _tell(self, place: str, message: str) -> None:
        # Where the store is gone already there is nobody left to tell.
        try:
            self.store.compare_set(place, "", message)
        except (RuntimeError, AttributeError):
            return

    def _told(self, place: str) -> str | None:
        try:
            return str(self.store.get(place).decode()) if self.store.check([place]) else None
        except (RuntimeError, AttributeError):
            return "the process that kept the connection is gone; its own message says why"

    def close(self) -> None:
        """End the connection; `fit` is that of one process again."""
        global _current
        if _current is self:
            _current = ALONE
            if self.world > 1 and dist.is_initialized():
                dist.destroy_process_group()
                gc.collect()  # what else of a training still refers to the group, in circles

    def __enter__(self) -> Context:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


ALONE = Context()  # until context() is called
_current = ALONE


def current() -> Context:
    """The context of this process: that of one process alone until `context()` is called."""
    return _current


def context(device: str = "auto", *, backend: str | None = None, timeout_s: float = 1800.0) -> Context:
    """Join the processes that torchrun has started; without torchrun, a world of one.

    On CUDA each process of a machine takes the GPU of its local rank and nccl, on the CPU gloo is used, unless
    ``backend`` says otherwise. Waiting for another process ends after ``timeout_s``. Raises TrainingError where the
    environment is not whole or the others do not come.
    """
    global _current
    if _current.world > 1:
        return _current
    world = os.environ.get("WORLD_SIZE", "1")
    if "RANK" not in os.environ and world == "1":
        _current = Context(device=device_of(device))
        return _current
    missing = [name for name in VARIABLES if not os.environ.get(name)]
    if missing:
        raise TrainingError(
            f"train.distributed.context: {', '.join(missing)} is not set; start with "
            "torchrun --nproc-per-node N script.py, which sets it"
        )
    place = device_of(device)
    if place.type == "cuda":
        place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) if place.index is None else place.index)
        if (place.index or 0) >= torch.cuda.device_count():
            raise TrainingError(
                f"train.distributed.context: local rank {place.index}, but torch sees {torch.cuda.device_count()} CUDA "
                "devices; start one process per GPU: torchrun --nproc-per-node gpu"
            )
        torch.cuda.set_device(place)
    chosen = backend or ("nccl" if place.type == "cuda" else "gloo")
    limit = timedelta(seconds=timeout_s)
    try:
        store, rank, size = next(iter(dist.rendezvous("env://", timeout=limit)))
        if size > 1:
            # Its functions take the group that exists when it is first imported as their default, which would keep the
            # group, and the threads of gloo, beyond close(): a thread that ends after Python does aborts the process.
            importlib.import_module("torch.distributed.nn")
            dist.init_process_group(chosen, store=store, rank=rank, world_size=size, timeout=limit)
    except (RuntimeError, ValueError) as error:
        raise TrainingError(
            f"train.distributed.context: the processes did not find each other ({error}); check that all were started "
            f"with one address and port ({os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']})"
        ) from error
    _current = Context(rank, size, place, store)
    return _current
