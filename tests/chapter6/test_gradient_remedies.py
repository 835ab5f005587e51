"""The remedies: what is computed against NumPy loops and hand calculation, and verdicts that follow the numbers."""

from math import hypot
from pathlib import Path
from typing import Any

import nndl
from chapter6.contents import SECTIONS
from chapter6.extras import gradient_explosion, gradient_remedies, gradient_training
from chapter6.extras import gradient_remedies_figures as figures
from chapter6.extras import gradient_remedies_findings as findings
from chapter6.extras.gradient_truncation import TruncatedSRN, against_full
from chapter6.extras.presets.gradients import Remedies
from chapter6.lab.claim import FAILS, HOLDS, OPEN
from chapter6.lab.lesson import Run
from chapter6.lab.record import Record
from chapter6.lab.training import Training
from chapter6.presets import EXPLOSION
from chapter6.sec_6_2_srn_memory import make_loaders
from nndl.dataset import DATA
from nndl.error import SettingError

import numpy as np
import paddle
import pytest

L, M, D = 7, 3, 4
FOLDER = DATA / "digit_sum" / "10"


def settings(**more: Any) -> dict[str, Any]:
    """Of a training that takes a moment."""
    return {
        "length": 10, "batch_size": 50, "input_size": M, "hidden_size": D, "eval_steps": 6, "epochs": 1,
        "learning_rate": 0.01, "seed": 0, "remedy": "none", "layer": "none", "l1": 0.0, "l2": 0.0,
    } | more  # fmt: skip


def training(train: Any = gradient_remedies.train, **more: Any) -> Training:
    return Training(train, "test", settings(**more), FOLDER, "")


# --- truncated BPTT ---


def gradients_by_loop(X: np.ndarray, W: np.ndarray, U: np.ndarray, b: np.ndarray, k: int) -> list[np.ndarray]:
    """Of the sum of H_L² by W, U and b, from the last k steps: BPTT, one step after another."""
    H = [np.zeros((len(X), D))]
    for t in range(L):
        H.append(np.tanh(X[:, t] @ W + H[-1] @ U + b))
    dW, dU, db, dH = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b), 2 * H[-1]
    for t in reversed(range(L - k, L)):
        dA = dH * (1 - H[t + 1] ** 2)
        dW, dU, db = dW + X[:, t].T @ dA, dU + H[t].T @ dA, db + dA.sum(axis=0, keepdims=True)
        dH = dA @ U.T
    return [dW, dU, db]


@pytest.mark.parametrize("k", [1, 2, 3, 5, L, 20])
def test_the_gradient_goes_back_k_steps(k: int) -> None:
    paddle.seed(1)
    layer = TruncatedSRN(M, D, k)
    X = paddle.randn([5, L, M])
    _, state = layer(X)
    (state**2).sum().backward()
    weights = [layer.srn.W, layer.srn.U, layer.srn.b]
    expected = gradients_by_loop(X.numpy(), *(weight.numpy() for weight in weights), min(k, L))
    for weight, gradient in zip(weights, expected, strict=True):
        np.testing.assert_allclose(weight.grad.numpy(), gradient, rtol=2e-4, atol=1e-5)


