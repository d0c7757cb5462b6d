"""Values as data: numbers, arrays and parts of a graph become what JSON can hold, and back.

A part is {family: class name, "with": arguments, "later": what was set after it was made}; what JSON has no word for
is an object of one tag, such as {"learnable": 2.0, "per": "channel"} or {"slice": [0, 4, null]}. Arrays are handed to
the format, which returns what stands for one.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy  # its rooms are loaded when they are used

from neurograph.constructed import FAMILIES, Constructed, members
from neurograph.errors import FormatError, NeuroGraphError
from neurograph.spec import Learnable, Neuron

Array = np.ndarray[Any, Any]
Data = Any  # None, bool, int, float, str, a list or a dict of these
KINDS = "biuf"  # of arrays that a file may hold
DEPTH = 24  # of parts within parts
WHOLE = ("shape", "indptr", "indices", "data")


class Writer:
    """Values to data. `array` stores an array and returns what stands for it; `step` does so with a neuron's step."""

    def __init__(self, array: Callable[[Array], Data], step: Callable[[Neuron], str]):
        self.array, self.step = array, step
        self.known = functools.cache(members)

    def data(self, value: Any) -> Data:
        """What stands for a value."""
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, np.generic):
            return {"scalar": self._array(np.asarray(value))}
        if isinstance(value, int):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"float": repr(value)}
        if isinstance(value, list | tuple):
            return [self.data(v) for v in value]
        if isinstance(value, slice):
            return {"slice": [value.start, value.stop, value.step]}
        if isinstance(value, Learnable):
            return {"learnable": self.data(value.value), "per": value.per}
        if isinstance(value, np.ndarray):
            return {"array": self._array(value)}
        if scipy.sparse.issparse(value):
            rows = scipy.sparse.csr_array(value)
            return {
                "csr": {n: self.data(list(map(int, rows.shape)) if n == "shape" else getattr(rows, n)) for n in WHOLE}
            }
        if isinstance(value, Mapping):
            return {"mapping": {str(k): self.data(v) for k, v in value.items()}}
        if isinstance(value, Constructed):
            return self.part(value)
        if hasattr(value, "detach") and hasattr(value, "numpy"):
            held = value.detach().cpu()
            # NumPy has no bfloat16; float32 holds its values
            return {"array": self._array((held.float() if str(held.dtype) == "torch.bfloat16" else held).numpy())}
        raise FormatError(
            f"{value!r} ({type(value).__name__}) cannot be written: a file holds numbers, arrays, text and the parts of a "
            "graph, no code. Give the values it computes instead"
        )

    def part(self, value: Constructed) -> Data:
        """A part of a graph by its class's name and its arguments."""
        name = getattr(value, "written_name", type(value).__name__)
        own = isinstance(value, Neuron) and value.family == "neuron"
        out: dict[str, Data] = {value.family: name, "with": self._named(value, value.arguments_given())}
        if later := value.set_later():
            out["later"] = self._named(value, later)
        if own:
            out["step"] = self.step(value)  # type: ignore[arg-type]
        elif self.known(value.family).get(name) is not type(value) and value.family != "surrogate":
            # a surrogate is within the neuron's step; nothing stands for the code of any other class
            raise FormatError(
                f"{value!r} cannot be written: no {value.family} class named {name!r} would be found when it is read. "
                f"Declare it in a module, under a name no other {value.family} has"
            )
        return out

    def _named(self, owner: Constructed, values: Mapping[str, Any]) -> dict[str, Data]:
        out = {}
        for name, value in values.items():
            try:
                out[name] = self.data(value)
            except FormatError as error:
                raise FormatError(f"{type(owner).__name__}({name}=...): {error}") from None
        return out

    def _array(self, value: Array) -> Data:
        if value.dtype.kind not in KINDS or value.dtype.itemsize > 8:
            raise FormatError(
                f"an array of {value.dtype} cannot be written: arrays are of numbers up to 8 bytes or truth values"
            )
        # little endian, so that files and hashes do not depend on the machine
        return self.array(np.asarray(value, value.dtype.newbyteorder("<"), order="C"))


