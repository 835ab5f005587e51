"""Training on DigitSum, one model or many; sections 6.2, 6.4 and 6.5 do it all here."""

import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import nndl
from chapter6.parallel import spread
from chapter6.section import Run, write_text
from nndl.dataset import digit_sum
from nndl.error import CheckpointError, DivergedError, SettingError

if TYPE_CHECKING:
    import paddle
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Training:
    """All that the result of one training depends on, apart from the code.

    Args:
        model: "SRN" or "LSTM".
        length, seed, epochs, batch_size, learning_rate, input_size, hidden_size, eval_steps: as in the book.
        data_dir: the folder of DigitSum; what counts is its content.
        optimizer: "Adam" or "SGD".
        reduction: of the cross entropy over a batch, "mean" or "sum".
        clip, clip_at: the gradient clipping, "none", "value", "norm" or "global_norm", and its bound.
        record_gradients: whether to keep every gradient norm.
    """

    model: str
    length: int
    seed: int
    epochs: int
    batch_size: int
    learning_rate: float
    input_size: int
    hidden_size: int
    eval_steps: int
    data_dir: Path
    optimizer: str = "Adam"
    reduction: str = "mean"
    clip: str = "none"
    clip_at: float = 5.0
    record_gradients: bool = False

    @property
    def name(self) -> str:
        """A readable name with a fingerprint: other settings, data or code give another name."""
        clip = "" if self.clip == "none" else f"-clip_{self.clip}"
        return f"{self.model}-L{self.length}-lr{self.learning_rate}{clip}-seed{self.seed}-{self.fingerprint()}"

    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        settings = {name: value for name, value in asdict(self).items() if name != "data_dir"}
        digest.update(json.dumps(settings, sort_keys=True).encode())
        for split in digit_sum.SPLITS:
            digest.update((self.data_dir / str(self.length) / f"{split}.txt").read_bytes())
        digest.update(_code_and_machine())
        return digest.hexdigest()[:8]


@cache
def _code_and_machine() -> bytes:
    """What else decides the last digit: a reader who changes any of it must not be shown the old result."""
    machine = {name: nndl.runtime.describe()[name] for name in ("device", "processor", "mkl_kernels", "versions")}
    sources = [*sorted(Path(nndl.__file__).parent.rglob("*.py")), Path(__file__)]
    code = b"".join(source.read_bytes() for source in sources)
    return hashlib.sha256(code + json.dumps(machine, sort_keys=True).encode()).digest()


def provide_data(data_dir: Path, lengths: Sequence[int]) -> None:
    """Make the lengths that are not there yet, and say so; check the others."""
    for length in lengths:
        if not (data_dir / str(length)).exists():
            folder = digit_sum.write(data_dir, length)
            print(f"[data] length {length} was not there; made {folder} from seed {digit_sum.DATA_SEED}")
        found = len(digit_sum.load(data_dir / str(length))["train"][0][0])
        if found != length:
            raise SettingError(f"{data_dir / str(length)}: holds sequences of {found} digits, expected {length}")


def train_all(
    run: Run, wanted: Sequence[Training], also_in: Sequence[Path] = (), may_diverge: bool = False
) -> list[dict[str, Any]]:
    """Train what is not there yet, ``run.jobs`` at a time, and return all results in the order asked for.

    Args:
        run: where the models go, ``run.folder/checkpoints/<name>``.
        wanted: the trainings.
        also_in: other checkpoint folders to take finished trainings from.
        may_diverge: whether a loss that became NaN or infinite is a result like any other.

    Raises:
        DivergedError: a training diverged, and it may not.
    """
    from tqdm import tqdm

    own = run.folder / "checkpoints"
    provide_data(run.data_dir, sorted({training.length for training in wanted}))
    folders = {}
    for training in wanted:
        places = [place / training.name for place in (own, *also_in)]
        folders[training] = next(filter(is_done, places), places[0])
    missing = [training for training in wanted if not is_done(folders[training])]
    if reused := len(wanted) - len(missing):
        print(f"[{run.number}] {reused} of {len(wanted)} trainings are done already, same settings and code")
    work = [(training, folders[training]) for training in missing]
    done = spread(_train_item, work, run.jobs, run.device)
    for (training, _), result in tqdm(done, total=len(work), unit="model", leave=False, disable=None):
        tqdm.write(f"[{run.number}] {training.name.rpartition('-')[0]}: {_outcome(result)}")
    results = [load_result(folders[training]) | {"folder": str(folders[training])} for training in wanted]
    for result in results:
        if result["diverged"] and not may_diverge:
            name = f"{result['model']} at L = {result['length']}, seed {result['seed']}"
            raise DivergedError(f"{name}: {result['diverged']}")
    return results


def is_done(folder: Path) -> bool:
    """Whether a training has ended here: its result is there, and its model."""
    return (folder / "result.json").exists() and (folder / "best.pdparams").exists()


def load_result(folder: Path) -> dict[str, Any]:
    """What :func:`train` left in its folder. Raises CheckpointError for a damaged file."""
    path = folder / "result.json"
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        result = None
    if not isinstance(result, dict) or not {"diverged", "seconds", "test_accuracy"} <= result.keys():
        raise CheckpointError(f"{path}: damaged; remove it to train this model again")
    return result


