"""Texts and arrays of a prepared corpus on the disk: what is read is checked before it is believed.

An array file is what ``numpy.savez`` writes; it is read without pickle, and asks for no more memory than it is large.
All texts are in ``texts.bin``, one after the other; ``texts.npz`` says where each begins and ends.
"""

import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

from nndl.dataset.prepared import AGAIN
from nndl.error import DataError

import numpy as np

TEXT_FILES = ("texts.bin", "texts.npz")


class StoredTexts(Sequence):
    """Texts that stay on the disk until one is asked for.

    Args:
        path: the file of all texts.
        offsets: int64 [N + 1]; text i is in the bytes offsets[i] to offsets[i + 1].
    """

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
            raise DataError(f"{self.path}: text {i} cannot be read ({error})") from None


def write_texts(folder: Path, texts: Mapping[str, Sequence[str]], **arrays: np.ndarray) -> None:
    """The texts of each split, and arrays that go with them."""
    offsets, position = {}, 0
    with (folder / "texts.bin").open("wb") as file:
        for split, items in texts.items():
            ends = [position]
            for text in items:
                position += file.write(text.encode("utf-8"))
                ends.append(position)
            offsets[split] = np.array(ends, dtype="int64")
    np.savez(folder / "texts.npz", **offsets, **arrays)


def load_texts(folder: Path, sizes: Mapping[str, int]) -> dict[str, Sequence[str]]:
    """The texts of each split, in the order they were written. Raises DataError unless they are so many."""
    path, content = folder / "texts.npz", folder / "texts.bin"
    texts, end = {}, 0
    for split, offsets in zip(sizes, load_arrays(path, list(sizes)), strict=True):
        if offsets.dtype != "int64" or offsets.shape != (sizes[split] + 1,):
            raise DataError(f"{path}: not the texts of {split}; {AGAIN.format(folder)}")
        if offsets[0] != end or np.any(offsets[:-1] > offsets[1:]):
            raise DataError(f"{path}: the texts of {split} do not follow one another; {AGAIN.format(folder)}")
        texts[split], end = StoredTexts(content, offsets), offsets[-1]
    if end != content.stat().st_size:
        raise DataError(f"{path}: does not fit {content.name}; {AGAIN.format(folder)}")
    return texts


def load_arrays(path: Path, names: Sequence[str]) -> list[np.ndarray]:
    """Some of what ``numpy.savez`` wrote. Raises DataError for anything else."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [archive.getinfo(f"{name}.npy") for name in names]
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise ValueError("compressed")
            return [_parse_array(archive.read(member)) for member in members]
    except Exception as error:  # a damaged archive can raise nearly anything
        raise DataError(f"{path}: no arrays as NumPy writes them ({error}); {AGAIN.format(path.parent)}") from None


def _parse_array(content: bytes) -> np.ndarray:
    file = BytesIO(content)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("another version of NumPy's format")
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    return np.frombuffer(content, dtype, offset=file.tell()).reshape(shape)
