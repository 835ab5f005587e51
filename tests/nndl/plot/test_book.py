"""The book's figures: drawn from the history, written where they are wanted."""

import copy
import inspect
import os
from contextlib import suppress
from types import SimpleNamespace

import nndl
from nndl import plot_training_loss, plot_training_loss_acc
from nndl.error import OutputError, SettingError

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

FUNCTIONS = (plot_training_loss, plot_training_loss_acc)


@pytest.fixture
def runner():
    """A history of fifty steps, evaluated every ten."""
    return SimpleNamespace(
        train_step_losses=[(step, 3 * 0.95**step) for step in range(50)],
        dev_losses=[(step, 3 * 0.97**step) for step in (10, 20, 30, 40, 49)],
        dev_scores=[0.1, 0.4, 0.3, 0.6, 0.5],
    )


@pytest.fixture
def figure_stays():
    """As in a notebook: the figure stays open, so that a test can look at it."""
    with plt.ion():
        yield


def lines(axes):
    return {line.get_label(): (line.get_xydata().tolist(), to_hex(line.get_color())) for line in axes.lines}


def points(items):
    return [[float(step), value] for step, value in items]


def test_the_signatures_are_the_books():
    assert list(inspect.signature(plot_training_loss).parameters) == ["runner", "fig_name", "sample_step"]
    settings = inspect.signature(plot_training_loss_acc).parameters
    assert {name: p.default for name, p in settings.items() if p.default is not p.empty} == {
        "fig_size": (16, 6),
        "sample_step": 10,
        "loss_legend_loc": "lower left",
        "acc_legend_loc": "lower left",
    }


@pytest.mark.usefixtures("figure_stays")
def test_what_is_drawn_beside_each_other(runner, tmp_path):
    plot_training_loss_acc(
        runner,
        tmp_path / "6.16.png",
        fig_size=(8, 3),
        sample_step=7,
        loss_legend_loc="upper right",
        acc_legend_loc="lower right",
    )
    losses, accuracy = plt.gcf().axes
    assert plt.gcf().get_size_inches().tolist() == [8, 3]
    assert lines(losses) == {
        "Train loss": (points(runner.train_step_losses[::7]), "#e4007f"),
        "Dev loss": (points(runner.dev_losses), "#f19ec2"),
    }
    steps = [step for step, _ in runner.dev_losses]
    assert lines(accuracy) == {"Dev accuracy": (points(zip(steps, runner.dev_scores, strict=True)), "#e4007f")}
    upper_right, lower_right = 1, 4
    assert (losses.get_legend()._loc, accuracy.get_legend()._loc) == (upper_right, lower_right)


@pytest.mark.usefixtures("figure_stays")
def test_what_the_loss_alone_shows(runner, tmp_path):
    plot_training_loss(runner, tmp_path / "6.6.png", 5)
    (axes,) = plt.gcf().axes
    assert lines(axes) == {
        "Train loss": (points(runner.train_step_losses[::5]), "#e4007f"),
        "Dev loss": (points(runner.dev_losses), "#f19ec2"),
    }


@pytest.mark.parametrize("plot", FUNCTIONS)
def test_a_png_that_is_not_blank_in_a_folder_that_is_made(runner, tmp_path, plot):
    path = tmp_path / "no" / "such" / "folder" / "figure.png"
    plot(runner, str(path))
    assert np.var(plt.imread(path)[..., :3]) > 0.001


@pytest.mark.parametrize("plot", FUNCTIONS)
def test_a_pdf_that_is_not_blank(runner, tmp_path, plot):
    plot(runner, fig_name=tmp_path / "figure.pdf")
    plt.figure().savefig(tmp_path / "blank.pdf")
    plt.close()
    content = (tmp_path / "figure.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert len(content) > 3 * len((tmp_path / "blank.pdf").read_bytes())


@pytest.mark.parametrize("plot", FUNCTIONS)
def test_the_history_stays_as_it_is(runner, tmp_path, plot):
    before = copy.deepcopy(runner)
    plot(runner, tmp_path / "figure.png", sample_step=3)
    assert runner == before


@pytest.mark.parametrize("plot", FUNCTIONS)
def test_a_training_without_evaluation_can_be_drawn(runner, tmp_path, plot):
    runner.dev_losses, runner.dev_scores = [], []
    plot(runner, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").exists()


@pytest.mark.parametrize("plot", FUNCTIONS)
@pytest.mark.parametrize("name", ["file/below.png", "file/far/below.png", "folder.png", "figure.of_no_kind"])
def test_a_figure_that_cannot_be_written_is_named(runner, tmp_path, plot, name):
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OutputError, match=f"cannot write .*{name}"):
        plot(runner, tmp_path / name)


@pytest.mark.parametrize("plot", FUNCTIONS)
@pytest.mark.parametrize("name", ["figure.png", "file/below.png"])
def test_a_script_does_not_pile_up_figures(runner, tmp_path, plot, name):
    (tmp_path / "file").write_text("a file is no folder: here nothing can be written")
    with suppress(OutputError):
        plot(runner, tmp_path / name)
    assert plt.get_fignums() == []


# --- names that are none ---


@pytest.mark.parametrize("plot", FUNCTIONS)
def test_a_name_that_is_none_is_named_and_leaves_nothing(runner, tmp_path, monkeypatch, plot):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    for name in ("", ".", "folder", "folder/", "file/6.6.pdf", "6.6.xyz", "folder/6.6", "x" * 300 + ".png", "a\0b.png"):
        with pytest.raises(OutputError, match="cannot write"):
            plot(runner, name, sample_step=10)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]
    assert plt.get_fignums() == []


@pytest.mark.parametrize("plot", FUNCTIONS)
def test_a_name_without_a_suffix_is_a_png_as_in_the_book(runner, tmp_path, plot):
    plot(runner, tmp_path / "losses", sample_step=10)
    assert os.listdir(tmp_path) == ["losses.png"]
    assert plt.imread(tmp_path / "losses.png").ndim == 3


@pytest.mark.parametrize("sample_step", [0, -1])
def test_a_sample_step_below_1_is_refused(runner, tmp_path, sample_step):
    with pytest.raises(SettingError, match=f"sample_step {sample_step}: expected at least 1"):
        plot_training_loss(runner, tmp_path / "losses.png", sample_step)
    assert os.listdir(tmp_path) == []
    assert plt.get_fignums() == []


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("plot", FUNCTIONS)
def test_a_training_without_history_has_empty_figures(tmp_path, plot):
    nothing = SimpleNamespace(train_step_losses=[], dev_losses=[], dev_scores=[])
    plot(nothing, tmp_path / "empty.png", sample_step=10)
    assert os.listdir(tmp_path) == ["empty.png"]


def test_the_module_says_what_to_call_where_other_chapters_have_a_function(runner):
    with pytest.raises(SettingError, match=r"nndl\.plot is a module; call its plot_training_loss or"):
        nndl.plot(runner, "figure.pdf")
