"""IMDB (影评情感), the reviews of section 6.7: fetched, checked, prepared once, and then loaded in a moment.

Maas et al., "Learning Word Vectors for Sentiment Analysis", ACL 2011. The official layout holds
``train|test/pos|neg/N_rating.txt``, 12,500 reviews in each of the four folders; the unlabelled part is left aside.

Dev and test are the two halves of the official test part. The rule: of each class, in the order of the number N, the
first half is dev, the second test. (Reviews of one film stand side by side, so few films are in both halves.)

An archive is never unpacked: its reviews are read one by one into memory, so nothing in it can reach another place.
"""

import hashlib
import json
import re
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from nndl.dataset.download import download
from nndl.dataset.text import SPLITS, TOKENIZERS, Corpus, Reviews, Vocabulary, decode, index_texts
from nndl.error import DataError, DownloadError, NotPreparedError, OutputError
from nndl.file import clear_leftovers, replacing

URLS = (
    "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
    "https://bj.bcebos.com/dataset/imdb%2FaclImdb_v1.tar.gz",
)
MD5 = "7c2ac02c03563afcf9b574c7e56c153a"
ARCHIVE = "aclImdb_v1.tar.gz"
REVIEWS_PER_CLASS = 12_500
"""In the train part and in the test part, each."""
MAX_REVIEW_BYTES = 16 << 20
MAX_ARCHIVE_BYTES = 4 << 30
"""What an archive may hold, unpacked; the official one holds 0.5 GB."""
FORMAT = 1
"""Counts up when a prepared folder of before would be read wrongly."""

_NAME = re.compile(r"(?:.*/)?(train|test)/(neg|pos)/(\d+)_\d+\.txt")

Key = tuple[str, str, int]
"""Part ("train" or "test"), class ("neg" or "pos"), number N."""


@dataclass(frozen=True)
class Preparation:
    """What :func:`prepare` did: the folder, the reviews of each split, how many held bytes that are not UTF-8."""

    folder: Path
    sizes: dict[str, int]
    replaced: int
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
            return _was_there(folder)
        if source is None:
            source = root / ARCHIVE
            if not source.exists():
                _download(source)
        found = _read(source)
        _check_counts(source, found, reviews_per_class)
        fingerprint = _fingerprint(found)
        if not folder.exists():
            return _write(found, fingerprint, folder)
        if _load_meta(folder)["source"] != fingerprint:
            raise OutputError(f"{folder}: prepared from other reviews than {source}; remove it first to replace it")
        return _was_there(folder)


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """One preparation at a time; a second one says so and waits."""
    from filelock import FileLock, Timeout

    lock = FileLock(root / ".lock")
    try:
        root.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            print(f"{root}: another preparation is at work; waiting for it", flush=True)
            lock.acquire()
    except OSError as error:
        raise OutputError(f"cannot write {root}: {error.strerror or error}; choose another place") from error
    try:
        yield
    finally:
        lock.release()


def _write(found: dict[Key, bytes], fingerprint: str, folder: Path) -> Preparation:
    """Texts, token ids and vocabularies of all splits, and what they were made from."""
    keys = _split(found)
    decoded = {split: [decode(found[key]) for key in keys[split]] for split in SPLITS}
    texts = {split: [text for text, _ in pairs] for split, pairs in decoded.items()}
    labels = {split: [int(key[1] == "pos") for key in keys[split]] for split in SPLITS}
    with replacing(folder) as temporary:
        temporary.mkdir()
        _write_texts(texts, temporary)
        for tokenizer in TOKENIZERS:
            vocabulary, reviews = index_texts(texts, labels, tokenizer)
            vocabulary.save(temporary / f"{tokenizer}.vocabulary.txt")
            _save_arrays(temporary / f"{tokenizer}.npz", reviews)
        meta = {
            "format": FORMAT,
            "source": fingerprint,
            "sizes": {split: len(items) for split, items in texts.items()},
            "replaced": sum(was_replaced for pairs in decoded.values() for _, was_replaced in pairs),
            "files": {path.name: _sha256(path) for path in sorted(temporary.iterdir())},
        }
        (temporary / "meta.json").write_text(json.dumps(meta, indent=1))
    return Preparation(folder, meta["sizes"], meta["replaced"], was_there=False)


def _download(path: Path) -> None:
    try:
        download(URLS, path, MD5)
    except DownloadError as error:
        raise DownloadError(f"{error}; without a network: data imdb --from FILE_OR_FOLDER, or --corpus small") from None


def _was_there(folder: Path) -> Preparation:
    meta = _load_meta(folder)
    return Preparation(folder, meta["sizes"], meta["replaced"], was_there=True)


