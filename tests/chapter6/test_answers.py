"""The answers to the exercises, and the checks that look at a reader's: against Paddle's layers and NumPy."""

from collections.abc import Callable
from typing import Any

import nndl
from chapter6.notebooks import checks
from chapter6.notebooks.answers import (
    exercise_6_1,
    exercise_6_2,
    exercise_6_3,
    exercise_6_4,
    exercise_6_5,
    exercise_6_6,
    exercise_6_7,
    questions,
)
from nndl import op

import numpy as np
import paddle
import pytest
from paddle import nn

B, L, M, D = 3, 7, 5, 4


def numbers(*shapes: list[int]) -> list[paddle.Tensor]:
    random = np.random.default_rng(3)
    return [paddle.to_tensor(random.normal(size=shape).astype("float32")) for shape in shapes]


WEIGHTS = [M, 4 * D], [D, 4 * D], [1, 4 * D]


def by_numpy(X: np.ndarray, W: np.ndarray, U: np.ndarray, b: np.ndarray) -> np.ndarray:
    """One sequence [L, M] through the equations of the LSTM: [L, D]."""
    H, C, outputs = np.zeros(D), np.zeros(D), []
    for x in X:
        i, f, c, o = np.split(x @ W + H @ U + b[0], 4)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        C = f * C + i * np.tanh(c)
        H = o * np.tanh(C)
        outputs.append(H)
    return np.array(outputs)


# --- the answers ---

LSTMS = exercise_6_2.stepwise_lstm, exercise_6_2.fused_lstm, exercise_6_7.lstm_by_hand


@pytest.mark.parametrize("operator", LSTMS)
def test_each_operator_is_the_lstm(operator: Callable[..., Any]) -> None:
    X, *weights = numbers([B, L, M], *WEIGHTS)
    outputs, (H, _) = operator(X, *weights)
    for n in range(B):
        expected = by_numpy(X[n].numpy(), *(weight.numpy() for weight in weights))
        np.testing.assert_allclose(outputs[n].numpy(), expected, atol=1e-5)
    np.testing.assert_array_equal(H.numpy(), outputs[:, -1].numpy())
    assert checks.lstm(operator)  # the gradients too


def test_the_backward_pass_by_hand_is_that_of_differences() -> None:
    X, W, U, b = leaves = [number.astype("float64") for number in numbers([2, 4, M], *WEIGHTS)]
    for leaf in leaves:
        leaf.stop_gradient = False

    def total(U: paddle.Tensor) -> paddle.Tensor:
        outputs, (H, C) = exercise_6_7.lstm_by_hand(X, W, U, b)
        return (outputs**2).sum() + (H * C).sum()

    total(U).backward()
    step = paddle.zeros(U.shape, U.dtype)
    step[1, 2] = 1e-6
    slope = (total(U + step) - total(U - step)) / 2e-6
    assert float(U.grad[1, 2]) == pytest.approx(float(slope), rel=1e-6)


def test_the_bidirectional_one_reads_from_both_ends() -> None:
    X, *weights = numbers([B, L, M], *WEIGHTS, *WEIGHTS)
    ahead, back = tuple(weights[:3]), tuple(weights[3:])
    outputs, (_, (H, _)) = exercise_6_3.bidirectional_lstm(X, ahead, back)
    for n in range(B):
        first = by_numpy(X[n].numpy(), *(weight.numpy() for weight in ahead))
        second = by_numpy(X[n].numpy()[::-1], *(weight.numpy() for weight in back))[::-1]
        np.testing.assert_allclose(outputs[n].numpy(), np.concatenate([first, second], axis=1), atol=1e-5)
    np.testing.assert_array_equal(H.numpy(), outputs[:, 0, D:].numpy())


def test_each_sequence_is_read_as_if_it_were_alone() -> None:
    X, *weights = numbers([B, L, M], *WEIGHTS)
    lengths = [L, 3, 0]
    X[1, 3:] = float("nan")
    outputs, (H, _) = exercise_6_5.lstm_of_lengths(X, paddle.to_tensor(lengths), *weights)
    for n, length in enumerate(lengths):
        expected = by_numpy(X[n, :length].numpy(), *(weight.numpy() for weight in weights)).reshape(length, D)
        np.testing.assert_allclose(outputs[n, :length].numpy(), expected, atol=1e-5)
        np.testing.assert_array_equal(outputs[n, length:].numpy(), 0)
        np.testing.assert_allclose(H[n].numpy(), expected[-1] if length else np.zeros(D), atol=1e-5)


