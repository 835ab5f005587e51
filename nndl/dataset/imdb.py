"""IMDB (影评情感), the reviews of section 6.7: what is its own; all that any corpus needs is in ``prepared``.

Maas et al., "Learning Word Vectors for Sentiment Analysis", ACL 2011. The official layout holds
``train|test/pos|neg/N_rating.txt``, 12,500 reviews in each of the four folders; the unlabelled part is left aside.

Dev and test are the two halves of the official test part. The rule: of each class, in the order of the number N, the
first half is dev, the second test. (Reviews of one film stand side by side, so few films are in both halves.)

An archive is never unpacked: its reviews are read one by one into memory, so nothing in it can reach another place.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from nndl.dataset import prepared
from nndl.dataset.archive import read_archive
from nndl.dataset.download import Published
from nndl.dataset.prepared import AGAIN, Preparation, Source
from nndl.dataset.reading import OF_ENGLISH, decode
from nndl.dataset.stored import TEXT_FILES, load_arrays, load_texts, write_texts
from nndl.dataset.text import SPLITS, Corpus, Reviews, Vocabulary, index_texts
from nndl.error import DataError, SettingError

import numpy as np

IMDB = Source(
    name="IMDB",
    texts="reviews",
    published=(
        Published(
            "aclImdb_v1.tar.gz",
            (
                "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
                "https://bj.bcebos.com/dataset/imdb%2FaclImdb_v1.tar.gz",
            ),
            check_sum="7c2ac02c03563afcf9b574c7e56c153a",
            size=84_125_825,
        ),
    ),
    official="547855a64e4712ecaf791b9e6e84adbd8aee292dcf559cba9c7f1852ee7bec3d",
    format=2,
    advice="run: python -m chapter6 data imdb, or use --corpus small",
    offline="data imdb --from FILE_OR_FOLDER, or --corpus small",
)
REVIEWS_PER_CLASS = 12_500
"""In the train part and in the test part, each."""
MAX_REVIEW_BYTES = 16 << 20

is_prepared = prepared.is_prepared
prepared_folder = IMDB.folder
fingerprint = IMDB.fingerprint

_NAME = re.compile(r"(?:.*/)?(train|test)/(neg|pos)/([0-9]{1,9})_[0-9]{1,9}\.txt")
_FOLDERS = [f"{part}/{kind}" for part in ("train", "test") for kind in ("neg", "pos")]
_ARRAYS = ("ids", "offsets", "labels")

Key = tuple[str, str, int]
"""Part ("train" or "test"), class ("neg" or "pos"), number N."""


def prepare(source: Path | None, root: Path, reviews_per_class: int = REVIEWS_PER_CLASS) -> Preparation:
    """Read all reviews, tokenise them in both ways, and leave ``root/prepared``; see :meth:`Source.prepare`.

    Args:
        source: an archive, or a folder that holds ``train`` and ``test`` or ``aclImdb``; None for the official archive.
        root: the folder of the corpus, such as ``data/imdb``.
        reviews_per_class: what each of the four folders must hold.
    """

    def read(source: Path) -> tuple[dict[Key, str], int]:
        found, replaced = _read(source)
        _check_counts(source, found, reviews_per_class)
        return found, replaced

    return IMDB.prepare(source, root, read, _write)


def load(root: Path, tokenizer: str) -> Corpus:
    """The prepared corpus in one tokenisation, every file checked.

    Raises:
        SettingError: it is not prepared in this tokenisation.
        NotPreparedError: nothing is prepared in ``root``.
        DataError: a file is damaged, or was changed since.
    """
    check_tokenizer(tokenizer)
    sizes = IMDB.load_sizes(root, [f"{tokenizer}.npz", f"{tokenizer}.vocabulary.txt", *TEXT_FILES])
    folder = prepared_folder(root)
    vocabulary = Vocabulary.load(folder / f"{tokenizer}.vocabulary.txt")
    path = folder / f"{tokenizer}.npz"
    reviews = {split: Reviews(*load_arrays(path, [f"{split}_{name}" for name in _ARRAYS])) for split in SPLITS}
    for split, items in reviews.items():
        try:
            items.check(sizes[split], len(vocabulary))
        except DataError as error:
            raise DataError(f"{path}: {split} holds {error}; {AGAIN.format(folder)}") from None
    for split, numbers in load_numbers(root).items():
        if numbers.dtype != "int64" or numbers.shape != (sizes[split],):
            raise DataError(f"{folder / 'texts.npz'}: not the numbers of {split}; {AGAIN.format(folder)}")
    return Corpus("imdb", tokenizer, vocabulary, reviews, load_texts(folder, sizes))


def check_tokenizer(tokenizer: str) -> None:
    """Raise SettingError for one that IMDB, which is English, is not prepared in."""
    if tokenizer not in OF_ENGLISH:
        raise SettingError(f"tokenizer {tokenizer}: IMDB is English, expected {' or '.join(OF_ENGLISH)}")


def load_numbers(root: Path) -> dict[str, np.ndarray]:
    """The number N of each review, int64, in the order of the corpus that :func:`load` has checked."""
    numbers = load_arrays(prepared_folder(root) / "texts.npz", [f"{split}_numbers" for split in SPLITS])
    return dict(zip(SPLITS, numbers, strict=True))


def _read(source: Path) -> tuple[dict[Key, str], int]:
    """All labelled reviews of an archive or a folder, and how many held bytes that are no text."""
    found: dict[Key, str] = {}
    replaced = 0
    for name, content in _files(source):
        part, kind, number = _NAME.fullmatch(name).groups()  # type: ignore[union-attr]
        key = (part, kind, int(number))
        if key in found:
            raise DataError(f"{source}: holds {part}/{kind} review {number} twice (again as {name})")
        found[key], was_replaced = decode(content)
        replaced += was_replaced
    return found, replaced


def _files(source: Path) -> Iterator[tuple[str, bytes]]:
    if not os.path.isdir(source):
        return read_archive(source, _NAME, MAX_REVIEW_BYTES)
    top = next((top for top in (source, source / "aclImdb") if os.path.isdir(top / "train")), None)
    if top is None:
        raise DataError(f"{source}: holds no IMDB, expected the folders train and test in it, or in aclImdb/")
    return IMDB.read_folder(top, _FOLDERS, _NAME, MAX_REVIEW_BYTES)


def _check_counts(source: Path, found: dict[Key, str], expected: int) -> None:
    for folder in _FOLDERS:
        number = sum(f"{part}/{kind}" == folder for part, kind, _ in found)
        if number != expected:
            raise DataError(f"{source}: {number:,} reviews in {folder}, expected {expected:,}")


def _write(found: dict[Key, str], folder: Path) -> dict[str, int]:
    """Texts, token ids and vocabularies of all splits."""
    keys = _split(found)
    texts = {split: [found[key] for key in keys[split]] for split in SPLITS}
    labels = {split: [int(key[1] == "pos") for key in keys[split]] for split in SPLITS}
    numbers = {f"{split}_numbers": np.array([n for _, _, n in keys[split]], dtype="int64") for split in SPLITS}
    write_texts(folder, texts, **numbers)
    for tokenizer in OF_ENGLISH:
        vocabulary, reviews = index_texts(texts, labels, tokenizer)
        vocabulary.save(folder / f"{tokenizer}.vocabulary.txt")
        arrays = {f"{split}_{name}": getattr(items, name) for split, items in reviews.items() for name in _ARRAYS}
        np.savez(folder / f"{tokenizer}.npz", **arrays)  # type: ignore[arg-type]
    return {split: len(items) for split, items in texts.items()}


def _split(found: dict[Key, str]) -> dict[str, list[Key]]:
    """The rule of the module's docstring; in each split the negative reviews first, by number."""
    keys: dict[str, list[Key]] = {split: [] for split in SPLITS}
    for kind in ("neg", "pos"):
        keys["train"] += sorted(key for key in found if key[:2] == ("train", kind))
        others = sorted(key for key in found if key[:2] == ("test", kind))
        half = len(others) // 2
        keys["dev"] += others[:half]
        keys["test"] += others[half:]
    return keys
