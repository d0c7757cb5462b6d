"""The command as a process of its own: how it starts, prints, is stopped and completes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from neurograph.cli.group import Commands

RUN = [sys.executable, "-m", "neurograph"]


def run(*words: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUN, *words], cwd=cwd, capture_output=True, text=True, env={**os.environ, **env}, timeout=120
    )


def test_the_entry_point_and_the_module_are_one_command(tmp_path: Path) -> None:
    done = run("--version", cwd=tmp_path)
    script = shutil.which("neurograph", path=str(Path(sys.executable).parent))
    if script is None:
        pytest.skip("the package is not installed")
    assert subprocess.run([script, "--version"], capture_output=True, text=True).stdout == done.stdout
    assert done.stdout.startswith("neurograph 0.") and not done.stderr


def test_help_and_info_load_neither_torch_nor_numba(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom neurograph.cli.group import neurograph\n"
        "for line in sys.argv[1:]:\n"
        "    assert CliRunner().invoke(neurograph, line.split()).exit_code == 0, line\n"
        "print([m for m in ('torch', 'numba', 'matplotlib') if m in sys.modules])"
    )
    lines = [
        "--help",
        "list",
        "info lenet5",
        "completion bash",
        *(f"{n} --help" for n in Commands().list_commands(None)),
    ]  # type: ignore[arg-type]
    done = subprocess.run([sys.executable, "-c", code, *lines], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
    code = code.replace("'matplotlib'", "'matplotlib', 'networkx', 'scipy.sparse', 'ssl'")
    done = subprocess.run([sys.executable, "-c", code, "--help", "list"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_pipe_that_closes_is_no_error(tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{' '.join(RUN)} list | head -1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("brain_regions") and "Traceback" not in done.stderr and "rror" not in done.stderr


def test_colours_are_for_terminals_without_no_color(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")

    def at_terminal(**env: str) -> bytes:
        master, slave = pty.openpty()
        process = subprocess.Popen([*RUN, "list"], stdout=slave, stderr=slave, env={**os.environ, **env}, cwd=tmp_path)
        os.close(slave)
        out = b""
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:
                break
            if not part:
                break
            out += part
        os.close(master)
        assert process.wait() == 0
        return out

    plain = {k: "" for k in ("NO_COLOR",)}
    assert b"\x1b[" in at_terminal(TERM="xterm", **plain)
    assert b"\x1b[" not in at_terminal(TERM="xterm", NO_COLOR="1")
    assert "\x1b[" not in run("list", cwd=tmp_path).stdout


def test_json_stays_clean_where_the_users_code_prints(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text(
        "import neurograph as ng\nprint('loaded')\ndef make():\n    print('made')\n    g = ng.Graph('loud')\n"
        "    g.connect(g.input('x', 3), g.output('y'), ng.Dense(2))\n    return g\n"
    )
    done = run("info", "loud.py:make", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["name"] == "loud" and "made" in done.stderr


@pytest.mark.parametrize("backend", ["numba", "reference"])
def test_ctrl_c_keeps_what_was_recorded(tmp_path: Path, backend: str) -> None:
    words = (
        "run",
        "cuba",
        "n=200",
        "--time",
        "1e7",
        "--backend",
        backend,
        "--record",
        "rec.h5",
        "--json",
        "--no-progress",
    )
    process = subprocess.Popen([*RUN, *words], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    file = tmp_path / "rec.h5"
    for _ in range(600):
        if file.exists() and file.stat().st_size > 20_000:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    data = json.loads(out)
    assert data["interrupted"] and 0 < data["time"] < 1e7 and "Traceback" not in err
    from neurograph.recorded import Recorded

    held = Recorded(file)
    assert len(held.spikes("exc")[0]) == data["populations"]["exc"]["spikes"]
    assert held.duration == pytest.approx(data["time"])


def completed(line: str, cwd: Path) -> list[str]:
    words = line.split(" ")
    done = run(cwd=cwd, _NEUROGRAPH_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1))
    return [w.split(",", 1)[1] for w in done.stdout.split()]


def test_the_shell_completes_commands_recipes_settings_and_recordings(tmp_path: Path) -> None:
    assert completed("neurograph con", tmp_path) == ["convert"]
    assert completed("neurograph info micro", tmp_path)[0] == "microcircuit"
    assert completed("neurograph info microcircuit sc", tmp_path) == ["scale="]
    assert completed("neurograph train lenet5 --dataset dig", tmp_path) == ["digits"]
    run("run", "cuba", "n=100", "--time", "5", "--record", "rec.h5", cwd=tmp_path)
    assert completed("neurograph plot rec.h5 --raster e", tmp_path) == ["exc"]


@pytest.mark.parametrize(("shell", "option"), [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")])
def test_completion_scripts_are_right_for_their_shells(tmp_path: Path, shell: str, option: str) -> None:
    done = run("completion", shell, cwd=tmp_path)
    assert done.returncode == 0 and "To install it" in done.stdout and "_NEUROGRAPH_COMPLETE" in done.stdout
    assert shell != "zsh" or done.stdout.startswith("#compdef neurograph\n")
    if shutil.which(shell):
        checked: Any = subprocess.run([shell, option], input=done.stdout, text=True, capture_output=True)
        assert checked.returncode == 0, checked.stderr


def test_the_shell_completes_rows_and_names_of_training(tmp_path: Path) -> None:
    assert completed("neurograph bench ima", tmp_path) == ["images"]
    assert completed("neurograph bench images cifar10-d", tmp_path) == ["cifar10-demo"]
    assert completed("neurograph bench images --surrogate At", tmp_path) == ["AtanGrad"]
    assert completed("neurograph train lenet5 --mix event", tmp_path) == ["eventmix"]
    assert completed("neurograph train lenet5 --loss unil", tmp_path) == ["unilateral_mse"]
