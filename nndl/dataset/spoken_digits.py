"""Spoken digits (口语数字): the Free Spoken Digit Dataset (FSDD), and strings of them, one speaker each.

Jackson et al., "Free Spoken Digit Dataset", v1.0.10, CC BY-SA 4.0: 3,000 recordings ``{digit}_{speaker}_{index}.wav``,
6 speakers x 10 digits x 50, mono, 16 bits, 8,000 samples a second.

The rule of the splits: index 0 to 4 is test, as the authors say, 5 to 9 dev, the others train. So no recording is in
two splits; a speaker who is left out of training was never heard at all.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nndl.dataset import prepared
from nndl.dataset.archive import read_archive
from nndl.dataset.audio import RATE, frames_of, log_mel, read_wav
from nndl.dataset.download import Published
from nndl.dataset.prepared import AGAIN, Preparation, Source
from nndl.dataset.stored import load_arrays
from nndl.dataset.text import SPLITS
from nndl.dataset.unaligned import Example
from nndl.error import DataError

import numpy as np

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
DIGITS, INDICES = 10, 50
FSDD = Source(
    name="FSDD",
    texts="recordings",
    published=(
        Published(
            "fsdd-v1.0.10.tar.gz",
            ("https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.tar.gz",),
            # 归档在下载时生成, 字节不固定: 核对的是内容   the archive is packed anew for each: its content is checked
            check_sum="",
            size=64 << 20,
        ),
    ),
    official="a80f7ded0edd3dc777c33a37fc17f59eedcbe397d2e50335f5c984f0992dc175",
    format=1,
    advice="run: python -m chapter6 data fsdd, or use --corpus strips",
    offline="data fsdd --from FILE_OR_FOLDER, or --corpus strips",
)
MAX_WAV_BYTES = 1 << 20
"""The longest of the recordings, of 2.3 seconds, has 36 kB."""
PAUSES, NOISE = (0.05, 0.3), (1e-4, 1e-3)
"""Seconds between two digits, and the standard deviation of the noise over a whole string (1 is the loudest sample)."""

is_prepared = prepared.is_prepared
fingerprint = FSDD.fingerprint

_NAME = re.compile(rf"(?:.*/)?([0-9])_({'|'.join(SPEAKERS)})_(0|[1-9][0-9]?)\.wav")
_ARRAYS = ("samples", "offsets", "digits", "speakers")

Key = tuple[int, str, int]
"""Digit, speaker, index."""


def prepare(source: Path | None, root: Path) -> Preparation:
    """Read all recordings and leave ``root/prepared``; see :meth:`Source.prepare`.

    Args:
        source: an archive, or a folder of the WAV files, or one that holds ``recordings``; None for the official one.
        root: the folder of the corpus, such as ``data/fsdd``.
    """
    return FSDD.prepare(source, root, _read, _write)


@dataclass(frozen=True)
class Recordings:
    """Recordings, end to end in one array.

    Shapes: samples int16 [all]; offsets int64 [N + 1]; digits, speakers int64 [N], a speaker by his place in
    :data:`SPEAKERS`.
    """

    samples: np.ndarray
    offsets: np.ndarray
    digits: np.ndarray
    speakers: np.ndarray

    def __len__(self) -> int:
        return len(self.digits)

    def __getitem__(self, i: int) -> np.ndarray:
        return self.samples[self.offsets[i] : self.offsets[i + 1]]

    def check(self, size: int) -> None:
        """Raise DataError unless these are ``size`` recordings, each of some samples."""
        kinds = ("int16", "int64", "int64", "int64")
        for name, kind in zip(_ARRAYS, kinds, strict=True):
            array = getattr(self, name)
            if array.dtype != kind or array.ndim != 1:
                raise DataError(f"{name} of {array.dtype} {array.shape}, expected {kind} in one dimension")
        if not size == len(self.digits) == len(self.speakers) == len(self.offsets) - 1:
            raise DataError(f"{len(self.digits):,} recordings, expected {size:,}")
        offsets = self.offsets
        if offsets[0] or offsets[-1] != len(self.samples) or np.any(offsets[:-1] >= offsets[1:]):
            raise DataError(f"offsets that do not cut {len(self.samples):,} samples into {size:,} recordings")
        for name, most in (("digits", DIGITS), ("speakers", len(SPEAKERS))):
            array = getattr(self, name)
            if size and not 0 <= array.min() <= array.max() < most:
                raise DataError(f"{name} {array.min()} to {array.max()}, expected 0 to {most - 1}")


def load(root: Path) -> dict[str, Recordings]:
    """The prepared recordings of each split, every file checked.

    Raises:
        NotPreparedError: nothing is prepared in ``root``.
        DataError: a file is damaged, or was changed since.
    """
    sizes = FSDD.load_sizes(root, [f"{split}.npz" for split in SPLITS])
    folder, found = FSDD.folder(root), {}
    for split, size in sizes.items():
        path = folder / f"{split}.npz"
        found[split] = Recordings(*load_arrays(path, _ARRAYS))
        try:
            found[split].check(size)
        except DataError as error:
            raise DataError(f"{path}: {error}; {AGAIN.format(folder)}") from None
    return found


def make(
    recordings: Recordings, number: int, digits: tuple[int, int], speakers: Sequence[int], rng: np.random.Generator
) -> list[Example]:
    """Strings of digits, each of one speaker, as features of :func:`nndl.dataset.audio.log_mel`.

    Args:
        recordings: of one split.
        number: of strings.
        digits: how many a string holds, at least and at most.
        speakers: who may speak.
        rng: draws speakers, digits, recordings, pauses and noise.

    Raises:
        DataError: a speaker of whom there are no recordings here.
    """
    mine = {who: np.flatnonzero(recordings.speakers == who) for who in speakers}
    for who, own in mine.items():
        if not len(own):
            raise DataError(f"no recordings of {SPEAKERS[who]}; prepare the whole FSDD")
    return [
        _string(recordings, rng.choice(mine[rng.choice(list(speakers))], rng.integers(*digits, endpoint=True)), rng)
        for _ in range(number)
    ]


def _string(recordings: Recordings, chosen: np.ndarray, rng: np.random.Generator) -> Example:
    """These recordings one after the other, with pauses, in noise."""
    pieces, spans = [_pause(rng)], []
    for i in chosen:
        start = sum(map(len, pieces))
        pieces += [recordings[i] / 32768, _pause(rng)]
        spans.append((frames_of(start), frames_of(start + len(recordings[i]))))
    sound = np.concatenate(pieces)
    sound += rng.standard_normal(len(sound)) * np.exp(rng.uniform(*np.log(NOISE)))
    return Example.of(log_mel(sound), "".join(map(str, recordings.digits[chosen])), spans)


def _pause(rng: np.random.Generator) -> np.ndarray:
    return np.zeros(int(RATE * rng.uniform(*PAUSES)))


def _read(source: Path) -> tuple[dict[tuple, bytes], int]:
    """All recordings of an archive or a folder, each a WAV file that can be read."""
    found: dict[tuple, bytes] = {}
    for name, content in _files(source):
        digit, speaker, index = _NAME.fullmatch(name).groups()  # type: ignore[union-attr]
        key = (int(digit), speaker, int(index))
        if key in found:
            raise DataError(f"{source}: holds {digit}_{speaker}_{index}.wav twice (again as {name})")
        read_wav(content, f"{source}, {name}")
        found[key] = content
    wanted = {(d, who, i) for d in range(DIGITS) for who in SPEAKERS for i in range(INDICES)}
    if odd := sorted(wanted ^ found.keys()):
        digit, speaker, index = odd[0]
        raise DataError(
            f"{source}: {len(found):,} recordings, expected {len(wanted):,}; {digit}_{speaker}_{index}.wav is "
            f"{'missing' if odd[0] in wanted else 'none of them'}"
        )
    return found, 0


def _files(source: Path) -> Iterator[tuple[str, bytes]]:
    if not os.path.isdir(source):
        return read_archive(source, _NAME, MAX_WAV_BYTES, FSDD.texts)
    inner = "recordings" if os.path.isdir(source / "recordings") else "."
    return FSDD.read_folder(source, [inner], _NAME, MAX_WAV_BYTES)


def _write(found: dict[tuple, bytes], folder: Path) -> dict[str, int]:
    """The samples of all splits."""
    sizes = {}
    for split in SPLITS:
        keys = sorted(key for key in found if split_of(key[2]) == split)
        waves = [read_wav(found[key], str(key)) for key in keys]
        arrays = {
            "samples": np.concatenate(waves),
            "offsets": np.cumsum([0, *map(len, waves)]),
            "digits": np.array([digit for digit, _, _ in keys]),
            "speakers": np.array([SPEAKERS.index(speaker) for _, speaker, _ in keys]),
        }
        np.savez(folder / f"{split}.npz", **arrays)  # type: ignore[arg-type]
        sizes[split] = len(keys)
    return sizes


def split_of(index: int) -> str:
    """The rule of the module's docstring."""
    return "test" if index < 5 else "dev" if index < 10 else "train"
