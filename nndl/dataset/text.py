"""From reviews to token ids: tokenising (切词), vocabulary (词表), arrays. Needs no Paddle."""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from nndl.error import CheckpointError, SettingError

SPLITS = ("train", "dev", "test")
LABELS = ("negative", "positive")
PAD, UNK = 0, 1
SPECIAL = ("[PAD]", "[UNK]")

_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_WORD_OR_MARK = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


def decode(content: bytes) -> tuple[str, bool]:
    """The text of UTF-8 bytes, and whether some of them were not UTF-8 and had to be replaced."""
    try:
        return content.decode("utf-8"), False
    except UnicodeDecodeError:
        return content.decode("utf-8", errors="replace"), True


def tokenize_space(text: str) -> list[str]:
    """Lower-cased and split on white space, as in the book: "great," is another word than "great"."""
    return text.lower().split()


def tokenize_word(text: str) -> list[str]:
    """Lower-cased words and punctuation marks, each by itself; the line breaks ``<br />`` are gone.

    >>> tokenize_word("Great,<br />isn't it?")
    ['great', ',', "isn't", 'it', '?']
    """
    return _WORD_OR_MARK.findall(_BREAK.sub(" ", text.lower()))


TOKENIZERS: dict[str, Callable[[str], list[str]]] = {"space": tokenize_space, "word": tokenize_word}


