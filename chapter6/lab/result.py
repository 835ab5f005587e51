"""What a training leaves on the disk: a result with the check sums of model and vocabulary."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nndl import distributed, file, jsonfile
from nndl.error import CheckpointError

RESULT, MODEL, STATE = "result.json", "best.pdparams", "last.pdstate"
VOCABULARY, TARGET_VOCABULARY = "vocabulary.txt", "target_vocabulary.txt"
KEPT = (MODEL, VOCABULARY, TARGET_VOCABULARY)
"""What a training may leave beside its result."""


def _number_or_none(value: Any) -> bool:
    """A number, or None for what was none."""
    return value is None or not jsonfile.misfit(value, float)


_CURVE = [(int, _number_or_none)]
_SHAPE = {
    "seed": int,
    "diverged": str,
    "seconds": float,
    "train_losses": _CURVE,
    "dev_losses": _CURVE,
    "dev_scores": [_number_or_none],
    "files": lambda files: isinstance(files, dict) and {*KEPT} >= files.keys(),
}
"""What every result holds; a loss or a score that is None was no number."""
KINDS = {"accuracy": jsonfile.share, "f1": jsonfile.share, "error": _number_or_none, "perplexity": _number_or_none}
"""What a training is judged by: its result holds ``dev_`` and ``test_`` of one of them."""
_REMOVE = "remove its folder to train this model again"


def kind_of(result: Mapping[str, Any]) -> str:
    """What a training was judged by; accuracy where its result does not say."""
    return next((kind for kind in KINDS if f"test_{kind}" in result), "accuracy")


def begin(folder: Path) -> None:
    """Clear away what a training left that was killed while it wrote, or before its first checkpoint."""
    if distributed.rank():
        return
    file.clear_leftovers(folder)
    (folder / RESULT).unlink(missing_ok=True)  # of a model that is gone
    if not (folder / STATE).exists():
        (folder / MODEL).unlink(missing_ok=True)


def write(folder: Path, result: Mapping[str, Any]) -> None:
    """The end of a training: its result, with the check sums of what it left, and no state to go on from."""
    if distributed.rank():
        return
    files = {name: file.check_sum(folder / name) for name in KEPT if (folder / name).exists()}
    jsonfile.write(folder / RESULT, {**result, "files": files})
    (folder / STATE).unlink(missing_ok=True)


def finished(folder: Path) -> dict[str, Any] | None:
    """The result of a training that has ended here; None where it has not, or where its model is gone.

    Raises:
        CheckpointError: a file is damaged.
    """
    if not (folder / RESULT).exists():
        return None
    result = _read(folder)
    return _checked(folder, result) if all((folder / name).exists() for name in result["files"]) else None


def load(folder: Path) -> dict[str, Any]:
    """What a training left in its folder. Raises CheckpointError where a file is missing or damaged."""
    return _checked(folder, _read(folder))


def check_settings(folder: Path, result: dict[str, Any], values: Mapping[str, Any]) -> None:
    """The name of a folder is only as good as the hand that gave it. Raises CheckpointError for other settings."""
    if other := [name for name, value in jsonfile.finite(dict(values)).items() if result.get(name) != value]:
        raise CheckpointError(f"{folder / RESULT}: the result of another training ({', '.join(other)}); {_REMOVE}")


def _read(folder: Path) -> dict[str, Any]:
    try:
        found = jsonfile.read(folder / RESULT, _SHAPE)
        shape = KINDS[kind_of(found)]
        jsonfile.check(folder / RESULT, found, {f"{part}_{kind_of(found)}": shape for part in ("dev", "test")})
    except CheckpointError as error:
        raise CheckpointError(f"{error}; {_REMOVE}") from None
    return found


def _checked(folder: Path, result: dict[str, Any]) -> dict[str, Any]:
    """The result, once the model and the vocabulary beside it have the check sums that it holds of them."""
    for name, expected in result.pop("files").items():
        try:
            found = file.check_sum(folder / name)
        except OSError:
            found = None
        if found != expected:
            raise CheckpointError(f"{folder / name}: missing, damaged, or not the one trained here; {_REMOVE}")
    return result
