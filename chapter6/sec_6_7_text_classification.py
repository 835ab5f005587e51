r"""6.7 Text classification with a bidirectional LSTM (双向 LSTM 完成文本分类; printed section 6.4).

Is a film review positive or negative? Each word becomes a vector, an LSTM reads them in both directions, the mean of
its states over time represents the review, and a linear layer decides:

.. math:: H_t = [\overrightarrow{H}_t; \overleftarrow{H}_t], \qquad \bar H = \frac{1}{n} \sum_{t \le n} H_t, \qquad
          \text{logits} = \bar H W + b

Figures: 6.16, losses and dev accuracy; and four of ours: the confusion matrix, accuracy by review length, accuracy by
depth (exercise 6.6), and what each word of one review adds to the decision.
Claims: the model overfits after about 200 steps, its accuracy saturates there and reaches about 0.86 on test; padding
changes no prediction; the order of the words matters.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

from chapter6 import claim, text_inspection
from chapter6.claim import Claim, mean_and_spread
from chapter6.section import Record, Run, Section, table
from chapter6.settings import setting
from chapter6.text_experiment import (
    BOOK,
    CORPORA,
    MAX_LAYERS,
    TextSettings,
    Training,
    choose_corpus,
    text_settings,
    train_all,
)
from chapter6.training import draw_band, find_finished, select
from nndl.dataset import imdb
from nndl.dataset.text import TOKENIZERS
from nndl.error import SettingError
from nndl.op.backend import choose

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SECTION = Section(
    number="6.7",
    printed="6.4",
    title="Text classification with a bidirectional LSTM",
    title_zh="双向 LSTM 完成文本分类",
    shows="a bidirectional LSTM on the IMDB reviews: overfitting, depth, padding, what the words add (figure 6.16)",
    shows_zh="双向 LSTM 对 IMDB 影评分类：过拟合、层数、补齐的影响、各词的贡献（图 6.16）",
)
SEEDS = 2
"""The default here; a training on IMDB takes longer than one on digits."""
DATA_PARALLEL = True

BOOK_TURN = 200 * 128 / 25_000
"""When the dev loss of the book's model turns up, in epochs: after 200 steps of 128 reviews, of 25,000."""
SAME = 1e-5
"""How far two computations of the same logits may differ."""


@dataclass(frozen=True)
class Settings(TextSettings):
    """Those of a training, the corpus, and how deep the LSTM is."""

    corpus: str = setting("auto", "IMDB where it is prepared (auto), imdb or small", choices=("auto", *CORPORA))
    num_layers: tuple[int, ...] = setting(
        (1,),
        "depth of the LSTM (层数); several, separated by commas, are compared",
        least=1,
        most=MAX_LAYERS,
        each_once=True,
    )
    review: str = setting("", "a review to look into, word by word; left out: one of the test reviews")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.review and not TOKENIZERS[self.tokenizer](self.review):
            raise SettingError(f"review {self.review!r}: expected at least one word")


PRESETS = {
    "quick": Settings(),
    "book": Settings(**vars(BOOK), corpus="imdb"),
    "best": Settings(
        corpus="imdb",
        vocab_size=30_000,
        train_reviews=0,
        dev_reviews=0,
        max_seq_len=1000,
        epochs=4,
        schedule="cosine",
        input_size=200,
        hidden_size=100,
        dropout=0.5,
        word_dropout=0.3,
        eval_steps=98,
    ),
}

WORD_ORDER = text_settings(vars(PRESETS["quick"]))
"""What the LSTM and the bag of words of the small corpus are set by, in every preset."""


def check_data(run: Run) -> None:
    """Raise NotPreparedError, or DataError where they are damaged, for reviews that :func:`run` would ask for."""
    root = run.data_dir / "imdb"
    if run.settings.corpus == "imdb" or (run.settings.corpus == "auto" and imdb.is_prepared(root)):
        imdb.fingerprint(root)


