"""Fashion-MNIST: 60,000 + 10,000 pictures of clothes, 28x28 grey (Xiao, Rasul, Vollgraf 2017)."""

from __future__ import annotations

from neurograph.data.sets.idx import IdxSet

__all__ = ["FashionMnist"]


class FashionMnist(IdxSet):
    """Four idx files with MNIST's names; md5 as published by the authors."""

    name = "fashion_mnist"
    classes = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )
    mean = (0.2860,)
    std = (0.3530,)
    licence = "MIT"
    origin = "Fashion-MNIST, https://github.com/zalandoresearch/fashion-mnist"
    folders = ("fashion-mnist", "fashion_mnist", "FashionMNIST/raw", "FashionMNIST")
    # The authors' host speaks plain http only; the md5 below is what makes the files trusted.
    address = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
    checksums = {
        "train-images-idx3-ubyte": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte": "bb300cfdad3c16e7a12a480ee83cd310",
    }
    opening = {"train": (9, 0, 0, 3, 0, 2, 7, 2, 5, 5), "test": (9, 2, 1, 1, 6, 1, 4, 6, 5, 7)}
