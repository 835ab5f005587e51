"""Strips of handwritten digits (手写数字条): several digits side by side, read column by column, without alignment.

The images are scikit-learn's ``load_digits``, 1,797 of 8 x 8 pixels. Each digit of a strip is stretched to a width of
its own and gaps of random width stand between them, so that nothing but the pixels tells where one ends. Train, dev and
test are made of different IMAGES (70, 15 and 15 % of them, drawn once): what is read on test was never seen before.
"""

from functools import cache

from nndl.dataset.text import SPLITS
from nndl.dataset.unaligned import Example
from nndl.error import SettingError
from nndl.needed import needed

import numpy as np

HEIGHT = 8
"""Pixels of a column, M of the network."""
WIDTHS, GAPS = (6, 12), (0, 4)
"""Columns of a digit, and of a gap, at least and at most."""
MOST_DIGITS = 100
SHARES = (0.7, 0.15, 0.15)
"""Of the images, of train, dev and test."""


@cache
def images() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each split its images, float32 [N, 8, 8] in 0..1, and the digits on them, int64 [N]."""
    with needed("scikit-learn", "the handwritten digits"):  # takes a second
        from sklearn.datasets import load_digits

    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))
    cuts = (np.cumsum(SHARES)[:-1] * len(order)).astype(int)
    return {
        split: ((found.images[own] / 16).astype("float32"), found.target[own].astype("int64"))
        for split, own in zip(SPLITS, np.split(order, cuts), strict=True)
    }


def draw(split: str, digits: str, rng: np.random.Generator) -> Example:
    """A strip of these digits, of images of one split.

    Args:
        split: "train", "dev" or "test".
        digits: such as "3141".
        rng: draws images, widths and gaps.

    Raises:
        SettingError: something else than 1 to :data:`MOST_DIGITS` digits.

    Example:
        >>> example = draw("test", "3141", np.random.default_rng(0))
        >>> example.labels.tolist(), example.X.shape[1]
        ([4, 2, 5, 2], 8)
    """
    if not (1 <= len(digits) <= MOST_DIGITS and set(digits) <= set("0123456789")):
        raise SettingError(f"digits {digits[:80]!r}: expected 1 to {MOST_DIGITS} digits 0 to 9, such as 3141")
    pictures, shown = images()[split]
    pieces, spans = [_gap(rng)], []
    for digit in map(int, digits):
        start = sum(map(len, pieces))
        pieces.append(
            _stretch(pictures[rng.choice(np.flatnonzero(shown == digit))], rng.integers(*WIDTHS, endpoint=True))
        )
        spans.append((start, start + len(pieces[-1])))
        pieces.append(_gap(rng))
    return Example.of(np.concatenate(pieces), digits, spans)


def make(split: str, number: int, digits: tuple[int, int], seed: int) -> list[Example]:
    """Strips of random digits; the same seed makes the same ones.

    Args:
        split: whose images.
        number: of strips.
        digits: how many a strip holds, at least and at most.
        seed: each split draws from a stream of its own.
    """
    rng = np.random.default_rng([seed, SPLITS.index(split)])
    return [
        draw(split, "".join(map(str, rng.integers(0, 10, rng.integers(*digits, endpoint=True)))), rng)
        for _ in range(number)
    ]


def _gap(rng: np.random.Generator) -> np.ndarray:
    """Empty columns, float32 [gap, 8]."""
    return np.zeros((rng.integers(*GAPS, endpoint=True), HEIGHT), dtype="float32")


def _stretch(image: np.ndarray, width: int) -> np.ndarray:
    """The columns of an image [8, 8] as so many, float32 [width, 8], each between its two nearest."""
    place = np.linspace(0, image.shape[1] - 1, width)
    left = np.minimum(place.astype(int), image.shape[1] - 2)
    right_share = (place - left)[:, None]
    return ((1 - right_share) * image.T[left] + right_share * image.T[left + 1]).astype("float32")
