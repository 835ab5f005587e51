"""A network unrolled in time: a box for each state, input and output, and arrows that point on."""

from nndl import plot
from nndl.error import SettingError

import matplotlib.pyplot as plt
import pytest
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch


def drawn(reads, says):
    with plot.style():
        axes = plt.subplots()[1]
        plot.unrolled(axes, reads, says)
    labels = {tuple(text.get_position()): text.get_text() for text in axes.texts}
    arrows = [patch for patch in axes.patches if isinstance(patch, FancyArrowPatch)]
    boxes = [patch for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    assert len(boxes) == len(labels)  # every box has a label, and none lies on another
    ends = [tuple(map(tuple, arrow._posA_posB)) for arrow in arrows]
    return labels, ends


def test_every_step_reads_and_says():
    labels, ends = drawn(["a", "b"], ["c", "d"])
    assert labels == {
        (-0.5, 0): "a", (0.5, 0): "b", (-0.5, 1): "$H_{1}$", (0.5, 1): "$H_{2}$", (-0.5, 2): "c", (0.5, 2): "d",
    }  # fmt: skip
    on = [(start, end) for start, end in ends if start[1] == end[1]]
    up = [(start, end) for start, end in ends if start[0] == end[0]]
    assert len(on) == 1
    assert len(up) == 4
    assert all(start < end for start, end in ends)  # on in time, or up


@pytest.mark.parametrize(
    ("reads", "says", "arrows"),
    [(["x"], ["y"], 2), (["x", "", ""], ["1", "2", "3"], 6), (["1", "2", "3"], ["", "", "y"], 6), (["x"], [""], 1)],
)
def test_what_is_not_read_or_said_is_not_drawn(reads, says, arrows):
    labels, ends = drawn(reads, says)
    assert sorted(label for label in labels.values() if "H" not in label) == sorted(filter(None, [*reads, *says]))
    assert len(ends) == arrows


@pytest.mark.parametrize(("reads", "says"), [([], []), (["x"], []), (["x"], ["y", "z"])])
def test_as_many_outputs_as_inputs(reads, says):
    with pytest.raises(SettingError, match="expected as many"):
        drawn(reads, says)
