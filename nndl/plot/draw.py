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
_PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1}  # behind a text that may meet a curve


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
    """A logarithmic y axis that begins at ``floor``, and says so where values lie below it. After the curves."""
    cut = axes.dataLim.ymin < floor
    axes.set(yscale="log", ylim=(floor, None))
    if cut:
        power = np.format_float_scientific(floor, trim="-", exp_digits=1)
        _write(axes, 0.99, 0.02, f"↓ {both(f'below {power}', f'低于 {power}')}", ha="right", va="bottom")


def log_log(axes: Axes, x: Sequence[float]) -> None:
    """Both axes logarithmic, with ticks that read as plain numbers: at each x, and at 1, 2 and 5 upwards."""
    axes.set(xscale="log", yscale="log")
    axes.set_xticks(x, [f"{value:g}" for value in x])
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()


def reference(axes: Axes, y: float, name: str) -> None:
    """A horizontal line with its name over its right end, such as the accuracy of guessing (随机猜测)."""
    axes.axhline(y, color=_MARK, linewidth=1, linestyle=(0, (1, 2)), zorder=1.5)
    _write(axes, 0.99, y, name, ha="right", va="bottom", transform=axes.get_yaxis_transform())


def turning_point(axes: Axes, x: Sequence[float], text: str) -> None:
    """A vertical line at the mean of x (one a seed), over a strip from the first to the last. After the curves."""
    mean, (left, right) = fmean(x), axes.get_xlim()
    axes.axvspan(min(x), max(x), color=_MARK, alpha=0.12, linewidth=0, zorder=0.5)
    axes.axvline(mean, color=_MARK, linewidth=1, zorder=1.5)
    side, way = ("left", 4) if mean < (left + right) / 2 else ("right", -4)
    place = {"xycoords": axes.get_xaxis_transform(), "xytext": (way, -2), "textcoords": "offset points"}
    axes.annotate(text, (mean, 1), ha=side, va="top", color=_MARK, fontsize="small", bbox=_PAPER, **place)


def epoch_lines(axes: Axes, steps_per_epoch: int, epochs: int) -> None:
    """A pale vertical line at the end of each epoch (回合) but the last."""
    for epoch in range(1, epochs):
        axes.axvline(epoch * steps_per_epoch, color="0.85", linewidth=0.8, zorder=0.4)


def _write(axes: Axes, x: float, y: float, text: str, **how: Any) -> None:
    axes.text(x, y, text, **{"transform": axes.transAxes, "color": _MARK, "fontsize": "small", "bbox": _PAPER, **how})
