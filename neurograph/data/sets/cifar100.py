"""CIFAR-100: 50,000 + 10,000 colour pictures of 100 classes, 32x32 (Krizhevsky 2009), official binary layout."""

from __future__ import annotations

from neurograph.data.sets.cifar import CifarSet

__all__ = ["Cifar100"]

NAMES = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
    caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
    flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
    motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate
    poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider
    squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
    wardrobe whale willow_tree wolf woman worm
"""


class Cifar100(CifarSet):
    """Records of a coarse label byte (20 groups), a fine label byte (the class) and 3072 pixels; see CifarSet."""

    name = "cifar100"
    classes = tuple(NAMES.split())
    mean = (0.5071, 0.4865, 0.4409)
    std = (0.2673, 0.2564, 0.2762)
    archive = "cifar-100-binary.tar.gz"
    address = f"https://www.cs.toronto.edu/~kriz/{archive}"
    md5 = "03b5dce01913d631647c71ecec9e9cb8"
    origin = "CIFAR-100, https://www.cs.toronto.edu/~kriz/cifar.html"
    folders = ("cifar-100-binary", "cifar100/cifar-100-binary", "cifar/cifar-100-binary", "cifar100")
    inner = "cifar-100-binary"
    files = {"train": ("train.bin",), "test": ("test.bin",)}
    label_bytes = (20, 100)
    pickled = ("cifar-100-python", "cifar100/cifar-100-python", "cifar100", "cifar/cifar-100-python")
    pickles = ("train", "test")
