"""Pairs of sequences (句对): what is read and what shall be written, from words to batches."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from nndl.dataset.batching import ReviewSampler, pad
from nndl.dataset.text import SPECIAL, Vocabulary
from nndl.error import DataError

import numpy as np
import paddle
from paddle import Tensor

SPECIAL_OF_TARGET = (*SPECIAL, "[BOS]", "[EOS]")
BOS, EOS = 2, 3
"""What is fed before the first word, and what is to be written after the last."""

Pair = tuple[Sequence[str], Sequence[str]]
"""The words of the source and those of the target; a string is the sequence of its characters."""
IdPair = tuple[np.ndarray, np.ndarray]
"""The same as ids, int64 [S] and [T], without [BOS] and [EOS]."""
Splits = Mapping[str, Sequence[Pair]]
"""Pairs under "train", "dev" and "test"."""
Batch = tuple[tuple[Tensor, Tensor, Tensor], Tensor]


def vocabularies(train: Sequence[Pair], min_freq: int = 1) -> tuple[Vocabulary, Vocabulary]:
    """Of the sources and of the targets, of the training pairs alone, without words rarer than ``min_freq``.

    >>> source, target = vocabularies([("五月", "05")])
    >>> source.words, target.words
    (('[PAD]', '[UNK]', '五', '月'), ('[PAD]', '[UNK]', '[BOS]', '[EOS]', '0', '5'))
    """
    sources, targets = (Counter(word for pair in train for word in pair[side]) for side in (0, 1))
    return tuple(
        Vocabulary.of(counts, special).limit(min_freq=min_freq)
        for counts, special in ((sources, SPECIAL), (targets, SPECIAL_OF_TARGET))
    )


def encode(pairs: Sequence[Pair], source: Vocabulary, target: Vocabulary) -> list[IdPair]:
    """Words to ids; [UNK] for what a vocabulary does not hold.

    Raises:
        DataError: a pair of which one side is empty.
    """
    for number, pair in enumerate(pairs, start=1):
        if not all(map(len, pair)):
            raise DataError(f"pair {number}: {'source' if not len(pair[0]) else 'target'} is empty; expected a word")
    return [(source.encode(first), target.encode(second)) for first, second in pairs]


def by_source(pairs: Sequence[Pair]) -> dict[tuple[str, ...], list[list[str]]]:
    """Each source once, with all its targets: what a translation is compared to (参考译文).

    >>> by_source([("ab", "x"), ("c", "y"), ("ab", "z")])
    {('a', 'b'): [['x'], ['z']], ('c',): [['y']]}
    """
    found: dict[tuple[str, ...], list[list[str]]] = {}
    for source, target in pairs:
        found.setdefault(tuple(source), []).append(list(target))
    return found


def collate(pairs: Sequence[IdPair]) -> Batch:
    """A batch ((source, lengths, words), labels): int64 [B, S], [B], [B, T + 1], [B, T + 1], all padded with [PAD].

    The decoder is fed [BOS] y_1 … y_T and shall answer y_1 … y_T [EOS].

    >>> long, short = (np.array([7, 8]), np.array([5])), (np.array([9]), np.array([6, 4]))
    >>> (source, lengths, words), labels = collate([long, short])
    >>> source.tolist(), words.tolist(), labels.tolist()
    ([[7, 8], [9, 0]], [[2, 5, 0], [2, 6, 4]], [[5, 3, 0], [6, 4, 3]])
    """
    source, lengths = _pad([first for first, _ in pairs])
    words, _ = _pad([np.concatenate([[BOS], second]) for _, second in pairs])
    labels, _ = _pad([np.concatenate([second, [EOS]]) for _, second in pairs])
    source, lengths, words, labels = map(paddle.to_tensor, (source, lengths, words, labels))
    return (source, lengths, words), labels


def _pad(sequences: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return pad(sequences, max(map(len, sequences)))


class PairLoader:
    """Batches of pairs, see :func:`collate`; drawn anew each epoch, as :class:`ReviewSampler` says.

    Args:
        pairs: of ids.
        batch_size: B.
        batching: "bucket", pairs whose sources and, among these, targets are of like length share a batch (分桶);
            "shuffle", any; "sorted", by length, never shuffled, for evaluation.

    Raises:
        SettingError: another batching, or a batch size under 1.
    """

    def __init__(self, pairs: Sequence[IdPair], batch_size: int, batching: str = "bucket") -> None:
        self.pairs = pairs
        most = 1 + max((len(target) for _, target in pairs), default=0)
        # 先比源长, 再比目标长   first by the length of the source, then by that of the target
        self.sampler = ReviewSampler([len(s) * most + len(t) for s, t in pairs], batch_size, batching)

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[Batch]:
        for rows in self.sampler:
            yield collate([self.pairs[row] for row in rows])


def until_end(ids: Sequence[int], vocabulary: Vocabulary) -> list[str]:
    """The words that were written, up to [EOS].

    >>> until_end([4, EOS, 4], Vocabulary.of({"五": 1}, SPECIAL_OF_TARGET))
    ['五']
    """
    ids = [int(i) for i in ids]
    return [vocabulary.words[i] for i in (ids[: ids.index(EOS)] if EOS in ids else ids)]
