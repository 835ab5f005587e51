"""Every way to compute a layer against Paddle's, on all kinds of batches."""

from nndl.error import BuildError, SettingError  # nndl before Paddle: it chooses the threads

# isort: split
import copy
import pickle
import re
import subprocess
import sys

from nndl import paddle_versions
from nndl.op import GRU, LSTM, SRN, GRUCell, LSTMCell, SRNCell, recording
from nndl.op.backend import BACKENDS, choose, native, paddle_kernel, ways
from nndl.op.unroller import unroll

import paddle
import pytest
from hypothesis import HealthCheck, given, settings
from paddle.utils import flatten
from problems import assert_close, gradients, problems, random_states, run

needs_new = pytest.mark.skipif(paddle_versions.IS_OLD, reason=f"bptt and native: {paddle_versions.why_not()}")
needs_native = pytest.mark.skipif(bool(native.why_not()), reason="the native operator cannot be had here")
CASES = [(layer, name) for layer in (SRN, LSTM, GRU) for name in ways(layer.cell_class.kind)]
every_backend = pytest.mark.parametrize(
    ("layer_class", "backend"),
    [
        pytest.param(layer, name, marks=needs_native if name == "native" else (), id=f"{layer.__name__}-{name}")
        for layer, name in CASES
    ],
)


def pair(layer_class, backend, *sizes):
    """A layer, and one by the unroller with the same weights."""
    layer, fused = layer_class(*sizes, backend=backend), layer_class(*sizes, backend="fused")
    fused.set_state_dict(layer.state_dict())
    return layer, fused


