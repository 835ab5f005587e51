"""From words to token ids: vocabulary (词表), arrays. Needs no Paddle."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from nndl.dataset.reading import TOKENIZERS, open_file
from nndl.error import CheckpointError, DataError, SettingError

import numpy as np

SPLITS = ("train", "dev", "test")
LABELS = ("negative", "positive")
PAD, UNK = 0, 1
SPECIAL = ("[PAD]", "[UNK]")
MAX_VOCABULARY_BYTES = 256 << 20


@dataclass(frozen=True)
class Vocabulary:
    """The words of the training set, the most frequent first; [PAD] is 0, [UNK] 1.

    Args:
        words: all words, the special ones first.
        counts: how often each occurs in the training set.
        special: the words that no text holds, [PAD] and [UNK] before any others, such as [BOS] and [EOS].
    """

    words: tuple[str, ...]
    counts: tuple[int, ...]
    special: tuple[str, ...] = SPECIAL

    @classmethod
    def of(cls, counts: Mapping[str, int], special: tuple[str, ...] = SPECIAL) -> "Vocabulary":
        """Of counted words; those that occur equally often stand in the order of their characters.

        >>> Vocabulary.of({"a": 1, "film": 2}, (*SPECIAL, "[BOS]", "[EOS]")).words
        ('[PAD]', '[UNK]', '[BOS]', '[EOS]', 'film', 'a')
        """
        words = sorted(counts.keys() - set(special), key=lambda word: (-counts[word], word))
        return cls((*special, *words), (*[0] * len(special), *(counts[word] for word in words)), special)

    def __len__(self) -> int:
        return len(self.words)

    def limit(self, max_size: int = 0, min_freq: int = 1) -> "Vocabulary":
        """The words that occur at least ``min_freq`` times, at most ``max_size`` with the special ones; 0: no bound.

        A smaller vocabulary is the beginning of a larger one, so ids stay what they are.
        """
        first = len(self.special)
        frequent = first + sum(count >= min_freq for count in self.counts[first:])
        size = min(frequent, max_size) if max_size else frequent
        return replace(self, words=self.words[:size], counts=self.counts[:size])

    def encode(self, tokens: Sequence[str]) -> np.ndarray:
        """Token ids, int64 [L]; a text without any token becomes one [UNK]."""
        return np.array([self.index.get(token, UNK) for token in tokens] or [UNK], dtype="int64")

    @cached_property
    def index(self) -> dict[str, int]:
        """Word to id."""
        return {word: i for i, word in enumerate(self.words)}

    def fingerprint(self) -> str:
        """Another word, or another order, gives another one."""
        return hashlib.sha256("\n".join(self.words).encode()).hexdigest()[:16]

    def save(self, path: Path) -> None:
        """Write one word a line, a tab, its count. Not atomic by itself: see :func:`nndl.file.replacing`."""
        lines = [f"{word}\t{count}\n" for word, count in zip(self.words, self.counts, strict=True)]
        path.write_text("".join(lines), encoding="utf-8", newline="\n")

    @classmethod
    def load(cls, path: Path, special: tuple[str, ...] = SPECIAL) -> "Vocabulary":
        """Read what :meth:`save` wrote. Raises CheckpointError for a damaged file, or other special words."""
        advice = "remove its folder, make it anew"
        try:
            with open_file(path, advice, MAX_VOCABULARY_BYTES) as file:
                lines = file.read().decode("utf-8").removesuffix("\n").split("\n")
            words, counts = zip(*map(_parse_entry, lines), strict=True)
        except DataError as error:
            raise CheckpointError(str(error)) from None
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{path}: no readable vocabulary ({error}); {advice}") from None
        first = len(special)
        if words[:first] != special or len(set(words)) < len(words):
            listed = f"{', '.join(special[:-1])} and {special[-1]}"
            raise CheckpointError(f"{path}: no vocabulary, expected {listed} first, each word once; {advice}")
        if any(former < latter for former, latter in pairwise(counts[first:])):
            raise CheckpointError(f"{path}: no vocabulary, expected the most frequent words first; {advice}")
        return cls(words, counts, special)


def _parse_entry(line: str) -> tuple[str, int]:
    found = re.fullmatch(r"([^\t]+)\t([0-9]{1,15})", line)
    if found is None:
        raise ValueError(f"the line {line[:80]!r}, expected a word, a tab, its count")
    return found[1], int(found[2])


@dataclass(frozen=True)
class Reviews:
    """Labelled reviews as token ids, end to end in one array; ``len`` and indexing as of a list of pairs.

    Shapes: ids int32 [tokens]; offsets int64 [N + 1], review i is ids[offsets[i]:offsets[i + 1]]; labels int64 [N],
    the number of each one's class: 0 negative, 1 positive, unless the corpus names others.
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

    def check(self, size: int, vocabulary_size: int) -> None:
        """Raise DataError unless these are ``size`` reviews, each of at least one of the vocabulary's words."""
        ids, offsets, labels = self.ids, self.offsets, self.labels
        for array, kind in ((ids, "int32"), (offsets, "int64"), (labels, "int64")):
            if array.dtype != kind or array.ndim != 1:
                raise DataError(f"an array of {array.dtype} {array.shape}, expected {kind} in one dimension")
        if len(labels) != size or np.any((labels != 0) & (labels != 1)):
            raise DataError(f"{len(labels):,} labels, expected {size:,} that are 0 or 1")
        if len(offsets) != size + 1 or offsets[0] or offsets[-1] != len(ids) or np.any(offsets[:-1] >= offsets[1:]):
            raise DataError(f"offsets that do not cut {len(ids):,} ids into {size:,} reviews")
        if size and not 1 <= ids.min() <= ids.max() < vocabulary_size:
            raise DataError(f"ids {ids.min()} to {ids.max()}, expected 1 to {vocabulary_size - 1}")

    def limit(self, vocabulary_size: int) -> "Reviews":
        """The same with [UNK] for each word beyond the first ``vocabulary_size``."""
        return replace(self, ids=np.where(self.ids < vocabulary_size, self.ids, UNK).astype(self.ids.dtype))

    def first(self, number: int) -> "Reviews":
        """The first ``number`` reviews, as many of each class, or what there is of one; 0 for all."""
        if not number:
            return self
        classes = np.unique(self.labels)
        shares = [np.flatnonzero(self.labels == label)[: -(-number // len(classes))] for label in classes]
        chosen = np.sort(np.concatenate(shares))
        return _reviews([self[i][0] for i in chosen], self.labels[chosen])


@dataclass(frozen=True)
class Corpus:
    """A corpus in one tokenisation.

    Args:
        name: "imdb", "small", or "own" for the reader's.
        tokenizer: a key of :data:`TOKENIZERS`.
        vocabulary: of its training set.
        reviews: split to token ids.
        texts: split to the texts, in the same order.
        labels: the names of the classes.
    """

    name: str
    tokenizer: str
    vocabulary: Vocabulary
    reviews: dict[str, Reviews]
    texts: dict[str, Sequence[str]]
    labels: tuple[str, ...] = LABELS

    def sizes(self) -> dict[str, dict[str, int]]:
        """Label to the number of its reviews in each split."""
        return {
            name: {split: int((self.reviews[split].labels == label).sum()) for split in SPLITS}
            for label, name in enumerate(self.labels)
        }

    def limit(self, max_size: int, min_freq: int) -> "Corpus":
        """The same with a smaller vocabulary. Raises SettingError if no word would be left."""
        vocabulary = self.vocabulary.limit(max_size, min_freq)
        if len(vocabulary) <= len(vocabulary.special):
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
    counts = np.bincount(np.concatenate(numbered["train"]), minlength=known).tolist()
    vocabulary = Vocabulary.of(dict(zip(index, counts, strict=False)))  # the first words are those of train
    final = np.array([vocabulary.index.get(word, UNK) for word in index], dtype="int32")
    return vocabulary, {
        split: _reviews([final[piece] if len(piece) else np.array([UNK]) for piece in pieces], labels[split])
        for split, pieces in numbered.items()
    }


def _reviews(pieces: list[np.ndarray], labels: Sequence[int] | np.ndarray) -> Reviews:
    return Reviews(np.concatenate(pieces).astype("int32"), _offsets(map(len, pieces)), np.array(labels, dtype="int64"))


def _offsets(lengths: Iterable[int]) -> np.ndarray:
    return np.cumsum([0, *lengths]).astype("int64")
