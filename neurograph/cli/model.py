"""MODEL on the command line: a recipe with settings, a file of data, or a function of the user's own."""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from neurograph.cli import settings

if TYPE_CHECKING:
    from neurograph.graph import Graph


@dataclass
class Model:
    """A graph and where it came from; `settings` are those that made it, `function` the recipe."""

    name: str
    graph: Graph
    kind: str  # "recipe", "file" or "code"
    settings: dict[str, Any]
    function: Callable[..., Any] | None = None
    filled: frozenset[str] = frozenset()  # settings that were not typed
    meta: dict[str, Any] = field(default_factory=dict)  # what a model file says of itself


def load(words: Sequence[str], usual: Mapping[str, Any] | None = None, *, modules: bool = False) -> Model:
    """The one model that the words of a command line name.

    usual: settings of recipes that take them, where they are not typed. modules: a torch.nn.Module will do as well.
    """
    held, rest = settings.split([w for w in words if not os.path.isfile(w)])
    files = [w for w in words if os.path.isfile(w)]
    named = [w for w in words if w in (*rest, *files)]
    if not named:
        raise click.UsageError("say which MODEL: a recipe (`neurograph list` shows them), a file or file.py:function.")
    if len(named) > 1:
        raise click.UsageError(f"one MODEL, and settings as key=value; got {' and '.join(repr(n) for n in named)}.")
    return one(named[0], held, usual or {}, modules)


def several(words: Sequence[str], count: int) -> list[Model]:
    """So many models, each followed by its settings."""
    groups: list[tuple[str, list[str]]] = []
    for word in words:
        if "=" in word and not os.path.isfile(word) and groups:
            groups[-1][1].append(word)
        else:
            groups.append((word, []))
    if len(groups) != count:
        raise click.UsageError(f"give {count} models, each followed by its settings key=value; got {len(groups)}.")
    return [one(name, settings.split(held)[0]) for name, held in groups]


def one(
    name: str, held: dict[str, str], usual: Mapping[str, Any] = MappingProxyType({}), modules: bool = False
) -> Model:
    """The model of a name with settings as they were typed."""
    if os.path.isfile(name):
        if Path(name).suffix == ".py":
            raise click.UsageError(f"{name} is code: say which function makes the graph{_functions_of(name)}.")
        return _read(name, held)
    place, colon, function = name.rpartition(":")
    if colon and function.isidentifier():
        return _called(name, _own(place, function), held, "code", usual, modules)
    from neurograph.models import RECIPES

    if name not in RECIPES:
        raise click.UsageError(_not_found(name, list(RECIPES)))
    return _called(name, RECIPES[name], held, "recipe", usual)


def _called(
    name: str, function: Any, held: dict[str, str], kind: str, usual: Mapping[str, Any], modules: bool = False
) -> Model:
    from neurograph.errors import GraphError
    from neurograph.graph import Graph

    def wanted(made: Any) -> bool:
        return isinstance(made, Graph) or (modules and hasattr(made, "state_dict"))

    if wanted(function):
        if held:
            raise click.UsageError(f"{name} is no function, so it takes no settings such as {next(iter(held))}=...")
        return Model(name, function, kind, {})
    if not callable(function):
        raise GraphError(f"{name} is {type(function).__name__}, neither a Graph nor a function that returns one")
    given = settings.arguments(function, held, name)
    takes = inspect.signature(function).parameters
    filled = {
        k: v for k, v in usual.items() if k in takes and k not in given and v is not None and _fitting(takes[k], v)
    }
    graph = function(**given, **filled)
    if not wanted(graph):
        raise GraphError(f"{name} returned {type(graph).__name__}; a MODEL's function returns a neurograph.Graph")
    return Model(name, graph, kind, {**given, **filled}, function, frozenset(filled))


def _fitting(parameter: inspect.Parameter, value: Any) -> bool:
    """Whether a usual value is of the kind of the default: a width of 0.125 is none of a width of 16."""
    return not isinstance(value, float) or isinstance(parameter.default, float)


