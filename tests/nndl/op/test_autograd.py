"""Every use of automatic differentiation, with every way to compute a layer: right, or refused in one line."""

import nndl  # before Paddle

# isort: split
import weakref
from collections.abc import Callable

from nndl.op import GRU, LSTM, SRN
from nndl.op.backend import bptt, native, ways
from nndl.op.backend.native_layer import NativeLSTM

import numpy as np
import paddle
import pytest
from conftest import default_dtype
from paddle import nn
from paddle.distributed.fleet.utils import recompute
from paddle.utils import flatten

needs_native = pytest.mark.skipif(bool(native.why_not()), reason="the native operator cannot be had here")
OURS = {f"{layer.__name__} {way}": (layer, way) for layer in (SRN, LSTM, GRU) for way in ways(layer.cell_class.kind)}
KINDS = [*OURS, "NativeLSTM"]
every_kind = pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=needs_native if k.endswith(" native") else ()) for k in KINDS]
)
TWICE = ("bptt", "stepwise", "fused")  # have second derivatives
B, L, M, D = 3, 5, 3, 4


def truth_for(kind: str, num_layers: int = 2) -> nn.Layer:
    """A layer of the same cells whose gradients are known to be right; for an LSTM Paddle's, run step by step."""
    layer_class, _ = OURS.get(kind, (LSTM, ""))
    if layer_class is not LSTM:
        return layer_class(M, D, num_layers, "bidirect", backend="fused")  # see test_recurrent.py
    theirs = nn.LSTM(M, D, num_layers, "bidirect")
    theirs.could_use_cudnn = False  # its own kernel cannot do all of this
    return theirs


def like(truth: nn.Layer, kind: str) -> nn.Layer:
    """The layer to be tested, with the weights of the true one, in single precision."""
    layer_class, way = OURS.get(kind, (NativeLSTM, ""))
    with default_dtype("float32"):
        ours = layer_class(M, D, truth.num_layers, "bidirect")
        if way:
            ours.backend = way
        as_theirs = ours.to_paddle() if layer_class is LSTM else ours
        for parameter, true in zip(as_theirs.parameters(), truth.parameters(), strict=True):
            parameter.set_value(true.astype("float32"))
        if layer_class is LSTM:
            ours.set_state_dict(LSTM.from_paddle(as_theirs).state_dict())
    return ours


def weights(layer: nn.Layer) -> list[tuple[paddle.Tensor, ...]]:
    """Of each cell what the other kind of layer has a counterpart of; Paddle's matrices are the transposed of ours."""
    if not isinstance(layer, nn.LSTM):
        return [(cell.W, cell.U, cell.b) for cell in layer.cells]
    cells = [cell for both in layer for cell in both.children()]
    return [(cell.weight_ih, cell.weight_hh, cell.bias_ih) for cell in cells]


def as_ours(gradient: paddle.Tensor | None, of: paddle.Tensor, layer: nn.Layer) -> np.ndarray | float:
    if gradient is None:
        return 0.0
    is_matrix = of.ndim == 2 and isinstance(layer, nn.LSTM)
    return gradient.numpy().T if is_matrix else gradient.numpy()


# ---- the uses: each returns gradients, in the layout of ours ---------------------------------------------------------


def by_grad(loss: Callable, some: Callable = lambda every: every) -> Callable:
    """The gradients of a loss of (Y, H, C) by ``paddle.grad``, of some of the inputs and parameters; C may be H."""

    def use(layer: nn.Layer, X: paddle.Tensor) -> list:
        Y, H, C = results(layer, X)
        wanted = some([X, *(tensor for cell in weights(layer) for tensor in cell)])
        found = paddle.grad(loss(Y, H, C), wanted, allow_unused=True)
        return [g.numpy() if w is X else as_ours(g, w, layer) for g, w in zip(found, wanted, strict=True)]

    return use


def collected(layer: nn.Layer, X: paddle.Tensor) -> list:
    """What ``backward`` left behind."""
    found = [] if X.grad is None else [X.grad.numpy()]
    return found + [as_ours(tensor.grad, tensor, layer) for cell in weights(layer) for tensor in cell]


def results(layer: nn.Layer, X: paddle.Tensor, states: tuple | None = None) -> tuple[paddle.Tensor, ...]:
    """The outputs, the last H, and the last C, which is H where the cells have no other state."""
    is_lstm = isinstance(layer, LSTM | nn.LSTM)
    Y, last = layer(X, states if states is None or is_lstm else states[0])
    return (Y, *last) if is_lstm else (Y, last, last)


def loss(layer: nn.Layer, X: paddle.Tensor) -> paddle.Tensor:
    Y, H, C = results(layer, X)
    return Y.square().sum() + H.sum() + (C**3).sum()


