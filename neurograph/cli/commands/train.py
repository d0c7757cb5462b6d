"""neurograph train: train a network on a data set, and write it to a model file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from neurograph.cli import frame, model, options, training


@frame.command(
    "neurograph train cifar_convnet --dataset cifar10",
    "neurograph train cifar_convnet width=0.25 --dataset mnist --steps 4 --epochs 5 -o net.h5",
    "neurograph train dvs_convnet --dataset nmnist --frames number --size 34 --clip 1 -o events.h5",
    "neurograph train lenet5 --dataset digits --epochs 5 -o ann.h5",
    "neurograph train my_net.py:make --dataset digits --resume last --folder runs/mine",
    "torchrun --nproc-per-node 2 -m neurograph train cifar_convnet --dataset digits --batch 64",
)
@model.argument
@options.dataset(default="cifar10", show_default=True, help="The data set: pictures or events.")
@options.data_dir
@training.example_data
@training.limit
@training.frames
@training.size
@training.workers
@options.normalize
@training.augment()
@training.mix()
@training.steps()
@training.epochs()
@training.batch()
@click.option(
    "--node-type", help="Neuron of a recipe that takes one: LIFNode, IFNode, PLIFNode, MCN, ReLU, or a class."
)
@click.option(
    "--act-fun",
    help="Its surrogate, of width 2: QGateGrad, AtanGrad, SigmoidGrad, ... (default: the network's own; QGateGrad with --node-type).",
)
@click.option("--threshold", type=float, help="Its threshold (default: the network's own; 0.5 with --node-type).")
@click.option(
    "--tau", type=float, help="Its membrane time constant in steps (default: the network's own; 2 with --node-type)."
)
@click.option(
    "--loss",
    type=training.OneOf("neurograph.train:LOSSES"),
    help="cross_entropy (default), tet, mse, unilateral_mse or mix.",
)
@click.option("--smoothing", type=click.FloatRange(0, 1), help="Of labels, of losses that take it (default 0.1).")
@click.option(
    "--optimizer",
    type=training.OneOf("neurograph.train:OPTIMIZERS"),
    help="adamw (default), adam or sgd.",
)
@training.lr()
@click.option(
    "--weight-decay",
    type=click.FloatRange(0),
    help="Of weight matrices (default 1e-4; 2e-2 for lenet5 and resnet_cifar with adamw).",
)
@click.option("--momentum", type=click.FloatRange(0, 1, max_open=True), help="Of sgd (default 0.9).")
@click.option(
    "--schedule",
    type=training.SCHEDULES,
    default="short",
    show_default=True,
    help="Of the learning rate: short, braincog (the published one: warm-up by epochs, then a cosine), constant, ...",
)
@click.option(
    "--warmup-epochs",
    type=click.FloatRange(0),
    help="Of a schedule with a warm-up (default 5; short: a tenth of the run).",
)
@click.option("--warmup-lr", type=click.FloatRange(0), help="Where the warm-up begins (default 1e-6).")
@click.option(
    "--min-lr", type=click.FloatRange(0), help="Where the learning rate ends, of a schedule that has it (default 1e-5)."
)
@click.option("--clip", type=click.FloatRange(0, min_open=True), help="Largest norm of the gradient.")
@click.option(
    "--ema",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Test and save a moving average of weights.",
)
@click.option("--accumulate", type=click.IntRange(1), help="Batches for one update of the weights (default 1).")
@click.option(
    "--early-stop", type=click.IntRange(1), metavar="N", help="Stop after N epochs without a better accuracy."
)
@click.option(
    "--checkpoint-every", type=click.IntRange(1), metavar="N",
    help="One more checkpoint within each epoch, after every N updates (default: after epochs only).",
)  # fmt: skip
@options.train_device
@options.threads
@click.option("--amp", is_flag=True, help="Mixed precision (bfloat16).")
@training.memory
@training.seed
@options.weights
@click.option(
    "-o",
    "--output",
    type=options.FILE,
    metavar="FILE.h5",
    help="The trained network (default: the model's name with .h5).",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Checkpoints, summary.csv and the curve (default: runs/MODEL-DATASET-TIME).",
)
@click.option("--resume", metavar="FILE", help="A checkpoint to go on from, or 'last' for the newest in --folder.")
@click.option("--tensorboard", is_flag=True, help="Also write curves for TensorBoard into --folder.")
@options.progress
@frame.json_option
def command(model: tuple[str, ...], **o: Any) -> frame.Answer:
    """Train MODEL on a data set, and write a model file.

    It is trained with surrogate gradients.

    What is trained is written as it is after the last epoch; the best checkpoints stay in --folder. A recipe takes the
    number of classes and the shape of its input from the data set; of a set of events it is given frames. Without a
    GPU it picks sizes that take minutes. Under torchrun each process takes its part of every batch.
    """
    if o["resume"] == "last" and o["folder"] is None:
        raise click.UsageError("--resume last: say in which folder with --folder.")
    return training.trained(model, o)
