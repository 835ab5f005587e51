"""A recurrent network unrolled in time (按时间展开): what it reads below, its states, what it says above."""

from collections.abc import Sequence

from nndl.error import SettingError
from nndl.plot.look import LOOKS

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

READS, STATE, SAYS = 0.0, 1.0, 2.0
"""The heights of the three rows."""
_COLORS = {READS: "white", STATE: LOOKS[0]["color"], SAYS: LOOKS[2]["color"]}
_HALF = (0.36, 0.24)
"""Half of the width and of the height of a box."""


def unrolled(axes: Axes, reads: Sequence[str], says: Sequence[str], state: str = "H") -> None:
    """Draw a step a column, around x = 0: a state, an arrow from the state before, and what comes in and goes out.

    Args:
        axes: are turned off, and get limits in y alone.
        reads: the label of each step's input; where it is empty, nothing is read.
        says: of each step's output, as many; where it is empty, nothing is said.
        state: the letter of the states; step t has it with the index t, from 1 on.

    Raises:
        SettingError: no step, or as many inputs as outputs there are not.
    """
    if not reads or len(reads) != len(says):
        raise SettingError(f"reads {len(reads)}, says {len(says)}: expected as many, at least one, '' for none")
    axes.axis("off")
    axes.set_ylim(READS - 0.5, SAYS + 0.5)
    left = -(len(reads) - 1) / 2
    for t, (read, said) in enumerate(zip(reads, says, strict=True)):
        x = left + t
        _box(axes, x, STATE, f"${state}_{{{t + 1}}}$")
        if t:
            _arrow(axes, (x - 1 + _HALF[0], STATE), (x - _HALF[0], STATE))
        if read:
            _box(axes, x, READS, read)
            _arrow(axes, (x, READS + _HALF[1]), (x, STATE - _HALF[1]))
        if said:
            _box(axes, x, SAYS, said)
            _arrow(axes, (x, STATE + _HALF[1]), (x, SAYS - _HALF[1]))


def _box(axes: Axes, x: float, y: float, label: str) -> None:
    width, height = _HALF
    style = {"boxstyle": "round,pad=0,rounding_size=0.08", "facecolor": (_COLORS[y], 0.35), "edgecolor": "0.25"}
    axes.add_patch(FancyBboxPatch((x - width, y - height), 2 * width, 2 * height, linewidth=0.8, **style))
    axes.text(x, y, label, ha="center", va="center", fontsize="small")


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    look = {"arrowstyle": "-|>", "mutation_scale": 8, "shrinkA": 0, "shrinkB": 0, "color": "0.25", "linewidth": 0.9}
    axes.add_patch(FancyArrowPatch(start, end, **look))
