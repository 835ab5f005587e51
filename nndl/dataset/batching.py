"""Batches of reviews: truncation (截断), padding (补齐), and batches of like length (分桶)."""

from collections.abc import Iterator, Sequence
from functools import partial

from nndl.dataset.text import PAD, Reviews
from nndl.error import SettingError

import numpy as np
from paddle.io import BatchSampler, DataLoader

BATCHING = ("bucket", "shuffle", "sorted")
POOL = 50
"""Buckets are formed within so many batches' worth of shuffled reviews."""


class ReviewSampler(BatchSampler):
    """Draws the indices of each batch, anew each epoch, from NumPy's global random generator.

    * "shuffle": all reviews in random order, as in the book; a batch is as long as its longest review.
    * "bucket": the same, but every :data:`POOL` batches are sorted by length among themselves and come in random
      order: like goes with like, and little is padded, yet no two epochs are alike.
    * "sorted": by length, never shuffled: the fastest, for evaluation.

    Args:
        lengths: the length of each review.
        batch_size: B, over all processes together.
        batching: one of the above.
        rank, world_size: this process, and how many train together; each takes its share of every batch, and an
            epoch leaves out the reviews, fewer than ``world_size``, that cannot be shared evenly.

    Raises:
        SettingError: another batching, a batch size under 1, or not divisible by the number of processes.
    """

    def __init__(
        self, lengths: Sequence[int], batch_size: int, batching: str = "shuffle", rank: int = 0, world_size: int = 1
    ) -> None:
        if batching not in BATCHING:
            raise SettingError(f"batching {batching!r}: expected one of {', '.join(BATCHING)}")
        if batch_size < 1 or batch_size % world_size:
            raise SettingError(f"batch_size {batch_size}: expected a multiple of the {world_size} processes")
        super().__init__(dataset=lengths, batch_size=batch_size)
        self.lengths, self.batch_size, self.batching = np.asarray(lengths), batch_size, batching
        self.rank, self.world_size = rank, world_size

    def __iter__(self) -> Iterator[list[int]]:
        number = len(self.lengths) - len(self.lengths) % self.world_size
        for batch in self._batches(number):
            yield batch[self.rank :: self.world_size].tolist()

    def __len__(self) -> int:
        return -(-(len(self.lengths) // self.world_size) * self.world_size // self.batch_size)

    def _batches(self, number: int) -> list[np.ndarray]:
        if self.batching == "sorted":
            return self._cut(self._by_length(np.arange(number)))
        order = np.random.permutation(len(self.lengths))[:number]
        if self.batching == "shuffle":
            return self._cut(order)
        pools = [order[start : start + POOL * self.batch_size] for start in range(0, number, POOL * self.batch_size)]
        batches = [batch for pool in pools for batch in self._cut(self._by_length(pool))]
        return [batches[i] for i in np.random.permutation(len(batches))]

    def _by_length(self, indices: np.ndarray) -> np.ndarray:
        return indices[np.argsort(self.lengths[indices], kind="stable")]

    def _cut(self, order: np.ndarray) -> list[np.ndarray]:
        return [order[start : start + self.batch_size] for start in range(0, len(order), self.batch_size)]


def make_loader(
    reviews: Reviews,
    batch_size: int,
    max_seq_len: int,
    batching: str = "shuffle",
    rank: int = 0,
    world_size: int = 1,
) -> DataLoader:
    """Batches ``((ids, lengths), labels)``: int64 [B, L], [B], [B], as tensors. See :class:`ReviewSampler`."""
    lengths = np.minimum(reviews.lengths, max_seq_len)
    sampler = ReviewSampler(lengths, batch_size, batching, rank, world_size)
    return DataLoader(reviews, batch_sampler=sampler, collate_fn=partial(collate, max_seq_len=max_seq_len))


def collate(
    examples: Sequence[tuple[np.ndarray, int]], max_seq_len: int
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Truncate to the first ``max_seq_len`` tokens and pad with [PAD] to the longest of the batch."""
    ids, lengths = pad([review for review, _ in examples], max_seq_len)
    return (ids, lengths), np.array([label for _, label in examples], dtype="int64")


def pad(reviews: Sequence[np.ndarray], max_seq_len: int) -> tuple[np.ndarray, np.ndarray]:
    """Token ids int64 [B, L] and lengths int64 [B] of reviews that are not empty."""
    lengths = np.array([min(len(review), max_seq_len) for review in reviews], dtype="int64")
    ids = np.full((len(reviews), lengths.max()), PAD, dtype="int64")
    for row, review, length in zip(ids, reviews, lengths, strict=True):
        row[:length] = review[:length]
    return ids, lengths
