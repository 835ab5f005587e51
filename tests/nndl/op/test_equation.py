"""Who changes the LSTM's equation sees it work: "auto" computes what stands there."""

from nndl.op import LSTM, LSTMCell  # nndl before Paddle: it chooses the threads
from nndl.op.backend import choose, equation

# isort: split
import paddle
import pytest


@pytest.fixture
def afresh():
    """Nothing is known yet of the equation."""
    equation._is_unchanged.cache_clear()
    yield
    equation._is_unchanged.cache_clear()


def coupled(self, projected, state):
    """The gates i and 1 - i (exercise: a coupled forget gate)."""
    H, C = state
    i, _, c, o = paddle.split(projected + H @ self.U, 4, axis=-1)
    i = paddle.nn.functional.sigmoid(i)
    C = (1 - i) * C + i * paddle.tanh(c)
    H = paddle.nn.functional.sigmoid(o) * paddle.tanh(C)
    return H, (H, C)


def broken(self, projected, state):
    raise TypeError("no step at all")


def test_the_equation_in_the_book_is_the_operators(afresh):
    assert equation.is_operators()


def test_finding_out_draws_no_random_number(afresh):
    paddle.seed(1)
    expected = paddle.rand([4]).tolist()
    paddle.seed(1)
    equation.is_operators()
    assert paddle.rand([4]).tolist() == expected


@pytest.mark.parametrize("step", [coupled, broken])
def test_a_changed_equation_is_computed(afresh, monkeypatch, step):
    monkeypatch.setattr(LSTMCell, "step", step)
    assert choose("auto", otherwise="paddle") == "fused"
    assert choose("bptt", otherwise="paddle") == "bptt"


def test_a_layer_computes_the_changed_equation(afresh, monkeypatch):
    lstm, X = LSTM(2, 3, backend="auto"), paddle.rand([2, 4, 2])
    of_the_book, _ = lstm(X)
    monkeypatch.setattr(LSTMCell, "step", coupled)
    equation._is_unchanged.cache_clear()
    lstm.backend = "fused"
    expected, _ = lstm(X)
    lstm.backend = "auto"
    found, _ = lstm(X)
    assert (found - expected).abs().max() == 0
    assert (found - of_the_book).abs().max() > 1e-3


def test_a_layer_with_a_cell_of_its_own_computes_that_cell():
    class Coupled(LSTMCell):
        step = coupled

    class CoupledLSTM(LSTM):
        cell_class = Coupled

    paddle.seed(3)
    auto = CoupledLSTM(2, 3, backend="auto")
    X = paddle.rand([2, 4, 2])
    found, _ = auto(X)
    auto.backend = "fused"
    assert (found - auto(X)[0]).abs().max() == 0