def test_forward_nothing_is_truncated() -> None:
    layer, X = TruncatedSRN(M, D, 3), paddle.randn([5, L, M])
    outputs, state = layer(X)
    expected, last = layer.srn(X)
    np.testing.assert_allclose(state.numpy(), last.numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(outputs.numpy(), expected[:, -3:].numpy(), rtol=1e-5, atol=1e-6)


def test_the_error_falls_with_k_to_none() -> None:
    paddle.seed(0)
    model = gradient_training.make_model(lambda M, D: TruncatedSRN(M, D, 1), training())
    X, y = make_loaders(FOLDER, 50)[0][0]
    found = []
    for k in (1, 4, 10):
        model.rnn_model.k = k
        found.append(against_full(model, X, y))
        assert model.rnn_model.k == k
    errors, cosines = ([each[kind] for each in found] for kind in ("error", "cosine"))
    assert errors[0] > errors[1] > errors[2] == pytest.approx(0, abs=1e-6)
    assert cosines[2] == pytest.approx(1, abs=1e-6)
    assert cosines[0] < 1


# --- clipping and saturation ---


def test_only_the_global_norm_keeps_the_direction(tmp_path: Path) -> None:
    run = Run(SECTIONS["gradients"], "quick", Remedies(), 1, 1, "cpu", tmp_path, DATA)
    found = {each["clip"]: each for each in gradient_explosion.directions(run)}
    before = found["none"]["before"]
    v, whole = EXPLOSION["book"].clip_at, hypot(*before.values())
    assert whole > v
    assert found["none"]["after"] == before
    assert found["none"]["cosine"] == pytest.approx(1)
    assert found["global_norm"]["after"] == pytest.approx({n: norm * v / whole for n, norm in before.items()}, rel=1e-4)
    # each parameter shrinks to v by itself: s_i = min(1, v / n_i), so the cosine is Σ s n² / (|n| |s n|)
    scales = {name: min(1, v / norm) for name, norm in before.items()}
    after = {name: scales[name] * norm for name, norm in before.items()}
    assert found["norm"]["after"] == pytest.approx(after, rel=1e-4)
    product = sum(after[name] * norm for name, norm in before.items())
    assert found["norm"]["cosine"] == pytest.approx(product / whole / hypot(*after.values()), rel=1e-5)
    assert found["norm"]["cosine"] < 0.99 < found["value"]["cosine"] < found["global_norm"]["cosine"] + 1e-9


def test_hidden_states_are_looked_at_at_their_moments(tmp_path: Path) -> None:
    nndl.runtime.seed_everything(0)
    more = {"clip": "none", "clip_at": 5.0, "epochs": 1, "learning_rate": 0.5}
    result = gradient_explosion.train_saturated(training(gradient_explosion.train_saturated, **more), tmp_path)
    seen = result["activations"]
    assert [moment["step"] for moment in seen] == [0, 1, 2, 5, 6]  # six batches of 50
    model = gradient_training.make_model(nndl.SRN, training())
    model.set_state_dict(paddle.load(str(tmp_path / "best.pdparams")))  # evaluated once, at the end
    ((X, _), *_) = make_loaders(FOLDER, 50)[0]
    W, U, b = (weight.numpy() for weight in model.rnn_model.cells[0].weights)
    E, H, share = model.embedding(X).numpy(), np.zeros((50, D)), []
    for t in range(10):
        H = np.tanh(E[:, t] @ W + H @ U + b)
        share.append((abs(H) > 0.99).mean())
        np.testing.assert_allclose(np.array(seen[-1]["example"])[:, t], H[0], atol=0.0051)
    assert seen[-1]["saturated"] == pytest.approx(share, abs=0.011)  # one at the bound may fall to either side
    assert 0 == max(seen[0]["saturated"]) < min(share)


# --- remedies ---


def test_batches_are_those_of_6_2_in_another_order() -> None:
    paddle.seed(0)
    shuffled, dev, _ = gradient_training.make_batches(training())
    ours, theirs = (
        [(*tuple(X.tolist()), y.item()) for batch in loader for X, y in zip(*batch, strict=True)]
        for loader in (shuffled, make_loaders(FOLDER, 50)[0])
    )
    assert ours != theirs
    assert sorted(ours) == sorted(theirs)
    assert [len(y) for _, y in shuffled] == [50] * 6
    assert len(dev) == 1


def test_from_zeros_only_the_last_bias_moves(tmp_path: Path) -> None:
    nndl.runtime.seed_everything(0)
    result = gradient_remedies.train(training(remedy="zeros", epochs=2), tmp_path)
    moved = [name for name, p in paddle.load(str(tmp_path / "best.pdparams")).items() if p.numpy().any()]
    assert moved == ["linear.bias"]
    assert result["singular_value"] == 0
    assert result["test_accuracy"] <= findings.CHANCE


@pytest.mark.parametrize("name", gradient_remedies.LAYERS)
def test_each_remedy_learns(name: str, tmp_path: Path) -> None:
    nndl.runtime.seed_everything(0)
    result = gradient_remedies.train(training(layer=name, remedy=name, epochs=8), tmp_path)
    losses = [loss for _, loss in result["train_losses"]]
    assert losses[-1] < losses[0]
    assert not result["diverged"]
    assert (result["singular_value"] is None) == (name in ("LSTM", "GRU"))
    assert name == "batch_norm" or result["batch_accuracy"] == pytest.approx(result["test_accuracy"])


def test_initialisations_are_what_their_names_say() -> None:
    nndl.runtime.seed_everything(0)
    size = 64
    cells = {name: gradient_remedies.LAYERS[name](size, size).cells[0] for name in gradient_remedies.LAYERS}
    U = {name: cell.U.numpy() for name, cell in cells.items()}
    assert np.std(U["small"]) == pytest.approx(0.01, rel=0.1)
    assert np.std(U["scaled"]) == pytest.approx(size**-0.5, rel=0.1)
    np.testing.assert_allclose(U["orthogonal"] @ U["orthogonal"].T, np.eye(size), atol=1e-5)
    np.testing.assert_array_equal(U["identity"], np.eye(size))


@pytest.mark.parametrize(("kind", "change"), [("l1", np.sign), ("l2", lambda w: w)])
def test_weight_decay_adds_its_gradient(kind: str, change: Any) -> None:
    w, g, rate, strength = np.array([0.5, -2.0, 0.1], "float32"), np.array([0.3, 0.1, -0.4], "float32"), 0.01, 0.2
    parameter = paddle.create_parameter([3], "float32", default_initializer=paddle.nn.initializer.Assign(w))
    optimizer = gradient_remedies.make_optimizer(training(**{kind: strength}), [parameter])
    for _ in range(2):
        (parameter * paddle.to_tensor(g)).sum().backward()
        optimizer.step()
        optimizer.clear_grad()
    m = v = np.zeros(3)
    for t in (1, 2):
        whole = g + strength * change(w)
        m, v = 0.9 * m + 0.1 * whole, 0.999 * v + 0.001 * whole**2
        w = w - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    np.testing.assert_allclose(parameter.numpy(), w, rtol=1e-5)


# --- settings ---


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"truncations": (1, 12)}, "truncations 12: expected below the length 12"),
        ({"l1": (0.0,)}, "l1 0.0: expected a number above 0"),
        ({"batch_size": 1}, "batch_size 1: expected a whole number from 2"),
        ({"batch_size": 299}, "batch_size 299: expected one that leaves no batch of one on DigitSum"),
    ],
)
def test_wrong_settings_get_one_line(wrong: dict[str, Any], line: str) -> None:
    with pytest.raises(SettingError, match=line):
        Remedies(**wrong)


