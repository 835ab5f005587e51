"""Training of the text model on reviews, section 6.7: one model or many, alone or data parallel."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nndl
from chapter6 import training as trainings
from chapter6.section import Run
from chapter6.settings import Settings, check_size, check_whole, setting
from nndl import distributed
from nndl.dataset import imdb, small_reviews
from nndl.dataset.text import TOKENIZERS, Corpus
from nndl.error import DivergedError
from nndl.file import replacing
from nndl.op.backend import BACKENDS

import numpy as np

if TYPE_CHECKING:
    import paddle

CORPORA = ("imdb", "small")
SCHEDULES = ("constant", "cosine")
LENGTH_GROUPS = 6
CLASSES = 2
MAX_LAYERS = 16
EVAL_BATCH = 128


@dataclass(frozen=True)
class TextSettings(Settings):
    """What one training of the text model is set by; the defaults are preset quick."""

    tokenizer: str = setting("word", "tokenising (切词): on spaces, or words and marks", choices=tuple(TOKENIZERS))
    vocab_size: int = setting(
        0, "largest vocabulary (词表), special words included; 0 for no bound", least=0, most=10**6
    )
    min_freq: int = setting(5, "how often a word must occur in train to be in the vocabulary", least=1, most=10**6)
    train_reviews: int = setting(
        8000, "reviews of train that are used, half of each class; 0 for all", least=0, most=10**6
    )
    dev_reviews: int = setting(
        2000, "reviews of dev (验证集) that are used, half of each class; 0 for all", least=0, most=10**6
    )
    max_seq_len: int = setting(128, "tokens kept of a review (截断长度)", least=1, most=10_000)
    batching: str = setting("bucket", "batches of like length, or plain shuffling", choices=("bucket", "shuffle"))
    batch_size: int = setting(64, "batch size B (批大小)", least=1, most=10_000)
    epochs: int = setting(3, "epochs (回合)", least=1, most=1000)
    learning_rate: float = setting(0.002, "Adam's learning rate (学习率)", above=0)
    schedule: str = setting("constant", "the learning rate over the training (学习率调度)", choices=SCHEDULES)
    input_size: int = setting(64, "embedding size M (嵌入大小)", least=1, most=4096)
    hidden_size: int = setting(64, "hidden size D of each direction (隐状态大小)", least=1, most=4096)
    direction: str = setting("bidirectional", "direction of the LSTM", choices=("forward", "bidirectional"))
    pooling: str = setting("max", "pooling over time (汇聚)", choices=("mean", "max", "last"))
    dropout: float = setting(
        0.0, "dropout (丢弃率) of embeddings, between layers and before the classifier", least=0, below=1
    )
    word_dropout: float = setting(0.0, "how often a word is replaced by [UNK] in training", least=0, below=1)
    backend: str = setting(
        "auto",
        "what computes the LSTM (算子): oneDNN where it can be had (auto), or the one named",
        choices=("auto", *BACKENDS),
    )
    eval_steps: int = setting(50, "steps between two evaluations on the dev set (验证集)", least=1, most=10**6)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self.batch_size, self.max_seq_len, max(self.input_size, self.hidden_size))


BOOK = TextSettings(
    tokenizer="space",
    min_freq=5,  # the book does not say; without a bound nothing would train [UNK]
    train_reviews=0,
    dev_reviews=0,
    max_seq_len=256,
    batching="shuffle",
    batch_size=128,
    epochs=3,
    learning_rate=0.001,
    input_size=256,
    hidden_size=256,
    pooling="mean",
    eval_steps=66,  # the book evaluates every 10 steps, which alone would take half an hour
)
"""The book's settings, of sections 6.7 and 6.8."""


@dataclass(frozen=True)
class Training:
    """One training: its settings, and on what, how deep, with which seed.

    Args:
        settings: see there.
        corpus: "imdb" or "small".
        num_layers: the depth of the LSTM; 0 for the bag of words (词袋).
        seed: of the initial parameters, the order of the reviews and dropout.
        data_dir: the folder of the data.
    """

    settings: TextSettings
    corpus: str
    num_layers: int
    seed: int
    data_dir: Path

    @property
    def kind(self) -> str:
        """What tells trainings apart where they are listed: section 6.8 has one for each backend."""
        return f"LSTM{self.num_layers}-{self.settings.backend}" if self.num_layers else "bag"

    @property
    def name(self) -> str:
        """See :class:`chapter6.training.Training`."""
        data = b""  # the small corpus is made by the code, which counts anyway
        if self.corpus == "imdb":
            data = imdb.fingerprint(self.data_dir / "imdb").encode()
        mark = trainings.fingerprint(self.plain(), data, Path(__file__))
        return f"{self.corpus}-{self.kind}-seed{self.seed}-{mark}"

    @property
    def label(self) -> str:
        return f"{self.kind} on {self.corpus}, seed {self.seed}"

    def plain(self) -> dict[str, Any]:
        """All of it but the folder, as plain values."""
        own = {name: getattr(self, name) for name in ("corpus", "num_layers", "seed")}
        return asdict(self.settings) | own | {"processes": distributed.world_size()}


