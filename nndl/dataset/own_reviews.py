"""A corpus of the reader's own (自备语料): a file with one text a line, its label before it, a tab between them.

::

    好评	演员不错, 一点也不闷。
    差评	剧情太闷, 看到一半就走了。

Two labels or more, of any name; a line without anything is skipped. The file is read safely: whatever is wrong is one
line that names file and line, before anything is trained.

A rule decides which part a text is in; it looks at the texts alone and not at their order. Of the different texts of
each label, in the order of their SHA-256, the first tenth is dev, the second tenth test, the rest train.
(按文本的 SHA-256 排序，每类前一成为验证集，次一成为测试集，其余为训练集；相同的文本总在同一部分。)
Texts that differ in blanks or capitals only count as one, and all lines of a text go where it goes, even where they
bear different labels: nothing that is tested has been trained on.
"""

import hashlib
import io
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from nndl.dataset.reading import TOKENIZERS, open_file, read_lines
from nndl.dataset.text import SPLITS, Corpus, index_texts
from nndl.error import DataError

MAX_BYTES = 256 << 20
"""Of a file: four times IMDB's reviews of train and test."""
MOST_LABELS, LONGEST_LABEL = 20, 40
LEAST_TEXTS = 20
"""Different ones that each label must have, so that two are in dev and two in test."""

_FORM = "expected LABEL, a tab, TEXT 应为“标签、制表符、文本”"


@dataclass(frozen=True)
class Lines:
    """What a file holds.

    Args:
        labels: the names of the classes, in the order of their characters.
        examples: (text, number of its label), line by line.
        keys: the SHA-256 of each text in lower case: what makes two texts the same.
        fingerprint: of the file's bytes.
    """

    labels: tuple[str, ...]
    examples: list[tuple[str, int]]
    keys: list[str]
    fingerprint: str

    def different(self) -> list[list[str]]:
        """The keys of each label's different texts; a text under several labels belongs to the one it has first."""
        label_of: dict[str, int] = {}
        for key, (_, label) in zip(self.keys, self.examples, strict=True):
            label_of.setdefault(key, label)
        return [[key for key, label in label_of.items() if label == wanted] for wanted in range(len(self.labels))]


def read(path: Path) -> Lines:
    """All lines of a file, checked.

    Raises:
        DataError: no such file, a folder, a file that is too large or no text; a line without a tab, label or text;
            one label only, too many, or one with too few texts. Names the line.
    """
    content = _content(path)
    file = io.BufferedReader(io.BytesIO(content))  # type: ignore[arg-type]
    first: dict[str, int] = {}  # each label, and the line that it stands in first
    found = []
    for number, line in enumerate(read_lines(file, str(path)), start=1):
        if line.strip():
            label, text = _parse(line, f"{path}, line {number}")
            first.setdefault(label, number)
            found.append((text, label))
        if len(first) > MOST_LABELS:
            raise DataError(f"{path}, line {number}: label {label!r} is one more than {MOST_LABELS}; {_FORM}")
    if len(first) < 2:
        held = f"the one label {next(iter(first))!r}" if first else "no line"
        raise DataError(f"{path}: holds {held}, expected two labels or more; {_FORM}")
    labels = tuple(sorted(first))
    examples = [(text, labels.index(label)) for text, label in found]
    lines = Lines(labels, examples, [_digest(text.lower().encode()) for text, _ in examples], _digest(content))
    for label, keys in zip(labels, lines.different(), strict=True):
        if len(keys) < LEAST_TEXTS:
            raise DataError(
                f"{path}: label {label!r} (first in line {first[label]}) has {len(keys)} texts of its own, expected at "
                f"least {LEAST_TEXTS} different ones; add some, or remove its lines (a line of column names, too)"
            )
    return lines


def load(path: Path, tokenizer: str, fingerprint: str) -> Corpus:
    """The corpus, split by the rule above.

    Args:
        path: the file.
        tokenizer: a key of :data:`TOKENIZERS`.
        fingerprint: what :func:`fingerprint` said of the file before.

    Raises:
        DataError: as :func:`read`, or the file has changed since.
    """
    lines = read(path)
    if lines.fingerprint != fingerprint:
        raise DataError(f"{path}: changed while it is trained on; run again")
    chosen = split(lines)
    texts = {name: [text for text, _ in examples] for name, examples in chosen.items()}
    labels = {name: [label for _, label in examples] for name, examples in chosen.items()}
    vocabulary, reviews = index_texts(texts, labels, tokenizer)
    return Corpus("own", tokenizer, vocabulary, reviews, dict(texts), lines.labels)


def split(lines: Lines) -> dict[str, list[tuple[str, int]]]:
    """The examples of each part, those of one text side by side, in the order of the texts' SHA-256."""
    part = {}
    for keys in lines.different():
        tenth = len(keys) // 10
        for place, key in enumerate(sorted(keys)):
            part[key] = "dev" if place < tenth else "test" if place < 2 * tenth else "train"
    chosen: dict[str, list[tuple[str, int]]] = {name: [] for name in SPLITS}
    for key, example in sorted(zip(lines.keys, lines.examples, strict=True), key=itemgetter(0)):
        chosen[part[key]].append(example)
    return chosen


def fingerprint(path: Path) -> str:
    """Another one for any other content. Raises DataError where the file cannot be read."""
    return _digest(_content(path))


def check_labels(labels: Any) -> tuple[str, ...]:
    """Names of classes that were read from elsewhere. Raises DataError unless they could be a corpus'."""
    if not isinstance(labels, list | tuple) or not 2 <= len(labels) <= MOST_LABELS or not all(map(_is_label, labels)):
        raise DataError(f"labels {str(labels)[:80]}: expected 2 to {MOST_LABELS} names")
    if len(set(labels)) < len(labels):
        raise DataError(f"labels {', '.join(labels)[:80]}: expected each once")
    return tuple(labels)


def _content(path: Path) -> bytes:
    advice = "give a text with a label, a tab and a text in each line"
    with open_file(path, advice, MAX_BYTES) as file:
        try:
            return file.read()
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


def _parse(line: str, where: str) -> tuple[str, str]:
    label, tab, text = line.partition("\t")
    label, text = label.strip(), " ".join(text.split())
    if not tab:
        raise DataError(f"{where}: holds no tab; {_FORM}")
    if not _is_label(label):
        raise DataError(f"{where}: label {label[:80]!r}, expected 1 to {LONGEST_LABEL} characters; {_FORM}")
    if not TOKENIZERS["word"](text):
        raise DataError(f"{where}: no text after the tab; {_FORM}")
    return label, text


def _is_label(name: Any) -> bool:
    return isinstance(name, str) and 1 <= len(name) <= LONGEST_LABEL and name.isprintable() and name == name.strip()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
