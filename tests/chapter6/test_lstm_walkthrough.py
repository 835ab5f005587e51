"""Section 6.6: the book's form, the two units and the direct edge, against NumPy and numerical differentiation."""

from typing import Any

import nndl
from chapter6 import sec_6_6_findings as findings
from chapter6 import sec_6_6_lstm_walkthrough as lesson
from chapter6.lab.claim import FAILS, HOLDS
from chapter6.lab.record import Record

import numpy as np
import paddle
import pytest

M, D, L = 3, 4, 6


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def run_numpy(W: np.ndarray, U: np.ndarray, b: np.ndarray, X: np.ndarray, C: np.ndarray) -> dict[str, np.ndarray]:
    """An LSTM from H = 0 and C over vectors [L, M], the four parts cut out of the fused matrices by their columns."""
    h, forget = np.zeros(D), []
    for x in X:
        i, f, c, o = ((x @ W + h @ U + b[0])[n * D : (n + 1) * D] for n in range(4))
        C = sigmoid(f) * C + sigmoid(i) * np.tanh(c)
        h = sigmoid(o) * np.tanh(C)
        forget.append(sigmoid(f))
    return {"C": C, "H": h, "F": np.array(forget)}


@pytest.fixture
def lstm() -> Any:
    nndl.runtime.seed_everything(2)
    return nndl.LSTM(M, D)


def weights(layer: Any) -> list[np.ndarray]:
    return [getattr(layer, name).numpy().astype(float) for name in "WUb"]


def vectors() -> np.ndarray:
    return np.random.default_rng(4).normal(size=[1, L, M]).astype("float32")


def test_the_book_s_form_is_numpys(lstm: Any) -> None:
    X = vectors()
    steps = lesson.unroll(paddle.to_tensor(X), lesson.separate(lstm))
    expected = run_numpy(*weights(lstm), X[0].astype(float), np.zeros(D))
    assert np.allclose(steps[-1]["C"].numpy()[0], expected["C"], atol=1e-6)
    assert np.allclose(steps[-1]["H"].numpy()[0], expected["H"], atol=1e-6)
    assert np.allclose([terms["F"].numpy()[0] for terms in steps], expected["F"], atol=1e-6)
    assert max(lesson.compare_steps(lstm, paddle.to_tensor(X))["gaps"].values()) < 1e-6


def test_initial_states_are_handed_in(lstm: Any) -> None:
    X, C = vectors(), np.array([0.5, -1.0, 2.0, 0.0])
    steps = lesson.unroll(paddle.to_tensor(X), lesson.separate(lstm), C=paddle.to_tensor([C.tolist()]))
    assert np.allclose(steps[-1]["C"].numpy()[0], run_numpy(*weights(lstm), X[0], C)["C"], atol=1e-6)
    found = lesson.hand_in_states(lstm, paddle.to_tensor(X))
    assert max(found["zeros"], found["both"]) < 1e-6 < 1e-3 < found["H"]


def test_one_order_is_paddles(lstm: Any) -> None:
    found = lesson.try_orders(lstm, paddle.to_tensor(vectors()))["orders"]
    assert len(found) == 24
    assert [order for order, value in found.items() if value < 1e-6] == ["ifco"]


@pytest.mark.parametrize("length", [2, 3, 10, 300])
def test_two_units_add_whatever_follows(length: int) -> None:
    pairs = np.array([(a, b) for a in range(10) for b in range(10)])
    rest = np.random.default_rng(length).integers(0, 10, [100, length - 2])
    logits = lesson.two_units()(paddle.to_tensor(np.concatenate([pairs, rest], axis=1)))
    assert (logits.argmax(axis=1).numpy() == pairs.sum(axis=1)).all()


def numerical(run: Any) -> np.ndarray:
    """∂(last state)/∂(first state) [D, D], by central differences."""
    moves = 1e-5 * np.eye(D)
    return np.array([(run(move) - run(-move)) / 2e-5 for move in moves]).T


