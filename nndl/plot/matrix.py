"""Tables of numbers as colours: heat maps (热力图) and the confusion matrix (混淆矩阵)."""

from collections.abc import Collection, Sequence

from nndl.plot.look import COLORS, DIVERGING, SEQUENTIAL, both

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.image import AxesImage


def heat_map(axes: Axes, values: Sequence[Sequence[float]], limit: float = 1.0, signed: bool = False) -> AxesImage:
    """Rows of numbers as colours: from 0 to ``limit``, or, where signed, from −limit over white at 0 to limit.

    Returns the image, for a ``figure.colorbar``, which has an arrow where values go beyond the limit.

    Args:
        values: [rows][columns], drawn as they come: a row a unit, a column a step.
    """
    colors, array = colormaps[DIVERGING if signed else SEQUENTIAL].copy(), np.asarray(values, float)
    below, above = array.min() < (-limit if signed else 0), array.max() > limit
    colors.colorbar_extend = {(0, 0): "neither", (0, 1): "max", (1, 0): "min", (1, 1): "both"}[below, above]
    axes.grid(visible=False)
    axes.spines[:].set_visible(True)
    return axes.imshow(array, cmap=colors, vmin=-limit if signed else 0, vmax=limit, interpolation="nearest")


def mark_columns(axes: Axes, names: Sequence[object], marked: Collection[int]) -> None:
    """Name each column of a heat map, and frame those that matter.

    Args:
        names: what was read at each step.
        marked: the numbers of the columns that matter, from 0.
    """
    axes.set_xticks(range(len(names)), names)
    for column, name in enumerate(axes.get_xticklabels()):
        if column in marked:
            name.set_color(COLORS[0])
            axes.axvspan(column - 0.5, column + 0.5, facecolor="none", edgecolor="black", linewidth=1.2)


def confusion(axes: Axes, shares: Sequence[Sequence[float]], names: Sequence[str]) -> None:
    """Which classes are taken for which: a row a true class, a column a predicted one.

    Args:
        shares: [C][C], of the examples of each true class, so that a row adds up to 1.
        names: of the C classes, such as a reader wrote them.
    """
    heat_map(axes, shares)
    for i, row in enumerate(shares):
        for j, share in enumerate(row):
            axes.text(j, i, f"{share:.1%}", ha="center", va="center", color="white" if share > 0.5 else "black")
    axes.set_aspect("equal")
    ticks = range(len(names))
    axes.set_xticks(ticks, names, parse_math=False, rotation=90 if max(map(len, names)) > 12 else 0)
    axes.set_yticks(ticks, names, parse_math=False)
    axes.set(xlabel=both("predicted", "预测"), ylabel=both("true", "真实"))