def run(run: Run) -> dict[str, Any]:
    """The lesson, step by step; returns what the record keeps."""
    settings, seeds = run.settings, range(run.seeds)
    corpus, backend = choose_corpus(run), choose(settings.backend, otherwise="paddle")
    deep = [
        Training(replace(text_settings(vars(settings)), backend=backend), corpus, depth, seed, run.data_dir)
        for depth in settings.num_layers
        for seed in seeds
    ]
    small = replace(WORD_ORDER, backend=backend)
    word_order = [Training(small, "small", depth, seed, run.data_dir) for depth in (1, 0) for seed in seeds]
    find_finished(run, [*deep, *word_order])  # a damaged one is said before anything is trained
    results = train_all(run, deep)
    watched = max(range(run.seeds), key=lambda seed: results[seed]["dev_accuracy"])
    return {
        "corpus": corpus,
        "trainings": results,
        "word_order": train_all(run, word_order),
        **text_inspection.inspect(deep[watched], results[watched], settings.review),
    }


def claims(record: Record) -> list[Claim]:
    """The book's claims, judged on the record, and two of ours: padding and word order."""
    results = _first_depth(record)
    on_imdb = record.metrics["corpus"] == "imdb"
    book = [_turn_claim(results), _overfitting_claim(results), _saturation_claim(results), _accuracy_claim(results)]
    if not on_imdb:
        book = [replace(c, measured="needs IMDB: python -m chapter6 data imdb", verdict=claim.OPEN) for c in book]
    return [*book, _padding_claim(record.metrics["padding"]), _word_order_claim(record.metrics["word_order"])]


def _first_depth(record: Record) -> list[dict[str, Any]]:
    """The trainings that claims and figures are about, one a seed."""
    return select(record.metrics["trainings"], num_layers=record.settings["num_layers"][0])


def _turn(result: dict[str, Any]) -> float:
    """When the dev loss is lowest, in epochs."""
    step, _ = min(result["dev_losses"], key=lambda point: point[1])
    return (step + 1) / result["steps_per_epoch"]


def _at_book_turn(result: dict[str, Any]) -> int:
    """The dev evaluation nearest to where the book's model turned: its index."""
    turn = BOOK_TURN * result["steps_per_epoch"]
    steps = [step for step, _ in result["dev_losses"]]
    return min(range(len(steps)), key=lambda i: abs(steps[i] - turn))