def text_settings(values: dict[str, Any]) -> TextSettings:
    """Those that one training is set by, of a section's settings or of a result. Raises KeyError or SettingError."""
    return TextSettings(**{field.name: values[field.name] for field in fields(TextSettings)})


def choose_corpus(run: Run) -> str:
    """The corpus asked for; "auto" takes IMDB where it is prepared. Says which, and how to get the other.

    Raises:
        NotPreparedError: IMDB is asked for and not there.
    """
    wanted, root = run.settings.corpus, run.data_dir / "imdb"
    if wanted == "imdb":
        imdb.prepared_folder(root)
    if wanted != "auto":
        return wanted
    if imdb.is_prepared(root):
        print(f"[{run.number}] on IMDB; the small synthetic corpus: --corpus small 使用 IMDB；小型合成语料见该选项")
        return "imdb"
    print(
        f"[{run.number}] IMDB is not prepared, so the small synthetic corpus serves; "
        "to get IMDB: python -m chapter6 data imdb 未准备 IMDB，使用小型合成语料"
    )
    return "small"


def load_corpus(training: Training) -> Corpus:
    """The reviews of a training, with the vocabulary it asks for. Raises NotPreparedError or DataError."""
    settings = training.settings
    if training.corpus == "small":
        corpus = small_reviews.load(settings.tokenizer)
    else:
        corpus = imdb.load(training.data_dir / "imdb", settings.tokenizer)
    return corpus.limit(settings.vocab_size, settings.min_freq)