def backward(layer: nn.Layer, X: paddle.Tensor) -> list:
    loss(layer, X).backward()
    return collected(layer, X)


def several_times(layer: nn.Layer, X: paddle.Tensor) -> list:
    value = loss(layer, X)
    value.backward(retain_graph=True)
    one = paddle.grad(value, [X], retain_graph=True)[0].numpy()
    value.backward(retain_graph=True)
    value.backward()
    return [one, *collected(layer, X)]


def frozen(layer: nn.Layer, X: paddle.Tensor) -> list:
    for W, _, b in weights(layer):
        W.stop_gradient = b.stop_gradient = True
    return backward(layer, X)


def all_frozen(layer: nn.Layer, X: paddle.Tensor) -> list:
    for parameter in layer.parameters():
        parameter.stop_gradient = True
    return backward(layer, X)


def constant_inputs(layer: nn.Layer, X: paddle.Tensor) -> list:
    return backward(layer, X.detach())


def used_twice(layer: nn.Layer, X: paddle.Tensor) -> list:
    (loss(layer, X) + loss(layer, 2 * X[:, ::2])).backward()
    return collected(layer, X)


def recomputed(layer: nn.Layer, X: paddle.Tensor) -> list:
    Y, last = recompute(layer, X * 1)
    H = flatten(last)[0]
    (Y.square().sum() + H.sum()).backward()
    return collected(layer, X)


def cast(layer: nn.Layer, X: paddle.Tensor) -> list:
    with paddle.amp.auto_cast(level="O2", dtype="bfloat16"):
        value = loss(layer, X)
    value.backward()
    return collected(layer, X)


def hooked(layer: nn.Layer, X: paddle.Tensor) -> list:
    Y, H, _ = results(layer, X * 1)
    Y.register_hook(lambda gradient: 2 * gradient)
    H.register_hook(lambda gradient: gradient + 1)
    (Y.square().sum() + H.sum()).backward()
    return collected(layer, X)


def with_learned_states(layer: nn.Layer, X: paddle.Tensor) -> list:
    H, C = (paddle.linspace(-1, 1, 4 * B * D).reshape([4, B, D]).astype(X.dtype) for _ in range(2))
    H.stop_gradient = C.stop_gradient = False
    Y, last_H, _ = results(layer, X, (H, C))
    (Y.square().sum() + last_H.sum()).backward()
    return [state.grad.numpy() for state in (H, C) if state.grad is not None] + collected(layer, X)


def other_default(layer: nn.Layer, X: paddle.Tensor) -> list:
    with default_dtype("float64" if X.dtype == paddle.float32 else "float32"):
        return backward(layer, X)


USES = {
    "all": by_grad(lambda Y, H, C: Y.square().sum() + H.sum() + C.sum()),
    "H alone": by_grad(lambda Y, H, C: H.square().sum()),
    "C alone": by_grad(lambda Y, H, C: C.square().sum()),
    "the last step": by_grad(lambda Y, H, C: Y[:, -1].square().sum()),
    "of the inputs": by_grad(lambda Y, H, C: Y.square().sum(), lambda every: every[:1]),
    "of one W": by_grad(lambda Y, H, C: Y.square().sum(), lambda every: every[1:2]),
    "of one U and one b": by_grad(lambda Y, H, C: Y.square().sum(), lambda every: [every[-1], every[5]]),
}
USES |= {
    use.__name__: use
    for use in (backward, several_times, frozen, all_frozen, constant_inputs, used_twice, recomputed, cast, hooked)
}
USES |= {use.__name__: use for use in (with_learned_states, other_default)}


@pytest.mark.parametrize("use", USES)
@every_kind
def test_first_derivatives_are_right(kind, use):
    with default_dtype("float64"):
        theirs = truth_for(kind)
        X = paddle.randn([B, L, M])
        X.stop_gradient = False
        truth = USES[use](theirs, X)
    x = X.detach().astype("float32")
    x.stop_gradient = False
    found = USES[use](like(theirs, kind), x)
    assert len(found) == len(truth) > 0
    for gradient, true in zip(found, truth, strict=True):
        true = np.reshape(true, np.shape(gradient))
        np.testing.assert_allclose(gradient, true, rtol=0, atol=1e-5 * max(1, np.abs(true).max()))


# ---- second derivatives ----------------------------------------------------------------------------------------------


def penalized(layer: LSTM, X: paddle.Tensor, lengths: paddle.Tensor | None) -> paddle.Tensor:
    """A loss with the squared gradients of the inputs and of one parameter in it."""
    Y, (H, C) = layer(X, None, lengths)
    value = Y.square().sum() + H.sum() + (C**3).sum()
    return value + sum(g.square().sum() for g in paddle.grad(value, [X, layer.cells[1].U], create_graph=True))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("lengths", [None, [5, 0, 2]])
