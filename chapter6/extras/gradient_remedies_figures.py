"""Gradients, the remedies: the tables, and the differences, truncation and the saturated SRN drawn (表与图)."""

from itertools import cycle
from statistics import fmean

import nndl
from chapter6.extras.gradient_explosion import SATURATED
from chapter6.extras.gradient_remedies_findings import (
    CHANCE,
    CLIPPED,
    by_steps,
    clipped_gains,
    gains,
    kept,
    name_of,
    remedies_of,
)
from chapter6.lab.claim import CHINESE, FAILS, HOLDS, OPEN, judge, mean_and_spread
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record, Results
from chapter6.lab.report import Table
from chapter6.lab.text import Text

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

# --- 表 tables ---

VERDICTS = {HOLDS: Text("helps", "有帮助"), FAILS: Text("hurts", "有害"), OPEN: Text(OPEN, CHINESE[OPEN])}


def tables(record: Record) -> list[Table]:
    """Every remedy with its verdict; what clipping makes of one gradient; truncated BPTT."""
    return [_table_of_remedies(record), table_of_clipping(record), table_of_truncation(record)]


def _table_of_remedies(record: Record) -> Table:
    rows = []
    for remedy in remedies_of(record):
        results = kept(record).where(remedy=remedy)
        values = results.each("singular_value")
        singular = "" if None in values else f"{fmean(values):.2f}"
        row = [name_of(remedy), mean_and_spread(results.each("test_accuracy"))]
        difference = [] if remedy == "none" else gains(record, remedy)
        rows.append([*row, *_judged(difference), singular])
    for clip, name in CLIPPED.items():
        accuracy = mean_and_spread(kept(record, "clipped").where(clip=clip).each("test_accuracy"))
        shown = Text(f"6.4, {name.en}", f"6.4 节，{name.zh}")
        rows.append([shown, accuracy, *_judged([] if clip == "none" else clipped_gains(record, clip)), ""])
    header = [
        Text("remedy", "办法"),
        Text("test accuracy", "测试准确率"),
        Text("difference", "差"),
        Text("verdict", "结论"),
        Text("largest singular value of U", "U 的最大奇异值"),
    ]
    note = Text(
        "Difference: to the plain SRN (tanh, Xavier), or to no clipping, seed by seed. The singular value is that of "
        "the trained U.",
        "差：与普通 SRN（tanh、Xavier）或不截断逐种子相减。奇异值取自训练后的 U。",
    )
    return Table(Text("Remedies, each by itself", "各种办法，逐一启用"), header, rows, note)


def _judged(difference: list[float]) -> list[Text | str]:
    """A difference and its verdict; nothing for what the others are compared with."""
    return [mean_and_spread(difference), VERDICTS[judge(difference)]] if difference else ["", ""]


def table_of_clipping(record: Record) -> Table:
    found = kept(record, "directions")
    names = {name: name.removeprefix("rnn_model.") for name in found[0]["before"]}
    rows = []
    for clip, name in CLIPPED.items():
        results = found.where(clip=clip)
        norms = [f"{fmean(r['after'][parameter] for r in results):.2f}" for parameter in names]
        rows.append([name, *norms, f"{fmean(results.each('cosine')):.4f}"])
    header = [Text("clipping", "截断"), *(f"|{short}|" for short in names.values()), Text("cosine", "余弦")]
    note = Text(
        "The same gradient each time, that of 6.4's first step (loss: the sum over the batch), v = 5; means of the "
        "seeds. Cosine: between the whole gradient before and after.",
        "每行都是同一个梯度，即 6.4 节第一步的梯度（损失为批内之和），v = 5；各种子的均值。"
        "余弦：截断前后整个梯度之间。",
    )
    return Table(Text("Norms of a gradient after clipping", "截断后各参数梯度的范数"), header, rows, note)


def table_of_truncation(record: Record) -> Table:
    accuracy, errors, cosines = by_steps(record)
    rows = [
        [str(k), f"{fmean(errors[k]):.3f}", f"{fmean(cosines[k]):.3f}", mean_and_spread(accuracy[k])] for k in errors
    ]
    header = ["k", Text("gradient error", "梯度误差"), Text("cosine", "余弦"), Text("test accuracy", "测试准确率")]
    note = Text(
        "Of W, U and b, against the gradient of full BPTT, before the first step",
        "W、U、b 的梯度与完整 BPTT 相比，首步之前",
    )
    return Table(Text("Truncated BPTT", "截断的随时间反向传播"), header, rows, note)


# --- 图 figures ---


def figures(record: Record) -> dict[str, Drawing]:
    """The differences, truncation, and the saturated SRN from inside."""
    return {
        "remedies": _draw_remedies(record),
        "truncation": draw_truncation(record),
        "saturation": _draw_saturation(record),
        "activations": _draw_activations(record),
    }