class Reader:
    """Data to values. `array` gives the array of what stands for it; `neuron` makes a neuron of its data."""

    def __init__(self, array: Callable[[Data], Array], neuron: Callable[[str, dict[str, Any], Data], Neuron]):
        self.array, self.neuron = array, neuron
        self.known = functools.cache(members)  # classes do not change while a file is read

    def value(self, data: Data, depth: int = 0) -> Any:
        """The value of data; raises FormatError."""
        if data is None or isinstance(data, bool | str | int | float):
            return data
        if depth > DEPTH:
            raise FormatError(f"parts lie within parts more than {DEPTH} deep")
        if isinstance(data, list):
            return tuple(self.value(v, depth + 1) for v in data)
        if not isinstance(data, dict) or not data:
            raise FormatError(f"{shown(data)} stands for nothing")
        tag = next((t for t in data if t in _TAGS), None)
        if tag is not None:
            return _TAGS[tag](self, data, depth + 1)
        family = next((f for f in data if f in FAMILIES), None)
        if family is None:
            raise FormatError(f"{shown(data)} stands for nothing; known are {', '.join([*_TAGS, *FAMILIES])}")
        return self.part(data, family, depth + 1)

    def part(self, data: Data, family: str, depth: int = 0) -> Any:
        """The part of a family that data stands for."""
        if not isinstance(data, dict) or not isinstance(data.get(family), str):
            raise FormatError(f"{shown(data)} is no {family}: it needs {family!r}, the name of its class")
        name, arguments = data[family], self._arguments(data, "with", depth)
        surplus = set(data) - {family, "with", "step" if family == "neuron" else "later"}
        if surplus:
            raise FormatError(f"{family} {name!r} holds {', '.join(map(repr, sorted(surplus)))}, which nothing reads")
        if family == "neuron":
            return self.neuron(name, arguments, data.get("step"))
        cls = self.known(family).get(name)
        if cls is None:
            if family == "surrogate":
                return Unknown(name, arguments)
            raise FormatError(
                f"unknown {family} {name!r}; known are {', '.join(sorted(members(family)))}. "
                "Import the module that declares it before reading the file"
            )
        later = self._arguments(data, "later", depth)
        return made(cls, name, arguments, later)

    def _arguments(self, data: dict[str, Data], key: str, depth: int) -> dict[str, Any]:
        found = data.get(key, {})
        if not isinstance(found, dict):
            raise FormatError(f"{key!r} is {shown(found)}, not arguments by name")
        return {n: self.value(v, depth + 1) for n, v in found.items()}


class Unknown:
    """A surrogate whose class is not here; the step that used it holds what it does."""

    def __init__(self, name: str, arguments: dict[str, Any]):
        self.name, self.arguments = name, arguments


def made(cls: type[Constructed], name: str, arguments: dict[str, Any], later: dict[str, Any]) -> Any:
    """An object of a class from arguments that may be anything; what it objects to becomes a FormatError."""
    try:
        out = cls.made(arguments)
        return out.with_later(**later) if later else out
    except FormatError:
        raise
    except NeuroGraphError as error:
        raise FormatError(str(error)) from None
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, MemoryError) as error:
        # constructors check meaning, and Python itself the rest: a text where a number belongs, say
        raise FormatError(f"{name}({', '.join(arguments)}): {error or type(error).__name__}") from None


def shown(data: Data) -> str:
    """Data in an error message, cut to one line."""
    text = repr(data)
    return text if len(text) <= 60 else text[:57] + "..."


def _array(reader: Reader, data: Data, depth: int) -> Array:
    array = reader.array(data["array"])
    if array.dtype.kind not in KINDS:
        raise FormatError(f"an array of {array.dtype}: arrays are of numbers or truth values")
    return array


def _scalar(reader: Reader, data: Data, depth: int) -> Any:
    array = reader.array(data["scalar"])
    if array.ndim or array.dtype.kind not in KINDS:
        raise FormatError(f"a scalar of shape {array.shape} and kind {array.dtype}")
    return array[()]


def _float(reader: Reader, data: Data, depth: int) -> float:
    names = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
    if data["float"] not in tuple(names):
        raise FormatError(f"{shown(data)}: one of {', '.join(names)}")
    return names[data["float"]]


def _slice(reader: Reader, data: Data, depth: int) -> slice:
    ends = data["slice"]
    if not isinstance(ends, list) or len(ends) != 3 or not all(e is None or type(e) is int for e in ends):
        raise FormatError(f"{shown(data)}: a slice has start, stop and step, whole numbers or null")
    return slice(*ends)


def _learnable(reader: Reader, data: Data, depth: int) -> Learnable:
    try:
        return Learnable(reader.value(data["learnable"], depth), data.get("per", "population"))
    except (NeuroGraphError, TypeError) as error:
        raise FormatError(str(error)) from None


def _mapping(reader: Reader, data: Data, depth: int) -> dict[str, Any]:
    if not isinstance(data["mapping"], dict):
        raise FormatError(f"{shown(data)}: values by name")
    return {n: reader.value(v, depth) for n, v in data["mapping"].items()}


def _csr(reader: Reader, data: Data, depth: int) -> Any:
    held = data["csr"]
    if not isinstance(held, dict) or set(held) != set(WHOLE):
        raise FormatError(f"{shown(data)}: a sparse matrix has {', '.join(WHOLE)}")
    shape, indptr, indices, values = (reader.value(held[n], depth) for n in WHOLE)
    parts = (indptr, indices, values)
    whole = isinstance(shape, tuple) and len(shape) == 2 and all(type(n) is int and 0 <= n < 2**31 for n in shape)
    if not whole or not all(isinstance(p, np.ndarray) and p.ndim == 1 for p in parts):
        raise FormatError(f"{shown(held['shape'])}: a sparse matrix has two sizes and three flat arrays")
    if indptr.dtype.kind not in "iu" or indices.dtype.kind not in "iu":
        raise FormatError("a sparse matrix: indptr and indices are whole numbers")
    try:
        # checked before anything walks along them
        matrix = scipy.sparse.csr_array((values, indices, indptr), shape=shape)
        matrix.check_format(full_check=True)
    except (ValueError, IndexError, TypeError) as error:
        raise FormatError(f"a sparse matrix of {shape}: {error}") from None
    return matrix


_TAGS: dict[str, Callable[[Reader, Data, int], Any]] = {
    "array": _array, "scalar": _scalar, "float": _float, "slice": _slice, "learnable": _learnable,
    "mapping": _mapping, "csr": _csr,
}  # fmt: skip
