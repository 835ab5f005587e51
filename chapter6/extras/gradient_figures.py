"""Gradients, shown: the tables, and the figures of the walls and of the gradients over the distance (表与图)."""

from collections.abc import Sequence
from statistics import median
from typing import Any

import nndl
from chapter6.extras.gradient_findings import EXPLODES, VANISHES
from chapter6.lab.lesson import Drawing
from chapter6.lab.record import Record, Results
from chapter6.lab.report import Table
from chapter6.lab.text import Text

import matplotlib.pyplot as plt
import numpy as np

# --- 表 tables ---


def tables(record: Record) -> list[Table]:
    """The powers, and what is left of a gradient a step."""
    return [table_of_powers(record), table_of_distance(record), table_of_scaled(record)]


def table_of_powers(record: Record) -> Table:
    found = record.metrics["powers"]
    steps = record.metrics["learning_rates"]
    rates = [rate for rate, _ in steps[0]["landings"]]
    rows = [
        [
            f"{w:g}",
            f"{y:.5g}",
            f"{slope:.4g}",
            f"{step['gradient'] or 0:.2g}",
            *(f"{to:.6g}" for _, to in step["landings"]),
        ]
        for w, y, slope, step in zip(found["w"], found["y"], found["derivative"], steps, strict=True)
    ]
    lands = [Text(f"lands at, η = {rate:.1e}", f"落点，η = {rate:.1e}") for rate in rates]
    title = Text(
        "Powers, and one step of gradient descent on (w^1000 - 1)²/2", "幂，以及在 (w^1000 - 1)²/2 上的一步梯度下降"
    )
    note = Text("η: each is the rate that leads from one of the w to 1", "η：各为从某个 w 一步到达 1 的学习率")
    return Table(title, ["w", "y = w^1000", "dy/dw", "dL/dw", *lands], rows, note)


def table_of_distance(record: Record) -> Table:
    results = record.results("distance")
    cells, names = (list(dict.fromkeys(results.each(key))) for key in ("cell", "initialisation"))
    rows = [[cell, *(_per_step(results.where(cell=cell, initialisation=name)) for name in names)] for cell in cells]
    values = [median(results.where(cell=cells[0], initialisation=name).each("singular_value")) for name in names]
    largest = [
        Text("largest singular value of U, D × D", "U（D × D）的最大奇异值"),
        *(f"{value:.2f}" for value in values),
    ]
    title = Text("The factor of the gradient a step back", "梯度每回传一步的倍数")
    L, arrows = record.settings["distance"], _arrows(record)
    note = Text(
        f"{arrows.en}; open: the bias of the forget (update) gate is ln({L} - 1); ReLU with the identity is the IRNN",
        f"{arrows.zh}；open：遗忘门（更新门）的偏置为 ln({L} - 1)；ReLU 配单位矩阵即 IRNN",
    )
    return Table(title, [Text("cell", "单元"), *names], [largest, *rows], note)


def table_of_scaled(record: Record) -> Table:
    results, scales = record.results("scaled"), record.settings["scales"]
    cells = dict.fromkeys(results.each("cell"))
    rows = [[cell, *(_per_step(results.where(cell=cell, scale=scale)) for scale in scales)] for cell in cells]
    title = Text("The same with an orthogonal U times", "同上，正交的 U 乘以")
    return Table(title, [Text("cell", "单元"), *(f"{scale}" for scale in scales)], rows, _arrows(record))


def _arrows(record: Record) -> Text:
    L = record.settings["distance"]
    return Text(
        f"After {L} steps: ↓ less than {VANISHES:g} is left, vanishing; ↑ more than {EXPLODES:g}, exploding; "
        "medians of the seeds",
        f"{L} 步之后：↓ 剩余不足 {VANISHES:g}，消失；↑ 超过 {EXPLODES:g} 倍，爆炸；各种子的中位数",
    )


