"""Published results as rows of one table, each of which is one training run here: `neurograph bench images`."""

from __future__ import annotations

from typing import Any

from neurograph.suite.results import Result, read_results, write_results
from neurograph.suite.rows import Row, chosen, rows

__all__ = ["Result", "Row", "chosen", "job_of", "read_results", "rows", "run_row", "smoke", "write_results"]


def __getattr__(name: str) -> Any:
    if name in ("job_of", "run_row", "smoke"):  # these bring torch, which the names above do without
        from neurograph.suite import run

        return getattr(run, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
