"""The figures of section 6.7 (文本分类实验的图): 6.16 and ours, from the record alone."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record, Results
from chapter6.lab.text import Text
from chapter6.sec_6_7_findings import of_first_depth
from nndl.dataset.text import LABELS
from nndl.plot import COLORS

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.pyplot import subplots

LINE = 78
"""Characters a line in the figure of the words."""


def figures(record: Record) -> dict[str, Drawing]:
    """Figure 6.16 and ours."""
    results, words = of_first_depth(record), record.metrics["words"]
    drawn = {
        "6.16": Drawing(
            draw_curves(results, record.metrics["corpus"]),
            Text(
                "The train loss keeps falling while the dev loss turns up: from there on the model learns the "
                "training reviews by heart (overfitting), and the dev accuracy gains nothing more.",
                "训练损失持续下降，验证集损失却转而上升：此后模型只是记住训练影评（过拟合），验证集准确率不再提高。",
            ),
        ),
        "confusion": Drawing(
            draw_confusion(results),
            Text(
                "How many of the test reviews of each class are recognised: the diagonal is right.",
                "测试集各类影评被判为各类的比例：对角线为判断正确。",
            ),
        ),
        "length": Drawing(
            draw_by_length(results),
            Text(
                "Where the model fails: short reviews say little, and of long ones it reads the beginning only.",
                "模型在何处出错：短影评信息少，长影评只读入开头。",
            ),
        ),
        "words": Drawing(
            draw_words(words),
            Text(
                f"{words['source']}: pink words speak for positive, green ones for negative.",
                f"{'测试集中的一条影评' if words['label'] else '读者给出的影评'}：粉色词倾向正面，绿色词倾向负面。",
            ),
        ),
    }
    if len(record.settings["num_layers"]) > 1:
        caption = Text("Accuracy against the depth (exercise 6.6).", "准确率与层数的关系（动手练习 6.6）。")
        drawn["depth"] = Drawing(draw_by_depth(record), caption)
    return drawn


def draw_curves(results: Results, corpus: str) -> Figure:
    """Losses, and beside them the dev accuracy, against steps; a line ends each epoch."""
    figure, (left, right) = subplots(1, 2, figsize=(11, 4))
    _draw_band(left, [_smooth(losses) for losses in results.each("step_losses")], "-", COLORS[0], "Train loss")
    _draw_band(left, results.each("dev_losses"), "--", COLORS[3], "Dev loss")
    scores = [[(step, s) for (step, _), s in zip(r["dev_losses"], r["dev_scores"], strict=True)] for r in results]
    _draw_band(right, scores, "--", COLORS[0], "Dev accuracy")
    epoch = results[0]["steps_per_epoch"]
    for axes in (left, right):
        for end in range(epoch, results[0]["epochs"] * epoch, epoch):
            axes.axvline(end, color="0.85", linewidth=0.8, zorder=0)
        axes.set_xlabel("step (a line ends each epoch)")
        axes.legend(loc="best")
    left.set(ylabel="loss", ylim=(0, None))
    right.set_ylabel("accuracy")
    figure.suptitle(f"{corpus}: mean and range over {len(results)} seed(s)")
    figure.tight_layout()
    return figure


def _smooth(points: Sequence[Sequence[float]], width: int = 10) -> list[tuple[float, float]]:
    """The means of so many points each."""
    groups = [points[start : start + width] for start in range(0, len(points), width)]
    return [(fmean(step for step, _ in group), fmean(value for _, value in group)) for group in groups]


def _draw_band(axes: Axes, series: Sequence[Any], style: str, color: str, label: str) -> None:
    """The mean of several curves over the same steps, and the range between the lowest and the highest."""
    steps = [step for step, _ in min(series, key=len)]
    columns = list(zip(*([value for _, value in curve] for curve in series), strict=False))
    axes.plot(steps, [fmean(column) for column in columns], style, color=color, label=label)
    axes.fill_between(steps, [*map(min, columns)], [*map(max, columns)], color=color, alpha=0.2, linewidth=0)


def draw_confusion(results: Results) -> Figure:
    """Shares of the test reviews of each true class, mean over seeds."""
    figure, axes = subplots(figsize=(4.2, 3.6))
    shares = [[fmean(c[i][j] / sum(c[i]) for c in results.each("confusion")) for j in (0, 1)] for i in (0, 1)]
    axes.imshow(shares, cmap="RdPu", vmin=0, vmax=1)
    for i in (0, 1):
        for j in (0, 1):
            color = "white" if shares[i][j] > 0.5 else "black"
            axes.text(j, i, f"{shares[i][j]:.1%}", ha="center", va="center", color=color, fontsize=13)
    axes.set(xticks=(0, 1), yticks=(0, 1), xticklabels=LABELS, yticklabels=LABELS, xlabel="predicted", ylabel="true")
    axes.set_title("confusion matrix, test")
    return figure


def draw_by_length(results: Results) -> Figure:
    """Test accuracy of groups of reviews, as even as the lengths allow."""
    figure, axes = subplots(figsize=(6, 3.6))
    groups = list(zip(*results.each("by_length"), strict=True))
    _draw_range(axes, range(len(groups)), [[right / all_ for _, _, right, all_ in group] for group in groups])
    axes.set_xticks(range(len(groups)), [f"{low} to {high}" for (low, high, *_), *_ in groups])
    axes.set_xlabel(f"tokens of the review (the first {results[0]['max_seq_len']} are read)")
    axes.set(ylabel="test accuracy", title="accuracy by review length, mean and range over seeds")
    return figure


def draw_by_depth(record: Record) -> Figure:
    """Accuracy against the number of layers."""
    figure, axes = subplots(figsize=(5, 3.6))
    depths = record.settings["num_layers"]
    for split, color in (("dev", "#f19ec2"), ("test", "#e4007f")):
        accuracies = [record.results().where(num_layers=depth).each(f"{split}_accuracy") for depth in depths]
        _draw_range(axes, depths, accuracies, color, split.capitalize())
    axes.set(xlabel="LSTM layers", ylabel="accuracy", xticks=depths)
    axes.legend(title="mean and range over seeds")
    return figure


def _draw_range(
    axes: Axes, x: Sequence[int], values: Sequence[Sequence[float]], color: str = "#e4007f", label: str = ""
) -> None:
    """The mean of each group of values, with a bar from its lowest to its highest."""
    means = [fmean(group) for group in values]
    down = [mean - min(group) for mean, group in zip(means, values, strict=True)]
    up = [max(group) - mean for mean, group in zip(means, values, strict=True)]
    axes.errorbar(x, means, [down, up], fmt="o-", capsize=3, color=color, label=label)


def draw_words(words: dict[str, Any]) -> Figure:
    """The review, each word on the colour of its contribution: pink speaks for positive, green for negative."""
    tokens = words["tokens"]
    contributions = words["contributions"] or [0.0] * len(tokens)
    strongest = max(map(abs, contributions), default=0.0) or 1.0
    colors = ScalarMappable(Normalize(-strongest, strongest), "PiYG_r")
    lines = _wrap(tokens)
    figure, axes = subplots(figsize=(9, 0.34 * len(lines) + 1.3))
    axes.set(xlim=(0, LINE), ylim=(len(lines) + 0.2, -0.8))
    axes.axis("off")
    for row, line in enumerate(lines):
        for column, i in line:
            background = {"facecolor": colors.to_rgba(contributions[i]), "edgecolor": "none", "pad": 1.5}
            color = "white" if abs(contributions[i]) > 0.6 * strongest else "black"
            text = tokens[i].replace("$", r"\$")  # Matplotlib would read it as a formula
            axes.text(column, row, text, color=color, family="monospace", fontsize=10, bbox=background)
    given = f", labelled {words['label']}" if words["label"] else ""
    axes.set_title(f"predicted {words['predicted']} ({words['probability']:.2f}){given}", fontsize=11)
    label = "logit with the word minus logit without it: negative ← → positive"
    figure.colorbar(colors, ax=axes, orientation="horizontal", fraction=0.06, pad=0.04, label=label)
    return figure


def _wrap(tokens: list[str]) -> list[list[tuple[int, int]]]:
    """Lines of (column, number of the token)."""
    lines: list[list[tuple[int, int]]] = [[]]
    column = 0
    for i, token in enumerate(tokens):
        if column and column + len(token) > LINE:
            lines.append([])
            column = 0
        lines[-1].append((column, i))
        column += len(token) + 1
    return lines
