"""train and convert: from data to a model file that the other commands read."""

from __future__ import annotations

from pathlib import Path
from shutil import copyfile
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


def test_options_of_a_neuron_change_the_recipes_own(cli: Any, tmp_path: Path) -> None:
    def neuron(words: str) -> Any:
        place = f"runs/{words.replace(' ', '')}"
        cli(f"neurograph train {words} {TINY} --steps 1 -o net.h5 --folder '{place}'")
        return next(p.neuron for p in ng.load(tmp_path / "net.h5").populations)

    plif = neuron("plif_net_mnist width=0.02 --threshold 0.7")
    assert type(plif) is ng.PLIF and plif.params["threshold"] == 0.7 and type(plif.options["surrogate"]) is ng.Atan
    assert "PLIF(" in load_model(tmp_path / "net.h5").meta["job"]["settings"]  # what the job says of its neuron
    assert "--threshold: net.h5 takes no neuron=" in cli("neurograph train net.h5 --threshold 0.7", code=2).err
    fire = neuron("shallow_convnet width=0.1 --act-fun QGateGrad")
    assert type(fire) is ng.IF and type(fire.options["surrogate"]) is ng.QGate
    assert fire.params["threshold"] == 1.0 and fire.options["detach_reset"] is False
    typed = neuron("shallow_convnet width=0.1 neuron=LIF(tau=3.0) --threshold 0.25")
    assert typed.params["tau"] == 3.0 and typed.params["threshold"] == 0.25
    named = neuron("shallow_convnet width=0.1 --node-type LIFNode --tau 4")
    assert named.params["tau"] == 4.0 and named.params["threshold"] == 0.5


def test_a_recipe_of_activations_says_how_it_is_trained(cli: Any, tmp_path: Path) -> None:
    folders: list[str] = []

    def trained(words: str) -> tuple[str, Any]:
        folders.append(f"runs/{len(folders)}")
        line = f"neurograph train {words} --dataset digits --limit 64 --batch 32 -o n.h5 --no-progress"
        said = cli(f"{line} --folder {folders[-1]}").err
        return said, load_model(tmp_path / "n.h5").meta["job"]

    said, job = trained("lenet5 --epochs 1")
    assert "how lenet5 is trained where it is not said: --lr 0.003 --weight-decay 0.02 --smoothing 0\n" in said
    assert (job["lr"], job["weight_decay"], job["smoothing"], job["steps"]) == (3e-3, 2e-2, 0.0, 1)
    said, job = trained("lenet5 --epochs 1 --optimizer sgd --momentum 0.5")
    assert "is trained where" not in said and (job["lr"], job["weight_decay"]) == (None, 1e-4)
    said, job = trained("lenet5 --epochs 1 --optimizer adam --lr 1e-3")
    assert "--smoothing 0\n" in said and "--weight-decay" not in said and job["lr"] == 1e-3
    # the twin of a spiking network is trained as that is
    said, job = trained("shallow_convnet width=0.1 --node-type ReLU --epochs 1")
    assert "is trained where" not in said and (job["lr"], job["smoothing"], job["steps"]) == (None, 0.1, 1)


