"""What is on the axes, against values worked out by hand."""

from math import sqrt
from statistics import fmean

from nndl import plot
from nndl.error import SettingError

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

PINK, BLACK = plot.LOOKS[:2]


@pytest.fixture
def axes():
    with plot.style():
        yield plt.subplots()[1]


def texts(axes):
    return [text.get_text() for text in axes.texts]


def box(collection):
    """The lowest and the highest y at each x of a band."""
    points = collection.get_paths()[0].vertices
    return {x: (min(ys), max(ys)) for x in sorted(set(points[:, 0])) if (ys := points[points[:, 0] == x, 1]).size}


def test_a_band_is_the_mean_and_the_range(axes):
    plot.band(axes, [[(0, 1.0), (5, 4.0)], [(0, 3.0), (5, 2.0)], [(0, 8.0), (5, 0.0)]], BLACK, "dev")
    [line], [filled] = axes.lines, axes.collections
    assert line.get_xydata().tolist() == [[0, 4], [5, 2]]
    assert (line.get_color(), line.get_linestyle(), line.get_label()) == ("#000000", "--", "dev")
    assert box(filled) == {0: (1, 8), 5: (0, 4)}
    assert to_hex(filled.get_facecolor()[0]) == "#000000"


def test_a_band_with_a_median(axes):
    plot.band(axes, [[(0, 1.0)], [(0, 3.0)], [(0, 800.0)]], PINK, "U", np.median)
    assert axes.lines[0].get_xydata().tolist() == [[0, 3]]


def test_a_band_ends_with_its_shortest_curve(axes):
    plot.band(axes, [[(0, 1.0), (5, 4.0), (9, 1.0)], [(0, 3.0), (5, 2.0)]], PINK, "train")
    assert axes.lines[0].get_xydata().tolist() == [[0, 2], [5, 3]]


def test_a_value_that_is_none_is_a_gap(axes):
    plot.band(axes, [[(0, 1.0), (5, None), (9, 2.0)]], PINK, "train")
    assert np.isnan(axes.lines[0].get_ydata()).tolist() == [False, True, False]


@pytest.mark.parametrize(("spread", "low", "high"), [("range", 1.0, 6.0), ("deviation", 3 - sqrt(7), 3 + sqrt(7))])
def test_points_are_means_with_their_spread(axes, spread, low, high):
    plot.points(axes, [10, 20], [[1.0, 2.0, 6.0], [4.0]], BLACK, "LSTM", spread)
    [container] = axes.containers
    line, _, [bar] = container
    assert line.get_xydata().tolist() == [[10, 3], [20, 4]]
    assert (line.get_color(), line.get_linestyle(), line.get_marker()) == ("#000000", "--", "s")
    first, second = bar.get_segments()
    assert first[:, 1].tolist() == pytest.approx([low, high])  # variance (4 + 1 + 9) / 2
    assert second[:, 1].tolist() == [4, 4]
    assert container.get_label() == "LSTM"


def test_the_mean_of_equal_values_may_lie_beside_them(axes):
    """Three seeds of one accuracy, rounded: every sixth such mean is off by its last digit."""
    values = [[right / 400] * 3 for right in range(400)]
    assert any(fmean(group) != group[0] for group in values)
    plot.points(axes, range(400), values, BLACK, "LSTM")


def test_another_spread_is_refused(axes):
    with pytest.raises(SettingError, match="spread 'error': expected 'range' or 'deviation'"):
        plot.points(axes, [1], [[1.0]], BLACK, "LSTM", "error")


def test_bars_from_top_to_bottom_with_a_dot_a_seed(axes):
    plot.bars(axes, ["no clipping", "by norm"], [[0.25, 0.75], [1.0, 0.5]])
    assert [bar.get_width() for bar in axes.patches] == [0.5, 0.75]
    assert [to_hex(bar.get_facecolor()) for bar in axes.patches] == [look["color"] for look in plot.LOOKS[:2]]
    assert [line.get_xdata().tolist() for line in axes.lines] == [[0.25, 0.75], [1.0, 0.5]]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["no clipping", "by norm"]
    assert texts(axes)[:2] == ["0.50", "0.75"]
    bottom, top = axes.get_ylim()
    assert bottom > top


