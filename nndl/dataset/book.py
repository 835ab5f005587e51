"""The files that the two notebooks of the book's repository read, in its edition of May 2026. Needs no Paddle.

* ``datasets/<L>/{train,dev,test}.txt``: DigitSum of each length.
* ``images/`` and ``checkpoints/``, which the notebooks write to and do not make.
* ``dataset/imdb/{train,dev,test}.txt.gz``, a line: label 1 or 0, tab, text; and ``vocab.txt.gz``, a word a line. That
  edition splits the reviews in its own way: the first fifth of the shuffled train part is dev, test is the test part.
"""

import gzip
import os
import random
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from nndl.dataset import digit_sum, imdb
from nndl.dataset.text import SPECIAL
from nndl.error import OutputError
from nndl.file import replacing

SHUFFLE_SEED = 42
VOCABULARY_SIZE = 50_000
"""Without [PAD] and [UNK]."""
IMDB_FILES = ("train.txt.gz", "dev.txt.gz", "test.txt.gz", "vocab.txt.gz")


def write_book(root: Path, imdb_root: Path) -> tuple[list[Path], list[Path]]:
    """Make what is not there yet, each folder whole or not at all.

    Args:
        root: the folder of the notebooks.
        imdb_root: where IMDB is prepared, such as ``data/imdb``; where it is not, it is left out.

    Returns:
        The folders that were made, and those that were there and stay as they are.

    Raises:
        DataError: what is there of DigitSum is damaged, or the prepared reviews are.
        OutputError: a folder cannot be written, or lacks some of its files.
    """
    makers = {
        root / "datasets" / str(length): partial(digit_sum.write, root / "datasets", length)
        for length in digit_sum.LENGTHS
    }
    makers |= {root / name: partial(_make_empty, root / name) for name in ("images", "checkpoints")}
    if imdb.is_prepared(imdb_root):
        makers[root / "dataset" / "imdb"] = partial(_write_imdb, imdb_root, root / "dataset" / "imdb")
    there = [folder for folder in makers if os.path.lexists(folder)]
    for folder in there:
        _check(folder)
    missing = [folder for folder in makers if folder not in there]
    for folder in missing:
        makers[folder]()
    return missing, there


def _check(folder: Path) -> None:
    """What is there stays; but half of it would stop the notebooks."""
    if not folder.is_dir():
        raise OutputError(f"{folder}: is no folder; move it away")
    if folder.parent.name == "datasets":
        digit_sum.load(folder)
    if folder.name == "imdb" and (lacking := [name for name in IMDB_FILES if not (folder / name).exists()]):
        raise OutputError(f"{folder}: lacks {', '.join(lacking)}; move it away, and the same command makes it anew")


def _make_empty(folder: Path) -> None:
    with replacing(folder) as temporary:
        temporary.mkdir()


def _write_imdb(imdb_root: Path, folder: Path) -> None:
    train, test = _lines(imdb_root)
    random.Random(SHUFFLE_SEED).shuffle(train)
    dev, train = train[: len(train) // 5], train[len(train) // 5 :]
    counts = Counter(word for line in train for word in line.rstrip("\n").partition("\t")[2].split())
    words = [*SPECIAL, *(word for word, _ in counts.most_common(VOCABULARY_SIZE))]
    contents = (train, dev, test, [f"{word}\n" for word in words])
    with replacing(folder) as temporary:
        temporary.mkdir()
        for name, lines in zip(IMDB_FILES, contents, strict=True):
            _write_lines(temporary / name, lines)


def _lines(imdb_root: Path) -> tuple[list[str], list[str]]:
    """All lines of train and of test."""
    corpus, numbers = imdb.load(imdb_root, "space"), imdb.load_numbers(imdb_root)
    examples = {
        split: list(zip(items.labels.tolist(), numbers[split].tolist(), corpus.texts[split], strict=True))
        for split, items in corpus.reviews.items()
    }
    return _sorted(examples["train"]), _sorted(examples["dev"] + examples["test"])


def _sorted(examples: list[tuple[int, int, str]]) -> list[str]:
    """Pos before neg, each by file name: 100_8.txt comes before 10_9.txt, whatever the rating."""
    order = sorted(examples, key=lambda example: (-example[0], f"{example[1]}_"))
    return [f"{label}\t{_normal(text)}\n" for label, _, text in order]


def _normal(text: str) -> str:
    return " ".join(text.replace("<br />", " ").split()).lower()


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    """Compressed; the time is left out, so that the same lines give the same bytes."""
    with path.open("wb") as file, gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as stream:
        stream.write("".join(lines).encode("utf-8"))
