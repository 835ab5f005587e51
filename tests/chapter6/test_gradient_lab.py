"""The lesson of gradients: powers, the error surface and gradients over a distance, against NumPy and paper."""

from types import SimpleNamespace
from typing import Any

from chapter6.contents import SECTIONS
from chapter6.extras import gradient_findings as findings
from chapter6.extras import gradient_lab as lab
from chapter6.extras import gradient_surface as surface
from chapter6.lab.claim import FAILS, HOLDS
from chapter6.lab.record import Record
from nndl.error import SettingError
from nndl.op import GRUCell, LSTMCell, SRNCell

import numpy as np
import paddle
import pytest

SETTINGS = SECTIONS["gradients"].presets["quick"]


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


# --- powers ---


def test_powers_are_those_of_the_logarithm() -> None:
    found = lab.powers([1.0, 1.01, 0.99, 0.5])
    exact = np.exp(1000 * np.log([1.0, 1.01, 0.99, 0.5]))
    np.testing.assert_allclose(found["y"], exact, rtol=1e-11)
    np.testing.assert_allclose(found["derivative"], 1000 * exact / found["w"], rtol=1e-11)
    np.testing.assert_allclose(found["formula"], found["derivative"], rtol=1e-11)


def test_a_learning_rate_leads_to_the_minimum_and_no_rate_moves_what_has_no_gradient() -> None:
    # on paper: L = (y - 1)^2 / 2 with y = 3, dy/dw = 5 at w = 1.5 has the gradient 10, so η = .05 leads to 1
    found = {"w": [1.5, 1.0], "y": [3.0, 1.0], "derivative": [5.0, 5.0]}
    right, at_minimum = lab.learning_rates(found)
    assert (right["gradient"], right["rate"], right["landings"]) == (10, 0.05, [[0.05, 1.0]])
    assert (at_minimum["gradient"], at_minimum["rate"], at_minimum["landings"]) == (0, None, [[0.05, 1.0]])


# --- the error surface ---


def loss_in_numpy(w: float, b: float) -> float:
    h = surface.H_0
    for _ in range(surface.STEPS):
        h = w * sigmoid(h) + b
    return (sigmoid(h) - surface.TARGET) ** 2


def gradient_in_numpy(w: float, b: float, step: float = 1e-7) -> np.ndarray:
    return np.array(
        [
            (loss_in_numpy(w + step, b) - loss_in_numpy(w - step, b)) / (2 * step),
            (loss_in_numpy(w, b + step) - loss_in_numpy(w, b - step)) / (2 * step),
        ]
    )


