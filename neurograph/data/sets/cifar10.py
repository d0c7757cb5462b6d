"""CIFAR-10: 50,000 + 10,000 colour pictures, 32x32 (Krizhevsky 2009), official binary layout."""

from __future__ import annotations

from neurograph.data.sets.cifar import CifarSet

__all__ = ["Cifar10"]


class Cifar10(CifarSet):
    """Records of one label byte and 3072 pixels; see CifarSet."""

    name = "cifar10"
    classes = (
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    )
    # Over all pixels of the training split. The often copied (.2023, .1994, .2010) is the mean
    # of the deviations inside each picture, which is smaller.
    mean = (0.4914, 0.4822, 0.4465)
    std = (0.2470, 0.2435, 0.2616)
    archive = "cifar-10-binary.tar.gz"
    address = f"https://www.cs.toronto.edu/~kriz/{archive}"
    md5 = "c32a1d4ab5d03f1284b67883e8d87530"
    origin = "CIFAR-10, https://www.cs.toronto.edu/~kriz/cifar.html"
    folders = (
        "cifar-10-batches-bin",
        "cifar10/cifar-10-batches-bin",
        "cifar/cifar-10-batches-bin",
        "cifar10",
    )
    inner = "cifar-10-batches-bin"
    files = {"train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)), "test": ("test_batch.bin",)}
    label_bytes = (10,)
    pickled = ("cifar-10-batches-py", "cifar10/cifar-10-batches-py", "cifar10", ".", "cifar/cifar-10-batches-py")
    pickles = ("data_batch_1", "test_batch")
