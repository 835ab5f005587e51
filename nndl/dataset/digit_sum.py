"""DigitSum (数字求和), the task of sections 6.2, 6.4 and 6.5.

A sequence holds L digits; its label is the sum of the FIRST TWO, 0 to 18. The longer the sequence, the longer
a network must remember. One folder a length holds train.txt, dev.txt and test.txt; a line is the digits,
separated by single spaces, a tab, and the label. Loading and generating need no Paddle.

The lengths of the book come with the project, in ``data/digit_sum``; others are made in ``data/made/digit_sum``.
"""

import os
import random
from pathlib import Path

from nndl.dataset import DATA
from nndl.dataset.reading import open_file, read_lines
from nndl.error import DataError, OutputError, SettingError
from nndl.file import replacing

SPLITS = ("train", "dev", "test")
LENGTHS = (5, 10, 15, 20, 25, 30, 35)
NUM_DIGITS, NUM_CLASSES = 10, 19
TRAIN_K = 3
"""Training examples for each pair of first digits; dev and test have one."""
DATA_SEED = 0
MAX_LENGTH = 10_000
MAX_FILE_BYTES = 256 << 20
DEFAULT_ROOT = DATA / "digit_sum"
MADE = Path("made") / "digit_sum"
"""Below the folder of the data, where git looks away."""

Example = tuple[list[int], int]


def generate(length: int, k: int, rng: random.Random) -> list[Example]:
    """All 100 pairs followed by zeros, k examples of each, one zero of each replaced by a random digit.

    Args:
        length: L, 3 to :data:`MAX_LENGTH`.
        k: examples a pair, at least 1.
        rng: draws the digit, uniform in 0..9, then the position, uniform in 2..L-1.

    Raises:
        SettingError: length under 3 or over :data:`MAX_LENGTH`, or k under 1.
    """
    if length < 3:
        raise SettingError(f"length {length}: expected at least 3, two digits to add and one to disturb")
    if length > MAX_LENGTH:
        raise SettingError(f"length {length}: expected at most {MAX_LENGTH}")
    if k < 1:
        raise SettingError(f"k {k}: expected at least 1 example for each pair of digits")
    examples = []
    for first in range(10):
        for second in range(10):
            for _ in range(k):
                digits = [first, second] + [0] * (length - 2)
                digits[rng.randrange(2, length)] = rng.randrange(10)
                examples.append((digits, first + second))
    return examples


def write(root: Path, length: int, k: int = TRAIN_K, seed: int = DATA_SEED) -> Path:
    """Generate one length and write its folder, whole or not at all.

    Args:
        root: the folder of all lengths.
        length, k: see :func:`generate`; k is for train, dev and test have 1.
        seed: every split of every length draws from a stream of its own, so one length never depends on another.

    Returns:
        The folder ``root/length``.

    Raises:
        SettingError: length under 3 or over :data:`MAX_LENGTH`, or k under 1.
        OutputError: the folder is there already, or cannot be written.
    """
    splits = {
        split: generate(length, k if split == "train" else 1, random.Random(f"{seed}/{length}/{split}"))
        for split in SPLITS
    }
    folder = Path(root) / str(length)
    if folder.exists():
        raise OutputError(f"{folder} is there already and stays as it is; remove it first to make it again")
    with replacing(folder) as temporary:
        temporary.mkdir()
        for split, examples in splits.items():
            lines = [f"{' '.join(map(str, digits))}\t{label}\n" for digits, label in examples]
            (temporary / f"{split}.txt").write_text("".join(lines), encoding="utf-8", newline="\n")
    return folder


def find(data_dir: Path, length: int) -> Path | None:
    """The folder of one length, one that came with the project before one that was made; None where there is none."""
    folders = (data_dir / root / str(length) for root in ("digit_sum", MADE))
    return next((folder for folder in folders if os.path.lexists(folder)), None)


def make(data_dir: Path, length: int, k: int = TRAIN_K, seed: int = DATA_SEED) -> Path:
    """:func:`write` a length that is not there yet to ``data_dir/made/digit_sum``. Raises SettingError, OutputError."""
    if there := find(data_dir, length):
        raise OutputError(f"{there} is there already and stays as it is; remove it first to make it again")
    return write(data_dir / MADE, length, k, seed)


def provide(data_dir: Path, length: int) -> Path:
    """The folder of one length, checked; it is made where it is not there. Any number may call at once.

    Raises:
        SettingError: length under 3 or over :data:`MAX_LENGTH`, or the folder of this name holds another length.
        DataError: names file, line and fault.
        OutputError: it cannot be written.
    """
    folder = find(data_dir, length)
    if folder is None:
        try:
            folder = make(data_dir, length)
        except OutputError:
            folder = find(data_dir, length)
            if folder is None:  # else another run has just made it, the same
                raise
    found = len(load(folder)["train"][0][0])
    if found != length:
        raise SettingError(f"{folder}: holds sequences of {found} digits, expected {length}; remove it to make it anew")
    return folder


def load(folder: Path) -> dict[str, list[Example]]:
    """The three splits of one length, every line checked.

    See :mod:`nndl.dataset.reading` for the encodings; the lines may end in LF, CRLF or CR.

    Raises:
        DataError: names file, line and fault.
    """
    splits = {split: load_file(Path(folder) / f"{split}.txt") for split in SPLITS}
    lengths = {split: len(examples[0][0]) for split, examples in splits.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"{folder}: sequences of {lengths} digits, expected one length in all three files")
    return splits


def load_file(path: Path) -> list[Example]:
    """The examples of one file: (digits, label). Raises DataError, see :func:`load`."""
    file = open_file(Path(path), "remove its folder, and the next run makes it anew", MAX_FILE_BYTES)
    lines = list(read_lines(file, str(path)))
    if not lines:
        raise DataError(f"{path}: empty, expected one example a line")
    examples: list[Example] = []
    for number, line in enumerate(lines, start=1):
        try:
            examples.append(_parse(line, len(examples[0][0]) if examples else None))
        except ValueError as error:
            raise DataError(f"{path}, line {number}: {error}") from None
    return examples


def _parse(line: str, length: int | None) -> Example:
    text, tab, label_text = line.partition("\t")
    if not tab:
        raise ValueError(f"no tab in {line[:80]!r}, expected digits, a tab, the label")
    tokens = text.split(" ")
    for token in tokens:
        if len(token) != 1 or token not in "0123456789":
            raise ValueError(f"{token[:20]!r} is no digit, expected digits 0 to 9 separated by single spaces")
    if len(tokens) < 3 or (length is not None and len(tokens) != length):
        raise ValueError(f"{len(tokens)} digits, expected {length or 'at least 3'}")
    digits = [int(token) for token in tokens]
    if label_text != str(digits[0] + digits[1]):
        raise ValueError(f"label {label_text[:20]!r}, expected {digits[0]} + {digits[1]} = {digits[0] + digits[1]}")
    return digits, int(label_text)
