"""SpikingJelly's converter on LeNet5: how many answers are right at each T, and seconds per 1,000 images. Prints JSON lines.

Run by conversion.py with a Python that has torch and SpikingJelly 2; needs nothing of NeuroGraph.
"""

from __future__ import annotations

import argparse
import copy
import json
import logging
import time

import numpy as np
import torch
from spikingjelly.activation_based import ann2snn, functional
from torch import nn

logging.disable(logging.CRITICAL)
p = argparse.ArgumentParser()
p.add_argument("--weights", required=True, help="an .npz with the weights by the names of NeuroGraph's lenet5")
p.add_argument("--data", required=True, help="an .npz with test, labels and calibration")
p.add_argument("--steps", type=int, default=32)
p.add_argument("--images", type=int, default=10000)
p.add_argument("--timing", action="store_true", help="only seconds per 1,000 images")
args = p.parse_args()
torch.set_num_threads(1)

NAMES = {"conv1": (0, 1), "conv2": (4, 5), "fc1": (9,), "fc2": (11,), "fc3": (13,)}
net = nn.Sequential(
    nn.Conv2d(1, 6, 5, padding=2), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(6, 16, 5), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
)  # fmt: skip
held = np.load(args.weights)
state = net.state_dict()
for key in held.files:
    projection, operator, name = key.split(".")
    state[f"{NAMES[projection][operator == 'batch_norm']}.{name}"] = torch.tensor(held[key])
net.load_state_dict(state)
net.eval()

data = np.load(args.data)
x, y = torch.tensor(data["test"][: args.images]), torch.tensor(data["labels"][: args.images])
calibration = torch.tensor(data["calibration"])
batches = [(calibration[i : i + 250], 0) for i in range(0, len(calibration), 250)]
recipes = {
    "SpikingJelly max": dict(mode="Max"),
    "SpikingJelly 99.9 %": dict(mode="99.9%"),
    "SpikingJelly 99.9 % per channel, half threshold": dict(mode="99.9%", channel_wise=True, half_threshold=True),
}


def seconds(snn: nn.Module) -> float:
    begin = time.process_time()
    for i in range(0, 1000, 100):
        functional.reset_net(snn)
        total = 0
        for _ in range(args.steps):
            total = total + snn(x[i : i + 100])
    return time.process_time() - begin


with torch.no_grad():
    for name, options in recipes.items():
        snn = ann2snn.Converter(recipe=ann2snn.RateCodingRecipe(batches, **options)).convert(copy.deepcopy(net)).eval()
        right: dict[int, int] = {}
        for i in range(0, 0 if args.timing else len(x), 500):
            functional.reset_net(snn)
            total = 0
            for t in range(1, args.steps + 1):
                total = total + snn(x[i : i + 500])
                if t & (t - 1) == 0:
                    right[t] = right.get(t, 0) + int((total.argmax(1) == y[i : i + 500]).sum())
        seconds(snn)
        print(json.dumps({"name": name, "right": right, "seconds": seconds(snn)}), flush=True)