def is_prepared(root: Path) -> bool:
    return (root / "prepared").exists()


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
    expected = _load_meta(folder)["files"]
    for name in (f"{tokenizer}.npz", f"{tokenizer}.vocabulary.txt", "texts.bin", "texts.npz"):
        path = folder / name
        if not path.is_file() or _sha256(path) != expected.get(name):
            raise DataError(f"{path}: missing, or changed since it was prepared; remove {folder} and prepare it again")
    with np.load(folder / f"{tokenizer}.npz", allow_pickle=False) as arrays:
        reviews = {
            split: Reviews(*(arrays[f"{split}_{name}"] for name in ("ids", "offsets", "labels"))) for split in SPLITS
        }
    vocabulary = Vocabulary.load(folder / f"{tokenizer}.vocabulary.txt")
    return Corpus("imdb", tokenizer, vocabulary, reviews, _load_texts(folder))


def _load_meta(folder: Path) -> dict[str, Any]:
    path = folder / "meta.json"
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
        if meta["format"] == FORMAT:
            return {name: meta[name] for name in ("source", "sizes", "replaced", "files")}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise DataError(f"{path}: missing, damaged or of another version; remove {folder} and prepare it again")


def _read(source: Path) -> dict[Key, bytes]:
    """All labelled reviews of an archive or a folder."""
    found: dict[Key, bytes] = {}
    for name, content in _from_folder(source) if source.is_dir() else _from_archive(source):
        match = _NAME.fullmatch(name)
        if match is None:
            continue
        key = (match[1], match[2], int(match[3]))
        if key in found:
            raise DataError(f"{source}: holds {match[1]}/{match[2]} review {match[3]} twice (again as {name})")
        found[key] = content
    return found


def _from_folder(source: Path) -> Iterator[tuple[str, bytes]]:
    top = next((top for top in (source, source / "aclImdb") if (top / "train").is_dir()), None)
    if top is None:
        raise DataError(f"{source}: holds no IMDB, expected the folders train and test in it, or in aclImdb/")
    for part in ("train", "test"):
        for kind in ("neg", "pos"):
            for path in sorted((top / part / kind).glob("*.txt")):
                yield f"{part}/{kind}/{path.name}", _read_file(path)


def _read_file(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_REVIEW_BYTES:
            raise DataError(f"{path}: {path.stat().st_size >> 20} MB, expected a review of at most 16 MB")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


def _from_archive(source: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(source) as archive:
            total = 0
            for member in archive:
                total += member.size
                _check_member(source, member, total)
                if member.isfile() and _NAME.fullmatch(member.name):
                    yield member.name, archive.extractfile(member).read()  # type: ignore[union-attr]
    except FileNotFoundError:
        raise DataError(f"{source}: no such file or folder; give the archive or an extracted aclImdb folder") from None
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise DataError(
            f"{source}: no archive, or a truncated or damaged one ({error}); fetch it again, its MD5 is {MD5}"
        ) from None


def _check_member(source: Path, member: tarfile.TarInfo, total: int) -> None:
    """Nothing is unpacked, yet an archive with such a member is not the corpus, and not to be trusted."""
    path = PurePosixPath(member.name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", member.name):
        raise DataError(f"{source}: refused, its member {member.name!r} points out of the archive")
    if not (member.isfile() or member.isdir()):
        raise DataError(f"{source}: refused, its member {member.name!r} is a link or a device")
    if total > MAX_ARCHIVE_BYTES or (_NAME.fullmatch(member.name) and member.size > MAX_REVIEW_BYTES):
        raise DataError(f"{source}: refused, {member.name!r} makes it larger than any archive of these reviews")


def _check_counts(source: Path, found: dict[Key, bytes], expected: int) -> None:
    for part in ("train", "test"):
        for kind in ("neg", "pos"):
            number = sum(key[:2] == (part, kind) for key in found)
            if number != expected:
                raise DataError(f"{source}: {number:,} reviews in {part}/{kind}, expected {expected:,}")


def _fingerprint(found: dict[Key, bytes]) -> str:
    """Of all reviews; the same for an archive and the folder it came from."""
    digest = hashlib.sha256()
    for key in sorted(found):
        digest.update(f"{key} {len(found[key])}\n".encode())
        digest.update(found[key])
    return digest.hexdigest()


def _split(found: dict[Key, bytes]) -> dict[str, list[Key]]:
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
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(end - start).decode("utf-8")


def _write_texts(texts: dict[str, list[str]], folder: Path) -> None:
    """All texts in one file, and where each begins and ends, as in :class:`Reviews`."""
    offsets, position = {}, 0
    with (folder / "texts.bin").open("wb") as file:
        for split, items in texts.items():
            ends = [position]
            for text in items:
                position += file.write(text.encode("utf-8"))
                ends.append(position)
            offsets[split] = np.array(ends, dtype="int64")
    np.savez(folder / "texts.npz", **offsets)  # type: ignore[arg-type]


def _load_texts(folder: Path) -> dict[str, Sequence[str]]:
    with np.load(folder / "texts.npz", allow_pickle=False) as offsets:
        return {split: _Texts(folder / "texts.bin", offsets[split]) for split in SPLITS}


def _save_arrays(path: Path, reviews: dict[str, Reviews]) -> None:
    arrays = {f"{split}_{name}": array for split, items in reviews.items() for name, array in vars(items).items()}
    np.savez(path, **arrays)  # type: ignore[arg-type]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
