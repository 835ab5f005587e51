"""The page for readers of the book's notebooks: what it says to write works, and both languages say the same."""

import re
from pathlib import Path
from types import SimpleNamespace

import chapter6
import nndl
from nndl.error import CheckpointError

import matplotlib as mpl
import numpy as np
import pytest

PAGES = [Path(chapter6.__file__).parent / "guide" / name for name in ("FROM_THE_BOOK.md", "FROM_THE_BOOK_cn.md")]


def codes(page):
    """All that is marked as code, and how many rows its tables have."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return blocks, sorted(set(spans)), [line.count("|") for line in text.splitlines() if line.startswith("|")]


def remedy(beginning):
    """The code on the page that begins so."""
    (code,) = [code for code in codes(PAGES[0])[1] if code.startswith(beginning)]
    return code


def test_both_languages_name_the_same_things():
    assert codes(PAGES[0]) == codes(PAGES[1])


def test_pooling_stops_as_the_book_has_it_and_runs_as_the_page_has_it():
    import paddle

    names = {"paddle": paddle, "max_len": 4, "sequence_length": paddle.to_tensor([[3.0], [1.0]])}
    code = remedy("mask = ")
    with pytest.raises(TypeError, match="promotion"):
        exec(code.replace(', dtype="float32"', ""), names)
    exec(code, names)
    assert names["mask"].tolist() == [[True, True, True, False], [True, False, False, False]]


def test_the_heat_map_needs_no_seaborn(tmp_path):
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    inputs, tensor = [6, 7, 0, 0, 1], np.arange(20).reshape(4, 5) / 20
    names = {"plt": plt, "tensor": tensor, "vmin": 0, "vmax": 1, "inputs": inputs}
    plt.figure()
    exec(remedy("ax = "), names)
    exec(remedy("ax.set_xticks"), names)
    axes = names["ax"]
    np.testing.assert_array_equal(axes.images[0].get_array(), tensor)
    axes.figure.canvas.draw()
    assert [label.get_text() for label in axes.get_xticklabels()] == ["6", "7", "0", "0", "1"]
    plt.close("all")


def test_the_other_names_are_there():
    gates = SimpleNamespace(model=nndl.Model_RNN4SeqClass(nndl.LSTM(4, 4), 10, 4, 4, 19))
    gates.model.rnn_model.Is = [1]
    assert eval(remedy("runner.model.rnn_model.Is"), {"runner": gates}) == [1]
    names = {"lr": 0.1}
    exec(remedy("learning_rate = "), names)
    assert names["learning_rate"] == 0.1


def test_the_gates_parameters_under_other_names_are_refused_with_a_hint(tmp_path):
    from paddle import nn

    def lstm(candidate):
        layer = nn.Layer()
        for kind, rows in (("W", 2), ("U", 4), ("b", 1)):
            for gate in ("i", "f", "o", candidate):
                layer.add_parameter(f"{kind}_{gate}", layer.create_parameter([rows, 4]))
        return nndl.RunnerV3(layer, None, None, None)

    lstm("c").save_model(tmp_path / "best.pdparams")
    with pytest.raises(CheckpointError, match="W_c looks like W_a"):
        lstm("a").load_model(tmp_path / "best.pdparams")
    lstm("c").load_model(tmp_path / "best.pdparams")
