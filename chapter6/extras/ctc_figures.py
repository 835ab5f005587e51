"""Recognition with CTC, shown: all alignments, the spikes, and the error against the steps (图)."""

from typing import Any

import nndl
from chapter6.extras.ctc_findings import NAMES
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record
from chapter6.lab.text import Text

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes


def figures(record: Record) -> dict[str, Drawing]:
    """The lattice of the small example, what the networks say over one string each, and the course of training."""
    return {"alignments": draw_alignments(record), "spikes": draw_spikes(record), "learning": _learning(record)}


def draw_alignments(record: Record) -> Drawing:
    """Each alignment of the small example as a line through the symbols φ a φ b φ, as wide as it is likely."""
    plot, found = nndl.plot, record.metrics["alignments"]
    figure, axes = plt.subplots(figsize=(6.4, 3.6))
    rows, count = "φaφbφ", len(found["alignments"])
    T = len(found["alignments"][0][0])
    # all places that a path could be at
    axes.plot(*np.meshgrid(range(1, T + 1), range(len(rows))), "o", color="0.85", markersize=13, zorder=1)
    for k, (path, p) in enumerate(sorted(found["alignments"], key=lambda pair: -pair[1])):
        look = plot.LOOKS[k % len(plot.LOOKS)]
        shift = 0.07 * (k - (count - 1) / 2)  # so that no line hides another
        y = [row + shift for row in _rows_of(path)]
        line = {"color": look["color"], "linestyle": look["linestyle"], "linewidth": 1 + 9 * p}
        axes.plot(range(1, T + 1), y, **line, label=f"{path}  {p:.3f}")
    axes.set(xticks=range(1, T + 1), xlabel=plot.both("step", "步") + " t", xlim=(0.7, T + 0.3))
    axes.set_yticks(range(len(rows)), list(rows))
    axes.invert_yaxis()
    axes.grid(visible=False)
    total = f"{found['sum']:.3f}"
    figure.legend(loc="outside right center", title=plot.both(f"sum {total}", f"和 {total}"), handlelength=5)
    en = (
        f'The {count} alignments of "ab" in {T} steps, each as wide as it is likely: a path stays, goes down by one, '
        "or skips a φ between different labels. The loss is the negative logarithm of their sum."
    )
    zh = (
        f"“ab”在 {T} 步中的 {count} 种对齐，线宽表示概率：路径每步停留、下移一格，或越过不同标签之间的 φ。"
        "损失是它们概率之和的负对数。"
    )
    return Drawing(figure, Text(en, zh))


def _rows_of(path: str) -> list[int]:
    """Which of φ a φ b φ each symbol of a path is."""
    rows, at = [], 0
    for symbol in path:
        at = next(row for row in range(at, 5) if "φaφbφ"[row] == symbol)
        rows.append(at)
    return rows


def draw_spikes(record: Record) -> Drawing:
    """Below what is read, the probability of each symbol at each step; a column a direction."""
    plot, shown = nndl.plot, [first for first, *_ in record.metrics["spikes"]]
    is_image = record.settings["corpus"] == "strips"
    figure, grid = plt.subplots(
        2, len(shown), figsize=(5.6 * len(shown), 4.4), sharex="col", squeeze=False, height_ratios=(1, 1.6)
    )
    for (above, below), each in zip(grid.T, shown, strict=True):
        _draw_input(above, each, is_image)
        name, read, wanted = NAMES[each["direction"]], each["read"], each["wanted"]
        en, zh = f"{name.en}: {wanted} read as {read}", f"{name.zh}：{wanted} 读作 {read}"
        above.set_title(plot.both(en, zh))
        _draw_posterior(below, each)
        below.set_xlabel(plot.both("column", "列") if is_image else plot.both("frame of 20 ms", "帧，每帧 20 毫秒"))
    grid[0, 0].set_ylabel(plot.both("pixels", "像素") if is_image else plot.both("mel band", "梅尔频带"))
    grid[1, 0].set_ylabel(plot.both("probability", "概率"))
    plot.legend(figure)
    en = (
        "Above what is read, grey where a digit stands, which no network was told; below what is said: φ (dotted) "
        "nearly everywhere, and for each digit a spike. Which direction speaks later?"
    )
    zh = (
        "上：输入，灰色竖带标出数字的位置（训练时并不给出）；下：输出概率，几乎处处是 φ（点线），每个数字只有一个尖峰。"
        "哪个方向输出更晚？"
    )
    return Drawing(figure, Text(en, zh))


def _draw_input(axes: Axes, each: dict[str, Any], is_image: bool) -> None:
    colors = "Greys" if is_image else nndl.plot.SEQUENTIAL
    origin = "upper" if is_image else "lower"
    axes.imshow(np.array(each["X"]).T, cmap=colors, origin=origin, interpolation="nearest", aspect="auto")
    axes.grid(visible=False)
    axes.set_yticks([])


def _draw_posterior(axes: Axes, each: dict[str, Any]) -> None:
    p = np.array(each["p"])
    for place, (start, end) in enumerate(each["spans"]):  # two shades, for digits may touch
        axes.axvspan(start - 0.5, end - 0.5, facecolor=("0.93", "0.86")[place % 2], edgecolor="none", zorder=0)
    axes.plot(p[:, 0], color="0.4", linestyle=":", label="φ")
    # digits in the order in which they stand; a look each, as there are looks
    for place, digit in enumerate(dict.fromkeys(each["wanted"])):
        look = nndl.plot.LOOKS[place % len(nndl.plot.LOOKS)]
        axes.plot(p[:, int(digit) + 1], color=look["color"], linestyle=look["linestyle"], label=digit)
    axes.set_ylim(0, 1.05)


def _learning(record: Record) -> Drawing:
    """The dev error against the steps, a line a direction."""
    plot = nndl.plot
    figure, (axes,) = plot.panels(1, size=(6.4, 3.6))
    for look, direction in zip(plot.LOOKS, record.settings["directions"], strict=False):
        results = record.results().where(direction=direction)
        steps = [step for step, _ in results[0]["dev_losses"]]
        scores = zip(*results.each("dev_scores"), strict=False)
        plot.points(axes, steps, [list(score) for score in scores], look, plot.both(*_texts(direction)))
    plot.plain_log(axes)
    axes.set(xlabel=plot.both("step", "步数"), ylabel=plot.both("label error rate, dev", "标签错误率（验证集）"))
    plot.legend(figure)
    en = (
        "How the label error falls. An error of 1 is a network that says φ everywhere: on this plateau nothing seems "
        "to happen, then the spikes come. Mean and range of the seeds."
    )
    zh = "标签错误率如何下降：错误率为 1 的网络处处输出 φ（平台期），看似毫无进展，随后出现尖峰。均值与各种子的范围。"
    return Drawing(figure, Text(en, zh))


def _texts(direction: str) -> tuple[str, str]:
    return NAMES[direction].en, NAMES[direction].zh
