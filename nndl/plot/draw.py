"""Curves, points and bars over several seeds, and the marks beside them. Axes in; what is drawn is on the axes.

Inside :func:`nndl.plot.style`. A look is one of :data:`nndl.plot.LOOKS`.
"""

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any, Literal

from nndl.error import SettingError
from nndl.plot.look import LOOKS, both

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

Curve = Sequence[Sequence[float | None]]
"""[(step, value)]; a value that is None or NaN is a gap."""
_MARK = "0.35"  # the grey of lines that are no curve


def band(
    axes: Axes, curves: Sequence[Curve], look: dict[str, Any], label: str, middle: Callable[..., Any] = np.mean
) -> None:
    """The mean of several curves over the same steps, and the range from the lowest to the highest.

    Args:
        curves: one a seed, as far as the shortest goes.
        middle: a function of an array and an axis; ``numpy.median`` suits a log axis, where one curve outweighs a mean.
    """
    steps = [step for step, _ in min(curves, key=len)]
    values = np.array([[value for _, value in curve[: len(steps)]] for curve in curves], float)  # [seeds, steps]
    axes.plot(steps, middle(values, axis=0), color=look["color"], linestyle=look["linestyle"], label=label)
    axes.fill_between(steps, values.min(axis=0), values.max(axis=0), color=look["color"], alpha=0.18, linewidth=0)


def points(
    axes: Axes,
    x: Sequence[float],
    groups: Sequence[Sequence[float]],
    look: dict[str, Any],
    label: str,
    spread: Literal["range", "deviation"] = "range",
) -> None:
    """The mean of each group of values against x, with a bar over its range or its standard deviation (标准差).

    Args:
        groups: for each x one value a seed.
        spread: "range", lowest to highest; "deviation", mean ± sample standard deviation, 0 for a single value.

    Raises:
        SettingError: another spread.
    """
    means = np.array([fmean(group) for group in groups])
    if spread == "range":
        ends = means - [min(group) for group in groups], [max(group) for group in groups] - means
        bar = np.maximum(ends, 0)  # the mean of equal values can lie beside them, by its last digit
    elif spread == "deviation":
        bar = [np.std(group, ddof=1) if len(group) > 1 else 0.0 for group in groups]
    else:
        raise SettingError(f"spread {spread!r}: expected 'range' or 'deviation'")
    axes.errorbar(x, means, bar, **look, label=label)


def apart(x: Sequence[float], place: int, places: int) -> list[float]:
    """The x of one of several groups of points, moved a little aside, so that their bars do not hide each other.

    >>> apart([10, 20], place=0, places=2)
    [9.85, 19.85]
    """
    return [value + 0.03 * (max(x) - min(x) or 1) * (place - (places - 1) / 2) for value in x]


def bars(axes: Axes, names: Sequence[str], groups: Sequence[Sequence[float]]) -> None:
    """A bar a group, as long as its mean, which stands at its right, and a dot a seed. They lie, so that names read.

    Args:
        names: of the groups, from top to bottom; the first has the colour of ``LOOKS[0]``.
        groups: one value a seed, for each name.
    """
    right = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": "small"}
    for row, group in enumerate(groups):
        axes.barh(row, fmean(group), height=0.7, color=LOOKS[row % len(LOOKS)]["color"], alpha=0.45)
        axes.plot(group, row + np.linspace(-0.2, 0.2, len(group) + 2)[1:-1], "o", color="black", markersize=3.5)
        axes.text(1.02, row, f"{fmean(group):.2f}", **right)
    axes.text(1.02, -0.6, both("mean", "均值"), color=_MARK, **right)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x")


def accuracy_axis(axes: Axes, axis: Literal["x", "y"] = "y") -> None:
    """An axis of accuracies (准确率), from 0 to 1 and a little more, so that a point at 1 is seen whole."""
    axes.set(**{f"{axis}lim": (0, 1.03), f"{axis}ticks": np.linspace(0, 1, 6)})
    axes.set(**{f"{axis}label": both("accuracy", "准确率")})


def log_axis(axes: Axes, floor: float) -> None:
    """A logarithmic y axis; where values lie below ``floor``, it begins there, and says so. After the curves."""
    axes.set_yscale("log")
    if axes.dataLim.ymin < floor:
        axes.set_ylim(floor, None)
        power = np.format_float_scientific(floor, trim="-", exp_digits=1)
        # beside the axes: within them it would hide a curve
        axes.text(1.01, 0, f"↓ < {power}", transform=axes.transAxes, va="bottom", color=_MARK, fontsize="small")


def log_log(axes: Axes, x: Sequence[float]) -> None:
    """Both axes logarithmic, with ticks that read as plain numbers: at each x, and upwards as :func:`plain_log`."""
    axes.set_xscale("log")
    axes.set_xticks(x, [f"{value:g}" for value in x])
    plain_log(axes)


def plain_log(axes: Axes) -> None:
    """A logarithmic y axis with ticks that read as plain numbers, at 1, 2 and 5 of each power of ten."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()


def reference(axes: Axes, y: float, name: str) -> None:
    """A horizontal line, such as the accuracy of guessing (随机猜测); the legend names it, for a text hides curves."""
    axes.axhline(y, color=_MARK, linewidth=1, linestyle=(0, (1, 2)), zorder=1.5, label=name)


def lowest(axes: Axes, curves: Sequence[Curve], of_mean: str, of_seeds: str) -> None:
    """Where the mean of several curves, as :func:`band` draws it, is lowest, and from where to where each of them is.

    Args:
        curves: one a seed, over the same steps.
        of_mean, of_seeds: the names of the line and of the strip, for the legend.
    """
    means = [(fmean(value for _, value in points), points[0][0]) for points in zip(*curves, strict=False)]
    steps = [min((value, step) for step, value in curve)[1] for curve in curves]
    axes.axvline(min(means)[1], color=_MARK, linewidth=1, zorder=1.5, label=of_mean)
    # a strip of no width would not be seen
    axes.axvspan(min(steps), max(steps), facecolor=_MARK, edgecolor=_MARK, alpha=0.15, zorder=0.5, label=of_seeds)


def epoch_lines(axes: Axes, steps_per_epoch: int, epochs: int) -> None:
    """A pale vertical line at the end of each epoch (回合) but the last."""
    for epoch in range(1, epochs):
        axes.axvline(epoch * steps_per_epoch, color="0.85", linewidth=0.8, zorder=0.4)
