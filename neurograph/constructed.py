"""What its constructor's arguments say in full, so that it can be written down and made again."""

from __future__ import annotations

import contextlib
import functools
import inspect
import math
from collections.abc import Callable, Collection
from typing import Any, ClassVar

import numpy as np

from neurograph.errors import SpecError, declared_at

FAMILIES: dict[str, type[Constructed]] = {}
_WORDS = {
    "int": "a whole number", "float": "a number", "bool": "True or False", "str": "a text", "Sequence[int]": "whole numbers",
    "tuple[int, int]": "two whole numbers", "None": "None",
}  # fmt: skip
_MOST = 1 << 62  # of whole numbers: shapes are counted in 64 bits


class Constructed:
    """Base of all parts of a graph: neurons, operators, encoders, readouts, rules, distributions, surrogates.

    A constructor keeps what it is given in attributes of the arguments' names; where an attribute has another name,
    `kept_as` says which (None: the argument is another way of giving others). `family` is set by the base class of each kind of part.
    """

    family: ClassVar[str] = ""
    abstract: ClassVar[bool] = False  # of a class itself, not of those below it: no part of a graph
    kept_as: ClassVar[dict[str, str | None]] = {}
    #: Said besides where arguments do not fit: what others are given here, and this is not.
    not_taken: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = _checking(cls.__init__)  # type: ignore[method-assign]
        if "family" in vars(cls):
            FAMILIES[cls.family] = cls

    def arguments_given(self) -> dict[str, Any]:
        """The arguments that make this object again; one for `*names` is a tuple."""
        out: dict[str, Any] = {}
        for name, parameter in inspect.signature(type(self).__init__).parameters.items():
            if name == "self" or parameter.kind is parameter.VAR_KEYWORD or type(self).__init__ is object.__init__:
                continue
            if name in self.declared_apart():
                continue
            attribute = self.kept_as.get(name, name)
            if attribute is None:
                continue
            if not hasattr(self, attribute):
                raise SpecError(
                    f"{type(self).__name__} does not keep its argument {name!r}: keep it as self.{name}, or say in "
                    f"{type(self).__name__}.kept_as which attribute holds it"
                )
            out[name] = getattr(self, attribute)
        return out

    @classmethod
    def takes(cls) -> list[str]:
        """The constructor's arguments as they are typed: "channels", "stride=" for one that is given by name."""
        parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
        return [f"{p.name}=" if p.kind is p.KEYWORD_ONLY else p.name for p in parameters if p.kind is not p.VAR_KEYWORD]

    def declared_apart(self) -> Collection[str]:
        """Arguments that are not kept as attributes, because the class declares them as fields."""
        return ()

    def set_later(self) -> dict[str, Any]:
        """What was set after it was made, as arguments of `with_later`."""
        return {}

    def with_later(self, **values: Any) -> Any:
        """This object with what was set later."""
        raise SpecError(f"{type(self).__name__} takes nothing besides the arguments of its constructor, not {values}")

    @classmethod
    def made(cls, arguments: dict[str, Any]) -> Any:
        """The object of these arguments."""
        rest = dict(arguments)
        spread: tuple[Any, ...] = ()
        for name, parameter in inspect.signature(cls.__init__).parameters.items():
            if parameter.kind is parameter.VAR_POSITIONAL and name in rest and cls.__init__ is not object.__init__:
                spread = tuple(rest.pop(name))
        return cls(*spread, **rest)


def _checking(init: Callable[..., None]) -> Callable[..., None]:
    """A constructor that refuses arguments of other types than it is annotated with, after checks of its own."""
    signature = inspect.signature(init)
    annotations = {n: p.annotation for n, p in signature.parameters.items()}
    texts = {n: (k.__name__ if isinstance(k, type) else str(k)).split(" | ") for n, k in annotations.items()}
    kinds = {n: atoms for n, atoms in texts.items() if set(atoms) <= set(_WORDS)}

    def check(self: Any, *args: Any, **kwargs: Any) -> None:
        given = signature.bind_partial(self, *args, **kwargs).arguments
        for name in [n for n in kinds if n in given]:
            several = signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
            for value in given[name] if several else (given[name],):
                if not any(_fits(atom, value) for atom in kinds[name]):
                    words = " or ".join(_WORDS[a] for a in kinds[name])
                    raise SpecError(
                        f"{type(self).__name__}({name}={_cut(value)}) at {declared_at()}: {name} is {words}"
                    )

    @functools.wraps(init)
    def checked(self: Any, *args: Any, **kwargs: Any) -> None:
        if type(self).__init__ is checked:  # not one that a subclass calls
            try:
                signature.bind(self, *args, **kwargs)
            except TypeError as error:
                given = ", ".join((*map(_cut, args), *(f"{n}={_cut(v)}" for n, v in kwargs.items())))
                raise SpecError(
                    f"{type(self).__name__}({given}) at {declared_at()}: {error}; it takes {', '.join(self.takes())}"
                    f"{self.not_taken}"
                ) from None
        try:
            init(self, *args, **kwargs)
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError):
            with contextlib.suppress(TypeError):  # arguments that are missing, which Python says
                check(self, *args, **kwargs)
            raise
        check(self, *args, **kwargs)

    return checked


def _cut(value: Any) -> str:
    """A value in an error message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _fits(atom: str, value: Any) -> bool:
    """Whether a value is of a type by its annotation."""
    if atom == "None":
        return value is None
    if atom == "str":
        return isinstance(value, str)
    if atom in ("Sequence[int]", "tuple[int, int]"):
        listed = isinstance(value, tuple | list) and all(_fits("int", v) for v in value)
        return listed and (len(value) == 2 or atom == "Sequence[int]")
    if isinstance(value, bool | np.bool_) or atom == "bool":
        return isinstance(value, bool | np.bool_) and atom == "bool"
    if isinstance(value, int | np.integer):
        return -_MOST < int(value) < _MOST
    return atom == "float" and isinstance(value, float | np.floating) and math.isfinite(value)


def members(family: str) -> dict[str, type[Constructed]]:
    """Every class of a family that can be made, by name: those of the package first, then a user's own."""
    found: dict[str, type[Constructed]] = {}
    stack = list(FAMILIES[family].__subclasses__())
    own: list[type[Constructed]] = []
    while stack:
        cls = stack.pop()
        if "family" in vars(cls):
            continue  # the base of another family
        stack.extend(cls.__subclasses__())
        if cls.__name__.startswith("_") or vars(cls).get("abstract"):
            continue
        if cls.__module__.startswith("neurograph."):
            if cls.__qualname__ == cls.__name__:  # not one that a function makes from what it is given
                found[cls.__name__] = cls
        else:
            own.append(cls)
    for cls in reversed(own):
        found.setdefault(cls.__name__, cls)
    return found
