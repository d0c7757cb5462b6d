"""`key=value` on the command line: read as literals or the engine's own classes, never run as code, and checked."""

from __future__ import annotations

import ast
import difflib
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

_WORDS = {"true": True, "false": False, "null": None, "none": None}
# what people call the steps of a run, which a recipe does not have
_ELSEWHERE = {
    "step": "--steps",
    "steps": "--steps",
    "t": "--steps",
    "dt": "--dt",
    "seed": "--seed",
    "backend": "--backend",
}


def split(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Settings `key=value` by key, and the words that are none."""
    held: dict[str, str] = {}
    rest = []
    for word in words:
        key, sign, value = word.partition("=")
        if not (sign and key.isidentifier()):
            rest.append(word)
        elif key in held:
            raise click.UsageError(f"{key}= is given twice: {held[key]} and {value}.")
        else:
            held[key] = value
    return held, rest


def arguments(function: Callable[..., Any], settings: Mapping[str, str], name: str) -> dict[str, Any]:
    """The settings as arguments of a function; raises UsageError for one that it does not take or that does not fit."""
    parameters = inspect.signature(function).parameters
    hints = _hints(function)
    free = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    out = {}
    for key, text in settings.items():
        if key not in parameters and not free:
            raise click.UsageError(_unknown(key, name, function))
        out[key] = value_of(text, hints.get(key, Any), f"{name}: {key}={text}")
    needed = [
        n for n, p in parameters.items() if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    if lacking := [n for n in needed if n not in out]:
        raise click.UsageError(f"{name} needs {', '.join(f'{n}=' for n in lacking)}. It takes {described(function)}.")
    return out


def described(function: Callable[..., Any]) -> str:
    """The parameters of a function with their defaults, as they are typed."""
    parts = []
    for name, p in inspect.signature(function).parameters.items():
        if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL):
            parts.append(f"{name}=..." if p.default is p.empty else f"{name}={typed(p.default)}")
    return ", ".join(parts) or "no settings"


def typed(value: Any) -> str:
    """A value as one types it on the command line."""
    return value if isinstance(value, str) else repr(value).replace(" ", "")


def value_of(text: str, hint: Any, where: str) -> Any:
    """A value of the kind that `hint` says: a number, text, a tuple, or a neuron such as LIF(tau=2.0)."""
    try:
        value = _parsed(ast.parse(text.strip(), mode="eval").body, where)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        value = text
    if isinstance(value, str) and value == text:
        if fits(text, hint):
            return text
        raise click.UsageError(f"{where}: this is {wanted(hint)}, not {text!r}.{_classes_near(text, hint)}")
    if fits(value, hint):
        return (
            float(value)
            if isinstance(value, int) and not isinstance(value, bool) and not fits(0, hint, exact=True)
            else value
        )
    if fits(text, hint):  # text that reads as a number
        return text
    raise click.UsageError(f"{where}: this is {wanted(hint)}, not {value!r}.")


def fits(value: Any, hint: Any, *, exact: bool = False) -> bool:
    """Whether a value is of the kind that a type hint says; a whole number is a float, unless `exact`."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or hint is inspect.Parameter.empty:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, one, exact=exact) for one in inner)
    if hint in (None, type(None)):
        return value is None
    if origin is typing.Literal:
        return value in inner
    if origin is tuple:
        if not isinstance(value, tuple | list):
            return False
        kinds = [inner[0]] * len(value) if len(inner) == 2 and inner[1] is ... else list(inner)
        return len(kinds) == len(value) and all(fits(v, k) for v, k in zip(value, kinds, strict=True))
    kind = origin or hint
    if not isinstance(kind, type):
        return True  # a hint that says nothing about values
    if kind is float:
        return isinstance(value, float if exact else int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if issubclass(str, kind):  # text is a sequence too, but nobody means that
        return isinstance(value, str) if kind is str else isinstance(value, kind) and not isinstance(value, str)
    return isinstance(value, kind)


def wanted(hint: Any) -> str:
    """A type hint in words."""
    names = {int: "a whole number", float: "a number", str: "text", bool: "True or False", type(None): "None"}
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(wanted(one) for one in inner)
    if origin is typing.Literal:
        return " or ".join(map(str, inner))
    if origin is tuple:
        each = [i for i in inner if i is not ...]
        return f"a tuple such as ({', '.join('8' for _ in each)}{',' if len(each) == 1 else ''})"
    if hint in names:
        return names[hint]
    return f"a {getattr(origin or hint, '__name__', str(hint)).lower()}" + (
        " such as LIF(tau=2.0)" if _named(hint, "Neuron") else ""
    )


def _parsed(node: ast.expr, where: str, surrogate: bool = False) -> Any:
    """A literal, true/false/null, or one of the engine's classes with literals for arguments; ValueError else.

    `surrogate`: of a surrogate and an activation of one name, such as ReLU, the surrogate is meant.
    """
    if isinstance(node, ast.Name) and node.id.lower() in _WORDS:
        return _WORDS[node.id.lower()]
    if isinstance(node, ast.Name):
        return _made(node.id, {}, where, surrogate=surrogate)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        given = {k.arg: _parsed(k.value, where, k.arg == "surrogate") for k in node.keywords if k.arg is not None}
        return _made(node.func.id, given, where, *(_parsed(a, where) for a in node.args), surrogate=surrogate)
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(_parsed(e, where) for e in node.elts)
    return ast.literal_eval(node)


def _made(name: str, given: Mapping[str, Any], where: str, *plain: Any, surrogate: bool) -> Any:
    from neurograph.errors import NeuroGraphError

    kind = _classes(surrogate).get(name)
    if kind is None:
        raise ValueError(name)
    try:
        return kind(*plain, **given)
    except (NeuroGraphError, TypeError) as error:
        raise click.UsageError(f"{where}: {error}") from None


def _classes(surrogate: bool = False) -> dict[str, Any]:
    """What may stand for a value: neurons, activations, surrogates, encoders and readouts, by name and alias."""
    import neurograph as ng

    out: dict[str, Any] = {}
    units = (ng.NEURONS, ng.ACTIVATIONS)
    for kinds in (*units, ng.SURROGATES) if surrogate else (ng.SURROGATES, *units):
        for name, kind in kinds.items():
            out |= dict.fromkeys((name, *getattr(kind, "aliases", ())), kind)
    for base in (ng.Encoder, ng.Readout):
        out |= {c.__name__: c for c in _below(base)}
    return out


def _below(base: type[Any]) -> list[type[Any]]:
    return [found for sub in base.__subclasses__() for found in (sub, *_below(sub))]


def _classes_near(text: str, hint: Any) -> str:
    if not any(_named(hint, n) for n in ("Neuron", "Encoder", "Readout")):
        return ""
    name = text.partition("(")[0]
    near = difflib.get_close_matches(name, _classes(), 3)
    return f" Did you mean {' or '.join(near)}?" if near and name not in near else ""


def _named(hint: Any, name: str) -> bool:
    return name in str(hint)


def _unknown(key: str, name: str, function: Callable[..., Any]) -> str:
    known = list(inspect.signature(function).parameters)
    near = difflib.get_close_matches(key, known, 1)
    if key.lower() in _ELSEWHERE:
        hint = f" It belongs to a run: {_ELSEWHERE[key.lower()]} of the commands that run."
    else:
        hint = f" Did you mean '{near[0]}'?" if near else ""
    return f"{name} has no setting '{key}'.{hint} It takes {described(function)}."


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except (NameError, TypeError):  # hints of the user's own that name what is not there at run time
        return {}
