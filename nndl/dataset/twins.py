"""Sentences in pairs of the same words: "white blood cells destroying an infection", and the other way round.

Made by a seed from phrases. Of every two neighbours, the twins (孪生句), one says that a good thing does away with a
bad one, the other that the bad does away with the good: the same words, so a bag of words (词袋) cannot tell them
apart, whatever it is trained on. Which good, which bad and which deed come together is divided first, into train, dev
and test: a held-out sentence consists of known phrases in a company that was never seen.
"""

from itertools import product
from typing import NamedTuple

from nndl.error import SettingError
from nndl.op.setting import whole

import numpy as np

GOOD = (
    *("white blood cells", "the vaccine", "an antibody", "the young doctor", "a new medicine", "the fire brigade"),
    *("the old gardener", "a clever teacher", "the honest judge", "our brave team", "the rain", "a kind neighbour"),
)
BAD = (
    *("an infection", "the virus", "a tumour", "the high fever", "a strong poison", "the forest fire"),
    *("the weeds", "a false rumour", "the thieves", "our worst enemy", "the drought", "a greedy landlord"),
)
DEEDS = ("destroying", "attacking", "fighting", "defeating", "weakening", "stopping", "chasing away", "wiping out")
BEFORE = ("", "slowly", "at last", "once again", "without warning", "day by day")
AFTER = ("", "overnight", "in the small town", "before our eyes", "within a week", "near the river")
HELD_OUT = {"dev": 0.1, "test": 0.2}
"""The share of the companies of good, bad and deed."""


class Sentence(NamedTuple):
    """The words, and whether the good thing does away with the bad one, 1, or the other way round, 0."""

    words: list[str]
    label: int


def make(seed: int, sizes: dict[str, int]) -> dict[str, list[Sentence]]:
    """The sentences of each split, twins side by side; no sentence comes twice.

    Args:
        seed: of the draw.
        sizes: pairs of twins for each of train, dev and test, at most those there are.

    Raises:
        SettingError: a number under 1, or more pairs than there are.

    Example:
        >>> one, other = make(0, {"train": 1, "dev": 1, "test": 1})["dev"]
        >>> sorted(one.words) == sorted(other.words), one.words == other.words, (one.label, other.label)
        (True, False, (1, 0))
    """
    rng = np.random.default_rng(whole("seed", seed, least=0))
    companies = list(product(GOOD, BAD, DEEDS))
    order = rng.permutation(len(companies))
    ends = (np.cumsum(list(HELD_OUT.values())) * len(order)).astype(int)
    parts = dict(zip((*HELD_OUT, "train"), np.split(order, ends), strict=True))
    frames = list(product(BEFORE, AFTER))
    found = {}
    for split, N in sizes.items():
        most = len(parts[split]) * len(frames)
        if whole(split, N) > most:
            raise SettingError(f"{N:,} pairs of {split}: expected at most {most:,}, which is all there are")
        found[split] = []
        for number in rng.choice(most, N, replace=False):
            good, bad, deed = companies[parts[split][number // len(frames)]]
            before, after = frames[number % len(frames)]
            for first, second, label in ((good, bad, 1), (bad, good, 0)):
                found[split].append(Sentence(f"{before} {first} {deed} {second} {after}".split(), label))
    return found
