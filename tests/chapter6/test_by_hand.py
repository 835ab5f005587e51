"""Recurrent networks by hand: the numbers against other hands, what --x may be, and where the SRNs start."""

import re
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import nndl
from chapter6.__main__ import main
from chapter6.contents import SECTIONS
from chapter6.extras import by_hand
from chapter6.extras.presets.by_hand import LARGEST_X1, MOST_STEPS, parse_steps
from chapter6.lab import cli
from chapter6.lab import record as records
from chapter6.lab.claim import FAILS
from nndl.error import SettingError

import numpy as np
import paddle
import pytest
from reduced import run_section

# --- by hand ---


def test_only_adding_on_paper() -> None:
    found = {order["inputs"]: order["outputs"] for order in by_hand.add_only()["orders"]}
    one, two = (1.0, 1.0), (2.0, 2.0)
    assert found == {
        (one, one, two): [[4, 4], [12, 12], [32, 32]],
        (one, two, one): [[4, 4], [16, 16], [36, 36]],  # H: 2, 2 + 4 + 2 = 8, 2 + 16 = 18
        (two, one, one): [[8, 8], [20, 20], [44, 44]],  # H: 4, 2 + 8 = 10, 2 + 20 = 22
    }


LECTURE = "1,0,0 3,1,0 2,0,0 4,1,0 2,0,0 1,0,1 3,-1,0 6,1,0 1,0,1"


def test_the_lstm_reads_the_lectures_longer_sequence() -> None:
    watched = by_hand.watch(parse_steps(LECTURE))
    assert np.allclose(watched["cell_state"], [0, 3, 3, 7, 7, 7, 0, 6, 6], atol=1e-12)
    assert np.allclose(watched["hidden_state"], [0, 0, 0, 0, 0, 7, 0, 0, 6], atol=1e-12)
    assert np.allclose(watched["input_gate"], [0, 1, 0, 1, 0, 0, 0, 1, 0], atol=1e-12)
    assert np.allclose(watched["forget_gate"], [1, 1, 1, 1, 1, 1, 0, 1, 1], atol=1e-12)
    assert np.allclose(watched["output_gate"], [0, 0, 0, 0, 0, 1, 0, 0, 1], atol=1e-12)
    assert watched["candidate"] == [1, 3, 2, 4, 2, 1, 3, 6, 1]


def test_network_and_rule_agree_on_any_sequence() -> None:
    random = np.random.default_rng(0)
    for _ in range(5):
        X = [(random.uniform(-LARGEST_X1, LARGEST_X1), random.integers(-1, 2), random.integers(2)) for _ in range(30)]
        watched = by_hand.watch(X)
        memory = 0.0
        for step, (x1, x2, x3) in enumerate(X):
            memory = {1: memory + x1, 0: memory, -1: 0.0}[int(x2)]
            for name in ("cell_state", "memory_by_rule"):
                assert watched[name][step] == pytest.approx(memory, rel=1e-12, abs=1e-9)
            for name in ("hidden_state", "outputs_by_rule"):
                assert watched[name][step] == pytest.approx(memory * x3, rel=1e-12, abs=1e-9)


def loss(example: dict[str, Any]) -> float:
    X_1, X_2, W, U, b, H_0, Y = (np.array(value) for value in example.values())
    H = H_0
    for X in (X_1, X_2):
        H = np.tanh(X @ W + H @ U + b)
    return ((H - Y) ** 2).sum() / 2


@pytest.mark.parametrize("name", ["W", "U", "b"])
def test_bptt_by_hand_against_finite_differences(name: str) -> None:
    gradient = np.array(by_hand.backward_by_hand()[f"d{name}"])
    for place in np.ndindex(gradient.shape):
        shifted = {}
        for shift in (1e-6, -1e-6):
            example = deepcopy(by_hand.EXAMPLE)
            example[name][place[0]][place[1]] += shift
            shifted[shift] = loss(example)
        assert gradient[place] == pytest.approx((shifted[1e-6] - shifted[-1e-6]) / 2e-6, abs=1e-9)


def test_autograd_gives_every_number_of_the_hand() -> None:
    hand, autograd = by_hand.backward_by_hand(), by_hand.backward_by_autograd()
    assert hand.keys() == autograd.keys()
    for name, value in hand.items():
        assert np.allclose(value, autograd[name], rtol=0, atol=1e-12), name


# --- what --x may be ---


def run_of(*words: str) -> Any:
    (run,), _ = cli.read_run(["by_hand", *words], "run", SECTIONS)
    return run


@pytest.mark.parametrize(
    "text",
    [
        "3,1,0 -4.5,-1,1",
        "3, 1 ,0   -4.5,-1 , 1",
        "３，１，０　－４．５，－１，１",
        "3，1，0 −4.5，−1，1",
        "3.0,+1,0\n-45e-1,-1,1.0",
    ],
)
def test_ways_to_write_steps(text: str) -> None:
    assert parse_steps(text) == [(3, 1, 0), (-4.5, -1, 1)]
    assert parse_steps(run_of("--x", text).settings.x) == [(3, 1, 0), (-4.5, -1, 1)]


