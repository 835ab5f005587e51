"""A text, character by character (字符): its vocabulary, and batches in which a state can be carried on."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nndl.dataset.text import SPLITS, UNK, Vocabulary
from nndl.error import DataError
from nndl.op.setting import choice, whole

import numpy as np
import paddle
from paddle import Tensor

MIN_FREQ = 2
"""A character that train holds but once becomes [UNK]: so a model learns what it shall expect of an unknown one."""
NAMES = {"\n": "[LF]", "\t": "[TAB]"}
"""The vocabulary's names of the two characters that its file, a word a line, could not hold."""
_CHARACTERS = {name: character for character, name in NAMES.items()}
BATCHING = ("sequential", "random")

Batch = tuple[tuple[Tensor, bool], Tensor]
"""((ids int64 [B, L], whether they go on where the batch before ended), the characters that follow int64 [B, L])."""


def tokens(text: str) -> list[str]:
    """Its characters, under the names that the vocabulary has for them."""
    return [NAMES.get(character, character) for character in text]


def joined(tokens: Sequence[str]) -> str:
    r"""The text again.

    >>> joined(tokens("one\ntwo"))
    'one\ntwo'
    """
    return "".join(_CHARACTERS.get(token, token) for token in tokens)


@dataclass(frozen=True)
class Characters:
    """A text in ids.

    Args:
        texts: of each split.
        vocabulary: the characters of train, see :data:`MIN_FREQ`; [PAD] is 0 and in no text, [UNK] 1.
        ids: int64 [characters] of each split.
    """

    texts: dict[str, str]
    vocabulary: Vocabulary
    ids: dict[str, np.ndarray]

    @classmethod
    def of(cls, texts: dict[str, str]) -> "Characters":
        """Raises DataError for a train text without a character that occurs twice."""
        vocabulary = Vocabulary.of(Counter(tokens(texts["train"]))).limit(min_freq=MIN_FREQ)
        if len(vocabulary) == len(vocabulary.special):
            raise DataError(f"a text in which no character occurs {MIN_FREQ} times: there is nothing to learn")
        return cls(texts, vocabulary, {split: vocabulary.encode(tokens(texts[split])) for split in SPLITS})

    def unknown(self, split: str) -> int:
        """How many characters of a split are [UNK]."""
        return int((self.ids[split] == UNK).sum())


class Windows:
    """Batches of L characters each, as :data:`Batch`; every epoch begins at another one of the first L characters.

    * "sequential": the text is cut into B streams; window after window of each, so that a batch goes on where the one
      before ended, and a state can be carried on (状态传递). The first of an epoch goes on from none.
    * "random": the same windows in random order; none goes on.

    The draws are from NumPy's global random generator.

    Args:
        ids: int64 [N].
        batch_size, length: B and L.
        batching: one of :data:`BATCHING`.

    Raises:
        DataError: a text too short for one batch.
    """

    def __init__(self, ids: np.ndarray, batch_size: int, length: int, batching: str = "sequential") -> None:
        self.ids, self.batching = ids, choice("batching", batching, BATCHING)
        self.B, self.L = whole("batch_size", batch_size), whole("length", length)
        # 起点最多后移 L - 1, 最后一个字符只作目标   the start moves by L - 1 at most; the last one only follows
        self.windows = (len(ids) - self.L) // self.L // self.B
        if self.windows < 1:
            raise DataError(
                f"{len(ids):,} characters: expected at least {(self.B + 1) * self.L:,} for one batch of {self.B} x "
                f"{self.L}; take a longer text, a smaller batch_size or length"
            )

    def __len__(self) -> int:
        return self.windows

    def __iter__(self) -> Iterator[Batch]:
        start, size = np.random.randint(self.L), self.windows * self.B * self.L
        cut = [self.ids[start + shift : start + shift + size].reshape(self.B, self.windows, self.L) for shift in (0, 1)]
        if self.batching == "random":
            order = np.random.permutation(self.B * self.windows)
            cut = [part.reshape(-1, self.L)[order].reshape(self.B, self.windows, self.L) for part in cut]
        X, y = (paddle.to_tensor(np.ascontiguousarray(part.transpose(1, 0, 2))) for part in cut)
        for n in range(self.windows):
            yield (X[n], self.batching == "sequential" and n > 0), y[n]


def in_order(ids: np.ndarray, length: int) -> list[Batch]:
    """A whole text once, in one stream, for evaluation; the last batch holds what is left.

    >>> [y.tolist() for _, y in in_order(np.arange(6), length=3)]
    [[[1, 2, 3]], [[4, 5]]]
    """
    X, y = paddle.to_tensor(ids[None, :-1]), paddle.to_tensor(ids[None, 1:])
    return [((X[:, n : n + length], n > 0), y[:, n : n + length]) for n in range(0, len(ids) - 1, length)]
