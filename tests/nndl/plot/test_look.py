"""The style: colours that can be told apart, labels without boxes, and a reader's own settings left alone."""

import subprocess
import sys
import warnings
from itertools import combinations
from pathlib import Path

from nndl import plot
from nndl.plot import look

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.colors import to_rgb

# --- colours ---

# Machado, Oliveira, Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", IEEE
# Transactions on Visualization and Computer Graphics 15 (6), 2009: severity 1.0, for linear RGB
SEEN_BY = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
# IEC 61966-2-1: linear sRGB to CIE XYZ, white D65
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(color):
    rgb = np.array(to_rgb(color))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIELAB, from linear RGB: L* from 0 (black) to 100 (white), a*, b*."""
    xyz = TO_XYZ @ rgb / TO_XYZ.sum(axis=1)  # of white: 1, 1, 1
    x, y, z = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_lab_as_published():
    """Pure red and mid grey of sRGB, as colour calculators give them."""
    assert lab(linear("#ff0000")) == pytest.approx([53.24, 80.09, 67.20], abs=0.05)
    assert lab(linear("#777777")) == pytest.approx([50.03, 0.0, 0.0], abs=0.05)
    assert lab(linear("#000000")) == pytest.approx([0.0, 0.0, 0.0])


@pytest.mark.parametrize("reader", SEEN_BY)
def test_any_two_colours_can_be_told_apart(reader):
    """A distance of 2.3 in CIELAB is just noticeable; lines are thin, so ten times that is asked for."""
    seen = [lab(np.clip(SEEN_BY[reader] @ linear(look["color"]), 0, 1)) for look in plot.LOOKS]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 25


def test_any_two_colours_can_be_told_apart_on_grey_paper_and_all_from_white():
    lightness = sorted([lab(linear(look["color"]))[0] for look in plot.LOOKS] + [100.0])
    assert min(np.diff(lightness)) > 12


def test_six_things_differ_in_line_and_marker_as_well():
    for kind in ("color", "linestyle", "marker"):
        assert len({look[kind] for look in plot.LOOKS}) == 6


def test_the_books_colours_come_first():
    assert plot.COLORS == ("#e4007f", "#f19ec2", "#e8609b", "#000000")
    assert [look["color"] for look in plot.LOOKS[:2]] == ["#e4007f", "#000000"]


# --- fonts ---

OWN = Path(mpl.get_data_path()) / "fonts" / "ttf"
HAS_ALL = str(OWN / "LastResortHE-Regular.ttf")  # a frame for each character there is
HAS_NO_CHINESE = str(OWN / "DejaVuSans.ttf")


@pytest.fixture
def fonts(monkeypatch):
    """Let Matplotlib find these Chinese fonts, (name, file), and no other."""
    # names of real fonts would not do: Matplotlib remembers where it found one
    monkeypatch.setattr(look, "CHINESE_FONTS", ("Chinese of a test", "Second of a test"))
    known = font_manager.fontManager.ttflist

    def install(*installed):
        entries = [font_manager.FontEntry(fname=path, name=name) for name, path in installed]
        monkeypatch.setattr(font_manager.fontManager, "ttflist", known + entries)
        plot.chinese_font.cache_clear()

    yield install
    plot.chinese_font.cache_clear()


def test_english_alone_without_a_chinese_font(fonts):
    fonts()
    assert plot.chinese_font() is None
    assert plot.both("step", "步数") == "step"


def test_both_languages_with_one(fonts):
    fonts(("Chinese of a test", HAS_ALL))
    assert plot.chinese_font() == "Chinese of a test"
    assert plot.both("step", "步数") == "步数 step"


def test_the_best_of_several(fonts):
    fonts(("Second of a test", HAS_ALL), ("Chinese of a test", HAS_ALL))
    assert plot.chinese_font() == "Chinese of a test"


def test_a_font_without_the_characters_or_a_file_that_is_gone_is_none(fonts, tmp_path):
    fonts(("Chinese of a test", HAS_NO_CHINESE), ("Second of a test", str(tmp_path / "gone.ttf")))
    assert plot.chinese_font() is None


def test_the_second_serves_where_the_first_cannot(fonts):
    fonts(("Chinese of a test", HAS_NO_CHINESE), ("Second of a test", HAS_ALL))
    assert plot.chinese_font() == "Second of a test"


def test_a_font_that_came_after_matplotlibs_list_is_found(fonts, monkeypatch):
    fonts()
    monkeypatch.setattr(look, "CHINESE_FONTS", (font_manager.get_font(HAS_ALL).family_name,))
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [])
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [__file__, HAS_ALL])
    assert plot.chinese_font() == font_manager.get_font(HAS_ALL).family_name


def draw_labels(path):
    """Letters of both languages, a formula, and a minus sign in words, in numbers and in powers."""
    with plot.style():
        figure, axes = plt.subplots()
        axes.plot([-1, 1], [1e-3, 1e3], label=plot.both("norm − bound", "范数 − 阈值"))
        axes.set(xlabel=plot.both("step", "步数"), ylabel=r"$\alpha^{-2}$", yscale="log")
        axes.legend()
        figure.savefig(path)


@pytest.mark.parametrize("suffix", ["png", "pdf"])
@pytest.mark.parametrize("installed", [(), (("Chinese of a test", HAS_ALL),)], ids=["without", "with"])
def test_no_character_is_missing(fonts, tmp_path, installed, suffix):
    fonts(*installed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # "Glyph 27493 missing from font"
        draw_labels(tmp_path / f"figure.{suffix}")


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_no_character_is_missing_on_this_machine(tmp_path, suffix):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_labels(tmp_path / f"figure.{suffix}")


def test_latin_letters_look_the_same_with_and_without(fonts):
    fonts(("Chinese of a test", HAS_ALL))
    with plot.style():
        assert plt.rcParams["font.family"] == ["DejaVu Sans", "Chinese of a test"]
    fonts()
    with plot.style():
        assert plt.rcParams["font.family"] == ["DejaVu Sans"]


# --- the reader's own settings ---


def test_the_readers_settings_are_as_before():
    with plt.rc_context({"font.size": 23, "axes.grid": False}):
        before = dict(mpl.rcParams)
        with plot.style():
            assert plt.rcParams["axes.grid"]
        assert dict(mpl.rcParams) == before


def test_they_are_as_before_after_an_error_too():
    before = dict(mpl.rcParams)
    with pytest.raises(ZeroDivisionError), plot.style():
        _ = 1 / 0
    assert dict(mpl.rcParams) == before


def test_a_figure_looks_the_same_whatever_they_are():
    with plot.style():
        expected = dict(mpl.rcParams)
    with plt.rc_context({"text.usetex": True, "font.size": 23, "axes.facecolor": "black"}), plot.style():
        assert dict(mpl.rcParams) == expected


def test_the_library_loads_no_paddle():
    code = "import nndl.plot, sys; assert 'paddle' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