def _train_loss(result: dict[str, Any], around: float) -> float:
    """The mean training loss of the twentieth of the training around this step."""
    width = max(1, len(result["step_losses"]) // 40)
    return fmean(loss for step, loss in result["step_losses"] if abs(step - around) <= width)


def _turn_claim(results: Sequence[dict[str, Any]]) -> Claim:
    turns = [_turn(result) for result in results]
    return Claim(
        "turn",
        "the dev loss turns up after about 200 of the book's steps, one epoch (between 0.5 and 1.5 epochs)",
        "验证集损失约在书中 200 步（约一回合）后回升（0.5 至 1.5 回合之间）",
        f"lowest after {mean_and_spread(turns)} epochs",
        claim.judge_every([[turn - 0.5 for turn in turns], [1.5 - turn for turn in turns]]),
    )


def _overfitting_claim(results: Sequence[dict[str, Any]]) -> Claim:
    """From the book's turn to the end: dev loss up, train loss down."""
    dev, train = [], []
    for result in results:
        step, loss = result["dev_losses"][_at_book_turn(result)]
        dev.append(result["dev_losses"][-1][1] - loss)
        train.append(_train_loss(result, result["step_losses"][-1][0]) - _train_loss(result, step))
    return Claim(
        "overfitting",
        "from there to the end the train loss falls while the dev loss rises (overfitting)",
        "此后训练损失继续下降而验证集损失上升（过拟合）",
        f"change from epoch 1 to the end: train {mean_and_spread(train)}, dev {mean_and_spread(dev)}",
        claim.judge_every([dev, [-change for change in train]]),
    )


def _saturation_claim(results: Sequence[dict[str, Any]]) -> Claim:
    gains = [max(r["dev_scores"]) - max(r["dev_scores"][: _at_book_turn(r) + 1]) for r in results]
    return Claim(
        "saturation",
        "the dev accuracy saturates about there (it gains less than 0.02 afterwards)",
        "验证集准确率约在此处饱和（此后提高不到 0.02）",
        f"gain {mean_and_spread(gains, 3)}",
        claim.judge([0.02 - gain for gain in gains]),
    )


def _accuracy_claim(results: Sequence[dict[str, Any]]) -> Claim:
    accuracies = [result["test_accuracy"] for result in results]
    return Claim(
        "accuracy",
        "the test accuracy reaches about 0.86 (at least 0.85)",
        "测试集准确率达到约 0.86（不低于 0.85）",
        mean_and_spread(accuracies, 3),
        claim.judge([accuracy - 0.85 for accuracy in accuracies]),
    )


def _padding_claim(padding: dict[str, float]) -> Claim:
    worst = max(padding[name] for name in ("forward", "reverse", "logits"))
    return Claim(
        "padding",
        "padding changes no prediction: a review alone, in a longer batch, padded by hand, in both directions",
        "补齐不影响预测：单独、放入更长的批、手工补齐，两个方向结果相同",
        f"largest difference {worst:.0e} (allowed {SAME:.0e}); "
        f"without sequence_length it would be {padding['logits_without_length']:.0e}",
        claim.check(worst <= SAME),
    )


def _word_order_claim(results: Sequence[dict[str, Any]]) -> Claim:
    lstm, bag = ([r["test_accuracy"] for r in select(results, num_layers=depth)] for depth in (1, 0))
    return Claim(
        "word_order",
        "word order matters: on the small corpus the LSTM beats a bag of words by more than 0.1",
        "词序重要：在小型语料上 LSTM 比词袋模型高 0.1 以上",
        f"test accuracy {mean_and_spread(lstm)} against {mean_and_spread(bag)}",
        claim.judge([a - b - 0.1 for a, b in zip(lstm, bag, strict=True)]),
    )


def numbers(record: Record) -> list[str]:
    """The tables of the report."""
    corpora = {"imdb": "IMDB", "small": "the small synthetic corpus 小型合成语料"}
    header = ["model", "dev accuracy", "test accuracy", "seeds together 合议", "lowest dev loss", "seconds a training"]
    direction, metrics = record.settings["direction"], record.metrics
    deep = [
        _row(f"{direction} LSTM, {depth} layer(s)", select(metrics["trainings"], num_layers=depth))
        for depth in record.settings["num_layers"]
    ]
    order = [
        _row(name, select(metrics["word_order"], num_layers=depth))
        for name, depth in (("bidirectional LSTM, 1 layer(s)", 1), ("bag of words 词袋", 0))
    ]
    first, every, words = metrics["trainings"][0], record.settings["eval_steps"], metrics["words"]
    return [
        f"## Accuracy 准确率: {corpora[metrics['corpus']]}",
        table(header, deep),
        f"Vocabulary 词表 {first['vocabulary_size']:,}; an epoch 一回合 {first['steps_per_epoch']} steps; "
        f"the dev set is evaluated every {every} steps and at the end (the book: every 10 书中每 10 步). "
        "Seeds together: test accuracy of the sum of their logits 各种子的对数几率相加.",
        "## Does word order matter? 词序: the small synthetic corpus 小型合成语料",
        table(header, order),
        f"Words figure 词的贡献: {words['source']}; predicted {words['predicted']} ({words['probability']:.2f})"
        + (f", labelled {words['label']}" if words["label"] else ""),
    ]


def _row(name: str, results: Sequence[dict[str, Any]]) -> list[str]:
    lowest = [min(loss for _, loss in result["dev_losses"]) for result in results]
    dev, test = ([r[f"{split}_accuracy"] for r in results] for split in ("dev", "test"))
    # a review is right if the margins of all seeds add up to more than zero
    together = fmean(sum(margins) > 0 for margins in zip(*(r["margins"] for r in results), strict=True))
    accuracies = [mean_and_spread(dev, 3), mean_and_spread(test, 3), f"{together:.3f}"]
    return [name, *accuracies, mean_and_spread(lowest, 3), f"{fmean(r['seconds'] for r in results):.0f}"]


def figures(record: Record) -> dict[str, "Figure"]:
    """Figure 6.16 and ours."""
    import matplotlib.pyplot as plt

    results = _first_depth(record)
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
    _draw_curves(left, right, results)
    figure.suptitle(f"{record.metrics['corpus']}: mean and range over {len(results)} seed(s)")
    figure.tight_layout()
    drawn = {"6.16": figure}
    drawn["confusion"], axes = plt.subplots(figsize=(4.2, 3.6))
    _draw_confusion(axes, results)
    drawn["length"], axes = plt.subplots(figsize=(6, 3.6))
    _draw_by_length(axes, results)
    if len(record.settings["num_layers"]) > 1:
        drawn["depth"], axes = plt.subplots(figsize=(5, 3.6))
        _draw_by_depth(axes, record)
    drawn["words"] = text_inspection.draw_words(record.metrics["words"])
    return drawn


def _draw_curves(left: "Axes", right: "Axes", results: Sequence[dict[str, Any]]) -> None:
    from nndl.plot import COLORS

    draw_band(left, [_smooth(r["step_losses"]) for r in results], "-", COLORS[0], "Train loss, mean of 10 steps")
    draw_band(left, [r["dev_losses"] for r in results], "--", COLORS[3], "Dev loss")
    scores = [[(step, s) for (step, _), s in zip(r["dev_losses"], r["dev_scores"], strict=True)] for r in results]
    draw_band(right, scores, "--", COLORS[0], "Dev accuracy")
    epoch = results[0]["steps_per_epoch"]
    for axes in (left, right):
        for end in range(epoch, results[0]["epochs"] * epoch, epoch):
            axes.axvline(end, color="0.85", linewidth=0.8, zorder=0)
        axes.set_xlabel("step (a line ends each epoch)")
        axes.legend(loc="best")
    left.set(ylabel="loss", ylim=(0, None))
    right.set_ylabel("accuracy")


def _smooth(points: Sequence[Sequence[float]], width: int = 10) -> list[tuple[float, float]]:
    groups = [points[start : start + width] for start in range(0, len(points), width)]
    return [(fmean(step for step, _ in group), fmean(value for _, value in group)) for group in groups]


def _draw_confusion(axes: "Axes", results: Sequence[dict[str, Any]]) -> None:
    """Shares of the test reviews of each true class, mean over seeds."""
    from nndl.dataset.text import LABELS

    shares = [[fmean(r["confusion"][i][j] / sum(r["confusion"][i]) for r in results) for j in (0, 1)] for i in (0, 1)]
    axes.imshow(shares, cmap="RdPu", vmin=0, vmax=1)
    for i in (0, 1):
        for j in (0, 1):
            color = "white" if shares[i][j] > 0.5 else "black"
            axes.text(j, i, f"{shares[i][j]:.1%}", ha="center", va="center", color=color, fontsize=13)
    axes.set(xticks=(0, 1), yticks=(0, 1), xticklabels=LABELS, yticklabels=LABELS, xlabel="predicted", ylabel="true")
    axes.set_title("confusion matrix, test")


def _draw_by_length(axes: "Axes", results: Sequence[dict[str, Any]]) -> None:
    """Test accuracy of six groups of reviews, as even as the lengths allow."""
    from nndl.plot import COLORS

    groups = results[0]["by_length"]
    shares = [[r["by_length"][i][2] / r["by_length"][i][3] for r in results] for i in range(len(groups))]
    _draw_range(axes, range(len(groups)), shares, color=COLORS[0])
    axes.set_xticks(range(len(groups)), [f"{low} to {high}" for low, high, _, _ in groups])
    axes.set_xlabel(f"tokens of the review (the first {results[0]['max_seq_len']} are read)")
    axes.set(ylabel="test accuracy", title="accuracy by review length, mean and range over seeds")


def _draw_by_depth(axes: "Axes", record: Record) -> None:
    """Exercise 6.6: accuracy against the number of layers."""
    from nndl.plot import COLORS

    depths, results = record.settings["num_layers"], record.metrics["trainings"]
    for split, color in (("dev", COLORS[1]), ("test", COLORS[0])):
        accuracies = [[r[f"{split}_accuracy"] for r in select(results, num_layers=depth)] for depth in depths]
        _draw_range(axes, depths, accuracies, color=color, label=split.capitalize())
    axes.set(xlabel="LSTM layers", ylabel="accuracy", xticks=depths)
    axes.legend(title="mean and range over seeds")


def _draw_range(axes: "Axes", x: Sequence[int], values: Sequence[Sequence[float]], **look: Any) -> None:
    """The mean of each group of values, with a bar from its lowest to its highest."""
    means = [fmean(group) for group in values]
    down = [mean - min(group) for mean, group in zip(means, values, strict=True)]
    up = [max(group) - mean for mean, group in zip(means, values, strict=True)]
    axes.errorbar(x, means, [down, up], fmt="o-", capsize=3, **look)


if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", SECTION.number, *sys.argv[1:]])
