r"""Two tasks that take a long memory (长程依赖): the adding problem (加法问题) and the copying task (复制任务).

Both come from S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", 1997; the copying task in the form of M.
Arjovsky, A. Shah and Y. Bengio, "Unitary Evolution Recurrent Neural Networks", 2016. Each has a trivial answer, which
needs no memory; an error below that of the trivial answer is what a network remembers. Making them needs no Paddle.
"""

import math

from nndl.error import SettingError

import numpy as np

SHORTEST = 3
NUM_SYMBOLS = 10
"""Of the copying task: the blank, eight to be copied, and go."""
BLANK, GO, NUM_COPIED = 0, 9, 10

ADDING_BASELINE = 1 / 6
"""The mean squared error of the answer 1: the variance of the sum of two numbers from U(0, 1), 2 · 1/12."""


def adding(seed: int, N: int, T: int) -> tuple[np.ndarray, np.ndarray]:
    """N sequences of T numbers, of which two are marked, one in each half; to be told is the sum of these two.

    Returns:
        X float32 [N, T, 2], the numbers, uniform in 0..1, and beside each its mark, 1 or 0; y float32 [N, 1].

    Raises:
        SettingError: T under 3, N under 1, or a negative seed.

    Example:
        >>> X, y = adding(seed=0, N=5, T=8)
        >>> X.shape, y.shape, X[..., 1].sum(axis=1).tolist()
        ((5, 8, 2), (5, 1), [2.0, 2.0, 2.0, 2.0, 2.0])
    """
    rng = _generator(seed, N, T)
    numbers, marks = rng.random((N, T), dtype="float32"), np.zeros((N, T), dtype="float32")
    for begin, end in ((0, T // 2), (T // 2, T)):
        marks[np.arange(N), rng.integers(begin, end, N)] = 1
    return np.stack([numbers, marks], axis=-1), (numbers * marks).sum(axis=1, keepdims=True)


def copying(seed: int, N: int, T: int) -> tuple[np.ndarray, np.ndarray]:
    """N sequences of ten symbols, T blanks and ten places to fill; the ten symbols are to be said again at the end.

    The sequence is ten symbols 1..8, T - 1 blanks 0, the symbol 9, which says go, and ten blanks; the labels are
    T + 10 blanks and the ten symbols.

    Returns:
        ids int64 [N, T + 20] and labels int64 [N, T + 20].

    Raises:
        SettingError: T under 3, N under 1, or a negative seed.

    Example:
        >>> ids, labels = copying(seed=0, N=1, T=3)
        >>> bool((labels[0, -10:] == ids[0, :10]).all()), ids[0, 10:].tolist()
        (True, [0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    """
    rng = _generator(seed, N, T)
    ids, labels = np.full((2, N, T + 2 * NUM_COPIED), BLANK, dtype="int64")
    ids[:, :NUM_COPIED] = labels[:, -NUM_COPIED:] = rng.integers(BLANK + 1, GO, (N, NUM_COPIED))
    ids[:, NUM_COPIED + T - 1] = GO
    return ids, labels


def copying_baseline(T: int) -> float:
    """The cross-entropy, in nats a step, of the answer "blank, and in the end any of the eight": 10 ln 8 / (T + 20)."""
    return NUM_COPIED * math.log(GO - 1) / (T + 2 * NUM_COPIED)


def _generator(seed: int, N: int, T: int) -> np.random.Generator:
    for name, value, least in (("seed", seed, 0), ("N", N, 1), ("T", T, SHORTEST)):
        if value < least:
            raise SettingError(f"{name} {value}: expected at least {least}")
    return np.random.default_rng(seed)
