"""Training on DigitSum, one model or many; sections 6.2, 6.4 and 6.5 do it all here."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nndl
from chapter6 import training as trainings
from chapter6.section import Run
from nndl.dataset import digit_sum
from nndl.error import DivergedError, OutputError, SettingError

if TYPE_CHECKING:
    import paddle


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
        backend: what computes the LSTM, see :class:`nndl.LSTM`; the SRN has only the one.
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
    backend: str = "fused"

    @property
    def name(self) -> str:
        """A readable name with a fingerprint: other settings, data or code give another name."""
        clip = "" if self.clip == "none" else f"-clip_{self.clip}"
        return f"{self.model}-L{self.length}-lr{self.learning_rate}{clip}-seed{self.seed}-{self.fingerprint()}"

    @property
    def label(self) -> str:
        return f"{self.model} at L = {self.length}, seed {self.seed}"

    def plain(self) -> dict[str, Any]:
        """All of it but the folder, as plain values."""
        return {name: value for name, value in asdict(self).items() if name != "data_dir"}

    def fingerprint(self) -> str:
        files = [self.data_dir / str(self.length) / f"{split}.txt" for split in digit_sum.SPLITS]
        return trainings.fingerprint(self.plain(), b"".join(file.read_bytes() for file in files), Path(__file__))


def provide_data(data_dir: Path, lengths: Sequence[int]) -> None:
    """Make the lengths that are not there yet, and say so; check the others."""
    for length in lengths:
        if not (data_dir / str(length)).exists():
            try:
                folder = digit_sum.write(data_dir, length)
                print(f"[data] length {length} was not there; made {folder} from seed {digit_sum.DATA_SEED}")
            except OutputError:
                if not (data_dir / str(length)).exists():  # else another run has just made it, the same
                    raise
        found = len(digit_sum.load(data_dir / str(length))["train"][0][0])
        if found != length:
            raise SettingError(f"{data_dir / str(length)}: holds sequences of {found} digits, expected {length}")


def train_all(
    run: Run, wanted: Sequence[Training], also_in: Sequence[Path] = (), may_diverge: bool = False
) -> list[dict[str, Any]]:
    """:func:`chapter6.training.train_all` on data that are made where they are not there yet."""
    provide_data(run.data_dir / "digit_sum", sorted({training.length for training in wanted}))
    return trainings.train_all(run, wanted, train, also_in, may_diverge)


def train(training: Training, folder: Path) -> dict[str, Any]:
    """One training, from data to test accuracy, as the book does it; goes on where it was interrupted.

    Leaves in ``folder``: ``best.pdparams``, the model with the best dev accuracy, and ``result.json``.
    """
    import paddle

    start = time.perf_counter()
    trainings.begin(folder)
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
    result = {**training.plain(), **evaluate_best(runner, loaders, folder)}
    result |= trainings.curves(runner, len(loaders["train"]))
    result |= {"diverged": trainings.divergence(runner, diverged)}
    result |= {"gradient_norms": recorder.norms, "applied_norms": recorder.applied}
    result["seconds"] = round(time.perf_counter() - start, 2)
    trainings.write_result(folder, result)
    return result


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
    layer = nndl.SRN(M, D) if training.model == "SRN" else nndl.LSTM(M, D, backend=training.backend)
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
