"""Corpora that are prepared once: fetched, checked, read safely, written whole or not at all, and checked when loaded.

A corpus is a :class:`Source` and two functions of its own: one reads the published files, one writes what is made of
them. All else is here. ``root`` is the folder of a corpus, such as ``data/imdb``; what is prepared is in
``root/prepared``: the corpus' own files, and ``meta.json``, which knows what they were made from and their check sums.
It is checked whenever it is loaded: its sums against damage, its structure against whoever made new sums.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nndl import jsonfile
from nndl.dataset.archive import MAX_BYTES
from nndl.dataset.download import Published, download
from nndl.dataset.reading import open_file
from nndl.dataset.text import SPLITS
from nndl.error import CheckpointError, DataError, DownloadError, NotPreparedError, OutputError
from nndl.file import check_sum, clear_leftovers, replacing
from nndl.lock import holding

AGAIN = "remove {} and prepare it again"
"""Ends each message about what was prepared, with the folder."""

Texts = dict[tuple, str] | dict[tuple, bytes]
"""All texts of a corpus, or all files that are no text, such as sounds, under keys of its own."""

_META = {"format": int, "source": str, "sizes": dict.fromkeys(SPLITS, int), "replaced": int, "files": dict}


@dataclass(frozen=True)
class Preparation:
    """What :meth:`Source.prepare` did.

    Args:
        folder: where it is.
        sizes: the examples of each split.
        replaced: how many texts held bytes that are no text.
        is_official: whether they are the official texts, to the letter.
        was_there: whether it was prepared before.
    """

    folder: Path
    sizes: dict[str, int]
    replaced: int
    is_official: bool
    was_there: bool


@dataclass(frozen=True)
class Source:
    """A corpus as it is published, and how to speak of it.

    Args:
        name: what a message calls it.
        texts: what a message calls what it holds, such as "reviews".
        published: the files that it is published in: an archive, or several files, which make a folder.
        official: the :func:`digest` of its texts: what a source without a check sum is compared to.
        format: counts up when a prepared folder of before would be read wrongly.
        advice: how to prepare it, or do without.
        offline: what to do without a network.
    """

    name: str
    texts: str
    published: tuple[Published, ...]
    official: str
    format: int
    advice: str
    offline: str

    def prepare(
        self,
        source: Path | None,
        root: Path,
        read: Callable[[Path], tuple[Texts, int]],
        write: Callable[[Texts, Path], dict[str, int]],
    ) -> Preparation:
        """Leave ``root/prepared``, whole or not at all; one process at a time.

        Args:
            source: a file or a folder; None for what is published, which is downloaded to ``root`` unless it is
                there, or the corpus is prepared already.
            root: the folder of the corpus.
            read: all texts of a source, and how many held bytes that are no text. Raises DataError.
            write: the corpus' own files into a folder; returns the examples of each split.

        Raises:
            DataError: the source is not the corpus; names the fault.
            DownloadError: a file could not be fetched.
            OutputError: something cannot be written, or another source was prepared there before.
        """
        with _alone(root):
            clear_leftovers(root)
            folder = root / "prepared"
            if source is None and folder.exists():
                return self._preparation(root, was_there=True)
            is_published = source is None
            if source is None:
                source = self._fetch(root)
            found, replaced = read(source)
            made_from = digest(found)
            if is_published and made_from != self.official and not all(file.check_sum for file in self.published):
                raise DataError(f"{source}: not the official {self.texts}; remove it and fetch it again")
            if not folder.exists():
                with replacing(folder) as temporary:
                    temporary.mkdir()
                    sizes = write(found, temporary)
                    meta = {"format": self.format, "source": made_from, "sizes": sizes, "replaced": replaced}
                    meta["files"] = {path.name: check_sum(path) for path in sorted(temporary.iterdir())}
                    jsonfile.write(temporary / "meta.json", meta)
                return self._preparation(root, was_there=False)
            if self.load_meta(root)["source"] != made_from:
                raise OutputError(
                    f"{folder}: prepared from other {self.texts} than {source}; remove it first to replace it"
                )
            return self._preparation(root, was_there=True)

    def _fetch(self, root: Path) -> Path:
        """The file, where there is but one, or the folder of all."""
        for file in self.published:
            try:
                if not (root / file.name).exists():
                    download(file, root / file.name)
            except DownloadError as error:
                raise DownloadError(f"{error}; without a network: {self.offline}") from None
        return root / self.published[0].name if len(self.published) == 1 else root

    def _preparation(self, root: Path, was_there: bool) -> Preparation:
        meta = self.load_meta(root)
        is_official = meta["source"] == self.official
        return Preparation(root / "prepared", meta["sizes"], meta["replaced"], is_official, was_there)

    def folder(self, root: Path) -> Path:
        """Where the prepared corpus is. Raises NotPreparedError if it is not."""
        if not is_prepared(root):
            raise NotPreparedError(f"{root}: {self.name} is not prepared; {self.advice}")
        return root / "prepared"

    def load_meta(self, root: Path) -> dict[str, Any]:
        """``meta.json``: format, source, sizes of the splits, replaced, files. Raises NotPreparedError, DataError."""
        folder = self.folder(root)
        path = folder / "meta.json"
        try:
            meta = jsonfile.read(path, _META)
        except CheckpointError as error:
            raise DataError(f"{error}; {AGAIN.format(folder)}") from None
        if meta["format"] != self.format:
            raise DataError(f"{path}: of another version; {AGAIN.format(folder)}")
        return meta

    def load_sizes(self, root: Path, names: Sequence[str]) -> dict[str, int]:
        """The examples of each split, once the files of these names are what was prepared. Raises as above."""
        folder, meta = self.folder(root), self.load_meta(root)
        for name in names:
            path = folder / name
            if not path.is_file() or check_sum(path) != meta["files"].get(name):
                raise DataError(f"{path}: missing, or changed since it was prepared; {AGAIN.format(folder)}")
        return {split: meta["sizes"][split] for split in SPLITS}

    def fingerprint(self, root: Path) -> str:
        """Another one where anything else was prepared. Raises NotPreparedError, or DataError where it is damaged."""
        return json.dumps(self.load_meta(root), sort_keys=True)

    def read_folder(
        self, top: Path, folders: Sequence[str], name: re.Pattern, most: int
    ) -> Iterator[tuple[str, bytes]]:
        """Files of some folders below ``top``, by name, as :func:`nndl.dataset.archive.read_archive` reads an archive.

        Args:
            top: a folder.
            folders: below it, such as "train/pos".
            name: fits those that are wanted, the folder included: "train/pos/1_9.txt".
            most: the bytes each may hold.

        Raises:
            DataError: one is no file, too large, or cannot be read; or all together are too large.
        """
        total = 0
        for folder in folders:
            for path in sorted((top / folder).glob("*")):
                if name.fullmatch(inner := f"{folder}/{path.name}"):
                    content = _read_file(path, most)
                    total += len(content)
                    if total > MAX_BYTES:
                        raise DataError(f"{top}: refused, {inner} makes it larger than these {self.texts} could be")
                    yield inner, content


def is_prepared(root: Path) -> bool:
    return os.path.exists(root / "prepared")  # Path.exists raises where it may not look


def digest(texts: Texts) -> str:
    """Of all texts; the same for an archive and the folder it came from, in whatever encoding."""
    found = hashlib.sha256()
    for key in sorted(texts):
        text = texts[key]
        content = text.encode() if isinstance(text, str) else text
        found.update(f"{key} {len(content)}\n".encode())
        found.update(content)
    return found.hexdigest()


def _read_file(path: Path, most: int) -> bytes:
    with open_file(path, "expected a text", most) as file:
        try:
            return file.read(most)
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


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
