"""What goes into a network: files of NumPy, random numbers or the samples of a data set."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurograph.errors import DataError, ShapeError
from neurograph.graph import Graph

Array = np.ndarray[Any, Any]


@dataclass
class Samples:
    """Inputs in batches, how many samples there are, and the steps of a sequence."""

    batches: Iterator[tuple[dict[str, Any], Any]]
    count: int
    steps: int | None
    source: str


def of_files(graph: Graph, given: Sequence[str], batch: int, limit: int | None) -> Samples:
    """FILE.npy for the one input, FILE.npz or NAME=FILE.npy for several; [N, *shape], or [T, N, *shape] for a sequence."""
    names = [n.name for n in graph.inputs]
    arrays: dict[str, Array] = {}
    for word in given:
        name, sign, path = word.partition("=")
        if sign and name in names:
            arrays[name] = _array(path)
        elif word.endswith(".npz"):
            arrays |= _named(word)
        elif len(names) == 1:
            arrays[names[0]] = _array(word)
        else:
            raise DataError(
                f"--input {word}: {graph.name!r} has the inputs {', '.join(names)}; say NAME=FILE.npy for each"
            )
    if unknown := [n for n in arrays if n not in names]:
        raise DataError(
            f"--input: {graph.name!r} has no input {unknown[0]!r}; it has {', '.join(names)}: the arrays of an .npz have the names "
            "of inputs, as numpy.savez(path, name=array) writes them"
        )
    if lacking := [n for n in names if n not in arrays]:
        raise DataError(f"--input: nothing is given for the input {', '.join(lacking)}")
    sequences = {n: _is_sequence(n, arrays[n], graph) for n in names}
    counts = {a.shape[1] if sequences[n] else a.shape[0] for n, a in arrays.items()}
    if len(counts) != 1:
        raise DataError(f"--input: the inputs have different numbers of samples: {', '.join(map(str, sorted(counts)))}")
    count = min(counts.pop(), limit or 1 << 62)
    steps = next((len(arrays[n]) for n in names if sequences[n]), None)

    def batches() -> Iterator[tuple[dict[str, Any], Any]]:
        for first in range(0, count, batch):
            some = slice(first, min(first + batch, count))
            yield {n: a[:, some] if sequences[n] else a[some] for n, a in arrays.items()}, None

    return Samples(batches(), count, steps, ", ".join(given))


def at_random(graph: Graph, batch: int, limit: int | None, seed: int) -> Samples:
    """Numbers between 0 and 1, the same for one seed."""
    count = limit or 8
    rng = np.random.default_rng(seed)

    def batches() -> Iterator[tuple[dict[str, Any], Any]]:
        for first in range(0, count, batch):
            size = min(batch, count - first)
            yield {n.name: rng.random((size, *n.shape), np.float32) for n in graph.inputs}, None

    return Samples(batches(), count, None, "random numbers from 0 to 1")


def of_data(graph: Graph, part: Any, batch: int, normalize: bool) -> Samples:
    """The images of a data set, or its recordings as frames, with their labels."""
    from neurograph.data import Batches
    from neurograph.job import check_shape

    check_shape(graph, part.name, part.shape)
    name = graph.inputs[0].name
    loader = Batches(part, min(batch, len(part)), normalize=normalize)
    return Samples(
        (({name: samples}, labels) for samples, labels in loader), len(part), getattr(part, "steps", None),
        f"{part.name}, {part.split}",
    )  # fmt: skip


def _array(path: str) -> Array:
    try:
        with open(path, "rb") as stream:
            array = np.load(stream, allow_pickle=False)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"--input {path}: no array can be read ({error}); it is a .npy of numbers, written by numpy.save"
        ) from None
    if not isinstance(array, np.ndarray):
        if not all(name.endswith(".npy") for name in array.zip.namelist()):
            raise DataError(
                f"--input {path}: no array of NumPy; of a tensor in a file of torch.save write "
                "numpy.save('x.npy', torch.load(path, weights_only=True).numpy())"
            )
        raise DataError(f"--input {path}: several arrays; name them .npz")
    return _floats(path, array)


def _named(path: str) -> dict[str, Array]:
    from neurograph.weights_file import load_weights

    return {n: _floats(f"{path}: {n}", a) for n, a in load_weights(path).items()}


def _floats(name: str, array: Array) -> Array:
    """Bytes are taken for pixels, 0 to 255."""
    if array.dtype == np.uint8:
        return np.asarray(array, np.float32) / np.float32(255)
    if array.dtype.kind not in "fiub":
        raise DataError(f"--input {name}: it holds {array.dtype}; inputs are numbers")
    return np.asarray(array, np.float32 if array.dtype.itemsize <= 4 else np.float64)


def _is_sequence(name: str, array: Array, graph: Graph) -> bool:
    shape = next(n.shape for n in graph.inputs if n.name == name)
    more = array.ndim - len(shape)
    if more not in (1, 2) or array.shape[more:] != shape or not array.size:
        text = ", ".join(map(str, shape))
        raise ShapeError(f"--input: {name} has shape {array.shape}; give [N, {text}] or a sequence [T, N, {text}]")
    return more == 2
