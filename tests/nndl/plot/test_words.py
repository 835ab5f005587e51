"""A text, word by word: each on its colour, lines that fit, and whatever a reader writes."""

import warnings
from itertools import pairwise

from nndl import plot
from nndl.plot.words import LINE

import pytest
from matplotlib.colors import to_rgb


def drawn(tokens, contributions):
    with plot.style():
        return plot.draw_words(tokens, contributions, "predicted positive", "logit with the word minus without it")


def test_pink_for_green_against_white_for_nothing():
    good, bad, none = drawn(["good", "bad", "the"], [2.0, -2.0, 0.0]).axes[0].texts
    colors = [to_rgb(text.get_bbox_patch().get_facecolor()[:3]) for text in (good, bad, none)]
    (r, g, _), (r2, g2, _), white = colors
    assert r > g + 0.3
    assert g2 > r2 + 0.1
    assert white == pytest.approx((1, 1, 1), abs=0.04)
    assert [text.get_bbox_patch().get_linestyle() for text in (good, bad)] == ["-", "--"]  # for print in grey
    assert none.get_bbox_patch().get_edgecolor()[3] == 0


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("tokens", [["word"] * 60, ["很", "长的", "中文"] * 30, ["x" * 500, "end"], ["字" * 300]])
def test_no_word_goes_beyond_the_line(tokens):
    figure = drawn(tokens, [1.0] * len(tokens))
    figure.canvas.draw()
    axes = figure.axes[0]
    boxes = [text.get_window_extent().transformed(axes.transData.inverted()) for text in axes.texts]
    assert len(boxes) == len(tokens)
    assert max(box.x1 for box in boxes) < LINE + 1
    for a, b in pairwise(boxes):
        assert b.x0 > a.x1 or b.y0 > a.y1 - 1  # no two on each other; y points down


@pytest.mark.parametrize("tokens", [["$5", "and", r"$\frac"], ["_", "^", "{", "\\"], ["🙂"], []])
def test_words_are_drawn_as_they_are(tokens, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot.save({"words": drawn(tokens, [0.0] * len(tokens))}, tmp_path)
    assert (tmp_path / "words.pdf").exists()


def test_each_character_stands_where_its_vector_is():
    characters = ["a", "E", "t", "7", ",", " ", "\n", "$", "\\", "_", "字", "🙂"]
    places = [(n, -n) for n in range(len(characters))]
    with plot.style(), warnings.catch_warnings():
        warnings.simplefilter("error")
        figure, (axes,) = plot.panels(1)
        plot.draw_characters(
            axes, [*characters, "\u2003", "\u200b"], [*places, (9, 9), (9, 9)]
        )  # the last two have no shape
        figure.canvas.draw()
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines] == places
    vowel, capital, consonant, digit, mark, *_ = (line.get_color() for line in axes.lines)
    assert vowel == capital
    assert len({vowel, consonant, digit, mark}) == 4
    assert not axes.texts


def test_a_character_is_as_large_as_another():
    """Though Matplotlib scales a marker by its longest side."""
    with plot.style():
        _, (axes,) = plot.panels(1)
        plot.draw_characters(axes, ["l", "m", "."], [(0, 0), (1, 1), (2, 2)])
    heights = []
    for line in axes.lines:
        path = line.get_marker()
        reach = abs(path.vertices).max()
        box = path.get_extents()
        heights.append(box.height * line.get_markersize() / reach / 2)
    tall, low, dot = heights
    assert dot < low < tall
    assert tall / low == pytest.approx(0.76 / 0.56, rel=0.1)  # of DejaVu Sans
