"""Sparse: explicit synapses in compressed rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy  # its rooms are loaded when they are used

from neurograph.errors import ShapeError, SpecError, declared_at
from neurograph.projections.operator import Array, Operator, Run, Weight, fixed
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


class Sparse(Operator):
    """y = W x with W a scipy sparse matrix [outputs, inputs]; each stored entry is one synapse.

    Duplicate entries are summed. Populations of more axes are taken in C order.
    """

    key = "sparse"
    linear = True

    def __init__(self, matrix: Any, *, learnable: bool = True):
        if not scipy.sparse.issparse(matrix):
            raise SpecError(
                f"Sparse(...) at {declared_at()}: give a scipy.sparse matrix [outputs, inputs], got {type(matrix).__name__}"
            )
        rows = scipy.sparse.csr_array(matrix, dtype=np.float64)
        rows.sum_duplicates()
        if not np.all(np.isfinite(rows.data)):
            raise SpecError(f"Sparse(...) at {declared_at()}: weights must be finite")
        self.matrix, self.learnable = rows, learnable
        self._posts = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        self._places: dict[torch.device, torch.Tensor] = {}

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        outputs, inputs = self.matrix.shape
        if math.prod(source) != inputs:
            raise ShapeError(f"Sparse expects {inputs} inputs (its columns), but its input has shape {source}")
        if target is None:
            return (outputs,)
        if math.prod(target) != outputs:
            raise ShapeError(f"Sparse has {outputs} outputs (its rows), but its target has shape {target}")
        return target

    def weights(self, source: Shape, target: Shape) -> dict[str, Weight]:
        return {"weight": Weight((self.matrix.nnz,), fixed(self.matrix.data), self.learnable)}

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        import torch

        places = self._places.get(x.device)
        if places is None:  # once for each device: in a loop every step comes here
            with torch.inference_mode(False):  # kept for later calls, which may train
                places = torch.from_numpy(np.stack([self._posts, self.matrix.indices.astype(np.int64)])).to(x.device)
            self._places[x.device] = places
        matrix = torch.sparse_coo_tensor(
            places, w["weight"].to(x.dtype), self.matrix.shape, is_coalesced=True, check_invariants=False
        )
        return torch.sparse.mm(matrix, x.flatten(1).t()).t()

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        weights = np.asarray(w["weight"], x.dtype)
        matrix = scipy.sparse.csr_array((weights, self.matrix.indices, self.matrix.indptr), shape=self.matrix.shape)
        return np.ascontiguousarray((matrix @ x.reshape(len(x), -1).T).T)

    def macs(self, source: Shape, target: Shape) -> int:
        return int(self.matrix.nnz)

    def settings(self) -> str:
        return f"{self.matrix.shape[1]}->{self.matrix.shape[0]}, {self.matrix.nnz:,} synapses"
