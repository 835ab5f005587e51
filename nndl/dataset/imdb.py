"""IMDB (影评情感), the reviews of section 6.7: fetched, checked, prepared once, and then loaded in a moment.

Maas et al., "Learning Word Vectors for Sentiment Analysis", ACL 2011. The official layout holds
``train|test/pos|neg/N_rating.txt``, 12,500 reviews in each of the four folders; the unlabelled part is left aside.

Dev and test are the two halves of the official test part. The rule: of each class, in the order of the number N, the
first half is dev, the second test. (Reviews of one film stand side by side, so few films are in both halves.)

An archive is never unpacked: its reviews are read one by one into memory, so nothing in it can reach another place.
What is prepared is checked whenever it is loaded: its sums against damage, its structure against whoever made new sums.
"""

import hashlib
import json
import os
import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from nndl import jsonfile
from nndl.dataset.archive import MAX_BYTES, read_archive
from nndl.dataset.download import download
from nndl.dataset.text import SPLITS, TOKENIZERS, Corpus, Reviews, Vocabulary, decode, index_texts, open_file
from nndl.error import CheckpointError, DataError, DownloadError, NotPreparedError, OutputError
from nndl.file import check_sum, clear_leftovers, replacing
from nndl.lock import holding

import numpy as np

URLS = (
    "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
    "https://bj.bcebos.com/dataset/imdb%2FaclImdb_v1.tar.gz",
)
MD5, SIZE = "7c2ac02c03563afcf9b574c7e56c153a", 84_125_825
OFFICIAL = "547855a64e4712ecaf791b9e6e84adbd8aee292dcf559cba9c7f1852ee7bec3d"
"""The SHA-256 of the official labelled reviews: what an archive or a folder without a check sum is compared to."""
ARCHIVE = "aclImdb_v1.tar.gz"
REVIEWS_PER_CLASS = 12_500
"""In the train part and in the test part, each."""
MAX_REVIEW_BYTES = 16 << 20
FORMAT = 2
"""Counts up when a prepared folder of before would be read wrongly."""

_NAME = re.compile(r"(?:.*/)?(train|test)/(neg|pos)/([0-9]{1,9})_[0-9]{1,9}\.txt")

Key = tuple[str, str, int]
"""Part ("train" or "test"), class ("neg" or "pos"), number N."""


@dataclass(frozen=True)
class Preparation:
    """What :func:`prepare` did.

    Args:
        folder: where it is.
        sizes: the reviews of each split.
        replaced: how many reviews held bytes that are no text.
        is_official: whether they are the official reviews, to the letter.
        was_there: whether it was prepared before.
    """

    folder: Path
    sizes: dict[str, int]
    replaced: int
    is_official: bool
    was_there: bool


def prepare(source: Path | None, root: Path, reviews_per_class: int = REVIEWS_PER_CLASS) -> Preparation:
    """Read all reviews, tokenise them in every way, and leave ``root/prepared``, whole or not at all.

    Args:
        source: an archive, or a folder that holds ``train`` and ``test`` or ``aclImdb``; None for the official
            archive, which is downloaded to ``root`` unless it is there, or the reviews are prepared already.
        root: the folder of the corpus, such as ``data/imdb``.
        reviews_per_class: what each of the four folders must hold.

    Raises:
        DataError: the source is not the corpus; names the fault.
        DownloadError: the archive could not be fetched.
        OutputError: something cannot be written, or another source was prepared there before.
    """
    with _alone(root):
        clear_leftovers(root)
        folder = root / "prepared"
        if source is None and folder.exists():
            return _preparation(folder, was_there=True)
        if source is None:
            source = root / ARCHIVE
            if not source.exists():
                _download(source)
        found, replaced = _read(source)
        _check_counts(source, found, reviews_per_class)
        digest = _digest(found)
        if not folder.exists():
            _write(found, digest, replaced, folder)
            return _preparation(folder, was_there=False)
        if _load_meta(folder)["source"] != digest:
            raise OutputError(f"{folder}: prepared from other reviews than {source}; remove it first to replace it")
        return _preparation(folder, was_there=True)


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """One preparation at a time; a second one says so and waits."""
    with holding(root, wait=False) as is_ours:
        if is_ours:
            yield
            return
    print(f"{root}: another preparation is at work; waiting for it", flush=True)
    with holding(root):
        yield