@pytest.mark.parametrize(
    ("own", "theirs"),
    [(exercise_6_1.ResidualCell, op.ResidualSRNCell), (exercise_6_4.GRUCell, op.ResetBeforeGRUCell)],
)
def test_the_cells_are_those_of_the_project(own: Any, theirs: Any) -> None:
    mine, other = own(M, D), theirs(M, D)
    mine.W.set_value(other.W)
    mine.b.set_value(other.b)
    mine.U.set_value(paddle.concat([other.U, other.U_c], axis=1) if hasattr(other, "U_c") else other.U)
    X, H = numbers([B, M], [B, D])
    np.testing.assert_allclose(mine(X, H)[0].numpy(), other(X, H)[0].numpy(), atol=1e-6)


def test_the_stack_is_paddles() -> None:
    theirs = nn.LSTM(M, D, num_layers=3, direction="bidirectional")
    stack, (X,), lengths = exercise_6_6.StackedLSTM(M, D, 3), numbers([B, L, M]), paddle.to_tensor([L, 2, 5])
    ours = nndl.LSTM.from_paddle(theirs)
    for k, layer in enumerate(stack.layers):
        for own, same in zip(layer.cells, ours.cells[2 * k : 2 * k + 2], strict=True):
            own.set_state_dict(same.state_dict())
    found, expected = (paddle.utils.flatten(layer(X, sequence_length=lengths)) for layer in (stack, theirs))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-5)


def test_reversing_within_the_length_leaves_the_padding() -> None:
    X = paddle.to_tensor([[[1.0], [2.0], [3.0], [9.0]], [[4.0], [9.0], [9.0], [9.0]]])
    found = questions.reverse_within(X, paddle.to_tensor([3, 1]))
    assert found.squeeze(-1).tolist() == [[3, 2, 1, 9], [4, 9, 9, 9]]


def test_a_number_stands_for_a_symbol_and_stays() -> None:
    number = questions.Number(10)
    assert number(paddle.to_tensor([[0, 9, 3]])).flatten().tolist() == pytest.approx([0, 1, 1 / 3])
    assert number.weight.stop_gradient


# --- what is measured ---


def test_cells_are_measured_on_digits() -> None:
    plain, residual = (
        exercise_6_1.accuracies(cell, length=5, seeds=2, epochs=2) for cell in (op.SRNCell, exercise_6_1.ResidualCell)
    )
    assert len(plain) == len(residual) == 2
    assert all(0 <= accuracy <= 1 for accuracy in plain + residual)
    assert plain != residual


def test_depths_are_compared() -> None:
    less = {"train_reviews": 40, "dev_reviews": 20, "epochs": 1, "input_size": 4, "hidden_size": 4}
    results = exercise_6_6.by_depth((1, 2), 1, **less)
    assert results.each("num_layers") == [1, 2]