def _outcome(result: dict[str, Any]) -> str:
    if result["diverged"]:
        return result["diverged"]
    return f"dev {result['dev_accuracy']:.2f}, test {result['test_accuracy']:.2f} ({result['seconds']:.1f} s)"


def _train_item(item: tuple[Training, Path]) -> dict[str, Any]:
    return train(*item)


def train(training: Training, folder: Path) -> dict[str, Any]:
    """One training, from data to test accuracy, as the book does it; goes on where it was interrupted.

    Leaves in ``folder``: ``best.pdparams``, the model with the best dev accuracy, and ``result.json``.
    """
    import paddle

    start = time.perf_counter()
    _clear_leftovers(folder)
    nndl.runtime.seed_everything(training.seed)
    loaders = make_loaders(training)
    model = build_model(training)
    runner = nndl.RunnerV3(
        model,
        make_optimizer(training, model),
        paddle.nn.CrossEntropyLoss(reduction=training.reduction),
        nndl.Accuracy(),
    )
    recorder = nndl.GradientNormRecorder()
    diverged = ""
    try:
        runner.train(
            loaders["train"],
            loaders["dev"],
            num_epochs=training.epochs,
            eval_steps=training.eval_steps,
            log_steps=0,
            save_path=folder / "best.pdparams",
            callbacks=[recorder] if training.record_gradients else [],
            # A recorder's norms are no part of a checkpoint, so such a training, a short one, starts over.
            checkpoint_path=None if training.record_gradients else folder / "last.pdstate",
            checkpoint_steps=500,
        )
    except DivergedError as error:
        diverged = str(error)
    if runner.interrupted:
        raise KeyboardInterrupt
    result = {**_plain(training), **evaluate_best(runner, loaders, folder), **curves(runner, len(loaders["train"]))}
    result |= {"diverged": diverged, "gradient_norms": recorder.norms, "applied_norms": recorder.applied}
    result["seconds"] = round(time.perf_counter() - start, 2)
    write_text(folder / "result.json", json.dumps(result))
    (folder / "last.pdstate").unlink(missing_ok=True)
    return result


def _clear_leftovers(folder: Path) -> None:
    """What a training left that was killed while it wrote, or before its first checkpoint."""
    for leftover in folder.glob(".writing-*"):
        shutil.rmtree(leftover)
    if not (folder / "last.pdstate").exists():
        (folder / "best.pdparams").unlink(missing_ok=True)


def make_loaders(training: Training) -> dict[str, list]:
    """The batches of the three splits; dev and test are one batch each.

    The book does not shuffle, so the batches are the same in every epoch: they are drawn from the loader once.
    """
    import numpy as np
    from paddle.io import DataLoader

    loaders = {}
    for split, examples in digit_sum.load(training.data_dir / str(training.length)).items():
        pairs = [(np.array(digits), label) for digits, label in examples]
        loaders[split] = list(DataLoader(pairs, batch_size=training.batch_size if split == "train" else len(pairs)))
    return loaders


def build_model(training: Training) -> "nndl.Model_RNN4SeqClass":
    """Embedding, then our SRN or LSTM, then the classifier on the last hidden state."""
    M, D = training.input_size, training.hidden_size
    layer = {"SRN": nndl.SRN, "LSTM": nndl.LSTM}[training.model](M, D)
    return nndl.Model_RNN4SeqClass(layer, digit_sum.NUM_DIGITS, M, D, digit_sum.NUM_CLASSES)


def make_optimizer(training: Training, model: "paddle.nn.Layer") -> "paddle.optimizer.Optimizer":
    """Adam or SGD, with the gradient clipping (梯度截断) asked for."""
    import paddle

    v = training.clip_at
    clip = {
        "none": lambda: None,
        "value": lambda: paddle.nn.ClipGradByValue(v),  # g_i <- min(max(g_i, -v), v)
        "norm": lambda: paddle.nn.ClipGradByNorm(v),  # g <- g v / max(|g|, v), each parameter by itself
        "global_norm": lambda: paddle.nn.ClipGradByGlobalNorm(v),  # the same, |g| over all parameters
    }[training.clip]()
    kind = {"Adam": paddle.optimizer.Adam, "SGD": paddle.optimizer.SGD}[training.optimizer]
    return kind(training.learning_rate, parameters=model.parameters(), grad_clip=clip)


def evaluate_best(runner: "nndl.RunnerV3", loaders: dict[str, Any], folder: Path) -> dict[str, float]:
    """Accuracies of the model that was best on the dev set; a model that diverged at once has none."""
    if runner.dev_scores:
        runner.load_model(folder / "best.pdparams")
    test_accuracy, _ = runner.evaluate(loaders["test"])
    return {"dev_accuracy": runner.best_score, "test_accuracy": test_accuracy}


def curves(runner: "nndl.RunnerV3", steps_per_epoch: int) -> dict[str, list]:
    """What the figures draw: the mean training loss of each epoch, at its last step, and the dev evaluations."""
    train = [((n + 1) * steps_per_epoch - 1, loss) for n, loss in enumerate(runner.train_epoch_losses)]
    return {
        "train_losses": train,
        "last_loss": runner.train_step_losses[-1][1],
        "dev_losses": runner.dev_losses,
        "dev_scores": runner.dev_scores,
    }


def _plain(training: Training) -> dict[str, Any]:
    return {name: value for name, value in asdict(training).items() if name != "data_dir"}


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
