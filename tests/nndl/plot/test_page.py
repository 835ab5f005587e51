"""Panels that can be compared, one legend, and files that are whole or not there."""

import warnings
from io import BytesIO

from nndl import plot
from nndl.error import OutputError
from nndl.plot.page import in_few_colours

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image


@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 1, 1), (2, 1, 2), (3, 1, 3), (4, 2, 3), (6, 2, 3)])
def test_panels_in_rows(count, rows, columns):
    with plot.style():
        figure, panels = plot.panels(count, size=(4, 3))
    assert len(panels) == len(figure.axes) == count
    assert figure.get_size_inches().tolist() == [4 * columns, 3 * rows]


def test_panels_share_both_axes_and_all_show_numbers():
    with plot.style():
        figure, panels = plot.panels(4)
        panels[0].plot([0, 1], [0, 1])
        panels[3].plot([0, 50], [0, 70])
        panels[3].set_ylim(0)
        figure.canvas.draw()
    for axes in panels:
        assert axes.get_ylim() == panels[3].get_ylim()
        assert axes.get_ylim()[0] == 0
        assert axes.get_ylim()[1] >= 70
        assert all(
            any(text.get_visible() for text in ticks) for ticks in (axes.get_xticklabels(), axes.get_yticklabels())
        )


def test_a_legend_names_each_thing_once():
    with plot.style():
        figure, panels = plot.panels(2)
        for axes in panels:
            axes.plot([0, 1], label="train")
        panels[1].plot([0, 1], label="dev")
        plot.legend(figure)
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["train", "dev"]


def test_a_legend_names_points_before_lines():
    with plot.style():
        figure, [axes] = plot.panels(1)
        plot.reference(axes, 0.5, "guessing")
        plot.points(axes, [1, 2], [[0.5], [0.6]], plot.LOOKS[0], "test")
        plot.legend(figure)
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["test", "guessing"]


def a_figure(title="loss"):
    with plot.style():
        figure, [axes] = plot.panels(1)
        axes.set_title(title)
    return figure


def test_png_and_pdf_in_a_folder_that_is_made_and_no_figure_stays(tmp_path):
    plot.save({"6.6": a_figure(), "6.7": a_figure()}, tmp_path / "a" / "b")
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == [
        "6.6.pdf",
        "6.6.png",
        "6.7.pdf",
        "6.7.png",
    ]
    assert (tmp_path / "a/b/6.6.pdf").read_bytes().startswith(b"%PDF")
    assert plt.imread(tmp_path / "a/b/6.6.png")[..., :3].std() > 0.01
    assert plt.get_fignums() == []


def test_a_character_that_no_font_has_is_drawn_as_a_box_without_a_word(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot.save({"words": a_figure("\U0002a6d6 🙂")}, tmp_path)
    assert (tmp_path / "words.png").exists()


def test_a_figure_that_cannot_be_written_leaves_what_was_there(tmp_path, monkeypatch):
    (tmp_path / "6.6.png").write_text("old")
    figure = a_figure()
    monkeypatch.setattr(figure, "savefig", lambda path: (path.write_text("half"), 1 / 0))
    with pytest.raises(ZeroDivisionError):
        plot.save({"6.6": figure}, tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"6.6.png": "old"}


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot write .*6\.6\.png"):
        plot.save({"6.6": a_figure()}, tmp_path / "file")


def test_pictures_get_smaller_and_look_the_same() -> None:
    x = np.linspace(0, 255, 400)
    picture = np.stack([np.add.outer(x, x) / 2, np.add.outer(x, -x) / 2 + 128, np.full((400, 400), 99)], axis=-1)
    picture = picture + np.random.default_rng(0).integers(-3, 4, picture.shape)  # as the edges of letters, hard to pack
    file = BytesIO()
    Image.fromarray(picture.clip(0, 255).astype("uint8")).save(file, "PNG")
    few = in_few_colours(file.getvalue())
    assert len(few) < len(file.getvalue()) / 2
    assert np.abs(np.array(Image.open(BytesIO(few)).convert("RGB")) - picture).mean() < 8
