"""The package as it is installed: names, rooms and sizes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import neurograph as ng
from neurograph import models

ROOT = Path(__file__).resolve().parent.parent


def test_public_names_exist() -> None:
    assert "Graph" in ng.__all__ and "compile" in ng.__all__
    for name in ng.__all__:
        assert hasattr(ng, name)


def test_rooms_load_when_they_are_named() -> None:
    code = (
        "import sys, neurograph as ng; assert 'torch' not in sys.modules\n"
        "assert ng.models.cuba and ng.plot.raster and 'torch' not in sys.modules\n"
        "assert ng.train.fit and ng.data.load and ng.convert.convert and ng.job.Job"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="module 'neurograph' has no attribute 'trian'"):
        ng.trian  # type: ignore[attr-defined]  # noqa: B018


def test_recipes_are_found() -> None:
    assert models.recipe("cifar_convnet") is models.RECIPES["cifar_convnet"]
    with pytest.raises(ng.SpecError, match="unknown model 'cifar_conv'; known: .*cifar_convnet"):
        models.recipe("cifar_conv")


def test_files_stay_readable() -> None:
    files = [f for room in ("neurograph", "models", "examples") for f in (ROOT / room).rglob("*.py")]
    assert len(files) > 40
    long = {f.name: n for f in files if (n := len(f.read_text().splitlines())) > 400}
    assert not long, f"files over 400 lines: {long}"
    example = (ROOT / "examples" / "cifar_convnet.py").read_text().splitlines()
    assert len(example) < 150


def test_the_numba_backend_does_not_load_torch() -> None:
    code = (
        "import sys, numpy as np, neurograph as ng\n"
        "g = ng.Graph(); x = g.input('x', 4); n = g.population('n', ng.LIF())\n"
        "g.connect(x, n, ng.Dense(3)); g.connect(n, g.output('y'))\n"
        "ng.compile(g, 'numba').run(np.ones((5, 2, 4)))\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_setup_lists_every_package() -> None:
    listed = (ROOT / "setup.cfg").read_text()
    for folder in sorted({f.parent for f in (ROOT / "neurograph").rglob("*.py")}):
        name = ".".join(folder.relative_to(ROOT).parts)
        assert f"    {name}\n" in listed, f"{name} is missing from setup.cfg"


@pytest.mark.slow
def test_a_wheel_installed_elsewhere_runs_the_recipes(tmp_path: Path) -> None:
    """The wheel alone (no checkout on the path) gives neurograph.models."""
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-q",
        "-w",
        str(tmp_path),
        str(ROOT),
    ]
    copied = tmp_path / "source"
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    for name in files:
        target = copied / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            target.write_bytes((ROOT / name).read_bytes())
    build[-1] = str(copied)
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("neurograph-*.whl")
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import neurograph, numpy as np; from neurograph import models\n"
        "graph = models.recipe('cifar_convnet')(width=0.02)\n"
        "y = neurograph.compile(graph, 'numba', steps=2)(np.zeros((1, 3, 32, 32)))\n"
        "print(neurograph.__file__, models.__file__, y.shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.count(str(site)) == 2 and "(1, 10)" in done.stdout
