"""train and convert: from data to a model file that the other commands read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import neurograph as ng
from neurograph.io.files import load_model
from neurograph.models import RECIPES

TINY = "--dataset digits --limit 128 --epochs 1 --batch 64 --no-progress"


def test_a_trained_network_is_a_file_that_runs(cli: Any, mine: Path, tmp_path: Path) -> None:
    done = cli(f"neurograph train my_net.py:make hidden=30 {TINY} --steps 3 -o net.h5 --folder runs/a --json")
    data, held = done.json, load_model(tmp_path / "net.h5")
    assert held.meta["steps"] == 3 and held.meta["dataset"] == "digits" and held.meta["normalize"] is True
    assert data["weights"] == 64 * 30 + 30 + 300 + 10 and "Epoch 0" in done.err
    assert {"checkpoint-0000.h5", "summary.csv"} <= {f.name for f in (tmp_path / "runs" / "a").iterdir()}
    ran = cli("neurograph run net.h5 --dataset digits --limit 25 --json").json  # as many as it was tested on
    assert ran["steps"] == 3 and 100 * ran["correct"] / 25 == pytest.approx(data["test_accuracy"])
    assert "no problem found" in cli("neurograph check net.h5").out


def test_ctrl_c_keeps_the_checkpoint_and_says_how_to_go_on(
    cli: Any, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = "neurograph train my_net.py:make --dataset digits --limit 128 --batch 64 --steps 2 --epochs 2 -o {0} --folder {1}"
    whole = cli(line.format("whole.h5", "runs/whole") + " --json").json

    from neurograph.train import loop

    def once(*given: Any) -> None:
        save(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        save = loop._save
        patched.setattr(loop, "_save", once)
        done = cli(line.format("part.h5", "runs/part"), code=130)
    assert "--resume last --folder runs/part" in done.err and "stopped by Ctrl-C" in done.err
    again = cli(line.format("part.h5", "runs/part") + " --resume last --json")
    assert "Resumed from" in again.err and again.json["test_accuracy"] == whole["test_accuracy"]
    assert cli("neurograph diff whole.h5 part.h5").out == "no difference\n"  # to the last bit
    assert "holds an earlier run" in cli(line.format("part.h5", "runs/part"), code=1).err
    assert "Nothing to do" in cli(line.format("part.h5", "runs/part") + " --resume last").err


def test_options_of_the_example_choose_neuron_and_sizes(cli: Any) -> None:
    line = f"neurograph train cifar_convnet stages=((4,),(4,)) {TINY} --node-type PLIFNode --act-fun AtanGrad --threshold 0.3 -o net.h5"
    done = cli(line)
    assert "width=0.125 --steps 4" in done.err and "on cpu" in done.err
    text = cli("neurograph info net.h5").out
    assert "PLIF(" in text and "Atan" in text and "0.3" in text


def test_events_are_trained_on_as_frames_and_run_as_such(cli: Any, tiny_data: Path, tmp_path: Path) -> None:
    line = "neurograph train shallow_convnet --dataset NMNIST --epochs 1 --steps 3 --batch 4 --frames number --size 20 --json -o e.h5"
    data, held = cli(line).json, load_model(tmp_path / "e.h5")
    assert held.meta["frames"] == "number" and held.meta["size"] == [20, 20] and held.meta["dataset"] == "nmnist"
    assert held.graph.inputs[0].shape == (2, 20, 20) and data["steps"] == 3
    for backend in ("numba", "torch"):
        ran = cli(f"neurograph run e.h5 --dataset nmnist --backend {backend} --json").json
        assert ran["steps"] == 3 and 100 * ran["correct"] / 10 == pytest.approx(data["test_accuracy"])
    assert "test samples right" in cli("neurograph info e.h5").out


def test_options_of_training_reach_the_run(cli: Any, tiny_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    line = "neurograph train dvs_convnet width=0.02 --dataset nmnist --epochs 3 --steps 2 --batch 4 --folder runs/x -o e.h5"
    more = (
        "--loss tet --optimizer sgd --lr 1e-9 --momentum 0.5 --clip 1 --ema 0.9 --accumulate 2 --early-stop 1 --augment randaugment "
        "--mix cutmix --frames voxel_grid --memory both --smoothing 0.2 --schedule constant --tensorboard"
    )
    done = cli(f"{line} {more}")
    assert "Stopped after epoch 1" in done.err and (tmp_path / "runs" / "x" / "tensorboard").is_dir()
    held = load_model(tmp_path / "e.h5")
    assert held.meta["job"]["ema"] == 0.9 and held.meta["job"]["mix"] == "cutmix" and held.meta["epochs"] == 2
    assert held.graph.inputs[0].shape == (1, 34, 34)  # a voxel grid has one channel
    ran = cli("neurograph run e.h5 --dataset nmnist --json").json
    assert 100 * ran["correct"] / 10 == pytest.approx(held.meta["test_accuracy"])


def test_made_up_data_are_said_to_be(cli: Any) -> None:
    line = "neurograph train shallow_convnet width=0.1 --dataset dvsg --example-data 4 --epochs 1 --steps 2 --batch 2 -o e.h5"
    assert "made-up samples" in cli(line).err
    assert "on made-up samples in the layout of dvs128_gesture" in cli("neurograph info e.h5").out
    assert cli("neurograph run e.h5 --dataset dvsg --example-data 4 --json").json["samples"] == 4


def test_an_ann_is_trained_and_converted(cli: Any, tmp_path: Path) -> None:
    cli("neurograph train lenet5 --dataset digits --limit 500 --epochs 2 -o ann.h5 --folder runs/ann")
    line = "neurograph convert ann.h5 --dataset digits --steps 8 --limit 60 --calibration 100 -o snn.h5 --report report.json --picture p.png"
    data = cli(f"{line} --json").json
    assert data["comparison"]["images"] == 60 and data["recipe"]["name"] == "calibrated"
    assert (tmp_path / "report.json").is_file() and (tmp_path / "p.png").is_file()
    ran = cli("neurograph run snn.h5 --dataset digits --limit 60 --json").json
    assert ran["steps"] == 8 and ran["correct"] == data["comparison"]["correct"][7]
    assert "McNemar" in cli(line).out
    assert any("spike" in p.neuron.outputs for p in ng.load(tmp_path / "snn.h5").populations)


def test_a_recipe_of_conversion_has_settings_and_weights_may_lie_apart(cli: Any, tmp_path: Path) -> None:
    graph = RECIPES["lenet5"](input_shape=(1, 8, 8))
    ng.save_weights(tmp_path / "w.npz", ng.compile(graph, "numba"))
    line = "neurograph convert lenet5 --weights w.npz --dataset digits --steps 4 --limit 20 --recipe rate"
    assert "reset='hard'" in cli(f"{line} --option reset=hard -o snn.h5").out


def test_a_torch_module_of_the_users_is_converted(cli: Any, mine: Path, tiny_data: Path) -> None:
    done = cli("neurograph convert my_net.py:trained --dataset cifar10 --steps 4 --option steps=4 -o snn.h5")
    assert "in place of" in done.out


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("train lenet5 --dataset mnits", 1, "unknown data set 'mnits'"),
        ("train lenet5 --dataset digits --epochs 0", 2, "0 is not in the range"),
        ("train lenet5 --dataset digits --resume last", 2, "say in which folder with --folder"),
        ("train lenet5 --dataset digits --device gpu", 1, "give auto, cpu, cuda"),
        ("train lenet5 --dataset digits --node-type LIF", 2, "lenet5 takes no neuron="),
        ("train cifar_convnet --dataset digits --node-type LFI", 1, "unknown neuron 'LFI'"),
        ("train cuba --dataset digits", 1, "takes no input"),
        ("train lenet5 input_shape=(3,32,32) --dataset digits", 1, "input_shape=(1,8,8)"),
        ("train lenet5 --dataset digits --mix eventmix", 1, "mixes events, but digits has pictures"),
        (
            "train dvs_convnet --dataset nmnist --example-data 10 --frames voxel_grid --mix eventmix",
            1,
            "EventMix: frames",
        ),
        ("train lenet5 --dataset digits --loss hinge", 2, "'hinge' is not one of"),
        ("train lenet5 --dataset digits --schedule slow", 2, "'slow' is not one of braincog, constant"),
        ("train lenet5 --dataset digits --memory less", 2, "not one of bits, both, none, recompute"),
        ("train lenet5 --dataset digits --ema 1", 2, "--ema"),
        ("train dvs_convnet --dataset nmnist --example-data 4 --frames slices", 1, "unknown frame maker 'slices'"),
        ("train dvs_convnet --dataset nmnist --example-data 4 --frames duration:5", 1, "no setting KEY=NUMBER"),
        ("train dvs_convnet --dataset nmnist --example-data 4 --frames duration", 1, "its settings are duration_us"),
        ("convert lenet5 --dataset digits", 1, "lenet5 is not trained"),
        ("convert lenet5", 2, "Missing option '--dataset'"),
        ("convert lenet5 --dataset digits --recipe best", 2, "no recipe 'best'; there are braincog"),
        ("convert lenet5 --dataset digits --option stps=3", 2, "unexpected keyword argument 'stps'"),
        ("convert lenet5 --dataset digits --option levels", 2, "give KEY=VALUE"),
        ("convert lenet5 --dataset digits --recipe rate --option strt=3", 2, "Did you mean 'start'?"),
        ("convert my_net.py:wrong --dataset digits", 1, "returned int"),
    ],
)
def test_bad_input_is_said(cli: Any, mine: Path, line: str, code: int, said: str) -> None:
    done = cli(f"neurograph {line}", code=code)
    assert said in done.err and not done.out
