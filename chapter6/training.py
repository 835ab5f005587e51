"""What all trainings of the chapter share: their names, their results on disk, many of them at a time."""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import cache, partial
from math import isfinite
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, Protocol

import nndl
from chapter6.parallel import spread
from chapter6.section import Run
from nndl import distributed, file, jsonfile
from nndl.error import CheckpointError, DivergedError
from nndl.lock import holding

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Training(Protocol):
    """All that the result of one training depends on, apart from the code; hashable, and can be pickled."""

    @property
    def name(self) -> str:
        """A readable name, ending in ``-`` and a :func:`fingerprint`; the folder of its results."""

    @property
    def label(self) -> str:
        """What to call it in a message."""

    def plain(self) -> dict[str, Any]:
        """All of it but the folder of the data, as plain values; its result holds them."""


def fingerprint(settings: dict[str, Any], data: bytes, code: Path) -> str:
    """Other settings, data, code or machine give another one.

    Args:
        settings: plain values.
        data: the data, or something that changes with them.
        code: the module that trains; all of ``nndl`` counts as well.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    digest.update(data)
    digest.update(code.read_bytes())
    digest.update(_code_and_machine())
    return digest.hexdigest()[:8]


@cache
def _code_and_machine() -> bytes:
    """What else decides the last digit: a reader who changes any of it must not be shown the old result."""
    machine = {name: nndl.runtime.describe()[name] for name in ("device", "processor", "mkl_kernels", "versions")}
    package = Path(nndl.__file__).parent
    sources = sorted(path for kind in ("*.py", "*.cc", "*.h") for path in package.rglob(kind))
    code = b"".join(source.read_bytes() for source in sources)
    return hashlib.sha256(code + json.dumps(machine, sort_keys=True).encode()).digest()


def train_all(
    run: Run,
    wanted: Sequence[Any],
    train: Callable[[Any, Path], dict[str, Any]],
    also_in: Sequence[Path] = (),
    may_diverge: bool = False,
    threads: int = 1,
) -> list[dict[str, Any]]:
    """Train what is not there yet, ``run.jobs`` at a time, and return all results in the order asked for.

    Several runs may do so in one folder at a time: they share the trainings, and all get all results.

    Args:
        run: where the models go, ``run.folder/checkpoints/<name>``.
        wanted: the trainings, each a :class:`Training`.
        train: a function of a module; leaves ``best.pdparams`` and ``result.json`` in the folder it is given.
        also_in: other checkpoint folders to take finished trainings from.
        may_diverge: whether a loss that became NaN or infinite is a result like any other.
        threads: of each process.

    Raises:
        CheckpointError: what an earlier training left is damaged; found before anything is trained.
        DivergedError: a training diverged, and it may not.
    """
    from tqdm import tqdm

    results = find_finished(run, wanted, also_in)
    if results:
        print(f"[{run.number}] {len(results)} of {len(wanted)} trainings are done already, same settings and code")
    folders = {training: run.folder / "checkpoints" / training.name for training in wanted if training not in results}
    missing = list(folders)
    for may_wait in (False, True):
        work = [(training, folders[training]) for training in missing]
        if may_wait and work:
            print(f"[{run.number}] another run trains {len(work)} of them here; waiting for it 等待另一运行完成")
        missing = []
        done = spread(partial(_train_alone, train, may_wait), work, run.jobs, run.device, threads)
        for (training, _), result in tqdm(done, total=len(work), unit="model", leave=False, disable=None):
            if result is None:
                missing.append(training)
            else:
                tqdm.write(f"[{run.number}] {training.name.rpartition('-')[0]}: {_outcome(result)}")
    distributed.wait_for_all()
    results |= {training: _with_folder(load_result(folder), folder) for training, folder in folders.items()}
    for training in wanted:
        if results[training]["diverged"] and not may_diverge:
            raise DivergedError(f"{training.label}: {results[training]['diverged']}")
    return [results[training] for training in wanted]


def find_finished(run: Run, wanted: Sequence[Any], also_in: Sequence[Path] = ()) -> dict[Any, dict[str, Any]]:
    """The results of the trainings that are done. Raises CheckpointError for a damaged one."""
    results = {}
    for training in wanted:
        for place in (run.folder / "checkpoints", *also_in):
            folder = place / training.name
            if training not in results and (result := _agreed(folder)) is not None:
                _check_settings(training, result, folder)
                results[training] = _with_folder(result, folder)
    return results


def _agreed(folder: Path) -> dict[str, Any] | None:
    """What :func:`finished` finds; of processes that train together the first decides, for one may look too early."""
    result = finished(folder) if distributed.rank() == 0 else None
    return (result or load_result(folder)) if distributed.agree(result is not None) else None


def _with_folder(result: dict[str, Any], folder: Path) -> dict[str, Any]:
    return result | {"folder": str(folder)}


def _check_settings(training: Training, result: dict[str, Any], folder: Path) -> None:
    """The name of a folder is only as good as the hand that gave it."""
    plain = json.loads(json.dumps(training.plain()))
    if other := [name for name, value in plain.items() if result.get(name) != value]:
        raise CheckpointError(f"{folder / RESULT}: the result of another training ({', '.join(other)}); {_REMOVE}")


def _train_alone(
    train: Callable[[Any, Path], dict[str, Any]], may_wait: bool, item: tuple[Any, Path]
) -> dict[str, Any] | None:
    """Train, unless another run has done it or, where this one may not wait, is at it: then there is no result yet."""
    training, folder = item
    with holding(folder, may_wait) if distributed.rank() == 0 else nullcontext(True) as is_ours:
        return (_agreed(folder) or train(training, folder)) if distributed.agree(is_ours) else None


def finished(folder: Path) -> dict[str, Any] | None:
    """The result of a training that has ended here; None where it has not, or where its model is gone.

    Raises:
        CheckpointError: a file is damaged.
    """
    if not (folder / RESULT).exists():
        return None
    result = _read_result(folder)
    return _checked(folder, result) if all((folder / name).exists() for name in result["files"]) else None


def load_result(folder: Path) -> dict[str, Any]:
    """What a training left in its folder. Raises CheckpointError where a file is missing or damaged."""
    return _checked(folder, _read_result(folder))


RESULT, MODEL, VOCABULARY = "result.json", "best.pdparams", "vocabulary.txt"
_CURVE = [(int, lambda value: value is None or jsonfile.misfit(value, float) == "")]
_SHAPE = {
    "seed": int,
    "diverged": str,
    "seconds": float,
    "dev_accuracy": jsonfile.share,
    "test_accuracy": jsonfile.share,
    "train_losses": _CURVE,
    "dev_losses": _CURVE,
    "dev_scores": [jsonfile.share],
    "files": lambda files: isinstance(files, dict) and {MODEL, VOCABULARY} >= files.keys(),
}
"""What every result holds; a loss that is None was no number."""
_REMOVE = "remove its folder to train this model again"


def _read_result(folder: Path) -> dict[str, Any]:
    try:
        return jsonfile.read(folder / RESULT, _SHAPE)
    except CheckpointError as error:
        raise CheckpointError(f"{error}; {_REMOVE}") from None


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


def _outcome(result: dict[str, Any]) -> str:
    if result["diverged"]:
        return result["diverged"]
    return f"dev {result['dev_accuracy']:.2f}, test {result['test_accuracy']:.2f} ({result['seconds']:.1f} s)"


def begin(folder: Path) -> None:
    """Clear away what a training left that was killed while it wrote, or before its first checkpoint."""
    if distributed.rank():
        return
    file.clear_leftovers(folder)
    (folder / RESULT).unlink(missing_ok=True)  # of a model that is gone
    if not (folder / "last.pdstate").exists():
        (folder / MODEL).unlink(missing_ok=True)


def write_result(folder: Path, result: dict[str, Any]) -> None:
    """The end of a training: its result, with the check sums of what it left, and no state to go on from."""
    if distributed.rank():
        return
    files = {name: file.check_sum(folder / name) for name in (MODEL, VOCABULARY) if (folder / name).exists()}
    jsonfile.write(folder / RESULT, result | {"files": files})
    (folder / "last.pdstate").unlink(missing_ok=True)


def divergence(runner: "nndl.RunnerV3", error: str) -> str:
    """How a training diverged: its error, or a dev loss that is no number, after a last step that went too far."""
    odd = [f"the dev loss became {loss} at step {step}" for step, loss in runner.dev_losses if not isfinite(loss)]
    return error or (f"{odd[0]}; what usually helps: a lower learning rate" if odd else "")


def curves(runner: "nndl.RunnerV3", steps_per_epoch: int) -> dict[str, list]:
    """What the figures draw: the mean training loss of each epoch, at its last step, and the dev evaluations."""
    train = [((n + 1) * steps_per_epoch - 1, loss) for n, loss in enumerate(runner.train_epoch_losses)]
    return {
        "train_losses": train,
        "last_loss": runner.train_step_losses[-1][1],
        "dev_losses": runner.dev_losses,
        "dev_scores": runner.dev_scores,
    }


def select(results: Sequence[dict[str, Any]], **wanted: Any) -> list[dict[str, Any]]:
    """The results with these values, in the order of the seeds."""
    chosen = [r for r in results if all(r[name] == value for name, value in wanted.items())]
    return sorted(chosen, key=lambda result: result["seed"])


def draw_band(axes: "Axes", series: Sequence[Sequence[Sequence[float]]], style: str, color: str, label: str) -> None:
    """The mean of several curves over the same steps, and the range between the lowest and the highest."""
    steps = [step for step, _ in min(series, key=len)]
    columns = list(zip(*([value for _, value in curve] for curve in series), strict=False))
    axes.plot(steps, [fmean(column) for column in columns], style, color=color, label=label)
    axes.fill_between(steps, [*map(min, columns)], [*map(max, columns)], color=color, alpha=0.2, linewidth=0)