@pytest.mark.parametrize("train", [questions.train_on_digits, questions.train_on_words])
def test_inputs_are_compared(train: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    few = {"train": 40, "dev": 20, "test": 20}
    load = questions.small_reviews.load
    monkeypatch.setattr(questions.small_reviews, "load", lambda tokenizer: load(tokenizer, sizes=few))
    for make, M in ((questions.Number, 1), (lambda V: nn.Embedding(V, 4), 4)):
        assert 0 <= questions.accuracy_by_input(train, make, M, steps=2) <= 1


# --- the checks say yes to the answers, and no, with the reason, to mistakes ---


def test_the_answers_pass_the_checks(capsys: pytest.CaptureFixture[str]) -> None:
    assert checks.exercise_6_1(exercise_6_1.ResidualCell)
    assert checks.exercise_6_3(exercise_6_3.bidirectional_lstm)
    assert checks.exercise_6_4(exercise_6_4.GRUCell)
    assert checks.exercise_6_5(exercise_6_5.lstm_of_lengths)
    assert checks.exercise_6_6(exercise_6_6.StackedLSTM)
    assert checks.question_1(questions.embed_by_one_hot)
    assert checks.question_3(questions.read_backward)
    assert "还差一点" not in capsys.readouterr().out


def test_an_operator_that_is_right_but_slow_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    times = {"own": 2.0, "than": 3.0}
    monkeypatch.setattr(exercise_6_2, "milliseconds", lambda *_: times)
    assert checks.faster_lstm(exercise_6_2.fused_lstm, than=exercise_6_2.stepwise_lstm)
    assert "1.5 倍" in capsys.readouterr().out
    times["than"] = 2.0
    assert not checks.faster_lstm(exercise_6_2.fused_lstm, than=exercise_6_2.stepwise_lstm)
    assert "结果对了" in capsys.readouterr().out


class Swapped(exercise_6_4.GRUCell):
    def step(self, projected: paddle.Tensor, state: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor]:
        x_r, x_z, x_h = paddle.split(projected, 3, axis=-1)
        U_r, U_z, U_h = paddle.split(self.U, 3, axis=-1)
        R, Z = nn.functional.sigmoid(x_r + state @ U_r), nn.functional.sigmoid(x_z + state @ U_z)
        H = (1 - Z) * state + Z * paddle.tanh(x_h + (R * state) @ U_h)
        return H, H


class Unstacked(nn.Layer):
    def __init__(self, input_size: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        self.layer = nndl.LSTM(input_size, hidden_size, direction="bidirectional")

    def forward(self, X: paddle.Tensor, sequence_length: Any = None) -> Any:
        return self.layer(X, sequence_length=sequence_length)


def one_direction(X: paddle.Tensor, forward: Any, reverse: Any) -> Any:
    return exercise_6_2.fused_lstm(X, *forward)


def in_order_of_reading(X: paddle.Tensor, forward: Any, reverse: Any) -> Any:
    ahead, back = exercise_6_2.fused_lstm(X, *forward)[0], exercise_6_2.fused_lstm(X.flip(1), *reverse)[0]
    return paddle.concat([ahead, back], axis=-1), None


def deaf(X: paddle.Tensor, lengths: paddle.Tensor, *weights: paddle.Tensor) -> Any:
    return exercise_6_2.fused_lstm(X, *weights)


def detached(X: paddle.Tensor, W: paddle.Tensor, U: paddle.Tensor, b: paddle.Tensor) -> Any:
    return exercise_6_2.fused_lstm(X, W, U.detach(), b)


MISTAKES = [
    (checks.exercise_6_1, op.SRNCell, "普通的 SRN"),
    (checks.lstm, lambda X, W, U, b: X, "应返回"),
    (checks.lstm, detached, "U 的梯度应是张量"),
    (checks.exercise_6_3, one_direction, "形状应为 [3, 5, 12]，得到 [3, 5, 6]"),
    (checks.exercise_6_3, in_order_of_reading, "阅读的次序"),
    (checks.exercise_6_4, op.SRNCell, "[4, 18]"),
    (checks.exercise_6_4, Swapped, "更新门用反了"),
    (checks.exercise_6_5, deaf, "长度还没有起作用"),
    (checks.exercise_6_6, Unstacked, "得到 1 个"),
    (checks.lstm, lambda X, W, U, b: X[9, 9, 9, 9], "运行在 `(checks.lstm, lambda X"),
    (checks.lstm, None, "TypeError: 'NoneType' object is not callable"),
    (checks.exercise_6_1, lambda *sizes: None, "出错，AttributeError"),
    (checks.question_3, lambda lstm, X, lengths: None, "应是张量"),
    (checks.question_3, lambda lstm, X, lengths: X[:, 0], "形状应为"),
    (checks.question_1, lambda indices, E: nn.functional.one_hot(indices, 10), "形状应为"),
    (checks.question_3, lambda lstm, X, lengths: lstm(X.flip(1))[0].flip(1), "先读了补齐"),
]


@pytest.mark.parametrize(("check", "solution", "said"), MISTAKES)
def test_a_mistake_is_named(check: Callable, solution: Any, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert not check(solution)
    assert said in capsys.readouterr().out