def _draw_remedies(record: Record) -> Drawing:
    """A bar a remedy, a dot a seed."""
    plot = nndl.plot
    names = [remedy for remedy in remedies_of(record) if remedy != "none"]
    clips = [clip for clip in CLIPPED if clip != "none"]
    figure, (above, below) = plt.subplots(
        2, 1, figsize=(7, 7.4), sharex=True, height_ratios=[len(names), len(clips) + 1]
    )
    plot.bars(above, [plot.both(*name_of(n)) for n in names], [gains(record, n) for n in names])
    plot.bars(below, [plot.both(*CLIPPED[c]) for c in clips], [clipped_gains(record, c) for c in clips])
    plain, free = (fmean(r.each("test_accuracy")) for r in (kept(record).where(remedy="none"), _free(record)))
    above.set_title(plot.both(f"against a plain SRN, {plain:.2f}", f"与普通 SRN（{plain:.2f}）相比"))
    below.set_title(plot.both(f"6.4: against no clipping, {free:.2f}", f"6.4 节：与不截断（{free:.2f}）相比"))
    below.set_xlabel(plot.both("difference of test accuracy", "测试准确率之差"))
    for axes in (above, below):
        axes.axvline(0, color="black", linewidth=0.8)
    return Drawing(
        figure,
        Text(
            "Which remedies move all seeds to the right of 0? Which ones hurt? Bar: mean difference; dots: seeds.",
            "哪些办法使所有种子都在 0 的右侧？哪些反而有害？条为差的均值，点为各种子。",
        ),
    )


def _free(record: Record) -> Results:
    return kept(record, "clipped").where(clip="none")


def draw_truncation(record: Record) -> Drawing:
    """Gradient error and cosine, and accuracy, against k."""
    plot = nndl.plot
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.6))
    accuracy, errors, cosines = by_steps(record)
    steps = list(accuracy)
    plot.points(left, steps, list(errors.values()), plot.LOOKS[0], plot.both("relative error", "相对误差"))
    plot.points(left, steps, list(cosines.values()), plot.LOOKS[1], plot.both("cosine", "余弦"))
    plot.points(right, steps, list(accuracy.values()), plot.LOOKS[3], plot.both("test accuracy", "测试准确率"))
    plot.reference(right, CHANCE, plot.both("the most frequent sum", "总是回答最常见的和"))
    plot.accuracy_axis(right)
    left.set(ylabel=plot.both("against full BPTT", "与完整 BPTT 相比"))
    for axes in (left, right):
        axes.set(xlabel=plot.both("steps back", "回传步数") + " k", xticks=steps)
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            "Left: from which k on is the gradient, before the training, as good as the whole? Right: from which k on "
            "is anything learned? Why is the first so much smaller: what does the little that is missing hold? Bars: "
            "range of the seeds.",
            "左图：从哪个 k 起，训练前的梯度已与完整的梯度相差无几？右图：从哪个 k 起才学到东西？前者为何小得多："
            "缺少的那一点里有什么？竖线为各种子的范围。",
        ),
    )


def _draw_saturation(record: Record) -> Drawing:
    """The share of saturated activations at each step of the sequence, a line a moment."""
    plot = nndl.plot
    figure, panels = plot.panels(2, size=(4.6, 3.4))
    for axes, clip in zip(panels, ("none", "norm"), strict=True):
        results = kept(record, "saturated").where(clip=clip)
        moments = zip(*results.each("activations"), strict=False)
        for of_seeds, look in zip(moments, cycle(plot.LOOKS), strict=False):
            curves = [list(enumerate(moment["saturated"], start=1)) for moment in of_seeds]
            step = of_seeds[0]["step"]
            plot.band(axes, curves, look, plot.both(f"step {step}", f"第 {step} 步"), middle=np.median)
        axes.set(title=plot.both(*CLIPPED[clip]), xlabel=plot.both("time step", "时刻") + " t", ylim=(-0.03, 1.03))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[0].set_ylabel(plot.both(f"share of |H| > {SATURATED}", f"|H| > {SATURATED} 的比例"))
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            "Within how few steps of the training does the SRN saturate, left? What does clipping, right, leave of "
            "this? Line: median of the seeds; band: their range.",
            "左图：SRN 在训练的几步之内就饱和？右图：截断之后还有多少？线为各种子的中位数，带为其范围。",
        ),
    )


def _draw_activations(record: Record) -> Drawing:
    """The hidden states of one sequence, a panel a moment, a row a kind of clipping."""
    plot = nndl.plot
    found = {clip: kept(record, "saturated").where(clip=clip)[0]["activations"] for clip in ("none", "norm")}
    columns, L = max(map(len, found.values())), len(found["none"][0]["saturated"])
    figure, grid = plt.subplots(2, columns, figsize=(2 * columns, 5), sharex=True, sharey=True, squeeze=False)
    for row, (clip, moments) in zip(grid, found.items(), strict=True):
        for axes, moment in zip(row, moments, strict=False):
            image = plot.heat_map(axes, moment["example"], signed=True)
            axes.set_title(plot.both(f"step {moment['step']}", f"第 {moment['step']} 步"))
            axes.set_xticks([0, L - 1], [1, L])
        row[0].set_ylabel(plot.both(*CLIPPED[clip]))
    figure.supxlabel(plot.both("time step", "时刻") + " t")
    figure.supylabel(plot.both("units", "单元"))
    figure.colorbar(image, ax=grid, label="H", shrink=0.8)
    return Drawing(
        figure,
        Text(
            "The hidden state of one sequence (a row a unit, a column a time step) as the training goes on, seed 0: "
            "where are colours left between the extremes?",
            "一个序列的隐状态（行为单元，列为时刻）在训练中的变化，种子 0：何处还有两极之间的颜色？",
        ),
    )
