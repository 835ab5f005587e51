"""Recurrent networks by hand: the figures (手算循环网络的图), from the record alone."""

from typing import Any

import nndl
from chapter6.extras.by_hand_findings import GATES, accuracies, arrow, cases, short
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record
from chapter6.lab.text import Text

import matplotlib.pyplot as plt


def figures(record: Record) -> dict[str, Drawing]:
    """The LSTM set by hand at work, on the reader's sequence; accuracy from each initial state."""
    return {"lstm": _draw_lstm(record.metrics["lstm"][-1]), "starts": _draw_starts(record)}


def _draw_lstm(watched: dict[str, Any]) -> Drawing:
    """Above the gates, open or closed, below the memory after each step and what is output of it."""
    plot, steps = nndl.plot, range(len(watched["inputs"]))
    size = (max(6.4, 0.6 * len(steps) + 2.6), 4.6)
    figure, (above, below) = plt.subplots(2, 1, figsize=size, sharex=True, height_ratios=(2, 3))
    colors = figure.colorbar(plot.heat_map(above, [watched[gate] for gate in GATES]), ax=above, ticks=(0, 1))
    colors.ax.set_yticklabels([plot.both("0 closed", "关"), plot.both("1 open", "开")])
    above.set_yticks(range(len(GATES)), [plot.both(*name) for name in GATES.values()])
    memory, output = plot.both("memory C", "记忆 C"), plot.both("output H", "输出 H")
    below.bar(steps, watched["cell_state"], 0.7, color=plot.LOOKS[0]["color"], alpha=0.45, label=memory)
    below.plot(steps, watched["hidden_state"], "D", color="black", label=output, clip_on=False, zorder=3)
    below.axhline(0, color="black", linewidth=0.8)
    below.set_xticks(steps, ["\n".join(map(short, x)) for x in watched["inputs"]])
    below.set_xlabel(plot.both("x1, x2, x3 of each step", "每步的 x1、x2、x3"))
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            "Every step from left to right. Which gate opens where x2 = 1 (add x1)? Which one closes where x2 = -1 "
            "(reset)? Which one opens where x3 = 1 (output)? In between the memory stays as it is, whatever x1 is.",
            "从左到右为各步。x2 = 1（加入 x1）时哪个门打开？x2 = -1（清零）时哪个门关闭？x3 = 1（输出）时哪个门打开？"
            "其间无论 x1 为何值，记忆都保持不变。",
        ),
    )


def _draw_starts(record: Record) -> Drawing:
    """A bar a pair of initial states, a panel a length."""
    plot, lengths = nndl.plot, record.settings["lengths"]
    pairs = list(cases(record))
    names = [plot.both(*arrow(*pair)) for pair in pairs]
    figure, panels = plot.panels(len(lengths), columns=2, size=(6.4, 0.36 * len(pairs) + 1.2))
    for axes, length in zip(panels, lengths, strict=True):
        plot.bars(axes, names, [accuracies(record, length, *pair) for pair in pairs])
        axes.set_title(f"L = {length}")
    plot.accuracy_axis(panels[0], "x")
    return Drawing(
        figure,
        Text(
            "Trained from one initial state → started from another. Does it matter where an SRN starts? Where does "
            "noise at the start cost more: in training, or only in use? Bars: mean test accuracy; dots: seeds.",
            "训练时的初始状态 → 测试时的初始状态。SRN 从何处开始是否重要？初始噪声在训练时还是只在使用时代价更大？"
            "条为测试准确率的均值，点为各种子。",
        ),
    )
