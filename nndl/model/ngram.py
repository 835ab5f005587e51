"""Counting as a language model (n 元语法): what a recurrent network must beat before it has shown anything."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from nndl.op.setting import whole

import numpy as np


class NGram:
    r"""N-grams of all orders up to n, with Witten–Bell smoothing (维滕–贝尔平滑).

    .. math:: p(c \mid h) = \frac{N(h c) + T(h)\, p(c \mid h')}{N(h) + T(h)}, \qquad p(c) \text{ before any history} =
        \frac 1 V

    h are the last n − 1 characters, h' those without the first; N counts in the training text, T(h) is how many
    different characters followed h. Where h never occurred, p(c | h').

    Witten and Bell, "The zero-frequency problem", 1991 (method C), in the recursive form of Chen and Goodman, 1998.

    Args:
        ids: the training text, int64 [N].
        order: n.
        V: the number of characters.

    Example:
        >>> model = NGram([0, 1, 0, 1, 0, 0], order=2, V=2)
        >>> round(model.probabilities([], 0)[0], 4)  # of 6 characters 4 are a 0: (4 + 2/2) / (6 + 2)
        0.625
        >>> round(model.probabilities([0], 1)[1], 4)  # after a 0 two of three times a 1: (2 + 2 * 0.375) / (3 + 2)
        0.55
    """

    def __init__(self, ids: Sequence[int] | np.ndarray, order: int, V: int) -> None:
        self.order, self.V = whole("order", order), whole("V", V)
        self.followers: list[defaultdict[tuple[int, ...], Counter[int]]] = []
        ids = [int(c) for c in ids]
        for k in range(order):  # of each history of k characters
            followers: defaultdict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
            for t in range(k, len(ids)):
                followers[tuple(ids[t - k : t])][ids[t]] += 1
            self.followers.append(followers)
        self.totals = [{h: counts.total() for h, counts in followers.items()} for followers in self.followers]

    def probabilities(self, history: Sequence[int], c: int) -> list[float]:
        """Of the character c after this history: by the n-grams of order 1, of order 2, ... float [order]."""
        p, found = 1 / self.V, []
        for k in range(self.order):
            h = tuple(history[len(history) - k :]) if k <= len(history) else None
            if h in self.totals[k]:
                counts = self.followers[k][h]
                # p(c | h) = (N(hc) + T(h) p(c | h')) / (N(h) + T(h))
                p = (counts.get(c, 0) + len(counts) * p) / (self.totals[k][h] + len(counts))
            found.append(p)
        return found

    def perplexities(self, ids: Sequence[int] | np.ndarray) -> list[float]:
        """The perplexity (困惑度) of a text's characters after the first, by each order: float [order]."""
        ids = [int(c) for c in ids]
        each = [self.probabilities(ids[max(0, t - self.order + 1) : t], ids[t]) for t in range(1, len(ids))]
        return np.exp(-np.log(each).mean(axis=0)).tolist()