@pytest.mark.parametrize("axis", ["x", "y"])
def test_an_accuracy_axis_from_0_to_1(axes, axis):
    axes.plot([0.6, 0.7], [0.6, 0.7])
    plot.accuracy_axis(axes, axis)
    low, high = getattr(axes, f"get_{axis}lim")()
    assert low == 0
    assert 1 < high < 1.1
    assert getattr(axes, f"get_{axis}label")() == plot.both("accuracy", "准确率")


def test_a_log_axis_says_what_it_cuts(axes):
    plot.band(axes, [[(0, 1e3), (1, 0.0)]], PINK, "W")
    plot.log_axis(axes, 1e-6)
    assert axes.get_yscale() == "log"
    assert axes.get_ylim()[0] == 1e-6
    assert axes.get_ylim()[1] >= 1e3
    [text] = axes.texts
    assert text.get_text() == "↓ < 1e-6"
    assert text.get_position()[0] > 1  # beside the axes


def test_a_log_axis_that_cuts_nothing_says_nothing_and_leaves_no_room(axes):
    plot.band(axes, [[(0, 1e3), (1, 1.0)]], PINK, "W")
    plot.log_axis(axes, 1e-6)
    assert axes.get_yscale() == "log"
    assert axes.get_ylim()[0] > 0.1
    assert texts(axes) == []


def test_log_log_with_numbers_that_read(axes):
    axes.plot([16, 128], [1.5, 60])
    plot.log_log(axes, [16, 128])
    axes.figure.canvas.draw()
    assert [text.get_text() for text in axes.get_xticklabels()] == ["16", "128"]
    assert {"2", "5", "10", "20", "50"} <= {text.get_text() for text in axes.get_yticklabels()}


def test_plain_log_with_numbers_that_read(axes):
    axes.plot([0, 1], [0.15, 60])
    plot.plain_log(axes)
    axes.figure.canvas.draw()
    assert axes.get_yscale() == "log"
    assert {"0.2", "1", "5", "50"} <= {text.get_text() for text in axes.get_yticklabels()}


def test_groups_of_points_stand_side_by_side():
    x = [10, 20, 60]
    moved = [plot.apart(x, place, 3) for place in range(3)]
    assert moved[1] == x
    for before, middle, after in zip(*moved, strict=True):
        assert 0 < middle - before < 2
        assert middle - before == pytest.approx(after - middle)
    assert plot.apart([1], 0, 2)[0] < 1 < plot.apart([1], 1, 2)[0]  # also where there is only one x


def test_a_reference_is_named_in_the_legend_and_hides_no_curve(axes):
    plot.reference(axes, 0.5, "guessing")
    assert list(axes.lines[0].get_ydata()) == [0.5, 0.5]
    assert axes.lines[0].get_label() == "guessing"
    assert texts(axes) == []


def test_the_lowest_point_is_that_of_the_mean_curve_over_the_range_of_the_seeds(axes):
    """The mean is 5, 3, 4: lowest at 20, where neither of the two is."""
    curves = [[(10, 1.0), (20, 3.0), (30, 6.0)], [(10, 9.0), (20, 3.0), (30, 2.0)]]
    plot.lowest(axes, curves, "mean", "each")
    [line], [strip] = axes.lines, axes.patches
    assert (list(line.get_xdata()), line.get_label()) == ([20, 20], "mean")
    assert (strip.get_x(), strip.get_width(), strip.get_label()) == (10, 20, "each")
    assert texts(axes) == []


def test_a_line_at_the_end_of_each_epoch_but_the_last(axes):
    plot.epoch_lines(axes, 157, 3)
    assert [line.get_xdata()[0] for line in axes.lines] == [157, 314]
