"""What all trainings of the chapter share: their names, their results on disk, many of them at a time."""

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, Protocol

import nndl
from chapter6.parallel import spread
from chapter6.section import Run, write_text
from nndl import distributed, file
from nndl.error import BuildError, CheckpointError, DivergedError

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


def choose_backend(wanted: str, otherwise: str) -> str:
    """What computes an LSTM: the backend asked for; "auto" takes oneDNN's operator where it can be had.

    Raises:
        BuildError: "onednn" is asked for and cannot be had.
    """
    if wanted not in ("auto", "onednn"):
        return wanted
    import paddle

    from nndl.op import onednn

    on_cpu = paddle.device.get_device() == "cpu"
    why_not = onednn.why_not() if on_cpu else "it computes on the CPU"
    if wanted == "onednn" and why_not:
        raise BuildError(f"backend onednn: {why_not}; --backend auto takes what is there")
    return otherwise if why_not else "onednn"


def train_all(
    run: Run,
    wanted: Sequence[Any],
    train: Callable[[Any, Path], dict[str, Any]],
    also_in: Sequence[Path] = (),
    may_diverge: bool = False,
    threads: int = 1,
) -> list[dict[str, Any]]:
    """Train what is not there yet, ``run.jobs`` at a time, and return all results in the order asked for.

    Args:
        run: where the models go, ``run.folder/checkpoints/<name>``.
        wanted: the trainings, each a :class:`Training`.
        train: a function of a module; leaves ``best.pdparams`` and ``result.json`` in the folder it is given.
        also_in: other checkpoint folders to take finished trainings from.
        may_diverge: whether a loss that became NaN or infinite is a result like any other.
        threads: of each process.

    Raises:
        DivergedError: a training diverged, and it may not.
    """
    from tqdm import tqdm

    own = run.folder / "checkpoints"
    folders = {}
    for training in wanted:
        places = [place / training.name for place in (own, *also_in)]
        folders[training] = next(filter(is_done, places), places[0])
    missing = [training for training in wanted if not is_done(folders[training])]
    if reused := len(wanted) - len(missing):
        print(f"[{run.number}] {reused} of {len(wanted)} trainings are done already, same settings and code")
    work = [(training, folders[training]) for training in missing]
    done = spread(partial(_train, train), work, run.jobs, run.device, threads)
    for (training, _), result in tqdm(done, total=len(work), unit="model", leave=False, disable=None):
        tqdm.write(f"[{run.number}] {training.name.rpartition('-')[0]}: {_outcome(result)}")
    distributed.wait_for_all()
    results = [load_result(folders[training]) | {"folder": str(folders[training])} for training in wanted]
    for training, result in zip(wanted, results, strict=True):
        if result["diverged"] and not may_diverge:
            raise DivergedError(f"{training.label}: {result['diverged']}")
    return results


def _train(train: Callable[[Any, Path], dict[str, Any]], item: tuple[Any, Path]) -> dict[str, Any]:
    return train(*item)


def is_done(folder: Path) -> bool:
    """Whether a training has ended here: its result is there, and its model."""
    return (folder / "result.json").exists() and (folder / "best.pdparams").exists()


def load_result(folder: Path) -> dict[str, Any]:
    """What a training left in its folder. Raises CheckpointError for a missing or damaged file."""
    path = folder / "result.json"
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        result = None
    if not isinstance(result, dict) or not {"diverged", "seconds", "test_accuracy"} <= result.keys():
        raise CheckpointError(f"{path}: missing or damaged; remove its folder to train this model again")
    return result


def _outcome(result: dict[str, Any]) -> str:
    if result["diverged"]:
        return result["diverged"]
    return f"dev {result['dev_accuracy']:.2f}, test {result['test_accuracy']:.2f} ({result['seconds']:.1f} s)"


def clear_leftovers(folder: Path) -> None:
    """What a training left that was killed while it wrote, or before its first checkpoint."""
    if distributed.rank():
        return
    file.clear_leftovers(folder)
    if not (folder / "last.pdstate").exists():
        (folder / "best.pdparams").unlink(missing_ok=True)


def write_result(folder: Path, result: dict[str, Any]) -> None:
    """The end of a training: its result, and no state to go on from."""
    if distributed.rank():
        return
    write_text(folder / "result.json", json.dumps(result))
    (folder / "last.pdstate").unlink(missing_ok=True)


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