def _read(path: str, held: dict[str, str]) -> Model:
    """A file of data; its settings are the options of its format, as dt= of NIR."""
    import neurograph as ng
    from neurograph.errors import FormatError
    from neurograph.io.files import is_model_file, load_model
    from neurograph.io.formats import format_of_file
    from neurograph.io.formats.format import options_of

    if is_model_file(path) and not held:
        model = load_model(path)
        said = model.meta if isinstance(model.meta, dict) else {}
        return Model(path, model.graph, "file", {}, meta={**said, **model.settings})
    try:
        given = {}
        if held:
            kind = format_of_file(Path(path))
            known = [n for n in options_of(kind.read) if n != "limit"]
            for key, text in held.items():
                if key not in known:
                    takes = f"takes {', '.join(f'{n}=' for n in known)}" if known else "takes no settings"
                    raise click.UsageError(f"{path}: a file of format {kind.name} {takes}, not {key}=.")
                given[key] = settings.value_of(text, Any, f"{path}: {key}={text}")
        return Model(path, ng.load(path, **given), "file", given)
    except FormatError as error:
        raise FormatError(f"{error}{_hint(path)}") from None


def _hint(path: str) -> str:
    """What a file is that is no model."""
    from neurograph.errors import NeuroGraphError
    from neurograph.recorded import Recorded
    from neurograph.weights_file import load_weights

    for what, way, look in (
        ("a recording", "neurograph plot FILE", Recorded),
        ("weights without a network", "MODEL --weights FILE", load_weights),
    ):
        try:
            look(path)
        except NeuroGraphError:
            continue
        return f". It is {what}: {way.replace('FILE', path)}"
    return ""


def _own(place: str, function: str) -> Any:
    """The user's function: running their code is what they asked for by naming it."""
    from neurograph.errors import GraphError

    if place.endswith(".py"):
        path = Path(place)
        if not path.is_file():
            raise click.UsageError(f"no file {place}.")
        # a name of its own: my_net.py may be called as any module is
        spec = importlib.util.spec_from_file_location(f"_model_{path.stem}", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses look their module up
        sys.path.insert(0, str(path.resolve().parent))  # as when it is run as a script
        spec.loader.exec_module(module)
    else:
        sys.path.insert(0, os.getcwd())
        try:
            module = importlib.import_module(place)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{place}.".startswith(f"{error.name}."):
                raise  # the user's module lacks something itself
            raise click.UsageError(
                f"no module {place!r}: {place}:{function} is package.module:function, found from this folder or installed."
            ) from None
    if not hasattr(module, function):
        known = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        near = difflib.get_close_matches(function, known, 1)
        raise GraphError(f"{place} has no {function!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
    return getattr(module, function)


def _functions_of(path: str) -> str:
    """The functions that a file defines, read without running it."""
    try:
        tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, OSError):
        return f", {path}:function"
    names = [n.name for n in tree.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]
    return ", " + (" or ".join(f"{path}:{n}" for n in names[:5]) if names else f"{path}:function")


def _not_found(name: str, recipes: list[str]) -> str:
    near = difflib.get_close_matches(name, recipes, 1)
    if near:
        return f"no model '{name}'. Did you mean '{near[0]}'? `neurograph list` shows all recipes."
    if os.path.isdir(name):
        return f"{name} is a folder; MODEL is a file, a recipe or file.py:function."
    if "." in name or os.sep in name:
        return f"no file '{name}' here."
    return f"no model '{name}': it is no file, and the recipes are {', '.join(sorted(recipes))}."


def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Recipes and files for the first word, then the settings of the recipe."""
    from neurograph.cli.catalogue import about
    from neurograph.models import RECIPES

    given = [w for w in (ctx.params.get(parameter.name or "") or ()) if "=" not in w]
    if given and given[-1] in RECIPES:
        names = inspect.signature(RECIPES[given[-1]]).parameters
        return [CompletionItem(f"{n}=", type="nospace") for n in names if n.startswith(incomplete)]
    found = [CompletionItem(n, help=about(f)) for n, f in RECIPES.items() if n.startswith(incomplete)]
    return [*found, CompletionItem(incomplete, type="file")]


argument = click.argument("model", nargs=-1, metavar="MODEL [KEY=VALUE]...", shell_complete=complete)
