"""What every lesson needs whose models answer on the command line: the model, and what it is given."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any

import nndl
from chapter6.lab import record, result, terminal
from chapter6.lab.lesson import Asked
from chapter6.lab.text import Text
from nndl.dataset.reading import open_file, read_lines
from nndl.dataset.text import SPECIAL, Vocabulary
from nndl.error import CheckpointError, DataError

import numpy as np


def find_model(out: Path, number: str, presets: Sequence[str], score: str, lowest: bool = False, **wanted: Any) -> Path:
    """The folder of the model with the best dev score of the first of these presets that was run.

    Args:
        out: the folder of the results of all lessons.
        number: the lesson's.
        presets: the best one first.
        score: what of a result is compared, such as "dev_accuracy".
        lowest: whether lower is better.
        wanted: values that the training is set by, such as ``cell="LSTM"``.

    Raises:
        CheckpointError: the lesson was not run, or its models are gone.
    """
    for preset in presets:
        folder = out / number / preset
        if not (folder / "record.json").exists():
            continue
        try:
            results = record.load(folder / "record.json").results()
            fitting = [r for r in results if all(r[n] == v for n, v in wanted.items()) and r[score] is not None]
            if results and not fitting:
                continue
            best = (min if lowest else max)(fitting, key=lambda found: found[score])
            return folder / "checkpoints" / Path(best["folder"]).name
        except (ValueError, TypeError, KeyError):
            raise CheckpointError(f"{folder / 'record.json'}: damaged; run the section again") from None
    raise CheckpointError(f"{out / number}: no trained model; train one first: python -m chapter6 run {number}")


def load_result(folder: Path, example: str, has: str) -> dict[str, Any]:
    """What a training left in its folder, the model checked.

    Args:
        folder: of one training.
        example: of such a folder, for the message.
        has: what a result of this lesson alone holds.

    Raises:
        CheckpointError: it is not there, damaged, or of another lesson.
    """
    if not os.path.exists(folder / result.RESULT):  # more often another folder than a damaged one, which may be removed
        raise CheckpointError(
            f"{folder / result.RESULT}: is not there; expected the folder of one training, such as {example}"
        )
    found = result.load(folder)
    if has not in found:
        raise CheckpointError(f"{folder}: of another lesson; expected the folder of one training, such as {example}")
    return found


def load_vocabulary(
    folder: Path, mark: Any, name: str = result.VOCABULARY, special: tuple[str, ...] = SPECIAL
) -> Vocabulary:
    """A vocabulary that a training left.

    Args:
        folder: of the training.
        mark: the fingerprint that its result holds.
        name: the file's.
        special: see :class:`Vocabulary`.

    Raises:
        CheckpointError: it is missing or damaged, or another one.
    """
    vocabulary = Vocabulary.load(folder / name, special)
    if vocabulary.fingerprint() != mark:
        raise CheckpointError(
            f"{folder / name}: another vocabulary than the model was trained with; train the model again"
        )
    return vocabulary


def load_parameters(folder: Path) -> dict[str, np.ndarray]:
    """The parameters that a training left. Raises CheckpointError: missing, damaged, or not finite."""
    source = folder / result.MODEL
    parameters = nndl.checkpoint.load(source)
    nndl.checkpoint.check_finite(parameters, source)
    return parameters


@contextmanager
def trusting_nothing(folder: Path) -> Iterator[None]:
    """While a model is made of what a result says: values that make none are one line, a CheckpointError."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{folder / result.RESULT}: damaged ({error}); train the model again") from None


def check_memory(wanted: int, parameters: Mapping[str, Any]) -> None:
    """Raise ValueError where a model of ``wanted`` numbers, or more, has not so many in its file.

    A result can say anything: such a model must not be made at all.
    """
    held = sum(map(np.size, parameters.values()))
    if wanted > held:
        raise ValueError(f"a model of {wanted:,} numbers or more, where {result.MODEL} holds {held:,}")


def is_live(asked: Asked) -> bool:
    """Whether somebody types, and each line is to be answered at once."""
    return not asked.texts and asked.file is None and sys.stdin.isatty()


def texts(asked: Asked, kind: str) -> Iterable[str]:
    """What is to be answered; a file or a text that is none is found before the model is loaded.

    Args:
        asked: see :class:`Asked`.
        kind: what a message calls one of them, such as "review".

    Raises:
        DataError: no such file, one that is no text, or an empty text on the command line.
    """
    if asked.texts:
        return [_check(text, kind, number) for number, text in enumerate(asked.texts, start=1)]
    if asked.file is not None:
        for _ in _lines(asked.file, kind):
            pass
        return _lines(asked.file, kind)
    return read_lines(sys.stdin.buffer, "the standard input")


def say(en: str, zh: str) -> None:
    """Beside the answers, which may go to a file."""
    print(terminal.pick(Text(en, zh)), file=sys.stderr)


def _check(text: str, kind: str, number: int) -> str:
    content = BufferedReader(BytesIO(text.encode("utf-8", "surrogateescape")))  # type: ignore[arg-type]
    line = " ".join(read_lines(content, f"{kind} {number}"))
    if not line.strip():
        raise DataError(f"predict: {kind} {number} is empty; expected at least one word")
    return line


def _lines(file: Path, kind: str) -> Iterator[str]:
    advice = f"give a text with one {kind} a line (or a pipe: on the standard input, without --file)"
    return read_lines(open_file(file, advice), str(file))
