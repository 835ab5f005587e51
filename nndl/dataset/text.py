"""From reviews to token ids: decoding, tokenising (切词), vocabulary (词表), arrays. Needs no Paddle.

A text is UTF-8, or what its byte order mark says: UTF-8, UTF-16, UTF-32 or GB18030. Nothing else is guessed at. The
mark, the Ctrl-Z some editors end a file with, and whether an é is one character or two make no difference.
"""

import codecs
import hashlib
import io
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from nndl.error import CheckpointError, DataError, SettingError
from nndl.file import open_regular

import numpy as np

SPLITS = ("train", "dev", "test")
LABELS = ("negative", "positive")
PAD, UNK = 0, 1
SPECIAL = ("[PAD]", "[UNK]")
MAX_LINE = 16 << 20
"""Characters of a line; the longest of IMDB's reviews has 14 thousand."""
MAX_VOCABULARY_BYTES = 256 << 20

_MARK, _CTRL_Z = "\ufeff", "\x1a"
_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",  # before UTF-16's, which is its beginning
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
    _MARK.encode("gb18030"): "GB18030",
}
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_WORD_OR_MARK = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


def decode(content: bytes) -> tuple[str, bool]:
    """The text of a whole review, and whether some of its bytes were no text and had to be replaced."""
    encoding = _encoding(content)
    try:
        text, was_replaced = content.decode(encoding), False
    except UnicodeDecodeError:
        text, was_replaced = content.decode(encoding, errors="replace"), True
    if "\0" in text:  # UTF-16 without its mark, or no text at all
        text, was_replaced = text.replace("\0", "\N{REPLACEMENT CHARACTER}"), True
    return _normal(text), was_replaced


def read_lines(file: io.BufferedReader, source: str) -> Iterator[str]:
    """The lines of a text as they come, without their ends: LF, CRLF or CR.

    Args:
        file: is closed when the lines have been read.
        source: what to call it in a message.

    Raises:
        DataError: names the line and the byte that is not in the text's encoding, or a line that does not end.
    """
    for number, line in enumerate(_raw_lines(file, source), start=1):
        where = f"{source}, line {number}"
        if len(line) > MAX_LINE:
            raise DataError(f"{where}: longer than {MAX_LINE:,} characters; expected one text a line")
        if not line.isascii():
            _check_characters(line, where)
        if "\0" in line:
            raise DataError(f"{where}: holds a NUL, as UTF-16 without its byte order mark does, or no text; {_SAVE}")
        yield _normal(line.removesuffix("\n"))


def _raw_lines(file: io.BufferedReader, source: str) -> Iterator[str]:
    """Lines with "\\n" at the end; in the place of a byte that is not in the encoding stands a surrogate."""
    lines = 0
    try:
        encoding = _encoding(file.peek(4))
        reader = io.TextIOWrapper(file, encoding, errors="surrogateescape")
        while (line := reader.readline(MAX_LINE + 1)).strip(_MARK + _CTRL_Z):
            lines += 1
            yield line
    except UnicodeDecodeError as error:  # UTF-16 and UTF-32
        raise DataError(f"{source}, after line {lines}: no {encoding} ({error.reason}); {_SAVE}") from None
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error.strerror or error})") from None


_SAVE = "save it as UTF-8 请另存为 UTF-8"


def _encoding(content: bytes) -> str:
    return next((encoding for mark, encoding in _MARKS.items() if content.startswith(mark)), "UTF-8")


def _check_characters(line: str, where: str) -> None:
    try:
        line.encode("utf-8")
    except UnicodeEncodeError as error:
        place = f"byte 0x{ord(line[error.start]) & 0xFF:02x} at character {error.start + 1}"
        raise DataError(f"{where}: {place} is no text; {_SAVE}") from None


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text.replace(_MARK, "").removesuffix(_CTRL_Z))


def open_file(path: Path, advice: str, most: int | None = None) -> io.BufferedReader:
    """Open a regular file of the user's to read it.

    Args:
        path: the file.
        advice: ends the message.
        most: the bytes it may hold.

    Raises:
        DataError: no such file, no regular one, too large, or unreadable.
    """
    if os.path.isdir(path):
        raise DataError(f"{path}: a folder, expected a file; {advice}")
    try:
        file = open_regular(path)
        size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; {advice}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}); {advice}") from None
    if most is not None and size > most:
        file.close()
        raise DataError(f"{path}: {size:,} bytes, expected at most {most:,}; {advice}")
    return file


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
