"""Numbers as colours: white at 0, an arrow where the colours end, the columns that matter."""

from nndl import plot

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex


@pytest.fixture
def axes():
    with plot.style():
        yield plt.subplots()[1]


def test_a_gate_from_0_to_1(axes):
    image = plot.heat_map(axes, [[0.0, 0.25, 1.0], [0.5, 0.5, 0.5]])
    assert image.get_array().tolist() == [[0, 0.25, 1], [0.5, 0.5, 0.5]]
    assert (image.norm.vmin, image.norm.vmax) == (0, 1)
    lightness = image.to_rgba([0.0, 0.25, 0.5, 0.75, 1.0])[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert all(np.diff(lightness) < 0)  # the more, the darker, on grey paper too


def test_a_state_is_white_at_0(axes):
    image = plot.heat_map(axes, [[-2.0, 0.0, 5.0]], limit=5, signed=True)
    assert image.to_rgba(0.0)[:3] == pytest.approx([1, 1, 1], abs=0.04)
    assert (image.norm.vmin, image.norm.vmax) == (-5, 5)


@pytest.mark.parametrize(
    ("values", "extend"), [([-5, 5], "neither"), ([-6, 5], "min"), ([-5, 6], "max"), ([-6, 6], "both")]
)
def test_values_beyond_the_limit_give_the_colour_bar_an_arrow(axes, values, extend):
    image = plot.heat_map(axes, [values], limit=5, signed=True)
    assert axes.figure.colorbar(image).extend == extend


def test_one_heat_map_leaves_the_colour_bar_of_another_alone(axes):
    plot.heat_map(axes, [[9.0]])
    image = plot.heat_map(axes, [[0.5]])
    assert axes.figure.colorbar(image).extend == "neither"


def test_the_digits_that_matter_are_framed(axes):
    plot.heat_map(axes, np.zeros((2, 4)))
    plot.mark_columns(axes, [6, 7, 0, 1], marked=(0, 3))
    labels = axes.get_xticklabels()
    assert [label.get_text() for label in labels] == ["6", "7", "0", "1"]
    assert [i for i, label in enumerate(labels) if to_hex(label.get_color()) == plot.COLORS[0]] == [0, 3]
    assert [frame.get_x() for frame in axes.patches] == [-0.5, 2.5]


def test_a_confusion_matrix(axes):
    plot.confusion(axes, [[0.9, 0.1], [0.25, 0.75]], ["negative", "positive"])
    at = {text.get_position(): text.get_text() for text in axes.texts}
    assert at == {(0, 0): "90.0%", (1, 0): "10.0%", (0, 1): "25.0%", (1, 1): "75.0%"}  # (predicted, true)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["negative", "positive"]
    assert axes.get_ylabel() == plot.both("true", "真实")