def test_a_sequence_may_begin_with_a_minus() -> None:
    assert parse_steps(run_of("--x=-1,1,0").settings.x) == [(-1, 1, 0)]
    assert parse_steps(run_of("--x", "-1,1,0 2,0,1").settings.x) == [(-1, 1, 0), (2, 0, 1)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "0 steps given"),
        (" 　", "0 steps given"),
        ("3,1", "expected three numbers"),
        ("3,1,0,4,1,0", "expected three numbers"),
        ("3 1 0", "expected three numbers"),
        ("3,1,0 a,1,0", "'a,1,0': expected three numbers"),
        ("3,,0", "expected three numbers"),
        ("nan,1,0", "expected three numbers"),
        ("inf,1,0", "expected three numbers"),
        ("1_0,1,0", "expected three numbers"),
        ("1e999,1,0", "expected x1 from -1,000,000"),
        ("-1000001,1,0", "expected x1 from -1,000,000"),
        ("3,2,0", "'3,2,0': expected x2"),
        ("3,.5,0", "expected x2"),
        ("3,1,-1", "expected x3"),
        ("3,1,0 " * (MOST_STEPS + 1), "31 steps given, expected 1 to 30"),
        ("3," * 40_000, "expected three numbers"),
        (" ," * 40_000, "expected three numbers"),
    ],
)
def test_wrong_steps_are_one_line(text: str, says: str) -> None:
    with pytest.raises(SettingError, match=re.escape(says)) as error:
        run_of(f"--x={text}")
    message = str(error.value)
    assert message.startswith("section by_hand: x '")
    assert "\n" not in message
    assert len(message) < 250


def test_nothing_is_begun_with_wrong_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["run", "by_hand", "--x", "3,1", "--out", str(tmp_path / "runs")])
    assert exit_.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "runs").exists()


# --- where an SRN starts ---


def outputs_of(layer: paddle.nn.Layer, seed: int = 1) -> np.ndarray:
    X = paddle.to_tensor(np.random.default_rng(0).normal(size=[3, 4, 2]).astype("float32"))
    paddle.seed(seed)
    return layer(X)[0].numpy()


def by_loop(layer: by_hand.SRNFrom, H: Any) -> np.ndarray:
    X = np.random.default_rng(0).normal(size=[3, 4, 2])
    W, U, b = (parameter.numpy() for parameter in layer.cells[0].weights)
    outputs = []
    for t in range(4):
        H = np.tanh(X[:, t] @ W + H @ U + b)
        outputs.append(H)
    return np.stack(outputs, axis=1)


def test_an_srn_starts_where_it_is_told() -> None:
    zero = by_hand.SRNFrom(2, 5, "zero")
    assert np.allclose(outputs_of(zero), by_loop(zero, np.zeros([3, 5])), atol=1e-6)
    random = by_hand.SRNFrom(2, 5, "random")
    paddle.seed(1)
    H_0 = paddle.randn([1, 3, 5]).numpy()[0]
    assert np.allclose(outputs_of(random), by_loop(random, H_0), atol=1e-6)
    assert not np.allclose(outputs_of(random, 1), outputs_of(random, 2), atol=0.01)
    for start in ("fixed", "learned"):
        own = by_hand.SRNFrom(2, 5, start)
        own.H_0.set_value(paddle.linspace(-1, 1, 5).reshape([1, 1, 5]))
        assert np.allclose(outputs_of(own), by_loop(own, np.tile(np.linspace(-1, 1, 5), [3, 1])), atol=1e-6)


def test_what_is_learned_and_what_is_kept_of_the_initial_state() -> None:
    layers = {start: by_hand.SRNFrom(2, 5, start) for start in by_hand.MODELS}
    assert {start for start, layer in layers.items() if "H_0" in dict(layer.named_parameters())} == {"learned"}
    assert {start for start, layer in layers.items() if "H_0" in layer.state_dict()} == {"fixed", "learned"}
    layers["learned"](paddle.ones([3, 4, 2]))[0].sum().backward()
    assert np.abs(layers["learned"].H_0.grad.numpy()).min() > 0
    assert nndl.SRN(2, 5).state_dict().keys() == layers["zero"].state_dict().keys()


# --- the lesson as a whole ---


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> records.Record:
    out = tmp_path_factory.mktemp("runs")
    run_section("by_hand", out)
    return records.load(out / "by_hand" / "quick" / "record.json")


def test_a_model_judged_where_it_was_trained_is_as_good_as_then(record: records.Record) -> None:
    for start in ("zero", "fixed", "learned"):
        again = record.results("starts").where(trained=start, start=start).each("accuracy")
        assert again == record.results().where(model=by_hand.MODELS[start]).each("test_accuracy")


def test_the_readers_sequence_stands_beside_that_of_the_notes(record: records.Record) -> None:
    notes, readers = (watched["outputs_by_rule"] for watched in record.metrics["lstm"])
    assert (notes, readers) == ([0, 0, 0, 7, 0], [0, 2])


def verdicts(record: records.Record) -> dict[str, str]:
    return {claim.id: claim.verdict for claim in by_hand.LESSON.claims(record)}


def change(values: Sequence[Any], place: Sequence[Any]) -> None:
    *path, last = place
    for key in path:
        values = values[key]
    values[last] += 0.01


@pytest.mark.parametrize(
    ("claim", "place"),
    [
        ("add_only", ["add_only", "orders", 0, "outputs", 1, 0]),
        ("gates", ["lstm", 0, "forget_gate", 2]),
        ("rule", ["lstm", 1, "cell_state", 0]),
        ("rule", ["lstm", 0, "hidden_state", 3]),
        ("one_product", ["product", "one", 2, 3]),
        ("one_hot", ["one_hot", "product", 1, 0]),
        ("bptt", ["bptt", "hand", "dU", 0, 1]),
    ],
)
def test_a_wrong_number_is_found(record: records.Record, claim: str, place: list[Any]) -> None:
    assert FAILS not in {verdicts(record)[name] for name in ("add_only", "gates", "rule", "one_product", "bptt")}
    wrong = deepcopy(record)
    change(wrong.metrics, place)
    assert {name for name, verdict in verdicts(wrong).items() if verdict != verdicts(record)[name]} == {claim}
    assert verdicts(wrong)[claim] == FAILS
