"""Sequences whose labels are fewer than their steps, and nobody says which step is which (没有对齐的序列)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from paddle.io import DataLoader

NUM_DIGITS = 10


@dataclass(frozen=True)
class Example:
    """A sequence and its labels.

    Shapes: X float32 [T, M]; labels int32 [U], from 1 on, for 0 is the blank; spans int64 [U, 2], where each label
    begins and ends. No network is told the spans: they are there to see afterwards where it says what.
    """

    X: np.ndarray
    labels: np.ndarray
    spans: np.ndarray

    @classmethod
    def of(cls, X: np.ndarray, digits: str, spans: Sequence[tuple[int, int]]) -> "Example":
        """Of written digits: the label of digit d is d + 1."""
        return cls(X, np.array(list(digits), dtype="int32") + 1, np.array(spans, dtype="int64"))


def written(labels: Sequence[int]) -> str:
    """The digits of labels.

    >>> written([4, 2, 5, 2])
    '3141'
    """
    return "".join(str(label - 1) for label in labels)


Batch = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def collate(examples: Sequence[Example]) -> Batch:
    """A batch ((X, lengths), (labels, label_lengths)), what is shorter padded with zeros.

    Shapes: X float32 [B, T, M], lengths int64 [B]; labels int32 [B, U], label_lengths int64 [B].
    """
    return _pad([e.X for e in examples]), _pad([e.labels for e in examples])


def make_loader(examples: Sequence[Example], batch_size: int, batching: str = "bucket") -> "DataLoader":
    """Batches as :func:`collate` makes them, as tensors; like goes with like, see :class:`ReviewSampler`."""
    from nndl.dataset.batching import ReviewSampler  # loads Paddle, which preparing recordings does without

    from paddle.io import DataLoader

    sampler = ReviewSampler([len(example.X) for example in examples], batch_size, batching)
    return DataLoader(examples, batch_sampler=sampler, collate_fn=collate)


def _pad(arrays: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.array([len(array) for array in arrays], dtype="int64")
    padded = np.zeros((len(arrays), lengths.max(), *arrays[0].shape[1:]), dtype=arrays[0].dtype)
    for row, array in zip(padded, arrays, strict=True):
        row[: len(array)] = array
    return padded, lengths