def train_all(run: Run, wanted: Sequence[Training]) -> list[dict[str, Any]]:
    """:func:`chapter6.training.train_all`; where there are more cores than trainings, each gets several threads."""
    threads = max(1, nndl.runtime.usable_cores() // len(wanted))  # whatever run.jobs: they may change the last digit
    return trainings.train_all(run, wanted, train, threads=threads)


def train(training: Training, folder: Path) -> dict[str, Any]:
    """One training, from the reviews to the test accuracy; goes on where it was interrupted.

    Leaves in ``folder``: ``best.pdparams``, the model with the best dev accuracy, its ``vocabulary.txt``, and
    ``result.json``.
    """
    import paddle

    start = time.perf_counter()
    settings = training.settings
    trainings.begin(folder)
    nndl.runtime.seed_everything(training.seed)
    corpus = load_corpus(training)
    loaders = make_loaders(training, corpus)
    model = distributed.distribute(build_model(training.plain(), len(corpus.vocabulary)))
    steps_per_epoch = len(loaders["train"])
    optimizer, callbacks = make_optimizer(settings, model, steps_per_epoch)
    runner = nndl.RunnerV3(model, optimizer, paddle.nn.CrossEntropyLoss(), nndl.Accuracy())
    timer, diverged = nndl.StepTimer(), ""
    try:
        runner.train(
            loaders["train"],
            loaders["dev"],
            num_epochs=settings.epochs,
            eval_steps=settings.eval_steps,
            log_steps=0,
            save_path=folder / "best.pdparams",
            callbacks=[timer, *callbacks],
            checkpoint_path=folder / "last.pdstate",
            checkpoint_steps=100,
        )
    except DivergedError as error:
        diverged = str(error)
    result = training.plain() | {"diverged": trainings.divergence(runner, diverged)}
    result |= {"vocabulary": corpus.vocabulary.fingerprint(), "vocabulary_size": len(corpus.vocabulary)}
    result |= {"steps_per_epoch": steps_per_epoch}
    result |= evaluate_best(runner, training, corpus, folder)
    result |= trainings.curves(runner, steps_per_epoch) | {"step_losses": runner.train_step_losses}
    result["epoch_seconds"] = timer.seconds / max(1, timer.steps) * steps_per_epoch
    result["seconds"] = round(time.perf_counter() - start, 2)
    if distributed.rank() == 0:
        with replacing(folder / "vocabulary.txt") as temporary:
            corpus.vocabulary.save(temporary)
    trainings.write_result(folder, result)
    return result


def make_loaders(training: Training, corpus: Corpus) -> dict[str, Any]:
    """The batches of train, drawn anew each epoch, and of dev, which are always the same."""
    from nndl.dataset.batching import make_loader

    settings = training.settings
    train = corpus.reviews["train"].first(settings.train_reviews)
    dev = corpus.reviews["dev"].first(settings.dev_reviews)
    shares = distributed.rank(), distributed.world_size()
    return {
        "train": make_loader(train, settings.batch_size, settings.max_seq_len, settings.batching, *shares),
        "dev": list(make_loader(dev, EVAL_BATCH, settings.max_seq_len, "sorted")),
    }


def build_model(plain: dict[str, Any], vocabulary_size: int) -> "nndl.Model_BiLSTM_FC":
    """The text model of these settings, see :meth:`Training.plain`. Raises SettingError, for they may be a file's."""
    settings, num_layers = text_settings(plain), plain["num_layers"]
    check_whole("num_layers", num_layers, 0, MAX_LAYERS)
    return nndl.Model_BiLSTM_FC(
        vocabulary_size,
        settings.input_size,
        settings.hidden_size,
        CLASSES,
        num_layers,
        settings.direction,
        settings.pooling,
        settings.dropout,
        settings.word_dropout,
        settings.backend,
    )


def make_optimizer(
    settings: TextSettings, model: "paddle.nn.Layer", steps_per_epoch: int
) -> tuple["paddle.optimizer.Optimizer", list["nndl.Callback"]]:
    """Adam, and what moves its learning rate."""
    import paddle

    rate: Any = settings.learning_rate
    callbacks: list[nndl.Callback] = []
    if settings.schedule == "cosine":
        rate = paddle.optimizer.lr.CosineAnnealingDecay(rate, T_max=settings.epochs * steps_per_epoch)
        callbacks.append(nndl.callback.LearningRateSchedule(rate))
    return paddle.optimizer.Adam(rate, parameters=model.parameters()), callbacks


def evaluate_best(runner: "nndl.RunnerV3", training: Training, corpus: Corpus, folder: Path) -> dict[str, Any]:
    """What the model that was best on dev does on test: accuracy, confusion matrix, accuracy by length, margins.

    ``margins`` tells of each review how far the logit of the right class is above the other; ``confusion`` [2][2]
    counts by true and predicted class; ``by_length`` holds (shortest, longest, right, all) of groups of reviews, as
    even as the lengths allow.
    """
    distributed.wait_for_all()
    if runner.dev_scores:
        runner.load_model(folder / "best.pdparams")
    reviews = corpus.reviews["test"]
    logits = predict(runner, [reviews[i][0] for i in range(len(reviews))], training.settings.max_seq_len)
    predicted, labels = logits.argmax(axis=1), reviews.labels
    margins = (logits[:, 1] - logits[:, 0]) * np.where(labels == 1, 1, -1)
    confusion = np.zeros((CLASSES, CLASSES), dtype=int)
    np.add.at(confusion, (labels, predicted), 1)
    return {
        "dev_accuracy": runner.best_score,
        "test_accuracy": float(np.mean(predicted == labels)),
        "confusion": confusion.tolist(),
        "margins": [float(f"{margin:.4g}") for margin in margins],
        "by_length": _by_length(reviews.lengths, predicted == labels),
    }


def _by_length(lengths: np.ndarray, is_right: np.ndarray) -> list[tuple[int, int, int, int]]:
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, LENGTH_GROUPS + 1)).astype(int))
    edges[-1] += 1
    groups = [(low, high, (lengths >= low) & (lengths < high)) for low, high in pairwise(edges)]
    return [
        (int(low), int(high) - 1, int(is_right[group].sum()), int(group.sum()))
        for low, high, group in groups
        if group.any()
    ]


def predict(runner: "nndl.RunnerV3", reviews: Sequence[np.ndarray], max_seq_len: int) -> np.ndarray:
    """The logits of any number of reviews, float32 [N, 2], in their order; computed in batches of like length."""
    from nndl.dataset.batching import ReviewSampler, pad

    import paddle

    lengths = [min(len(review), max_seq_len) for review in reviews]
    logits = np.empty((len(reviews), CLASSES), dtype="float32")
    for batch in ReviewSampler(lengths, EVAL_BATCH, "sorted"):
        ids, n = pad([reviews[i] for i in batch], max_seq_len)
        logits[batch] = runner.predict((paddle.to_tensor(ids), paddle.to_tensor(n))).numpy()
    return logits