def _write(found: dict[Key, str], digest: str, replaced: int, folder: Path) -> None:
    """Texts, token ids and vocabularies of all splits, and what they were made from."""
    keys = _split(found)
    texts = {split: [found[key] for key in keys[split]] for split in SPLITS}
    labels = {split: [int(key[1] == "pos") for key in keys[split]] for split in SPLITS}
    with replacing(folder) as temporary:
        temporary.mkdir()
        _write_texts(texts, keys, temporary)
        for tokenizer in TOKENIZERS:
            vocabulary, reviews = index_texts(texts, labels, tokenizer)
            vocabulary.save(temporary / f"{tokenizer}.vocabulary.txt")
            _save_arrays(temporary / f"{tokenizer}.npz", reviews)
        meta = {
            "format": FORMAT,
            "source": digest,
            "sizes": {split: len(items) for split, items in texts.items()},
            "replaced": replaced,
            "files": {path.name: check_sum(path) for path in sorted(temporary.iterdir())},
        }
        jsonfile.write(temporary / "meta.json", meta)


def _download(path: Path) -> None:
    try:
        download(URLS, path, MD5, SIZE)
    except DownloadError as error:
        raise DownloadError(f"{error}; without a network: data imdb --from FILE_OR_FOLDER, or --corpus small") from None


def _preparation(folder: Path, was_there: bool) -> Preparation:
    meta = _load_meta(folder)
    return Preparation(folder, meta["sizes"], meta["replaced"], meta["source"] == OFFICIAL, was_there)


def is_prepared(root: Path) -> bool:
    return os.path.exists(root / "prepared")  # Path.exists raises where it may not look


def prepared_folder(root: Path) -> Path:
    """Where the prepared reviews are. Raises NotPreparedError if they are not."""
    if not is_prepared(root):
        raise NotPreparedError(
            f"{root}: IMDB is not prepared; run: python -m chapter6 data imdb, or use --corpus small"
        )
    return root / "prepared"


def load(root: Path, tokenizer: str) -> Corpus:
    """The prepared corpus in one tokenisation, every file checked.

    Raises:
        NotPreparedError: nothing is prepared in ``root``.
        DataError: a file is damaged, or was changed since.
    """
    folder = prepared_folder(root)
    meta = _load_meta(folder)
    for name in (f"{tokenizer}.npz", f"{tokenizer}.vocabulary.txt", "texts.bin", "texts.npz"):
        path = folder / name
        if not path.is_file() or check_sum(path) != meta["files"].get(name):
            raise DataError(f"{path}: missing, or changed since it was prepared; {_AGAIN.format(folder)}")
    vocabulary = Vocabulary.load(folder / f"{tokenizer}.vocabulary.txt")
    path = folder / f"{tokenizer}.npz"
    reviews = {split: Reviews(*_load_arrays(path, [f"{split}_{name}" for name in _ARRAYS])) for split in SPLITS}
    for split, items in reviews.items():
        try:
            items.check(meta["sizes"][split], len(vocabulary))
        except DataError as error:
            raise DataError(f"{path}: {split} holds {error}; {_AGAIN.format(folder)}") from None
    return Corpus("imdb", tokenizer, vocabulary, reviews, _load_texts(folder, meta["sizes"]))


def fingerprint(root: Path) -> str:
    """Another one where anything else was prepared. Raises NotPreparedError, or DataError where that is damaged."""
    return json.dumps(_load_meta(prepared_folder(root)), sort_keys=True)


def load_numbers(root: Path) -> dict[str, np.ndarray]:
    """The number N of each review, int64, in the order of the corpus that :func:`load` has checked."""
    numbers = _load_arrays(prepared_folder(root) / "texts.npz", [f"{split}_numbers" for split in SPLITS])
    return dict(zip(SPLITS, numbers, strict=True))


_AGAIN = "remove {} and prepare it again"
_ARRAYS = ("ids", "offsets", "labels")
_META = {"format": int, "source": str, "sizes": dict.fromkeys(SPLITS, int), "replaced": int, "files": dict}


def _load_meta(folder: Path) -> dict[str, Any]:
    path = folder / "meta.json"
    try:
        meta = jsonfile.read(path, _META)
    except CheckpointError as error:
        raise DataError(f"{error}; {_AGAIN.format(folder)}") from None
    if meta["format"] != FORMAT:
        raise DataError(f"{path}: of another version; {_AGAIN.format(folder)}")
    return meta


def _read(source: Path) -> tuple[dict[Key, str], int]:
    """All labelled reviews of an archive or a folder, and how many held bytes that are no text."""
    found: dict[Key, str] = {}
    replaced = 0
    is_folder = os.path.isdir(source)
    for name, content in _from_folder(source) if is_folder else read_archive(source, _NAME, MAX_REVIEW_BYTES):
        part, kind, number = _NAME.fullmatch(name).groups()  # type: ignore[union-attr]
        key = (part, kind, int(number))
        if key in found:
            raise DataError(f"{source}: holds {part}/{kind} review {number} twice (again as {name})")
        found[key], was_replaced = decode(content)
        replaced += was_replaced
    return found, replaced