def test_surface_is_that_of_a_loop_and_its_gradients_are_finite_differences() -> None:
    found = surface.surface(11)
    for row, b in enumerate(found["b"]):
        for column, w in enumerate(found["w"]):
            assert found["losses"][row][column] == pytest.approx(loss_in_numpy(w, b), rel=1e-9)
            norm = np.linalg.norm(gradient_in_numpy(w, b))
            assert found["norms"][row][column] == pytest.approx(norm, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("bound", [None, 0.03])
def test_a_path_is_gradient_descent_and_a_clipped_step_goes_the_same_way(bound: float | None) -> None:
    clip = bound and paddle.nn.ClipGradByGlobalNorm(bound)
    found = surface.path(0.05, clip, 3)
    place = np.array(surface.START)
    for where, loss in zip(found["places"], found["losses"], strict=True):
        np.testing.assert_allclose(where, place, atol=1e-7)
        assert loss == pytest.approx(loss_in_numpy(*place), rel=1e-5)
        gradient = gradient_in_numpy(*place)
        norm = np.linalg.norm(gradient)
        assert norm > 0.03  # so that the bound is felt
        place = place - 0.05 * gradient * (min(1, bound / norm) if bound else 1)


# --- gradient against distance ---

L = 6


def inputs() -> tuple[np.ndarray, np.ndarray]:
    """X [B, L, D] and a direction of norm 1 [B, D]."""
    random = np.random.default_rng(1)
    direction = random.standard_normal((lab.B, lab.D))
    return random.standard_normal((lab.B, L, lab.D)), direction / np.linalg.norm(direction)


def norms_of(cell: Any, X: np.ndarray, direction: np.ndarray) -> list[float]:
    return lab.gradient_norms(cell, paddle.to_tensor(X), paddle.to_tensor(direction))


def make(kind: Any, name: str = "N / √n", scale: int = 1, **more: Any) -> Any:
    cell = kind(lab.D, lab.D, **more).to(dtype="float64")
    lab.initialise(cell, name, scale, np.random.default_rng(0))
    return cell


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu"])
def test_gradients_of_an_srn_are_the_product_of_its_jacobians(activation: str) -> None:
    X, direction = inputs()
    cell = make(SRNCell, activation=activation)
    W, U, b = cell.W.numpy(), cell.U.numpy(), cell.b.numpy()
    f, slope = {
        "tanh": (np.tanh, lambda h: 1 - h**2),
        "sigmoid": (sigmoid, lambda h: h * (1 - h)),
        "relu": (lambda z: np.maximum(z, 0), lambda h: (h > 0) * 1.0),
    }[activation]
    H = [np.zeros((lab.B, lab.D))]
    for t in range(L):
        H.append(f(X[:, t] @ W + H[-1] @ U + b))
    gradient, expected = direction, [1.0]
    for h in reversed(H[1:]):
        # dL/dH_{t-1} = (dL/dH_t ⊙ f'(z_t)) U^T
        gradient = (gradient * slope(h)) @ U.T
        expected.append(np.linalg.norm(gradient))
    np.testing.assert_allclose(norms_of(cell, X, direction), expected, rtol=1e-10)


@pytest.mark.parametrize("back", [1, L])
def test_gradients_of_an_lstm_go_by_both_of_its_states(back: int) -> None:
    """Against differences: move each number of H and C as step L - back + 1 gets them, and look at the loss."""
    X, direction = inputs()
    X, direction = X[:1], direction[:1] / np.linalg.norm(direction[:1])
    cell = make(LSTMCell)

    def loss(state: tuple, t: int) -> float:
        for X_t in X[:, t:].swapaxes(0, 1):
            _, state = cell(paddle.to_tensor(X_t), state)
        return float((state[0].numpy() * direction).sum())

    state = cell.get_initial_states(paddle.to_tensor(X))
    for t in range(L - back):
        _, state = cell(paddle.to_tensor(X[:, t]), state)
    numbers = np.concatenate([tensor.numpy() for tensor in state], axis=1)
    differences = []
    for i in range(numbers.shape[1]):
        ends = []
        for step in (1e-6, -1e-6):
            moved = numbers.copy()
            moved[0, i] += step
            ends.append(loss(tuple(map(paddle.to_tensor, np.split(moved, 2, axis=1))), L - back))
        differences.append((ends[0] - ends[1]) / 2e-6)
    assert norms_of(cell, X, direction)[back] == pytest.approx(np.linalg.norm(differences), rel=1e-6)


def test_gates_without_weights_are_calculated_on_paper() -> None:
    """W = U = 0: a gate is the σ of its bias; dL/dC_t = o f^k, and of a GRU dL/dH_t = z^k."""
    X, direction = inputs()
    zero = {"b_attr": paddle.nn.initializer.Constant(0.0)}
    lstm = lab.with_gate(make(LSTMCell, "zeros", **zero), lab.open_gate(L))
    gru = lab.with_gate(make(GRUCell, "zeros", **zero), 1.0)
    kept = [(1 - 1 / L) ** k for k in range(1, L + 1)]
    np.testing.assert_allclose(norms_of(lstm, X, direction), [1, *(0.5 * each for each in kept)], rtol=1e-6)
    np.testing.assert_allclose(norms_of(gru, X, direction), [sigmoid(1.0) ** k for k in range(L + 1)], rtol=1e-6)


@pytest.mark.parametrize(("name", "least", "most"), [("orthogonal", 1, 1), ("identity", 1, 1), ("zeros", 0, 0)])
def test_largest_singular_value_of_an_initialisation(name: str, least: float, most: float) -> None:
    random = np.random.default_rng(0)
    assert least * 3 - 1e-9 <= lab.initialise(make(LSTMCell), name, 3, random) <= most * 3 + 1e-9


def test_each_gate_is_drawn_by_itself_with_the_spread_of_its_name() -> None:
    random = np.random.default_rng(0)
    for name, spread in (("0.01 N", 0.01), ("N / √n", lab.D**-0.5), ("Xavier", lab.D**-0.5)):
        cell = make(LSTMCell)
        lab.initialise(cell, name, 1, random)
        gates = np.split(cell.U.numpy(), 4, axis=1)
        assert all(gate.std() == pytest.approx(spread, rel=0.1) for gate in gates)
        assert not np.allclose(gates[0], gates[1])


def test_from_zeros_only_the_last_bias_learns_or_all_units_stay_alike() -> None:
    zero = {"b_attr": paddle.nn.initializer.Constant(0.0)}
    srn = lab.learn_from_zeros(make(SRNCell, **zero))
    squashed = lab.learn_from_zeros(make(SRNCell, activation="sigmoid", **zero))
    assert srn == {"moved": ["c"], "difference": 0.0}
    assert squashed["moved"] == ["W", "U", "b", "V", "c"]
    assert squashed["difference"] < 1e-12


# --- verdicts follow the numbers ---


@pytest.fixture(scope="module")
def metrics() -> dict[str, Any]:
    settings = SimpleNamespace(**{**vars(SETTINGS), "surface_points": 41, "surface_steps": 30, "distance": 20})
    run = SimpleNamespace(settings=settings, seeds=2)
    return {"settings": vars(settings), "found": lab.measurements(run)}


def judged(metrics: dict[str, Any], **changed: Any) -> dict[str, str]:
    record = Record("gradients", "quick", metrics["settings"], [0, 1], 0.0, {}, metrics["found"] | changed)
    return {claim.id: claim.verdict for claim in findings.claims(record)}


def test_the_same_seed_gives_the_same_numbers(metrics: dict[str, Any]) -> None:
    cells = lab.make_cells(20)
    first = next(r for r in metrics["found"]["distance"] if r["cell"] == "GRU" and r["initialisation"] == "Xavier")
    assert lab.measure(cells, "GRU", "Xavier", 1, 20, first["seed"]) == first


def test_what_is_measured_is_judged(metrics: dict[str, Any]) -> None:
    verdicts = judged(metrics)
    assert (verdicts["powers"], verdicts["powers_derivative"], verdicts["powers_plain"]) == (HOLDS, HOLDS, FAILS)
    assert (verdicts["small_vanishes"], verdicts["open_gate"], verdicts["zeros_alike"]) == (HOLDS, HOLDS, HOLDS)


def kept(results: list[dict[str, Any]], left: float, **wanted: str) -> list[dict[str, Any]]:
    """The results, but of some of them this much of the gradient is left."""
    return [
        {**r, "norms": [1.0, left]} if all(r[name] == value for name, value in wanted.items()) else r for r in results
    ]


def test_gradients_decide(metrics: dict[str, Any]) -> None:
    distance, scaled = metrics["found"]["distance"], metrics["found"]["scaled"]
    assert judged(metrics, distance=kept(distance, 0.5, initialisation="0.01 N"))["small_vanishes"] == FAILS
    assert judged(metrics, distance=kept(distance, 1e-5, cell="SRN ReLU"))["irnn_cures"] == FAILS
    assert judged(metrics, distance=kept(distance, 1e-5, cell="LSTM b_f = 1"))["forget_bias"] == FAILS
    assert judged(metrics, distance=kept(distance, 0.5, cell="LSTM b_f = 1"))["forget_bias"] != FAILS
    assert judged(metrics, distance=kept(distance, 1e-5, cell="LSTM open"))["open_gate"] == FAILS
    assert judged(metrics, scaled=kept(scaled, 1.0, cell="LSTM open"))["lstm_explodes"] == FAILS


def test_what_decides_stands_beside_the_claim(metrics: dict[str, Any]) -> None:
    """Of the cells that a claim compares, each with its numbers."""
    record = Record("gradients", "quick", metrics["settings"], [0, 1], 0.0, {}, metrics["found"])
    measured = {claim.id: claim.measured for claim in findings.claims(record)}
    assert all("tanh" in text for text in measured["relu_cures"])
    assert all("SRN" in text for text in measured["lstm_explodes"])


def test_a_surface_without_a_wall_and_a_path_that_is_not_thrown(metrics: dict[str, Any]) -> None:
    flat = {**metrics["found"]["surface"], "norms": [[1.0, 1.0], [1.0, 2.0]]}
    clipped = metrics["found"]["paths"]["clipped"]
    assert judged(metrics, surface=flat)["wall"] == FAILS
    verdicts = judged(metrics, paths={"free": clipped, "clipped": clipped})
    assert (verdicts["thrown"], verdicts["comes_back"]) == (FAILS, FAILS)


def test_settings_out_of_range_are_named() -> None:
    for name, value in (("distance", 1), ("scales", (0,)), ("surface_points", 3)):
        with pytest.raises(SettingError, match=f"^{name} "):
            type(SETTINGS)(**{name: value})