@dataclass(frozen=True)
class Vocabulary:
    """The words of the training set, the most frequent first; [PAD] is 0, [UNK] 1.

    Args:
        words: all words, the two special ones first.
        counts: how often each occurs in the training set.
    """

    words: tuple[str, ...]
    counts: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.words)

    def limit(self, max_size: int = 0, min_freq: int = 1) -> "Vocabulary":
        """The words that occur at least ``min_freq`` times, at most ``max_size`` with the special ones; 0: no bound.

        A smaller vocabulary is the beginning of a larger one, so ids stay what they are.
        """
        frequent = sum(count >= min_freq for count in self.counts[2:]) + 2
        size = min(frequent, max_size) if max_size else frequent
        return Vocabulary(self.words[:size], self.counts[:size])

    def encode(self, tokens: Sequence[str]) -> np.ndarray:
        """Token ids, int64 [L]; a text without any token becomes one [UNK]."""
        return np.array([self._index.get(token, UNK) for token in tokens] or [UNK], dtype="int64")

    @cached_property
    def _index(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words)}

    def fingerprint(self) -> str:
        """Another word, or another order, gives another one."""
        return hashlib.sha256("\n".join(self.words).encode()).hexdigest()[:16]

    def save(self, path: Path) -> None:
        """Write one word a line, a tab, its count. Not atomic by itself: see :func:`nndl.file.replacing`."""
        lines = [f"{word}\t{count}\n" for word, count in zip(self.words, self.counts, strict=True)]
        path.write_text("".join(lines), encoding="utf-8", newline="\n")

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Read what :meth:`save` wrote. Raises CheckpointError for a missing or damaged file."""
        try:
            lines = path.read_bytes().decode("utf-8").removesuffix("\n").split("\n")
            pairs = [line.split("\t") for line in lines]
            words, counts = zip(*((word, int(count)) for word, count in pairs), strict=True)
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"{path}: no readable vocabulary ({error}); remove its folder, make it anew"
            ) from None
        if words[:2] != SPECIAL or len(set(words)) < len(words):
            raise CheckpointError(
                f"{path}: no vocabulary, expected {SPECIAL[0]} and {SPECIAL[1]} first, each word once"
            )
        return cls(words, counts)


@dataclass(frozen=True)
class Reviews:
    """Labelled reviews as token ids, end to end in one array; ``len`` and indexing as of a list of pairs.

    Shapes: ids int32 [tokens]; offsets int64 [N + 1], review i is ids[offsets[i]:offsets[i + 1]]; labels int64 [N],
    0 negative, 1 positive.
    """

    ids: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> tuple[np.ndarray, int]:
        return self.ids[self.offsets[i] : self.offsets[i + 1]], int(self.labels[i])

    @property
    def lengths(self) -> np.ndarray:
        """The number of tokens of each review, int64 [N]."""
        return np.diff(self.offsets)

    def limit(self, vocabulary_size: int) -> "Reviews":
        """The same with [UNK] for each word beyond the first ``vocabulary_size``."""
        return replace(self, ids=np.where(self.ids < vocabulary_size, self.ids, UNK).astype(self.ids.dtype))

    def first(self, number: int) -> "Reviews":
        """The first ``number`` reviews, half of each class, or as many as there are; 0 for all."""
        if not number:
            return self
        halves = [np.flatnonzero(self.labels == label)[: -(-number // 2)] for label in (0, 1)]
        chosen = np.sort(np.concatenate(halves))
        return _reviews([self[i][0] for i in chosen], self.labels[chosen])


@dataclass(frozen=True)
class Corpus:
    """A corpus in one tokenisation.

    Args:
        name: "imdb" or "small".
        tokenizer: a key of :data:`TOKENIZERS`.
        vocabulary: of its training set.
        reviews: split to token ids.
        texts: split to the texts, in the same order.
    """

    name: str
    tokenizer: str
    vocabulary: Vocabulary
    reviews: dict[str, Reviews]
    texts: dict[str, Sequence[str]]

    def limit(self, max_size: int, min_freq: int) -> "Corpus":
        """The same with a smaller vocabulary. Raises SettingError if no word would be left."""
        vocabulary = self.vocabulary.limit(max_size, min_freq)
        if len(vocabulary) <= len(SPECIAL):
            raise SettingError(f"vocab_size {max_size}, min_freq {min_freq}: no word is left; choose other bounds")
        if len(vocabulary) == len(self.vocabulary):
            return self
        reviews = {split: items.limit(len(vocabulary)) for split, items in self.reviews.items()}
        return replace(self, vocabulary=vocabulary, reviews=reviews)


def index_texts(
    texts: dict[str, Sequence[str]], labels: dict[str, Sequence[int]], tokenizer: str
) -> tuple[Vocabulary, dict[str, Reviews]]:
    """Tokenise the texts of all splits; the vocabulary is that of "train" alone. One pass over each text."""
    tokenize = TOKENIZERS[tokenizer]
    index: dict[str, int] = {}  # a word's number in the order of its first occurrence
    numbered = {}
    for split in sorted(texts, key=lambda split: split != "train"):  # train first
        pieces = [
            np.array([index.setdefault(word, len(index)) for word in tokenize(text)], dtype="int32")
            for text in texts[split]
        ]
        numbered[split] = pieces
        if split == "train":
            known = len(index)
    counts = np.bincount(np.concatenate(numbered["train"]), minlength=known)
    words = list(index)[:known]
    order = sorted(range(known), key=lambda i: (-counts[i], words[i]))
    final = np.full(len(index), UNK, dtype="int32")  # words that only dev and test have stay unknown
    final[order] = np.arange(len(SPECIAL), len(SPECIAL) + known)
    vocabulary = Vocabulary((*SPECIAL, *(words[i] for i in order)), (0, 0, *(int(counts[i]) for i in order)))
    return vocabulary, {
        split: _reviews([final[piece] if len(piece) else np.array([UNK]) for piece in pieces], labels[split])
        for split, pieces in numbered.items()
    }


def _reviews(pieces: list[np.ndarray], labels: Sequence[int] | np.ndarray) -> Reviews:
    return Reviews(np.concatenate(pieces).astype("int32"), _offsets(map(len, pieces)), np.array(labels, dtype="int64"))


def _offsets(lengths: Iterable[int]) -> np.ndarray:
    return np.cumsum([0, *lengths]).astype("int64")
