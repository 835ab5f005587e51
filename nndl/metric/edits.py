"""The label error rate (标签错误率) of sequences that have no alignment, by edit distance (编辑距离)."""

import math
from collections.abc import Sequence

from nndl.ctc import best_path
from nndl.error import SettingError
from nndl.metric.values import array

from paddle.metric import Metric


def edit_distance(found: Sequence, wanted: Sequence) -> int:
    r"""The fewest insertions, deletions and substitutions (插入、删除、替换) that make one sequence the other.

    .. math:: d_{i,j} = \min(d_{i-1,j} + 1,\; d_{i,j-1} + 1,\; d_{i-1,j-1} + [a_i \ne b_j])

    Levenshtein (1966).

    >>> edit_distance("3141", "314")
    1
    """
    row = list(range(len(wanted) + 1))
    for i, a in enumerate(found, start=1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(wanted, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


class LabelErrorRate(Metric):
    """Edits per true label (标签错误率, LER) over all batches since the last reset; lower is better.

    All edits by all labels, so a long sequence counts for more; above 1 where more labels are said than there are.
    What is said is decoded by :func:`nndl.ctc.best_path`; labellings found otherwise are counted by :meth:`count`.

    Shapes: outputs (logits float [B, T, V], lengths int [B]); targets (labels int [B, U], label_lengths int [B]).

    Example:
        >>> metric = LabelErrorRate()
        >>> metric.count([3, 1, 4], [3, 1, 4, 1])
        >>> metric.accumulate()
        0.25
    """

    lower_is_better = True

    def __init__(self) -> None:
        super().__init__()
        self.num_edits = self.num_labels = 0

    def update(self, outputs: tuple, targets: tuple) -> None:
        """Count one batch.

        Raises:
            SettingError: outputs or targets that are no such pairs of arrays.
        """
        (logits, lengths), (labels, label_lengths) = _pair("outputs", outputs), _pair("targets", targets)
        if logits.ndim != 3 or labels.ndim != 2 or not len(logits) == len(lengths) == len(labels) == len(label_lengths):
            raise SettingError(
                f"logits {list(logits.shape)} and labels {list(labels.shape)}: expected [B, T, V] and [B, U], "
                "with lengths [B] each"
            )
        for z, T, y, U in zip(logits, lengths, labels, label_lengths, strict=True):
            self.count(best_path(z[: int(T)]), y[: int(U)].tolist())

    def count(self, found: Sequence, wanted: Sequence) -> None:
        """Count one sequence: the labels found, and those wanted."""
        self.num_edits += edit_distance(found, wanted)
        self.num_labels += len(wanted)

    def accumulate(self) -> float:
        """The rate so far, from 0 on; NaN when nothing was counted."""
        return self.num_edits / self.num_labels if self.num_labels else math.nan

    def reset(self) -> None:
        """Forget all batches."""
        self.num_edits = self.num_labels = 0

    def name(self) -> str:
        return "LabelErrorRate"


def _pair(name: str, values: tuple) -> tuple:
    if not isinstance(values, tuple | list) or len(values) != 2:
        raise SettingError(f"{name} of {type(values).__name__}: expected a pair, sequences and their lengths")
    return array(name, values[0]), array(f"lengths of {name}", values[1])
