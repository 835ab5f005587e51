"""6.4, what was found: the claims of the book, judged, the table and the figures (结论、表与图)."""

from math import log
from typing import Any

import nndl
from chapter6.lab.claim import Claim, last_tenth, mean_and_spread
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record, Results
from chapter6.lab.report import Table
from chapter6.lab.text import Text
from nndl.dataset import digit_sum

import matplotlib.pyplot as plt
import numpy as np

# --- 结论 claims ---

NAMES = {
    "none": Text("no clipping", "不截断"),
    "value": Text("by value", "按值截断"),
    "norm": Text("by norm", "按模截断"),
    "global_norm": Text("by global norm", "按全局模截断"),
}
CHANCE_LOSS = log(digit_sum.NUM_CLASSES)
"""The cross entropy of guessing among 19 classes."""
SMALLEST = 1e-45  # of float32; stands for a norm of 0 where one divides by it, or takes its logarithm
SHOOTS_UP = 5
"""A norm that reaches this multiple of its first value has shot up."""
ALMOST_ZERO = 0.01
"""A norm below this fraction of its first value is almost 0."""


def claims(record: Record) -> list[Claim]:
    """The book's claims, judged on the record, and ours on the gentler setting."""
    free, clipped = (record.results("book").where(clip=clip) for clip in ("none", "norm"))
    free_norms, clipped_norms = ([_over_first(r["gradient_norms"]["U"]) for r in rs] for rs in (free, clipped))
    highest, last = [*map(max, free_norms)], [*map(last_tenth, free_norms)]
    clipped_last = [*map(last_tenth, clipped_norms)]
    losses, rate = [_last_loss(result) for result in free], record.settings["gentle_learning_rate"]
    return [
        Claim(
            "explosion",
            Text(
                f"without clipping the gradient norm shoots up (U: to {SHOOTS_UP} times its first value or more)",
                f"不截断时梯度范数急剧上升（U：达到初值的 {SHOOTS_UP} 倍以上）",
            ),
            Text(f"highest / first: {mean_and_spread(highest, 1)}", f"最大值 / 初值：{mean_and_spread(highest, 1)}"),
            [[log(max(ratio, SMALLEST) / SHOOTS_UP) for ratio in highest]],
        ),
        Claim(
            "saturation",
            Text(
                f"then it is almost 0 (the median of the last tenth under {ALMOST_ZERO:.0%} of the first)",
                f"随后几乎为 0（最后十分之一的中位数低于初值的 {ALMOST_ZERO:.0%}）",
            ),
            _last_to_first(last),
            [[ALMOST_ZERO - ratio for ratio in last]],
        ),
        Claim(
            "learning_stops",
            Text(
                "and learning stops (the last training loss is above that of guessing, ln 19)",
                "学习随之停止（最后的训练损失高于随机猜测的 ln 19）",
            ),
            Text(
                f"loss an example: {mean_and_spread(losses)} (ln 19 = {CHANCE_LOSS:.2f})",
                f"每个样本的损失：{mean_and_spread(losses)}（ln 19 = {CHANCE_LOSS:.2f}）",
            ),
            [[loss - CHANCE_LOSS for loss in losses]],
        ),
        Claim(
            "clipped_alive",
            Text(
                f"with clipping by norm the gradients stay alive (the last tenth over {ALMOST_ZERO:.0%} of the first)",
                f"按模截断时梯度保持有效（最后十分之一高于初值的 {ALMOST_ZERO:.0%}）",
            ),
            _last_to_first(clipped_last),
            False if any(clipped.each("diverged")) else [[ratio - ALMOST_ZERO for ratio in clipped_last]],
        ),
        _accuracy_claim(
            record.results("book"),
            "clipped_accuracy",
            Text("with clipping by norm the accuracy is somewhat higher", "按模截断后准确率略有提高"),
        ),
        _accuracy_claim(
            record.results("gentle"),
            "gentle_accuracy",
            Text(
                f"ours: at learning rate {rate} clipping by norm makes learning succeed",
                f"本项目：学习率为 {rate} 时，按模截断使学习成功",
            ),
        ),
    ]


def _accuracy_claim(results: Results, id: str, statement: Text) -> Claim:
    """Test accuracy with clipping by norm minus without, seed by seed."""
    free, clipped = (results.where(clip=clip).each("test_accuracy") for clip in ("none", "norm"))
    without, with_ = mean_and_spread(free), mean_and_spread(clipped)
    measured = Text(f"test accuracy {without} without, {with_} with", f"测试准确率：不截断 {without}，截断 {with_}")
    return Claim(id, statement, measured, [[b - a for a, b in zip(free, clipped, strict=True)]])


def _over_first(norms: list[float]) -> list[float]:
    """Each norm divided by the first."""
    return [norm / max(norms[0], SMALLEST) for norm in norms]


def _last_loss(result: dict[str, Any]) -> float:
    """The loss an example in the last epoch; of a training that diverged, in its last finite step."""
    loss = result["last_loss"] if result["diverged"] else result["train_losses"][-1][1]
    return loss / result["batch_size"]


def _last_to_first(values: list[float]) -> Text:
    shown = ", ".join(f"{value:.2g}" for value in values)
    return Text(f"last / first: {shown}", f"末值 / 初值：{shown}")


# --- 表 tables ---


def tables(record: Record) -> list[Table]:
    """Accuracies of each kind of clipping in each setting."""
    rows = []
    for name, rate in (("book", "learning_rate"), ("gentle", "gentle_learning_rate")):
        for clip, title in NAMES.items():
            chosen = record.results(name).where(clip=clip)
            accuracy = [mean_and_spread(chosen.each(f"{split}_accuracy")) for split in ("dev", "test")]
            diverged = sum(map(bool, chosen.each("diverged")))
            rows.append(
                [str(record.settings[rate]), title, *accuracy, f"{diverged} / {len(chosen)}" if diverged else ""]
            )
    header = [Text("learning rate", "学习率"), Text("clipping", "截断"), Text("dev", "验证集"), Text("test", "测试集")]
    return [Table(Text("Accuracy", "准确率"), [*header, Text("diverged", "发散")], rows)]


