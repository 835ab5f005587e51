"""Section 6.3: what is computed by hand there, against NumPy and numerical differentiation."""

from types import SimpleNamespace
from typing import Any

import nndl
from chapter6 import presets
from chapter6 import sec_6_3_findings as findings
from chapter6 import sec_6_3_srn_walkthrough as lesson
from chapter6.contents import SECTIONS
from chapter6.lab import execute, terminal
from chapter6.lab.claim import FAILS, HOLDS
from chapter6.lab.lesson import Lesson
from chapter6.lab.record import Record
from chapter6.lab.shown import Shown
from nndl.error import SettingError

import numpy as np
import paddle
import pytest

M, D, B, L = 3, 4, 5, 6


@pytest.fixture
def model() -> Any:
    nndl.runtime.seed_everything(3)
    return lesson.make_model(nndl.SRN(M, D), M, D)


def batch() -> tuple[paddle.Tensor, paddle.Tensor]:
    X = np.random.default_rng(1).integers(0, 10, [B, L])
    return paddle.to_tensor(X), paddle.to_tensor(X[:, 0] + X[:, 1])


def loss_of(weights: dict[str, np.ndarray], X: np.ndarray, y: np.ndarray) -> float:
    """The loss of the digit model, example by example, in double precision."""
    E, W, U, b, V, c = weights.values()
    losses = []
    for digits, label in zip(X, y, strict=True):
        h = np.zeros(D)
        for digit in digits:
            h = np.tanh(E[digit] @ W + h @ U + b[0])
        scores = h @ V + c
        losses.append(np.log(np.exp(scores).sum()) - scores[label])
    return float(np.mean(losses))


def test_the_model_is_the_models(model: Any) -> None:
    X, y = batch()
    weights = {name: weight.numpy().astype(float) for name, weight in lesson.weights_of(model).items()}
    E, W, U, b, V, c = lesson.weights_of(model).values()
    found = lesson.classify(lesson.unroll(E[X], W, U, b)[-1]["H"], V, c, y)
    assert found["loss"] == pytest.approx(loss_of(weights, X.numpy(), y.numpy()), abs=1e-6)
    assert found["paddle"] == pytest.approx(found["loss"], abs=1e-6)


def test_gradients_by_hand_are_those_of_numerical_differentiation(model: Any) -> None:
    X, y = batch()
    by_hand, sizes = lesson.backward_by_hand(model, X, y)
    weights = {name: weight.numpy().astype(float) for name, weight in lesson.weights_of(model).items()}
    for name, weight in weights.items():
        expected = np.zeros_like(weight)
        for place in np.ndindex(weight.shape):
            ends = []
            for change in (1e-5, -1e-5):
                moved = weight.copy()
                moved[place] += change
                ends.append(loss_of(weights | {name: moved}, X.numpy(), y.numpy()))
            expected[place] = (ends[0] - ends[1]) / 2e-5
        assert np.abs(by_hand[name].numpy() - expected).max() < 1e-6, name
    assert len(sizes) == L
    assert all(size > 0 for size in sizes)


def test_adam_is_paddles() -> None:
    parameter = paddle.create_parameter([2, 3], "float32")
    optimizer = paddle.optimizer.Adam(0.01, parameters=[parameter])
    state = parameter.detach().clone(), paddle.zeros([2, 3]), paddle.zeros([2, 3])
    start = state[0]
    for t in range(1, 6):
        (parameter**3 * paddle.arange(6, dtype="float32").reshape([2, 3])).sum().backward()
        state = lesson.adam(*state, parameter.grad, t, 0.01)
        optimizer.step()
        if t == 1:  # whatever the gradient, the first step is the learning rate
            moved = (state[0] - start).abs().numpy()
            assert moved[0, 0] == 0
            assert np.allclose(moved.flat[1:], 0.01, atol=1e-6)
        optimizer.clear_grad()
        assert lesson.gap(state[0], parameter) < 1e-6


def test_paper_to_five_digits() -> None:
    lines = {line["name"]: line for line in lesson.derive()["lines"]}
    assert np.allclose(lines["H_1"]["paper"], [0.19738, 0.29131], atol=5e-6)
    assert np.allclose(lines["Z_2"]["steps"], [0.329131, 0.519738], atol=1e-6)
    assert np.allclose(lines["H_2"]["steps"], [0.31775, 0.47750], atol=2e-5)