def test_a_limit_of_its_own_is_said(cli: Any, tiny_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurograph.job.presets.SMALL", {"width": 0.02, "steps": 1, "limit": 100, "epochs": 1})
    line = "neurograph train cifar_convnet --dataset cifar10 --batch 50 --no-progress -o n.h5"
    done = cli(f"{line} --folder runs/few")
    assert "only the first 100 of 150 training and 20 of 30 test samples are used" in done.err and "all" in done.err
    assert "100 training and 20 test images" in done.err
    done = cli(f"{line} --limit all")
    assert "only the first" not in done.err and "150 training and 30 test images" in done.err


def test_nothing_left_to_do_ends_well(cli: Any, mine: Path, tmp_path: Path) -> None:
    line = f"neurograph train my_net.py:make {TINY} --steps 2 --checkpoint-every 1"
    cli(f"{line} -o a.h5 --folder runs/a")
    assert load_model(tmp_path / "a.h5").meta["job"]["checkpoint_every"] == 1
    (tmp_path / "alone").mkdir()
    copyfile(tmp_path / "runs" / "a" / "checkpoint-0000.h5", tmp_path / "alone" / "c.h5")
    done = cli(f"{line} -o b.h5 --folder runs/b --resume alone/c.h5")
    assert "Nothing to do" in done.err and "no epoch was left to train of the 1 epoch asked for" in done.out
    assert not (tmp_path / "b.h5").exists()


def test_events_are_trained_on_as_frames_and_run_as_such(cli: Any, tiny_data: Path, tmp_path: Path) -> None:
    line = "neurograph train shallow_convnet --dataset NMNIST --epochs 1 --steps 3 --batch 4 --frames number --size 20 --json -o e.h5"
    data, held = cli(line).json, load_model(tmp_path / "e.h5")
    assert held.meta["frames"] == "number" and held.meta["size"] == [20, 20] and held.meta["dataset"] == "nmnist"
    assert held.graph.inputs[0].shape == (2, 20, 20) and data["steps"] == 3
    for backend in ("numba", "torch"):
        ran = cli(f"neurograph run e.h5 --dataset nmnist --backend {backend} --json").json
        assert ran["steps"] == 3 and 100 * ran["correct"] / 10 == pytest.approx(data["test_accuracy"])
    assert "test samples right" in cli("neurograph info e.h5").out
    again = cli("neurograph train e.h5 --dataset nmnist --epochs 1 --batch 4 -o again.h5 --folder runs/again")
    assert "as e.h5 was trained: --steps 3 --frames number --size 20" in again.err
    held = load_model(tmp_path / "again.h5")
    assert (held.meta["steps"], held.meta["frames"], held.meta["size"]) == (3, "number", [20, 20])


def test_pixels_stay_as_a_file_was_trained_on(cli: Any, mine: Path, tmp_path: Path) -> None:
    cli(f"neurograph train my_net.py:make {TINY} --steps 2 --plain-pixels -o a.h5 --folder runs/a")
    done = cli(f"neurograph train a.h5 {TINY} -o b.h5 --folder runs/b")
    assert "as a.h5 was trained: --steps 2 --plain-pixels\n" in done.err
    assert load_model(tmp_path / "b.h5").meta["normalize"] is False
    done = cli(f"neurograph train a.h5 {TINY} --normalize --steps 1 -o c.h5 --folder runs/c")
    assert "as a.h5" not in done.err and load_model(tmp_path / "c.h5").meta["normalize"] is True


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
        ("train lenet5 --dataset digits --threshold 0.7", 2, "--threshold: lenet5 takes no neuron="),
        ("train my_net.py:make --dataset digits --tau 3", 2, "--tau: my_net.py:make takes no neuron="),
        ("train shallow_convnet --dataset digits --tau 3", 2, "--tau: IF, the neuron of shallow_convnet, has no tau"),
        ("train cifar_convnet --dataset digits --node-type ReLU --act-fun AtanGrad", 2, "--act-fun: ReLU, the neuron"),
        ("train cifar_convnet neuron=IF --dataset digits --node-type LIF", 2, "--node-type and neuron=: give one"),
        ("train lenet5 --dataset digits --frames number", 2, "--frames: it needs a data set of events"),
        ("train lenet5 --dataset digits --size 8", 2, "--size: it needs a data set of events"),
        ("train lenet5 --dataset digits --workers 1", 2, "--workers: it needs a data set of events"),
        (
            "train dvs_convnet --dataset nmnist --plain-pixels",
            2,
            "--normalize/--plain-pixels: it needs a data set of pic",
        ),
        ("run lenet5 --input random --normalize", 2, "--normalize/--plain-pixels: it needs a data set of pictures"),
        ("train lenet5 --dataset digits --momentum 0.5", 2, "--momentum: it needs --optimizer sgd"),
        ("train lenet5 --dataset digits --schedule step --min-lr 0", 2, "--min-lr: it needs a schedule that has it"),
        ("train lenet5 --dataset digits --schedule linear --warmup-lr 0", 2, "--warmup-lr: it needs a schedule"),
        ("train lenet5 --dataset digits --schedule constant --warmup-epochs 1", 2, "--warmup-epochs: it needs a"),
        ("train lenet5 --dataset digits --loss mse --smoothing 0.2", 2, "--smoothing: it needs a loss"),
        ("train lenet5 --dataset digits --limit few", 2, "'few' is not a valid integer range"),
        ("train lenet5 --dataset digits --checkpoint-every 0", 2, "0 is not in the range"),
        ("run lenet5 --dataset digits --frames number", 2, "--frames: it needs a data set of events"),
        ("run lenet5 --input random --size 8", 2, "--size: it needs a data set of events"),
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
