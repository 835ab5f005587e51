"""Gradients, the remedies, drawn: the differences, truncation, and the saturated SRN from inside (图)."""

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
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record, Results
from chapter6.lab.text import Text

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

# --- 图 figures ---


def figures(record: Record) -> dict[str, Drawing]:
    """The differences, truncation, and the saturated SRN from inside."""
    return {
        "remedies": _draw_remedies(record),
        "truncation": _draw_truncation(record),
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


def _draw_truncation(record: Record) -> Drawing:
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
