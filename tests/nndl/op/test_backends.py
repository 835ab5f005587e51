"""Every way to compute an LSTM against Paddle's layer, on all kinds of batches."""

from nndl.error import BuildError, SettingError  # nndl before Paddle: it chooses the threads

# isort: split
import re
import subprocess
import sys

from nndl.op import LSTM
from nndl.op.backend import BACKENDS, OWN, choose, onednn

import paddle
import pytest
from hypothesis import HealthCheck, given, settings
from paddle import nn
from paddle.utils import flatten
from problems import assert_close, gradients, problems, random_states, run

needs_onednn = pytest.mark.skipif(bool(onednn.why_not()), reason="the oneDNN operator cannot be had here")
every_backend = pytest.mark.parametrize(
    "backend", [pytest.param(name, marks=needs_onednn if name == "onednn" else ()) for name in ("auto", *OWN)]
)


@settings(
    deadline=None,
    max_examples=60,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(problem=problems())
@every_backend
def test_agrees_with_paddle(backend, dtype, problem):
    if backend == "onednn" and dtype == "float64":
        return  # refused, see test_onednn.py
    paddle.seed(6)
    theirs = nn.LSTM(*problem.sizes, time_major=problem.time_major)
    ours = LSTM.from_paddle(theirs)
    ours.backend = backend
    X = problem.inputs()
    states = random_states(theirs, problem.B) if problem.has_states else None

    results, expected = (run(layer, X, states, problem.lengths) for layer in (ours, theirs))
    for result, truth in zip(results, expected, strict=True):
        assert_close(result, truth, dtype)
    with paddle.no_grad():  # oneDNN has another path for inference
        for result, truth in zip(run(ours, X, states, problem.lengths), expected, strict=True):
            assert_close(result, truth, dtype)

    # the unroller's gradients are tested against Paddle's and against finite differences
    fused = LSTM.from_paddle(theirs)
    variables, parameters = gradients(ours, X, states, problem.lengths)
    true_variables, true_parameters = gradients(fused, X, states, problem.lengths)
    for gradient, truth in zip(variables + parameters, true_variables + true_parameters, strict=True):
        assert_close(gradient, truth, dtype)


@every_backend
def test_gradients_where_only_some_results_are_used(backend):
    """The others come without a gradient, which is none, not garbage."""
    layer, fused = LSTM(3, 4, backend=backend), LSTM(3, 4)
    fused.set_state_dict(layer.state_dict())
    X, lengths = paddle.randn([5, 6, 3]), paddle.to_tensor([6, 1, 0, 3, 2])
    for wanted in range(3):  # the outputs, the last H, the last C
        found, truth = (
            paddle.grad(flatten(model(X, sequence_length=lengths))[wanted].sum(), model.parameters(), allow_unused=True)
            for model in (layer, fused)
        )
        for gradient, true in zip(found, truth, strict=True):
            assert_close(paddle.zeros([1]) if gradient is None else gradient, 0 if true is None else true, "float32")


@every_backend
@pytest.mark.parametrize("content", [float("nan"), float("inf"), 1e30])
@pytest.mark.parametrize("lengths", [[7, 2, 4], [4, 4, 4]])
def test_whatever_stands_in_the_padding_changes_nothing(backend, content, lengths):
    layer = LSTM(3, 4, 2, "bidirectional", backend=backend)
    X = paddle.randn([3, 7, 3])
    dirty = X.clone()
    for b, n in enumerate(lengths):
        dirty[b, n:] = content
    clean_gradients, dirty_gradients = (gradients(layer, x, None, lengths)[1] for x in (X, dirty))
    for found, truth in zip(run(layer, dirty, None, lengths), run(layer, X, None, lengths), strict=True):
        assert_close(found, truth, "float32")
    for found, truth in zip(dirty_gradients, clean_gradients, strict=True):
        assert_close(found, truth, "float32")


@every_backend
def test_long_uneven_batches(backend):
    """Longer than the calls that the oneDNN operator cuts a batch into, with few and with many rows."""
    layer, fused = LSTM(5, 6, backend=backend), LSTM(5, 6)
    fused.set_state_dict(layer.state_dict())
    X, lengths = paddle.randn([21, 150, 5]), [150, 149, *range(1, 130, 7)]
    for reverse_states in (None, random_states(layer, 21)):
        for found, truth in zip(
            run(layer, X, reverse_states, lengths), run(fused, X, reverse_states, lengths), strict=True
        ):
            assert_close(found, truth, "float32")
        found, truth = (gradients(model, X, reverse_states, lengths) for model in (layer, fused))
        for gradient, true in zip(found[0] + found[1], truth[0] + truth[1], strict=True):
            assert_close(gradient, true, "float32")


def test_unknown_backend():
    with pytest.raises(SettingError, match="backend 'fast': expected one of auto, stepwise, fused, bptt, onednn"):
        LSTM(3, 4, backend="fast")


@every_backend
def test_layer_without_b(backend):
    """As one whose b is zero; and b stays out of the gradients."""
    layer, zero = LSTM(3, 4, 2, "bidirectional", b_attr=False, backend=backend), LSTM(3, 4, 2, "bidirectional")
    with paddle.no_grad():
        for cell, other in zip(layer.cells, zero.cells, strict=True):
            other.W.set_value(cell.W)
            other.U.set_value(cell.U)
            other.b.zero_()
    X, states, lengths = paddle.randn([3, 5, 3]), random_states(layer, 3), [5, 0, 2]
    for found, truth in zip(run(layer, X, states, lengths), run(zero, X, states, lengths), strict=True):
        assert_close(found, truth, "float32")
    variables, parameters = gradients(layer, X, states, lengths)
    true_variables, true_parameters = gradients(zero, X, states, lengths)
    del true_parameters[2::3]
    for found, truth in zip(variables + parameters, true_variables + true_parameters, strict=True):
        assert_close(found, truth, "float32")


class TestChoice:
    """What "auto" is, on a machine that has oneDNN's operator and on one that has not."""

    @pytest.fixture(params=["", "no C++ compiler found"])
    def why_not(self, request, monkeypatch):
        monkeypatch.setattr(onednn, "why_not", lambda: request.param)
        return request.param

    def test_auto(self, why_not):
        assert choose("auto", otherwise="paddle") == ("paddle" if why_not else "onednn")

    def test_auto_for_inputs(self, why_not):
        X = paddle.zeros([2, 5, 3])
        assert choose("auto", "fused", X) == ("fused" if why_not else "onednn")
        assert choose("auto", "fused", X.astype("float64")) == "fused"

    def test_what_is_named(self, why_not):
        for name in BACKENDS:
            if name == "onednn" and why_not:
                with pytest.raises(BuildError, match=f"^backend onednn: {re.escape(why_not)}; backend auto takes"):
                    choose(name, "fused")
            else:
                assert choose(name, "fused") == name

    def test_the_table_says_whether_it_is_there(self, why_not):
        missing = [name for name, way in BACKENDS.items() if way.why_not()]
        assert missing == (["onednn"] if why_not else [])

    def test_another_name(self):
        with pytest.raises(
            SettingError, match=r"^backend 'cuda': expected one of auto, stepwise, fused, bptt, onednn, paddle"
        ):
            choose("cuda", "fused")


def test_the_table_is_there_without_paddle():
    code = "import sys, nndl.op.backend; print(*nndl.op.backend.OWN, 'paddle' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["stepwise", "fused", "bptt", "onednn", "False"]