def test_parameters_of_other_sizes(model: Any) -> None:
    found = lesson.count(model, M, D)
    assert sum(row["size"] for row in found["rows"]) == found["counted"] == 30 + 12 + 16 + 4 + 76 + 19


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 100])
def test_some_are_the_last_and_no_more_than_four(size: int) -> None:
    shown = lesson.some(paddle.arange(size)).tolist()
    assert shown[0] == size - 1
    assert len(shown) == len(set(shown)) == min(size, 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lengths": (5, 10)}, "2 given, expected 1 to 1"),
        ({"digits": (1, 10, 2)}, "digits 10"),
        ({"digits": (1,)}, "3 to"),
    ],
)
def test_settings_out_of_range(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        presets.SRNSteps(**changes)


def a_record(**changes: Any) -> Record:
    """What a run that finds everything equal leaves, but for some changes."""
    line = {"name": "H_1", "paper": [0.1, 0.2], "steps": [0.1, 0.2]}
    metrics: dict[str, Any] = {
        "embedding": {"gap": 0.0},
        "steps": {"gaps": {"nndl.SRN": 1e-7}},
        "derivation": {"lines": [line, line | {"name": "H_2"}], "operator": [[0.1, 0.2], [0.1, 0.2]]},
        "output": {"loss": 3.0, "paddle": 3.0},
        "parameters": {"rows": [{"size": 5}], "counted": 5},
        "gradients": {"rows": [{"gap": 1e-8}]},
        "update": {"gap": 1e-8},
        "trainings": [{"seed": seed, "train_losses": [(2, 3.0), (5, 0.1 * seed)]} for seed in range(3)],
    }
    return Record("6.3", "quick", {}, [0, 1, 2], 1.0, {}, metrics | changes)


@pytest.mark.parametrize(
    ("id", "changes"),
    [
        ("lookup", {"embedding": {"gap": 1e-3}}),
        ("steps", {"steps": {"gaps": {"nndl.SRN": 0.0, "paddle.nn.SimpleRNN": 1e-3}}}),
        ("cross_entropy", {"output": {"loss": 3.0, "paddle": 3.1}}),
        ("parameters", {"parameters": {"rows": [{"size": 5}], "counted": 6}}),
        ("gradients", {"gradients": {"rows": [{"gap": 0.0}, {"gap": 1e-3}]}}),
        ("update", {"update": {"gap": 1e-3}}),
        ("loss_falls", {"trainings": [{"seed": n, "train_losses": [(2, 3.0), (5, 3.5 + 0.1 * n)]} for n in range(3)]}),
    ],
)
def test_claims_can_fail(id: str, changes: dict[str, Any]) -> None:
    assert {c.verdict for c in findings.claims(a_record())} == {HOLDS}
    assert {c.id: c.verdict for c in findings.claims(a_record(**changes))}[id] == FAILS


@pytest.mark.parametrize("place", ["paper", "steps", "operator"])
def test_each_way_of_the_derivation_counts(place: str) -> None:
    record = a_record()
    found = record.metrics["derivation"]
    if place == "operator":
        found["operator"] = [[0.1, 0.2], [0.1, 0.3]]
    else:
        found["lines"] = [found["lines"][0] | {place: [0.1, 0.3]}, found["lines"][1]]
    assert {c.id: c.verdict for c in findings.claims(record)}["derivation"] == FAILS


@pytest.mark.parametrize(("told", "times"), [(True, 0), (False, 1)])
def test_tables_that_the_experiment_shows_are_not_shown_again(
    told: bool, times: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = findings.Table(findings.Text("the only table", "唯一的表"), ["a"], [["1"]])
    stub = Lesson(lambda run: {}, lambda record: [], lambda record: [table], lambda record: {}, shows_tables=told)
    entry = SECTIONS["6.3"]
    run = SimpleNamespace(number="6.3", entry=entry, preset="quick", out=presets, folder=presets, visualdl=False)
    settings = dict(vars(entry.presets["quick"]))
    record = Record("6.3", "quick", settings, [0, 1, 2], 1.0, {}, {})
    monkeypatch.setattr(execute, "import_module", lambda name: SimpleNamespace(LESSON=stub))
    monkeypatch.setattr(execute, "start", lambda device: None)
    monkeypatch.setattr(execute, "execute", lambda lesson, run: (record, Shown([], [table], {}, [])))
    monkeypatch.setattr(execute.page, "check", lambda out: None)
    monkeypatch.setattr(execute.page, "make", lambda out, contents, opens: None)
    monkeypatch.setattr(execute, "_tell_where", lambda run, record: None)
    execute.execute_all([run], "cpu", "en", SECTIONS)  # type: ignore[list-item]
    assert capsys.readouterr().out.count("the only table") == times
    assert lesson.tell(lambda found: table, {"a": 1}) == {"a": 1}
    assert "the only table" in capsys.readouterr().out
    terminal.begin("auto")