def _from_folder(source: Path) -> Iterator[tuple[str, bytes]]:
    top = next((top for top in (source, source / "aclImdb") if os.path.isdir(top / "train")), None)
    if top is None:
        raise DataError(f"{source}: holds no IMDB, expected the folders train and test in it, or in aclImdb/")
    total = 0
    for part in ("train", "test"):
        for kind in ("neg", "pos"):
            for path in sorted((top / part / kind).glob("*.txt")):
                name = f"{part}/{kind}/{path.name}"
                if _NAME.fullmatch(name):
                    content = _read_file(path)
                    total += len(content)
                    if total > MAX_BYTES:
                        raise DataError(f"{source}: refused, {name} makes it larger than these reviews could be")
                    yield name, content


def _read_file(path: Path) -> bytes:
    with open_file(path, "expected a review", MAX_REVIEW_BYTES) as file:
        try:
            return file.read(MAX_REVIEW_BYTES)
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


def _check_counts(source: Path, found: dict[Key, str], expected: int) -> None:
    for part in ("train", "test"):
        for kind in ("neg", "pos"):
            number = sum(key[:2] == (part, kind) for key in found)
            if number != expected:
                raise DataError(f"{source}: {number:,} reviews in {part}/{kind}, expected {expected:,}")


def _digest(found: dict[Key, str]) -> str:
    """Of all reviews; the same for an archive and the folder it came from, in whatever encoding."""
    digest = hashlib.sha256()
    for key in sorted(found):
        content = found[key].encode()
        digest.update(f"{key} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


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


class _Texts(Sequence):
    """Texts that stay on the disk until one is asked for."""

    def __init__(self, path: Path, offsets: np.ndarray) -> None:
        self.path, self.offsets = path, offsets

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, i: int) -> str:  # type: ignore[override]
        if not 0 <= i < len(self):
            raise IndexError(i)
        start, end = self.offsets[i : i + 2]
        try:
            with self.path.open("rb") as file:
                file.seek(start)
                return file.read(end - start).decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{self.path}: review {i} cannot be read ({error})") from None


def _write_texts(texts: dict[str, list[str]], keys: dict[str, list[Key]], folder: Path) -> None:
    """All texts in one file; where each begins and ends, as in :class:`Reviews`; and their numbers."""
    arrays, position = {}, 0
    with (folder / "texts.bin").open("wb") as file:
        for split, items in texts.items():
            ends = [position]
            for text in items:
                position += file.write(text.encode("utf-8"))
                ends.append(position)
            arrays[split] = np.array(ends, dtype="int64")
            arrays[f"{split}_numbers"] = np.array([number for _, _, number in keys[split]], dtype="int64")
    np.savez(folder / "texts.npz", **arrays)  # type: ignore[arg-type]


def _load_texts(folder: Path, sizes: dict[str, int]) -> dict[str, Sequence[str]]:
    path, content = folder / "texts.npz", folder / "texts.bin"
    texts, end = {}, 0
    for split in SPLITS:
        offsets, numbers = _load_arrays(path, [split, f"{split}_numbers"])
        has_kind = offsets.dtype == numbers.dtype == "int64"
        if not has_kind or (offsets.shape, numbers.shape) != ((sizes[split] + 1,), (sizes[split],)):
            raise DataError(f"{path}: not the texts and numbers of {split}; {_AGAIN.format(folder)}")
        if offsets[0] != end or np.any(offsets[:-1] > offsets[1:]):
            raise DataError(f"{path}: the texts of {split} do not follow one another; {_AGAIN.format(folder)}")
        texts[split], end = _Texts(content, offsets), offsets[-1]
    if end != content.stat().st_size:
        raise DataError(f"{path}: does not fit {content.name}; {_AGAIN.format(folder)}")
    return texts


def _save_arrays(path: Path, reviews: dict[str, Reviews]) -> None:
    arrays = {f"{split}_{name}": getattr(items, name) for split, items in reviews.items() for name in _ARRAYS}
    np.savez(path, **arrays)  # type: ignore[arg-type]


def _load_arrays(path: Path, names: Sequence[str]) -> list[np.ndarray]:
    """Some of what ``numpy.savez`` wrote, without asking for more memory than the file is large."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [archive.getinfo(f"{name}.npy") for name in names]
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise ValueError("compressed")
            return [_parse_array(archive.read(member)) for member in members]
    except Exception as error:  # a damaged archive can raise nearly anything
        raise DataError(f"{path}: no arrays as NumPy writes them ({error}); {_AGAIN.format(path.parent)}") from None


def _parse_array(content: bytes) -> np.ndarray:
    file = BytesIO(content)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("another version of NumPy's format")
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    return np.frombuffer(content, dtype, offset=file.tell()).reshape(shape)