@pytest.mark.parametrize("kind", TWICE)
def test_second_derivatives_against_finite_differences(kind, lengths):
    layer = LSTM(M, D, 2, "bidirectional", backend=kind)
    lengths = None if lengths is None else paddle.to_tensor(lengths)
    X = paddle.randn([B, L, M])
    X.stop_gradient = False
    variables = [X, *layer.parameters()]
    penalized(layer, X, lengths).backward()
    step, directions = 1e-5, [paddle.randn(variable.shape) for variable in variables]
    for variable, direction in zip(variables, directions, strict=True):
        value, ends = variable.numpy(), []
        for sign in (1, -1):
            variable.set_value(value + sign * step * direction.numpy())
            ends.append(penalized(layer, X, lengths).item())
        variable.set_value(value)
        expected = (ends[0] - ends[1]) / (2 * step)
        assert (variable.grad * direction).sum().item() == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.usefixtures("float64")
def test_third_derivatives_by_hand_are_those_of_automatic_differentiation():
    results = []
    layer = LSTM(M, D, backend="bptt")
    for kind in TWICE:
        layer.backend = kind
        X = paddle.ones([B, L, M])
        X.stop_gradient = False
        value = (layer(X)[0] ** 3).sum()
        for _ in range(2):
            (gradient,) = paddle.grad(value, [X], create_graph=True)
            value = (gradient * gradient).sum()
        results.append(paddle.grad(value, [X])[0].numpy())
    for automatic in results[1:]:
        np.testing.assert_allclose(results[0], automatic, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", [k for k in KINDS if not k.endswith(TWICE)])
@pytest.mark.parametrize("wanted", ["inputs", "parameters"])
def test_second_derivatives_that_are_not_there_are_refused(kind, wanted):
    """And not left out, which would train on wrong gradients."""
    if native.why_not() and not kind.endswith("paddle"):
        pytest.skip("the native operator cannot be had here")
    layer = like(truth_for(kind), kind)
    X = paddle.randn([B, L, M])
    X.stop_gradient = False
    variables = [X] if wanted == "inputs" else layer.parameters()[:2]
    with pytest.raises((RuntimeError, NotImplementedError), match=r"backend='bptt'\) has all|create_graph"):  # noqa: PT012
        gradients = paddle.grad(layer(X)[0].square().sum(), variables, create_graph=True)
        sum(g.square().sum() for g in gradients).backward()


@every_kind
def test_a_second_pass_through_a_graph_that_was_let_go(kind):
    value = loss(like(truth_for(kind, 1), kind), paddle.randn([B, L, M]))
    value.backward()
    with pytest.raises(SystemError, match="retain_graph"):
        value.backward()


@pytest.mark.parametrize("again", [False, True])
def test_by_hand_no_graph_outlives_its_use(again, monkeypatch):
    """Hooks make cycles that Python's garbage collector does not see."""
    made, begin = [], bptt._LSTM.__init__
    monkeypatch.setattr(
        bptt._LSTM, "__init__", lambda self, *rest: made.append(weakref.ref(self)) or begin(self, *rest)
    )
    layer = LSTM(M, D, backend="bptt")
    X = paddle.randn([B, L, M])
    X.stop_gradient = False
    value = layer(X)[0].square().sum()
    (gradient,) = paddle.grad(value, [X], create_graph=again)
    del value, gradient
    assert [reference() for reference in made] == [None]


@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
@pytest.mark.parametrize("kind", OURS)
def test_without_gradients_the_results_are_data(kind, direction):
    """A frozen layer's outputs, computed under no_grad, train what comes after it."""
    layer_class, way = OURS[kind]
    layer = layer_class(M, D, direction=direction, backend=way)
    after = paddle.nn.Linear(D * layer.num_directions, 1)
    with paddle.no_grad():
        Y, H, C = results(layer, paddle.randn([B, L, M]))
    assert [tensor.stop_gradient for tensor in (Y, H, C)] == [True] * 3
    after(Y).sum().backward()
    assert after.weight.grad is not None
    assert all(parameter.grad is None for parameter in layer.parameters())


# ---- empty -----------------------------------------------------------------------------------------------------------


@needs_native
@pytest.mark.parametrize("shape", [[0, 5, 3], [2, 0, 3]])
def test_empty_batches_and_empty_sequences(shape):
    X = paddle.ones(shape)
    X.stop_gradient = False
    layer = NativeLSTM(3, 4, 2, "bidirect")
    Y, (H, C) = layer(X)
    assert list(Y.shape) == [*shape[:2], 8]
    assert list(H.shape) == list(C.shape) == [4, shape[0], 4]
    (Y.sum() + H.sum()).backward()
    assert not any(parameter.grad.any() for parameter in layer.parameters())


def test_the_public_name():
    assert issubclass(nndl.LSTM, LSTM)