def test_the_edge_of_an_lstm(lstm: Any) -> None:
    X = vectors()
    found = lesson.edge_of_lstm(lstm, paddle.to_tensor(X))
    whole = numerical(lambda C: run_numpy(*weights(lstm), X[0].astype(float), C)["C"])
    gates = run_numpy(*weights(lstm), X[0].astype(float), np.zeros(D))["F"]
    assert found["whole"][0] == pytest.approx(np.linalg.norm(whole) / 2, rel=1e-4)  # √D = 2
    for t in range(L):
        assert found["direct"][t] == pytest.approx(np.linalg.norm(gates[t:].prod(axis=0)) / 2, rel=1e-4)
    assert found["forget"] == pytest.approx(gates.mean(axis=1).tolist(), rel=1e-4)
    assert found["gap_gates"] < 1e-6


def test_the_edge_of_an_srn() -> None:
    srn, X = nndl.SRN(M, D), vectors()
    W, U, b = weights(srn)

    def run(H: np.ndarray) -> np.ndarray:
        for x in X[0].astype(float):
            H = np.tanh(x @ W + H @ U + b[0])
        return H

    found = lesson.edge_of_srn(srn, paddle.to_tensor(X))
    assert found["srn"][0] == pytest.approx(np.linalg.norm(numerical(run)) / 2, rel=1e-4)
    assert found["gap_chain"] < 1e-6


def edge(case: str, seed: int, direct: float, srn: float) -> dict[str, Any]:
    sizes = {"direct": [direct + 0.001 * seed], "whole": [1.0], "srn": [srn]}
    return {"case": case, "seed": seed, "forget": [0.5], "gap_gates": 0.0, "gap_chain": 0.0, **sizes}


def a_record(**changes: Any) -> Record:
    """What a run that finds everything as claimed leaves, but for some changes."""
    cases = {"untrained": (0.01, 0.2), "open": (0.6, 0.2), "trained": (0.3, 2.0)}
    metrics: dict[str, Any] = {
        "parameters": {"rows": [{"size": 5}], "counted": {"LSTM": 20, "SRN": 5}},
        "steps": {"gaps": {"nndl.LSTM": 1e-7}},
        "states": {"zeros": 0.0, "both": 1e-8, "H": 0.1},
        "order": {"orders": {"ifco": 1e-8, "fico": 0.1}},
        "two_units": {"accuracies": {"10": 1.0, "15": 1.0}},
        "edges": [edge(case, seed, *sizes) for case, sizes in cases.items() for seed in range(3)],
    }
    return Record("6.6", "quick", {}, [0, 1, 2], 1.0, {}, metrics | changes)


@pytest.mark.parametrize(
    ("id", "changes"),
    [
        ("parameters", {"parameters": {"rows": [{"size": 5}], "counted": {"LSTM": 20, "SRN": 6}}}),
        ("steps", {"steps": {"gaps": {"nndl.LSTM": 0.0, "paddle.nn.LSTM": 1e-3}}}),
        ("states", {"states": {"zeros": 0.0, "both": 0.1, "H": 0.1}}),
        ("states", {"states": {"zeros": 0.0, "both": 0.0, "H": 0.0}}),
        ("order", {"order": {"orders": {"ifco": 1e-8, "fico": 1e-8}}}),
        ("order", {"order": {"orders": {"ifco": 0.1, "fico": 1e-8}}}),
        ("two_units", {"two_units": {"accuracies": {"10": 1.0, "15": 0.99}}}),
    ],
)
def test_claims_can_fail(id: str, changes: dict[str, Any]) -> None:
    assert {c.verdict for c in findings.claims(a_record())} == {HOLDS}
    assert {c.id: c.verdict for c in findings.claims(a_record(**changes))}[id] == FAILS


@pytest.mark.parametrize(
    ("id", "case", "sizes"),
    [
        ("untrained_forgets", "untrained", (0.5, 0.2)),
        ("open_gates", "open", (0.1, 0.2)),
        ("training_opens", "trained", (0.001, 0.2)),
    ],
)
def test_claims_of_the_edge_can_fail(id: str, case: str, sizes: tuple[float, float]) -> None:
    record = a_record()
    others = [found for found in record.metrics["edges"] if found["case"] != case]
    record.metrics["edges"] = [*others, *(edge(case, seed, *sizes) for seed in range(3))]
    assert {c.id: c.verdict for c in findings.claims(record)}[id] == FAILS
