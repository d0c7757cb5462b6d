"""What a network does on calibration images, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from neurograph.compiler import compile
from neurograph.graph import Graph
from neurograph.readout import Steps

Array = np.ndarray[Any, Any]


def activity(
    graph: Graph,
    images: Array,
    variables: Sequence[tuple[str, str]] = (),
    *,
    steps: int = 1,
    batch: int = 100,
    dtype: str = "float32",
) -> Iterator[tuple[dict[tuple[str, str], Array], dict[str, Array]]]:
    """For each batch: what (population, variable) did, [T, N, ...], and each output's values, [T, N, ...]."""
    import torch

    probed = graph.copied()
    probed.probes = {}
    for population, variable in variables:
        probed.probe(population, variable)
    for output in graph.outputs:
        probed.nodes[output.name] = type(output)(output.name, Steps(), output.at)
    program = compile(probed, "torch", dtype=dtype).eval()
    for start in range(0, len(images), batch):
        given = torch.as_tensor(np.asarray(images[start : start + batch], dtype))
        with torch.inference_mode():
            outputs, _ = program.run({graph.inputs[0].name: given}, steps)
        recorded = {(p, v): program.recordings[f"{p}.{v}"].array() for p, v in variables}
        yield recorded, {n: x.numpy() for n, x in outputs.items()}
