"""A training run as one description: settings, data, network, training, model file.

`neurograph train`, `neurograph bench images` and examples/cifar_convnet.py are this with different words around it:

    job = Job(recipe="cifar_convnet", dataset="cifar10", epochs=2)
    parts = load_parts(job)
    run = Training(job, graph_of(job, parts), parts)
    run.fit()
    run.save("net.h5")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurograph.job.network import check_shape, graph_of, neuron_of, usual_settings
from neurograph.job.parts import Parts, Splits, example_folder, framed, load_parts, load_splits, maker_of, sample_shape
from neurograph.job.presets import ACTIVATIONS, FULL, activation_sizes, filled, sizes_for
from neurograph.job.settings import AUGMENTS, MEMORY, MIXES, SCHEDULES, Job

if TYPE_CHECKING:
    from neurograph.job.training import Training

__all__ = [
    "ACTIVATIONS",
    "AUGMENTS",
    "FULL",
    "MEMORY",
    "MIXES",
    "SCHEDULES",
    "Job",
    "Parts",
    "Splits",
    "Training",
    "activation_sizes",
    "check_shape",
    "example_folder",
    "filled",
    "framed",
    "graph_of",
    "load_parts",
    "load_splits",
    "maker_of",
    "neuron_of",
    "sample_shape",
    "sizes_for",
    "usual_settings",
]


def __getattr__(name: str) -> Any:
    if name == "Training":  # brings torch, which the names above do without
        from neurograph.job.training import Training

        return Training
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
