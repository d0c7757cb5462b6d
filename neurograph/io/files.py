"""Saving a model in a file and loading it: the format is that of the ending, or what the file itself says."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurograph.errors import FormatError
from neurograph.graph import Graph
from neurograph.io.formats import format_for_writing, format_named, format_of_file
from neurograph.io.formats.format import LIMIT, options_of
from neurograph.io.formats.hdf5 import MAGIC, Contents, read_contents, write_contents
from neurograph.sealed import check_regular


def save(
    model: Any,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    state: Mapping[str, Any] | None = None,
    meta: Any = None,
    **options: Any,
) -> Path:
    """Write a graph, a program or a simulation to a file; returns the path.

    format: its name (neurograph.io.formats.FORMATS), by default that of the ending. A program is its graph with the
    weights it has now; a simulation its graph and its state. HDF5 (.h5) holds the whole model: there, state= takes the
    state of a run, and meta= anything JSON can hold. Other options are the format's (`convention=` of NIR, say). Raises
    FormatError for what the format cannot hold.
    """
    path = Path(path)
    chosen = format_named(format) if format is not None else format_for_writing(path)
    if not path.name:
        raise FormatError(f"{path}: it is no name of a file")
    contents = _contents(model, state, meta)
    if chosen.name == "hdf5":
        _no_others(chosen.name, chosen.write, options)
        with _named(path):
            write_contents(path, contents)
        return path
    for what, given in (("a state", state is not None), ("meta", meta is not None)):
        if given:
            raise FormatError(f"{path}: {chosen.name} holds no {what.removeprefix('a ')}; save to .h5, which does")
    _no_others(chosen.name, chosen.write, options)
    with _named(path):
        chosen.write(contents.graph, path, **options)
    return path


def load(path: str | os.PathLike[str], *, format: str | None = None, limit: int = LIMIT, **options: Any) -> Graph:
    """The graph of a file in any format that is read.

    The file is data: no code of it runs, and its arrays take `limit` bytes at most. Raises FormatError for every file
    that is not what it should be.
    """
    path = Path(path)
    chosen = format_named(format) if format is not None else format_of_file(path)
    _no_others(chosen.name, chosen.read, options)
    with _named(path):
        check_regular(path)
        return chosen.read(path, limit=limit, **options)


@dataclass(frozen=True)
class Model:
    """A model file: `graph` with its weights, `state` to go on from, `settings` it was run with, `meta`."""

    path: Path
    contents: Contents

    @property
    def graph(self) -> Graph:
        return self.contents.graph

    @property
    def state(self) -> dict[str, Any] | None:
        """The state of a run, as `run(..., state=)` takes it."""
        return None if self.contents.state is None else dict(self.contents.state)

    @property
    def settings(self) -> dict[str, Any]:
        return dict(self.contents.settings)

    @property
    def meta(self) -> Any:
        return self.contents.meta

    def compile(self, **options: Any) -> Any:
        """The program that was saved, compiled with its backend, dt, dtype and seed unless others are given.

        A simulation stands where it stood; torch's generator is put back too.
        """
        from neurograph.compiler import compile

        known = ("backend", "dt", "dtype", "seed", "steps", "check_numerics")
        program = compile(self.graph, **{**{n: v for n, v in self.settings.items() if n in known}, **options})
        try:
            self._go_on(program)
        except (KeyError, TypeError, ValueError, RuntimeError, OverflowError) as error:
            raise FormatError(f"{self.path}: what it goes on from is incomplete or of another kind: {error}") from None
        return program

    def _go_on(self, program: Any) -> None:
        """Put a simulation, or torch's random numbers, where they were when the file was written."""
        if self.contents.simulation is not None and hasattr(type(program), "identity"):
            from neurograph.simulate.checkpoint import take_state

            arrays, facts = self.contents.simulation
            take_state(program, arrays, facts, self.path)
        if self.settings.get("backend") == "torch" == program.backend:
            import torch

            program.train(bool(self.settings.get("training", True)))
            program._draw = int(self.settings.get("draw", 0))
            if self.contents.random is not None:
                torch.set_rng_state(torch.from_numpy(self.contents.random.copy()))


def load_model(path: str | os.PathLike[str], *, limit: int = LIMIT, verify: bool = True) -> Model:
    """Everything a model file (HDF5) holds; `verify=False` also reads one that another program changed."""
    with _named(Path(path)):
        return Model(Path(path), read_contents(Path(path), limit=limit, verify=verify))


def is_model_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as the whole model does."""
    try:
        with open(path, "rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Whatever keeps a file from being written or read is a FormatError that names it."""
    try:
        yield
    except (FormatError, OSError, MemoryError, UnicodeError) as error:
        text = str(error) or "its arrays do not fit into memory"
        raise FormatError(text if text.startswith(f"{path}:") else f"{path}: {text}") from None


def _contents(model: Any, state: Mapping[str, Any] | None, meta: Any) -> Contents:
    if isinstance(model, Graph):
        return Contents(model, state, meta=meta)
    tape = getattr(model, "tape", None)
    graph = getattr(tape, "graph", None)
    if tape is None or graph is None:
        raise FormatError(f"{type(model).__name__} cannot be saved: give a graph, a program or a simulation")
    settings = {
        "backend": model.backend,
        "dt": tape.dt,
        "seed": model.seed,
        "dtype": str(model.dtype).removeprefix("torch."),
    }
    if hasattr(type(model), "identity"):  # a simulation: its synapses are made from the seed, what changed is its state
        from neurograph.simulate.checkpoint import state_of

        if state is not None:
            raise FormatError("a simulation has its own state; leave out state=")
        return Contents(graph, None, settings, simulation=state_of(model), meta=meta)
    random = None
    settings |= {"steps": model.steps, "check_numerics": model.check_numerics}
    if settings["backend"] == "torch":
        import torch

        settings |= {"training": model.training, "draw": model._draw}  # a sequence in training has one draw
        random = torch.get_rng_state().numpy()
    return Contents(graph.with_weights(model), state, settings, random, meta=meta)


def _no_others(name: str, method: Any, options: Mapping[str, Any]) -> None:
    known = [n for n in options_of(method) if n != "limit"]
    for option in options:
        if option not in known:
            raise FormatError(f"{name} has no option {option!r}; it takes {', '.join(known) or 'none'}")
