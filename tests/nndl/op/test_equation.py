"""Who changes a cell's equation sees it work: "auto" computes what stands there."""

from nndl.op import GRU, LSTM, SRN, GRUCell, LSTMCell, SRNCell  # nndl before Paddle: it chooses the threads
from nndl.op.backend import choose, equation

# isort: split
import paddle
import paddle.nn.functional as F
import pytest

LAYERS = {SRNCell: SRN, LSTMCell: LSTM, GRUCell: GRU}
every_cell = pytest.mark.parametrize("cell_class", LAYERS)


def relu(self, projected, state):
    """Exercise: another activation."""
    H = F.relu(projected + state @ self.U)
    return H, H


def coupled(self, projected, state):
    """Exercise: a forget gate 1 - i."""
    H, C = state
    i, _, c, o = paddle.split(projected + H @ self.U, 4, axis=-1)
    i = F.sigmoid(i)
    C = (1 - i) * C + i * paddle.tanh(c)
    H = F.sigmoid(o) * paddle.tanh(C)
    return H, (H, C)


def without_reset(self, projected, state):
    """Exercise: a GRU that never forgets at once."""
    _, x_z, x_c, b_hc = paddle.split(projected, 4, axis=-1)
    _, h_z, h_c = paddle.split(state @ self.U, 3, axis=-1)
    Z = F.sigmoid(x_z + h_z)
    H = Z * state + (1 - Z) * paddle.tanh(x_c + h_c + b_hc)
    return H, H


CHANGED = {SRNCell: relu, LSTMCell: coupled, GRUCell: without_reset}


def broken(self, projected, state):
    raise TypeError("no step at all")


def too_few(self, projected, state):
    return (projected,)


@every_cell
def test_the_equation_in_the_book_is_the_operators(cell_class, capsys):
    assert equation.is_operators(cell_class)
    assert capsys.readouterr().err == ""


@every_cell
def test_finding_out_draws_no_random_number(cell_class):
    equation._is_unchanged.cache_clear()
    paddle.seed(1)
    expected = paddle.rand([4]).tolist()
    paddle.seed(1)
    equation.is_operators(cell_class)
    assert paddle.rand([4]).tolist() == expected


@every_cell
@pytest.mark.parametrize("step", ["changed", broken, too_few])
def test_a_changed_equation_is_computed_and_said(cell_class, step, monkeypatch, capsys):
    """At once, also where the book's was in use before, as in a notebook."""
    assert choose("auto", cell_class) != "fused"
    monkeypatch.setattr(cell_class, "step", CHANGED[cell_class] if step == "changed" else step)
    equation._is_unchanged.cache_clear()
    monkeypatch.setattr("nndl.runtime.say_once", lambda line: print(line, end=""))
    assert choose("auto", cell_class) == choose("auto", cell_class) == "fused"
    assert choose("paddle", cell_class) == "paddle"
    said = capsys.readouterr().out
    assert said.count(f"nndl: {cell_class.__name__} was changed") == 1
    assert f"{cell_class.__name__} 公式已改动" in said


def test_a_changed_projection_is_computed(monkeypatch):
    monkeypatch.setattr(SRNCell, "project", lambda self, X: X @ self.W)
    assert choose("auto", SRNCell) == "fused"


@every_cell
def test_a_layer_computes_the_changed_equation(cell_class, monkeypatch):
    layer, X = LAYERS[cell_class](2, 3), paddle.rand([2, 4, 2])
    of_the_book, _ = layer(X)
    monkeypatch.setattr(cell_class, "step", CHANGED[cell_class])
    found, _ = layer(X)
    layer.backend = "fused"
    expected, _ = layer(X)
    assert (found - expected).abs().max() == 0
    assert (found - of_the_book).abs().max() > 1e-3


@every_cell
def test_a_layer_with_a_cell_of_its_own_computes_that_cell(cell_class, capsys):
    """And nobody is told that ours was changed."""
    own = type("Own", (cell_class,), {"step": CHANGED[cell_class]})
    layer = type("OwnLayer", (LAYERS[cell_class],), {"cell_class": own})(2, 3)
    X = paddle.rand([2, 4, 2])
    found, _ = layer(X)
    layer.backend = "fused"
    assert (found - layer(X)[0]).abs().max() == 0
    assert "changed" not in capsys.readouterr().err


@every_cell
def test_a_subclass_that_changes_no_equation_is_computed_by_the_operators(cell_class):
    assert choose("auto", type("Own", (cell_class,), {})) == choose("auto", cell_class)


def test_an_equation_with_the_same_numbers_and_other_gradients_is_seen(monkeypatch):
    """Truncated back-propagation: the state is detached, which no forward pass shows."""
    original = SRNCell.step
    monkeypatch.setattr(SRNCell, "step", lambda self, projected, state: original(self, projected, state.detach()))
    assert not equation.is_operators(SRNCell)


def test_a_clipped_state_is_seen(monkeypatch):
    original = LSTMCell.step

    def step(self, projected, state):
        H, (_, C) = original(self, projected, state)
        return H, (H, C.clip(-3, 3))

    monkeypatch.setattr(LSTMCell, "step", step)
    assert not equation.is_operators(LSTMCell)
