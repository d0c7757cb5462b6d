"""The model and the job of a training run: the neuron as it was asked for, and sizes that were not given."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from neurograph.cli.conditions import takes_smoothing

if TYPE_CHECKING:
    from neurograph.cli.model import Model
    from neurograph.job import Job, Splits
    from neurograph.spec import Neuron

#: Options that are parameters of a neuron.
_PARAMETERS = {"act_fun": "surrogate", "threshold": "threshold", "tau": "tau"}


def fitted(
    words: tuple[str, ...], splits: Splits, o: dict[str, Any], job: Job, gpu: bool, say: Callable[[str], None]
) -> tuple[Model, Job]:
    """The model and the job, with sizes filled in that were not asked for, which `say` is told."""
    from neurograph.job import check_shape, sizes_for, usual_settings
    from neurograph.job.presets import activation_sizes, activation_training

    name, shape = splits.train.name, splits.shape(job)
    full = gpu or o["schedule"] == "braincog"
    sizes = sizes_for(name, full=full)
    usual = usual_settings(replace(job, width=sizes["width"]), len(splits.train.classes), shape)
    loaded = _with_neuron(words, usual, o, job)
    held = _as_before(loaded, o)
    job = replace(job, **held)
    check_shape(loaded.graph, name, splits.shape(job))
    more: dict[str, Any] = {}
    if not any(p.neuron.states for p in loaded.graph.populations):
        sizes["steps"] = 1
        # a recipe with neuron= is the twin of a spiking network, and trained as that is
        if loaded.kind == "recipe" and "neuron" not in _takes(loaded):
            sizes |= activation_sizes(name, full=full)
            more = activation_training(job.optimizer)
            if not takes_smoothing(o["loss"]):
                more.pop("smoothing", None)
    chosen = {k: v for k, v in sizes.items() if k != "width" and o[k] is None and v is not None and k not in held}
    unset = {k: v for k, v in more.items() if o.get(k) is None}
    if "limit" in chosen and splits.first(chosen["limit"]) is splits:
        del chosen["limit"]
    text = [f"--{k} {v:g}" for k, v in chosen.items()]
    if "width" in loaded.filled:
        text.insert(0, f"width={loaded.settings['width']:g}")
    if text:
        say(f"sizes that were not given: {' '.join(text)}")
    if held:
        say(f"as {loaded.name} was trained: {_spelt(held)}")
    if unset:
        text = [f"--{k.replace('_', '-')} {v:g}" for k, v in unset.items()]
        say(f"how {loaded.name} is trained where it is not said: {' '.join(text)}")
    if "limit" in chosen:
        cut = splits.first(chosen["limit"])
        say(
            f"only the first {len(cut.train):,} of {len(splits.train):,} training and {len(cut.test):,} of "
            f"{len(splits.test):,} test samples are used; use all of them with --limit all"
        )
    width = loaded.settings.get("width")
    settings = {k: v for k, v in loaded.settings.items() if k not in usual}
    if loaded.kind == "recipe" and "neuron" in _takes(loaded) and o["node_type"] is None:
        settings["neuron"] = _neuron_of(loaded)  # the job names another
    return loaded, replace(job, recipe=loaded.name, width=width, settings=settings, **chosen, **unset)


def _as_before(loaded: Model, o: Mapping[str, Any]) -> dict[str, Any]:
    """What a model file says of the samples that its network was trained on, where no option says another."""
    fields = ("steps", "frames") if "frames" in loaded.meta else ("steps", "normalize")
    held = {k: loaded.meta[k] for k in fields if k in loaded.meta and o[k] is None}
    height, width = loaded.meta.get("size", (0, 1))
    return {**held, "size": height} if height == width and o["size"] is None else held


def _spelt(held: Mapping[str, Any]) -> str:
    """Fields of a job as they would be typed."""
    pixels = {True: "--normalize", False: "--plain-pixels"}
    return " ".join(pixels[v] if k == "normalize" else f"--{k.replace('_', '-')} {v}" for k, v in held.items())


def _with_neuron(words: tuple[str, ...], usual: dict[str, Any], o: Mapping[str, Any], job: Job) -> Model:
    """The model with the neuron of --node-type, or its own one with what the options change of it.

    The neuron is taken out of `usual` where --node-type does not say it. Raises UsageError for an option of a neuron
    that the model or its neuron does not take.
    """
    from neurograph.cli.model import load
    from neurograph.job.network import changed_neuron

    typed = {parameter: o[k] for k, parameter in _PARAMETERS.items() if o[k] is not None}
    options = [f"--{k.replace('_', '-')}" for k in ("node_type", *_PARAMETERS) if o[k] is not None]
    neuron = usual.pop("neuron")
    if not options:
        return load(words, usual=usual)
    own = load(words, usual=usual)
    if "neuron" not in _takes(own):
        raise click.UsageError(f"{options[0]}: {own.name} takes no neuron=.")
    if o["node_type"] is None:
        neuron = _neuron_of(own)
    elif "neuron" in own.settings:
        raise click.UsageError("--node-type and neuron=: give one of them.")
    for parameter, option in zip(typed, [t for t in options if t != "--node-type"], strict=True):
        if not type(neuron).accepts(parameter):
            raise click.UsageError(f"{option}: {type(neuron).__name__}, the neuron of {own.name}, has no {parameter}.")
    if o["node_type"] is None:
        neuron = changed_neuron(neuron, alpha=job.alpha, **typed)
    else:
        usual["neuron"] = neuron
    settings = {**own.settings, "neuron": neuron}
    assert own.function is not None
    return replace(own, graph=own.function(**settings), settings=settings)


def _neuron_of(own: Model) -> Neuron:
    """What a recipe takes where nobody says another: the neuron of its first population."""
    from neurograph.spec import Neuron

    given = own.settings.get("neuron", _takes(own)["neuron"].default)
    if isinstance(given, Neuron):
        return given
    return next(p.neuron for p in own.graph.populations if not p.neuron.identity)


def _takes(loaded: Model) -> Mapping[str, inspect.Parameter]:
    return {} if loaded.function is None else inspect.signature(loaded.function).parameters