@settings(
    deadline=None,
    max_examples=25,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(problem=problems())
@every_backend
def test_agrees_with_paddle(layer_class, backend, dtype, problem):
    paddle.seed(6)
    theirs = layer_class.paddle_class(*problem.sizes, time_major=problem.time_major)
    ours, fused = layer_class.from_paddle(theirs), layer_class.from_paddle(theirs)
    ours.backend, fused.backend = backend, "fused"
    X = problem.inputs()
    states = random_states(ours, problem.B) if problem.has_states else None

    results, expected = (run(layer, X, states, problem.lengths) for layer in (ours, theirs))
    for result, truth in zip(results, expected, strict=True):
        assert_close(result, truth, dtype)
    with paddle.no_grad():  # operators have another path for inference
        for result, truth in zip(run(ours, X, states, problem.lengths), expected, strict=True):
            assert_close(result, truth, dtype)

    # the unroller's gradients are tested against Paddle's and against finite differences
    variables, parameters = gradients(ours, X, states, problem.lengths)
    true_variables, true_parameters = gradients(fused, X, states, problem.lengths)
    for gradient, truth in zip(variables + parameters, true_variables + true_parameters, strict=True):
        assert_close(gradient, truth, dtype)


@every_backend
def test_gradients_where_only_some_results_are_used(layer_class, backend):
    """The others come without a gradient, which is none, not garbage."""
    layer, fused = pair(layer_class, backend, 3, 4)
    X, lengths = paddle.randn([5, 6, 3]), paddle.to_tensor([6, 1, 0, 3, 2])
    for wanted in range(len(run(layer, X))):  # the outputs, the last H, the last C
        found, truth = (
            paddle.grad(flatten(model(X, sequence_length=lengths))[wanted].sum(), model.parameters(), allow_unused=True)
            for model in (layer, fused)
        )
        for gradient, true in zip(found, truth, strict=True):
            assert_close(paddle.zeros([1]) if gradient is None else gradient, 0 if true is None else true, "float32")


@every_backend
@pytest.mark.parametrize("content", [float("nan"), float("inf"), 1e30])
@pytest.mark.parametrize("lengths", [[7, 2, 4], [4, 4, 4], [0, 5, 7]])
def test_whatever_stands_in_the_padding_changes_nothing(layer_class, backend, content, lengths):
    layer = layer_class(3, 4, 2, "bidirectional", backend=backend)
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
def test_long_uneven_batches(layer_class, backend):
    """Longer than the blocks that an operator cuts a batch into, with few and with many rows."""
    layer, fused = pair(layer_class, backend, 5, 6)
    X, lengths = paddle.randn([21, 150, 5]), [150, 149, *range(1, 130, 7)]
    for states in (None, random_states(layer, 21)):
        for found, truth in zip(run(layer, X, states, lengths), run(fused, X, states, lengths), strict=True):
            assert_close(found, truth, "float32")
        found, truth = (gradients(model, X, states, lengths) for model in (layer, fused))
        for gradient, true in zip(found[0] + found[1], truth[0] + truth[1], strict=True):
            assert_close(gradient, true, "float32")


@every_backend
def test_gradients_lie_in_memory_as_parameters_do(layer_class, backend):
    """Paddle's data parallel takes that for granted, and mixes up the others without a word."""
    layer = layer_class(3, 4, 2, "bidirectional", backend=backend)
    layer(paddle.randn([2, 5, 3]))[0].sum().backward()
    assert all(parameter.grad.is_contiguous() for parameter in layer.parameters())


@every_backend
def test_a_recorded_cell_is_stepped_through(layer_class, backend):
    """Operators show no gates."""
    layer, X = layer_class(3, 4, backend=backend), paddle.randn([2, 5, 3])
    expected, _ = layer(X)
    with recording(layer.cells[0]) as steps:
        found, _ = layer(X)
    assert len(steps) == 5
    assert_close(found, expected, "float32")


@pytest.mark.parametrize(("layer_class", "names"), [(SRN, "fused, native, paddle"), (GRU, "fused, native, paddle")])
def test_backends_of_other_cells(layer_class, names):
    with pytest.raises(SettingError, match=f"backend 'bptt': expected one of auto, {names}"):
        layer_class(3, 4, backend="bptt")


def test_unknown_backend():
    with pytest.raises(SettingError, match="backend 'fast': expected one of auto, stepwise, fused, bptt, native"):
        LSTM(3, 4, backend="fast")


@every_backend
def test_layer_without_b(layer_class, backend):
    """As one whose b is zero; and b stays out of the gradients."""
    layer = layer_class(3, 4, 2, "bidirectional", b_attr=False, backend=backend)
    zero = layer_class(3, 4, 2, "bidirectional")
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
    """What "auto" is, on a machine that has the native operator and on one that has not."""

    @pytest.fixture(params=["", "no C++ compiler found"])
    def why_not(self, request, monkeypatch):
        monkeypatch.setattr(native, "why_not", lambda: request.param)
        return request.param

    @pytest.fixture(params=[SRNCell, LSTMCell, GRUCell])
    def cell_class(self, request):
        return request.param

    def test_auto(self, why_not, cell_class):
        assert choose("auto", cell_class) == ("paddle" if why_not else "native")

    @needs_new
    def test_auto_for_inputs(self, why_not, cell_class, monkeypatch):
        X = paddle.zeros([2, 5, 3])
        for dtype in ("float32", "float64"):
            assert choose("auto", cell_class, X.astype(dtype)) == ("paddle" if why_not else "native")
        assert choose("auto", cell_class, X.astype("float16")) == "fused"
        monkeypatch.setattr(native, "takes", lambda _: False)  # as on a GPU
        assert choose("auto", cell_class, X) == "paddle"

    def test_what_is_named(self, why_not):
        for name in BACKENDS:
            if name == "native" and why_not:
                with pytest.raises(BuildError, match=f"^backend native: {re.escape(why_not)}; backend auto takes"):
                    choose(name, LSTMCell)
            else:
                assert choose(name, LSTMCell) == name

    @needs_new
    def test_the_table_says_whether_it_is_there(self, why_not):
        missing = [name for name, way in BACKENDS.items() if way.why_not()]
        assert missing == (["native"] if why_not else [])

    def test_another_name(self):
        for name, kind, names in (("cuda", LSTMCell, "stepwise, fused, bptt"), ("stepwise", SRNCell, "fused")):
            with pytest.raises(
                SettingError, match=rf"^backend '{name}': expected one of auto, {names}, native, paddle$"
            ):
                choose(name, kind)


@pytest.mark.parametrize("layer_class", [SRN, LSTM, GRU])
def test_without_the_native_operator_auto_is_paddles_kernel(layer_class, monkeypatch):
    monkeypatch.setattr(native, "why_not", lambda: "no C++ compiler found")
    layer, X = layer_class(3, 4), paddle.randn([2, 5, 3])
    found, _ = layer(X)
    monkeypatch.setattr(paddle_kernel, "unroll", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        layer_class(3, 4)(X)
    layer.backend = "fused"
    assert_close(found, layer(X)[0], "float32")


@pytest.mark.parametrize("shape", [[0, 5, 3], [2, 0, 3]])
def test_paddles_kernel_is_not_given_what_it_cannot_survive(shape):
    with pytest.raises(SettingError, match="expected at least one step and one sequence"):
        paddle_kernel.unroll([SRNCell(3, 4)], paddle.ones(shape))


def test_the_table_is_there_without_paddle():
    code = "import sys, nndl.op.backend; print(*nndl.op.backend.BACKENDS, 'paddle' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["stepwise", "fused", "bptt", "native", "paddle", "False"]


class _Doubled(SRNCell):
    """An equation of its own: H_t = tanh(2 (...))."""

    def step(self, projected, state):
        H, _ = super().step(2 * projected, 2 * state)
        return H, H


class _FromOnes(SRNCell):
    """The book's equation from another beginning."""

    def get_initial_states(self, *args, **settings):
        return paddle.ones_like(super().get_initial_states(*args, **settings))


@pytest.mark.parametrize("cell_class", [_Doubled, _FromOnes])
def test_cells_with_something_of_their_own_are_computed_as_they_are(cell_class):
    X, cell = paddle.randn([2, 5, 3]), cell_class(3, 4)
    expected = unroll([cell], X)[0]
    subclass = type("Layer", (SRN,), {"cell_class": cell_class})
    for layer in (SRN(3, 4), subclass(3, 4)):
        layer.cells[0] = cell
        assert_close(layer(X)[0], expected, "float32")
    with pytest.raises(SettingError, match="of its own: take fused, or auto"):
        subclass(3, 4, backend="native")(X)
    layer = SRN(3, 4)
    layer.cells[0].step = cell.step
    if cell_class is _Doubled:
        assert_close(layer(X)[0], unroll([layer.cells[0]], X)[0], "float32")


def test_a_layer_that_was_used_can_be_kept_and_copied():
    layer, X = LSTM(3, 4), paddle.randn([2, 5, 3])
    expected = layer(X)[0]
    for copied in (pickle.loads(pickle.dumps(layer)), copy.deepcopy(layer)):
        assert_close(copied(X)[0], expected, "float32")
