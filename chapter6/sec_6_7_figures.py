"""The figures of section 6.7 (文本分类实验的图): 6.16 and ours, from the record alone."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

import nndl
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record, Results
from chapter6.lab.text import Text
from chapter6.sec_6_7_findings import of_first_depth


def figures(record: Record) -> dict[str, Drawing]:
    """Figure 6.16 and ours."""
    results = of_first_depth(record)
    drawn = {
        "6.16": draw_curves(results),
        "confusion": draw_confusion(results),
        "length": draw_by_length(results),
        "words": draw_words(record.metrics["words"], results[0]["labels"]),
    }
    return drawn | ({"depth": draw_by_depth(record)} if len(record.settings["num_layers"]) > 1 else {})


def draw_curves(results: Results) -> Drawing:
    """Figure 6.16: losses, and beside them the score on dev, against steps; a line ends each epoch."""
    import matplotlib.pyplot as plt

    plot, dev_losses = nndl.plot, results.each("dev_losses")
    train, dev = plot.SPLITS["train"], plot.SPLITS["dev"]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.6))
    plot.band(left, [_smooth(losses) for losses in results.each("step_losses")], train, plot.both("train", "训练集"))
    plot.band(left, dev_losses, dev, plot.both("dev", "验证集"))
    plot.band(right, results.dev_curves(), dev, plot.both("dev", "验证集"))
    for axes in (left, right):
        plot.epoch_lines(axes, results[0]["steps_per_epoch"], results[0]["epochs"])
        axes.set_xlabel(plot.both("step", "步数"))
    left.set(ylabel=plot.both("loss", "损失"), ylim=(0, None))
    if results[0]["keep"] == "accuracy":
        plot.accuracy_axis(right)
    else:
        right.set(ylabel=plot.both("cross entropy", "交叉熵"), ylim=(0, None))
    names = plot.both("mean dev loss lowest", "验证集平均损失最低"), plot.both("each seed's lowest", "各种子最低")
    plot.lowest(left, dev_losses, *names)
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            "Does the dev loss turn up while the train loss keeps falling? From there on the model learns the "
            "training reviews by heart (overfitting). Line: mean over the seeds; band: their range. Upright: a pale "
            "line ends each epoch; a dark one marks where the mean dev loss is lowest, a grey strip from the first to "
            "the last step at which that of a seed is.",
            "训练损失持续下降时，验证集损失是否转而上升？此后模型只是记住训练影评（过拟合）。"
            "线为各种子的均值，带为其范围。浅色竖线为回合结束；深色竖线为验证集平均损失最低处；"
            "灰色竖条为各种子最低处的范围，从最早到最晚。",
        ),
    )


def _smooth(points: Sequence[Sequence[float]], width: int = 10) -> list[tuple[float, float]]:
    """The means of so many points each."""
    groups = [points[start : start + width] for start in range(0, len(points), width)]
    return [(fmean(step for step, _ in group), fmean(value for _, value in group)) for group in groups]


def draw_confusion(results: Results) -> Drawing:
    """Shares of the test reviews of each true class, mean over seeds."""
    labels, counts = results[0]["labels"], results.each("confusion")
    C = len(labels)
    figure, (axes,) = nndl.plot.panels(1, size=(3 + 0.6 * C, 2.4 + 0.6 * C))
    shares = [[fmean(c[i][j] / sum(c[i]) for c in counts) for j in range(C)] for i in range(C)]
    nndl.plot.confusion(axes, shares, labels)
    return Drawing(
        figure,
        Text(
            "Which class is taken for the other, on test? Shares of each true class; the diagonal is right; mean over "
            "the seeds.",
            "测试集上哪一类被误判为另一类？各真实类别中的占比；对角线为判断正确；各种子的均值。",
        ),
    )


def draw_by_length(results: Results) -> Drawing:
    """Test accuracy of groups of reviews, as even as the lengths allow."""
    plot = nndl.plot
    figure, (axes,) = plot.panels(1, size=(6, 3.6))
    groups = list(zip(*results.each("by_length"), strict=True))
    accuracies = [[right / total for _, _, right, total in group] for group in groups]
    plot.points(axes, range(len(groups)), accuracies, plot.SPLITS["test"], plot.both("test", "测试集"))
    plot.accuracy_axis(axes)
    axes.set_xticks(range(len(groups)), [f"{low} – {high}" for (low, high, *_), *_ in groups])
    axes.set_xlabel(plot.both("tokens of the review", "影评的词数"))
    plot.legend(figure)
    read = results[0]["max_seq_len"]
    return Drawing(
        figure,
        Text(
            f"Which reviews are hard, short ones or long ones? Only the first {read} tokens are read. "
            "Mean and range over the seeds.",
            f"短影评难还是长影评难？只读入前 {read} 个词。各种子的均值与范围。",
        ),
    )


def draw_by_depth(record: Record) -> Drawing:
    """Accuracy against the number of layers (exercise 6.6)."""
    plot, depths = nndl.plot, record.settings["num_layers"]
    figure, (axes,) = plot.panels(1, size=(5.2, 3.6))
    for place, (split, name) in enumerate((("dev", "验证集"), ("test", "测试集"))):
        accuracies = [record.results().where(num_layers=depth).each(f"{split}_accuracy") for depth in depths]
        plot.points(axes, plot.apart(depths, place, 2), accuracies, plot.SPLITS[split], plot.both(split, name))
    plot.accuracy_axis(axes)
    axes.set(xlabel=plot.both("LSTM layers", "LSTM 层数"), xticks=depths)
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            "Does a deeper LSTM do better (exercise 6.6)? Mean and range over the seeds.",
            "更深的 LSTM 更好吗（练习 6.6）？各种子的均值与范围。",
        ),
    )


def draw_words(words: dict[str, Any], labels: Sequence[str]) -> Drawing:
    """The review, each word on the colour of its contribution; a review of one word has none."""
    plot, tokens, label = nndl.plot, words["tokens"], words["speaks_for"]
    against = Text(labels[0], labels[0]) if len(labels) == 2 else Text(f"not {label}", f"非 {label}")
    predicted = plot.both("predicted", "预测")
    labelled = f", {plot.both('labelled', '标注')} {words['label']}" if words["label"] else ""
    figure = plot.draw_words(
        tokens,
        words["contributions"] or [0.0] * len(tokens),
        f"{predicted} {words['predicted']} ({words['probability']:.2f}){labelled}",
        plot.both(f"{against.en} ← → {label}: log odds with the word minus without it", "该词带来的对数几率变化"),
    )
    en, zh = words["source"]
    return Drawing(
        figure,
        Text(
            f"The words of {en}: pink ones speak for {label}, green ones for {against.en}; the strongest "
            f"are framed, solid for {label}, dashed for {against.en}.",
            f"{zh}。粉色词倾向 {label}，绿色词倾向 {against.zh}；"
            f"影响最大的词加框，{label} 为实线，{against.zh} 为虚线。",
        ),
    )
