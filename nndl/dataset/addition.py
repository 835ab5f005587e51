"""Sums as characters: "123+45" is to be answered by "168" (字符加法; W. Zaremba and I. Sutskever, 2014).

Made by a seed, with exact answers. Each number has one to D digits, every number of digits as often, as in the example
of Keras that many know. No question comes twice, not with its numbers exchanged either: who has seen 45+123 in train is
not asked 123+45. So what is answered right in dev and test has been computed, not remembered.
"""

from nndl.error import SettingError
from nndl.op.setting import whole

import numpy as np

MOST_DIGITS = 8
FULLEST = 0.8
"""The share of all questions that may be asked for: to draw the last ones would take long."""

Pair = tuple[str, str]


def different(digits: int) -> int:
    """How many questions there are, those with the numbers exchanged counted once.

    >>> different(1)  # 0+0 to 9+9
    55
    """
    numbers = 10 ** whole("digits", digits, most=MOST_DIGITS)
    return numbers * (numbers + 1) // 2


def make(seed: int, sizes: dict[str, int], digits: int, is_reversed: bool = False) -> dict[str, list[Pair]]:
    """Questions and answers for each split.

    Args:
        seed: of the draw.
        sizes: how many for each split.
        digits: D, of a number at most.
        is_reversed: whether the question is written from its end (输入反转), "54+321" for "123+45": so the first
            digits, which the answer begins with, are read last by an encoder in one direction.

    Raises:
        SettingError: more than :data:`FULLEST` of all questions, or another value out of its range.

    Example:
        >>> make(0, {"train": 2}, digits=3)
        {'train': [('636+26', '662'), ('0+0', '0')]}
    """
    total = sum(whole(split, N) for split, N in sizes.items())
    if total > FULLEST * different(digits):
        most = int(FULLEST * different(digits))
        raise SettingError(f"{total:,} sums of numbers up to {digits} digits: expected at most {most:,}")
    rng = np.random.default_rng(whole("seed", seed, least=0))
    taken: set[tuple[int, int]] = set()
    pairs: list[Pair] = []
    while len(pairs) < total:
        a, b = (int(rng.integers(10 ** rng.integers(1, digits + 1))) for _ in range(2))
        if (min(a, b), max(a, b)) not in taken:
            taken.add((min(a, b), max(a, b)))
            question = f"{a}+{b}"
            pairs.append((question[::-1] if is_reversed else question, str(a + b)))
    ends = np.cumsum(list(sizes.values()))[:-1]
    return {split: pairs[start:end] for split, start, end in zip(sizes, [0, *ends], [*ends, total], strict=True)}
