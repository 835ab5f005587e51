"""Gradients, drawn: the wall of the powers, the error surface with its paths, the gradients over the distance (图)."""

from collections.abc import Sequence
from typing import Any

import nndl
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record, Results
from chapter6.lab.text import Text

import matplotlib.pyplot as plt
import numpy as np

# --- 图 figures ---


def figures(record: Record) -> dict[str, Drawing]:
    """All figures of the first three parts."""
    return {
        "powers": _draw_powers(record),
        "surface": _draw_surface(record),
        "distance": _draw_distance(record),
        "scaled": _draw_scaled(record),
    }


def _draw_powers(record: Record) -> Drawing:
    """The wall: y over w, as it is and on a logarithmic axis with its derivative."""
    plot, found = nndl.plot, record.metrics["wall"]
    figure, (plain, logarithmic) = plt.subplots(1, 2, figsize=(9.4, 3.6))
    for axes in (plain, logarithmic):
        axes.plot(found["w"], found["y"], **_line(0), label="$y = w^{1000}$")
        axes.set(xlabel="w")
    logarithmic.plot(found["w"], found["derivative"], **_line(1), label="$dy/dw = 1000\\,w^{999}$")
    plain.set(title=plot.both("the wall", "墙"), ylabel="y")
    logarithmic.set(title=plot.both("on a logarithmic axis", "对数坐标"), yscale="log")
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            "Left: where does the plain end, and how steep is the wall? Right: by how many powers of ten does the "
            "slope differ from one side of w = 1 to the other?",
            "左图：平原到哪里为止，墙有多陡？右图：w = 1 两侧的斜率相差多少个数量级？",
        ),
    )


def _line(number: int) -> dict[str, Any]:
    """One of the looks, without its marks."""
    return {name: value for name, value in nndl.plot.LOOKS[number].items() if name != "marker"}


PATHS = {"free": Text("without clipping", "不截断"), "clipped": Text("clipped by norm", "按模截断")}


def _draw_surface(record: Record) -> Drawing:
    """The loss over (w, b) with both paths: in space, and from above."""
    plot, found = nndl.plot, record.metrics["surface"]
    w, b = np.meshgrid(found["w"], found["b"])
    losses = np.array(found["losses"])
    figure = plt.figure(figsize=(11, 4.8))
    space, above = figure.add_subplot(1, 2, 1, projection="3d"), figure.add_subplot(1, 2, 2)
    space.plot_surface(w, b, losses, cmap=plot.SEQUENTIAL, alpha=0.75, rcount=len(w), ccount=len(w), linewidth=0)
    heights = above.contourf(w, b, losses, levels=20, cmap=plot.SEQUENTIAL)
    for number, (name, title) in enumerate(PATHS.items()):
        path = record.metrics["paths"][name]
        x, y = np.transpose(path["places"])
        look = {**plot.LOOKS[3 - 2 * number], "markersize": 3, "linewidth": 1}
        space.plot(x, y, path["losses"], **look, zorder=5)
        above.plot(x, y, **look, label=plot.both(*title))
    space.set(xlabel="w", ylabel="b", zlabel=plot.both("loss", "损失"))
    space.view_init(elev=38, azim=-60)
    above.set(xlabel="w", ylabel="b", xlim=(w.min(), w.max()), ylim=(b.min(), b.max()))
    above.grid(visible=False)
    figure.colorbar(heights, ax=above, label=plot.both("loss", "损失"))
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            "Both paths begin at the same place in the valley. Where does the loss rise like a wall? How far does the "
            "path without clipping jump when it touches it, and where does the clipped one end?",
            "两条路径从谷中同一点出发。损失在哪里像墙一样升起？不截断的路径碰到墙时跳多远？截断的路径停在何处？",
        ),
    )


FLOOR = 1e-12
"""Where the axis of the gradients begins."""


def _draw_distance(record: Record) -> Drawing:
    """A panel a cell, a line an initialisation."""
    results = record.results("distance")
    cells, names = (list(dict.fromkeys(results.each(key))) for key in ("cell", "initialisation"))
    figure = _draw_norms([(cell, {n: results.where(cell=cell, initialisation=n) for n in names}) for cell in cells], 4)
    return Drawing(
        figure,
        Text(
            "The gradient of the loss after the last step, on its way back: which cells and initialisations keep it? A "
            "straight line falls by the same factor each step. Open: the bias of the forget (update) gate lets 1/e "
            "through in all; ReLU with the identity is the IRNN. Line: median of the seeds; band: their range.",
            "最后一步损失的梯度沿时间回传：哪些单元、哪些初始化能保持它？直线表示每步缩小同样的倍数。"
            "open：遗忘门（更新门）的偏置使总共留下 1/e；ReLU 配单位矩阵即 IRNN。线为各种子的中位数，带为其范围。",
        ),
    )


def _draw_scaled(record: Record) -> Drawing:
    """A panel a cell, a line a factor of U."""
    results, scales = record.results("scaled"), record.settings["scales"]
    cells = dict.fromkeys(results.each("cell"))
    shown = [(cell, {f"{scale} U": results.where(cell=cell, scale=scale) for scale in scales}) for cell in cells]
    return Drawing(
        _draw_norms(shown, 3),
        Text(
            "From which factor of the weights U on does the gradient grow with the distance? Of the LSTM and the GRU "
            "too? Line: median of the seeds; band: their range.",
            "权重 U 放大到几倍，梯度就随距离增大？LSTM 与 GRU 也会吗？线为各种子的中位数，带为其范围。",
        ),
    )


def _draw_norms(groups: Sequence[tuple[str, dict[str, Results]]], columns: int) -> Any:
    """Gradient norms against the steps back: a panel and its lines a group."""
    plot = nndl.plot
    figure, panels = plot.panels(len(groups), columns, size=(3.2, 2.8))
    for axes, (cell, lines) in zip(panels, groups, strict=True):
        for look, (name, results) in zip(plot.LOOKS, lines.items(), strict=False):
            plot.band(axes, [list(enumerate(n)) for n in results.each("norms")], look, name, middle=np.median)
        axes.set(title=cell, xlabel=plot.both("steps back", "回传步数"), ylabel=plot.both("gradient norm", "梯度范数"))
    for axes in panels:
        plot.log_axis(axes, FLOOR)
    plot.legend(figure)
    return figure
