"""MNIST: 60,000 + 10,000 handwritten digits, 28x28 grey (LeCun, Cortes, Burges)."""

from __future__ import annotations

from neurograph.data.sets.idx import IdxSet

__all__ = ["Mnist"]


class Mnist(IdxSet):
    """Four idx files; addresses and md5 as published with torchvision."""

    name = "mnist"
    classes = tuple(str(digit) for digit in range(10))
    mean = (0.1307,)
    std = (0.3081,)
    licence = "CC BY-SA 3.0"
    mirrors = False
    origin = "MNIST, http://yann.lecun.com/exdb/mnist/"
    folders = ("mnist", "MNIST/raw", "MNIST")
    address = "https://ossci-datasets.s3.amazonaws.com/mnist/"
    checksums = {
        "train-images-idx3-ubyte": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte": "ec29112dd5afa0611ce80d1b7f02629c",
    }
    opening = {"train": (5, 0, 4, 1, 9, 2, 1, 3, 1, 4), "test": (7, 2, 1, 0, 4, 1, 4, 9, 5, 9)}