# --- 图 figures ---


def figures(record: Record) -> dict[str, Drawing]:
    """Figures 6.8 and 6.9, and the comparison of the strategies."""
    return {"6.8": _draw_explosion(record), "6.9": _draw_clipped(record), "strategies": _draw_strategies(record)}


FLOOR, FIRST_STEPS, EVERY = 1e-6, 60, 10
"""Where the axis of the norms begins, how many steps are enlarged, and of how many the largest norm is drawn."""


def _draw_norms(axes: Any, results: Results, kind: str, steps: int | None = None, every: int = 1) -> None:
    """The norms of W, U and b against steps, the largest of every few: the median of the seeds and their range."""
    plot = nndl.plot
    for letter, look in zip("WUb", plot.LOOKS, strict=False):
        norms = [result[kind][letter][:steps] for result in results]
        curves = [[(i, max(of[i : i + every])) for i in range(0, len(of), every)] for of in norms]
        plot.band(axes, curves, look, letter, middle=np.median)
    axes.set(xlabel=plot.both("step", "步数"), ylabel=plot.both("gradient norm", "梯度范数"))
    plot.log_axis(axes, FLOOR)


def _draw_explosion(record: Record) -> Drawing:
    """Figure 6.8: without clipping; the first steps enlarged, then all, which would be a fence of overlapping bars."""
    plot, results = nndl.plot, record.results("book").where(clip="none")
    figure, panels = plot.panels(2, size=(5.0, 3.6), share_x=False)
    _draw_norms(panels[0], results, "gradient_norms", FIRST_STEPS)
    _draw_norms(panels[1], results, "gradient_norms", every=EVERY)
    panels[0].set_title(plot.both(f"the first {FIRST_STEPS} steps", f"前 {FIRST_STEPS} 步"))
    panels[1].set_title(plot.both(f"all steps, the largest of every {EVERY}", f"全部，每 {EVERY} 步的最大值"))
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            "Left: how far do the norms rise, within how few steps? Right: what is left of them later? (Where tanh is "
            f"saturated, the gradient is almost 0; norms below {FLOOR:g}, 0 among them, lie under the axis.) Line: "
            "median of the seeds; band: their range.",
            "左图：范数在几步之内升到多高？右图：其后还剩多少？（tanh 饱和处梯度几乎为 0；"
            f"低于 {FLOOR:g} 的范数，包括 0，落在坐标轴之下。）线为各种子的中位数，带为其范围。",
        ),
    )


def _draw_clipped(record: Record) -> Drawing:
    """Figure 6.9: with clipping by norm; as the backward pass left them, and as the update uses them."""
    plot, results = nndl.plot, record.results("book").where(clip="norm")
    figure, panels = plot.panels(2, size=(5.0, 3.6))
    titles = {
        "gradient_norms": plot.both("before clipping", "截断之前"),
        "applied_norms": plot.both("after clipping", "截断之后"),
    }
    for axes, (kind, title) in zip(panels, titles.items(), strict=True):
        _draw_norms(axes, results, kind)
        axes.set_title(title)
        plot.reference(axes, record.settings["clip_at"], f"v = {record.settings['clip_at']:g}")
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            "Do the gradients stay alive to the end? What the update uses of them, right, never exceeds the bound v. "
            "Line: median of the seeds; band: their range.",
            "梯度是否始终有效？右图为更新所用的梯度，不超过阈值 v。线为各种子的中位数，带为其范围。",
        ),
    )


def _draw_strategies(record: Record) -> Drawing:
    """Training loss and test accuracy of each kind of clipping, one row a setting."""
    plot = nndl.plot
    figure, grid = plt.subplots(2, 2, figsize=(10, 6.4))
    for row, (name, rate) in zip(grid, (("book", "learning_rate"), ("gentle", "gentle_learning_rate")), strict=True):
        groups = {clip: record.results(name).where(clip=clip) for clip in NAMES}
        for (clip, results), look in zip(groups.items(), plot.LOOKS, strict=False):
            finite = [r for r in results if not r["diverged"]]
            curves = [[(step, loss / r["batch_size"]) for step, loss in r["train_losses"]] for r in finite]
            if curves:
                plot.band(row[0], curves, look, plot.both(*NAMES[clip]), middle=np.median)
        plot.reference(row[0], CHANCE_LOSS, plot.both("guessing", "随机猜测"))
        setting = f"{plot.both('learning rate', '学习率')} {record.settings[rate]}"
        row[0].set(title=setting, xlabel=plot.both("step", "步数"), ylabel=plot.both("training loss", "训练损失"))
        plot.plain_log(row[0])
        names = [plot.both(*NAMES[clip]) for clip in groups]
        plot.bars(row[1], names, [results.each("test_accuracy") for results in groups.values()])
        plot.accuracy_axis(row[1], "x")
        row[1].set_title(setting)
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            "At which of the two learning rates does clipping decide between learning and not? A loss (of an example) "
            "above the dotted line is no better than guessing. Line: median of the seeds; band: their range. Bars: "
            "mean test accuracy; dots: seeds.",
            "在上下两个学习率中的哪一个，截断决定能否学会？（每个样本的）损失在点线之上，即不比随机猜测好。"
            "线为各种子的中位数，带为其范围；条为测试准确率的均值，点为各种子。",
        ),
    )
