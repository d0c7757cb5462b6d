"""doctor and bench: what they find here, and what they say where something is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from neurograph.cli.benches import BENCHES


def test_doctor_ends_with_no_problem_or_with_fixes(cli: Any) -> None:
    data = cli("neurograph doctor --json").json
    assert data["problems"] == [] and {"versions", "devices", "threads", "compilers", "caches"} <= set(data)
    assert "as the reference" in data["self-test"]["numba"] and "as the reference" in data["self-test"]["torch"]
    assert data["versions"]["click"] and "neurograph" in data["versions"]["neurograph"]
    text = cli("neurograph doctor --no-self-test").out
    assert text.rstrip().endswith("no problem found") and "files," in text


def test_doctor_names_problems_and_what_to_do(cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROGRAPH_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    done = cli("neurograph doctor --no-self-test --json", code=1)
    problems = {p["problem"]: p["fix"] for p in done.json["problems"]}
    assert len(problems) == 3 and all(problems.values())
    assert any("NEUROGRAPH_DATA" in p for p in problems) and any("TRITON_INTERPRET" in p for p in problems)
    assert any("compiled anew in each process" in p for p in problems)
    assert "fix: correct the variable" in cli("neurograph doctor --no-self-test", code=1).out


def test_doctor_sees_a_backend_that_fails(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: Any, **options: Any) -> None:
        raise RuntimeError("no such instruction")

    monkeypatch.setattr("neurograph.kernels.cpu.CpuKernel.forward", broken)
    problems = cli("neurograph doctor --json", code=1).json["problems"]
    assert [p["problem"] for p in problems if "numba" in p["problem"]] == [
        "backend numba cannot run a small network: RuntimeError: no such instruction"
    ]


def test_doctor_says_which_kernels_run_a_model_and_why(cli: Any) -> None:
    rows = cli("neurograph doctor lenet5 activation=LIF --no-self-test --json").json["kernels"]
    assert {(r["population"], r["backend"]) for r in rows} == {
        (p, b) for p in ("c1", "c3", "c5", "f6") for b in ("numba", "torch")
    }
    assert all(r["kernel"] == "fused Numba kernel" for r in rows)
    rows = cli("neurograph doctor lenet5 --no-self-test --json").json["kernels"]
    assert {r["kernel"] for r in rows if r["backend"] == "torch"} == {"torch operators"}
    text = cli("neurograph doctor cuba n=100 --no-self-test").out
    assert "a circuit, stepped in periods of 1 step" in text and "in a cycle, so in rounds of 1 step" in text


def test_bench_lists_and_measures(cli: Any) -> None:
    text = cli("neurograph bench").out
    assert all(f"{n} " in text and b.about in text for n, b in BENCHES.items())
    data = cli("neurograph bench circuit threads --rounds 2 --json").json
    assert [b["bench"] for b in data["benchmarks"]] == ["circuit", "threads"] and data["rounds"] == 2
    assert data["benchmarks"][0]["ratio"] > 5  # compiled code beside NumPy
    assert "times as fast" in cli("neurograph bench realtime --rounds 1").out
    assert "no benchmark 'speed'; there are layer" in cli("neurograph bench speed", code=2).err


@pytest.mark.slow
def test_every_benchmark_runs(cli: Any) -> None:
    data = cli("neurograph bench all --rounds 1 --json").json
    assert [b["bench"] for b in data["benchmarks"]] == list(BENCHES) and all(b["ratio"] > 0 for b in data["benchmarks"])