def _per_step(results: Results) -> str:
    """The factor a step, and what becomes of the gradient over all of them."""
    left, steps = median(norms[-1] / norms[0] for norms in results.each("norms")), len(results[0]["norms"]) - 1
    arrow = " ↓" if left < VANISHES else " ↑" if left > EXPLODES else ""
    return f"{left ** (1 / steps):.2f}{arrow}"


# --- 图 figures ---


def figures(record: Record) -> dict[str, Drawing]:
    """All figures of the first three parts."""
    return {
        "powers": draw_powers(record),
        "surface": draw_surface(record),
        "distance": draw_distance(record),
        "scaled": draw_scaled(record),
    }


def draw_powers(record: Record) -> Drawing:
    """The wall: y over w, as it is and on a logarithmic axis with its derivative."""
    plot, found = nndl.plot, record.metrics["wall"]
    figure, (plain, logarithmic) = plt.subplots(1, 2, figsize=(9.4, 3.6))
    for axes in (plain, logarithmic):
        axes.plot(found["w"], found["y"], **_line(0), label="$y = w^{1000}$")
        axes.set(xlabel="w")
    logarithmic.plot(found["w"], found["derivative"], **_line(1), label="$dy/dw = 1000\\,w^{999}$")
    plain.set(title=plot.both("the wall", "墙"), ylabel="y", xlim=(0.979, 1.0105), ylim=(-1000, 22_000))  # y(1.01)
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


def draw_surface(record: Record) -> Drawing:
    """The loss over (w, b) with both paths: in space, from above, and where they touch the wall."""
    plot, found = nndl.plot, record.metrics["surface"]
    w, b = np.meshgrid(found["w"], found["b"])
    losses = np.array(found["losses"])
    figure = plt.figure(figsize=(13, 4.4))
    space, above, near = (figure.add_subplot(1, 3, n, projection="3d" if n == 1 else None) for n in (1, 2, 3))
    shown = {"cmap": plot.SEQUENTIAL, "rcount": len(w), "ccount": len(w), "linewidth": 0, "rasterized": True}
    space.plot_surface(w, b, losses, alpha=0.6, **shown)
    for axes in (above, near):
        heights = axes.contourf(w, b, losses, levels=20, cmap=plot.SEQUENTIAL)
        axes.grid(visible=False)
    for look, (name, title) in zip((plot.LOOKS[2], plot.LOOKS[1]), PATHS.items(), strict=True):
        path = record.metrics["paths"][name]
        x, y = np.transpose(path["places"])
        space.plot(x, y, path["losses"], **{**look, "markersize": 2, "linewidth": 1.2}, zorder=5)
        for axes in (above, near):
            axes.plot(x, y, **{**look, "markersize": 3, "linewidth": 1.2}, label=plot.both(*title))
    space.set(xlabel="w", ylabel="b", zlabel=plot.both("loss", "损失"))
    space.view_init(elev=30, azim=50)
    above.set(xlabel="w", ylabel="b", title=plot.both("from above", "俯视"))
    w_0, b_0 = record.metrics["paths"]["free"]["places"][0]
    near.set(xlabel="w", xlim=(w_0 - 0.3, w_0 + 0.15), ylim=(b_0 - 0.2, b_0 + 0.1))
    near.set_title(plot.both("where they touch the wall", "碰到墙的地方"))
    figure.colorbar(heights, ax=near, label=plot.both("loss", "损失"))
    plot.legend(figure)
    return Drawing(
        figure,
        Text(
            "Both paths begin at the same place in the valley. Where does the loss rise like a wall? How far does the "
            "path without clipping jump when it touches it? And the clipped one, which touches it again and again?",
            "两条路径从谷中同一点出发。损失在哪里像墙一样升起？不截断的路径碰到墙时跳多远？一再碰到墙的截断路径呢？",
        ),
    )


FLOOR = 1e-12
"""Where the axis of the gradients begins."""


def draw_distance(record: Record) -> Drawing:
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


def draw_scaled(record: Record) -> Drawing:
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