# --- findings ---


def made_up(changes: dict[str, float]) -> Record:
    """A record where every remedy has the plain accuracy of .5 and what is added to it, on three seeds."""
    names = [*gradient_remedies.LAYERS, "zeros", "L1 0.001", "L1 0.01", "L2 0.003", "L2 0.03"]
    noise, seeds = [0.01, -0.01, 0.0], range(3)

    def result(seed: int, key: str, value: Any, accuracy: float, **more: Any) -> dict[str, Any]:
        return {key: value, "seed": seed, "test_accuracy": accuracy + changes.get(value, 0.0), **more}

    def kinds(accuracy: float, **more: Any) -> list[dict[str, Any]]:
        return [result(s, "clip", c, accuracy + noise[s], **more) for c in findings.CLIPPED for s in seeds]

    norms = {"rnn_model.W": 6.0, "rnn_model.U": 8.0}
    directions = kinds(0.1, before=norms, after=norms)
    for each in directions:
        each["cosine"] = {"norm": 0.9, "value": 0.99}.get(each["clip"], 1.0)
    metrics = {
        "trainings": [
            result(s, "remedy", name, 0.5 + noise[s], batch_accuracy=0.4, singular_value=1.0 + ("0.0" not in name))
            for name in names
            for s in seeds
        ],
        "clipped": kinds(0.3),
        "directions": directions,
        "saturated": kinds(0.1, activations=[{"step": 0, "saturated": [0, 0]}, {"step": 9, "saturated": [0.9, 0.3]}]),
        "truncated": [result(s, "k", k, 0.1 + noise[s], error=1 / k, cosine=1 - 1 / k) for k in (1, 4) for s in seeds],
    }
    return Record("gradients", "quick", {"length": 12}, [0, 1, 2], 0.0, {}, {"remedies": metrics})


def verdicts(changes: dict[str, float]) -> dict[str, str]:
    return {claim.id: claim.verdict for claim in findings.claims(made_up(changes))}


def test_verdicts_follow_the_numbers() -> None:
    changes = {"residual": 0.3, "relu": -0.2, "small": -0.3, "L2 0.003": 0.1, "norm": 0.2, "global_norm": 0.2}
    found = verdicts(changes | {"zeros": -0.45, "L1 0.001": 0.1, "L1 0.01": -0.3, "L2 0.03": -0.3, 4: 0.2})
    assert found == {
        "remedy_relu": FAILS,
        "remedy_sigmoid": OPEN,
        "remedy_zeros": HOLDS,
        "remedy_small": HOLDS,
        "remedy_regularisation": HOLDS,
        "remedy_decay_forgets": HOLDS,
        "remedy_batch_norm": OPEN,
        "remedy_residual": HOLDS,
        "remedy_residual_best": HOLDS,
        "remedy_clipping": HOLDS,
        "remedy_clipping_value": OPEN,
        "clip_direction": HOLDS,
        "remedy_LSTM": OPEN,
        "remedy_GRU": OPEN,
        "truncation": FAILS,
        "saturated": HOLDS,
        "clipped_unsaturated": OPEN,
    }


def test_the_best_is_better_than_each_other_one() -> None:
    assert verdicts({"residual": 0.2, "orthogonal": 0.3})["remedy_residual_best"] == FAILS


def test_the_table_says_what_helps_and_what_hurts() -> None:
    table, *_ = figures.tables(made_up({"residual": 0.3, "relu": -0.2}))
    said = {str(row[0]): row[3] and row[3].en for row in table.rows}
    assert [said[str(findings.NAMES[name])] for name in ("none", "residual", "relu", "GRU")] == [
        "", "helps", "hurts", OPEN,
    ]  # fmt: skip
