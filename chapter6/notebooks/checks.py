"""Looks at a reader's solution of an exercise: is it right, and if not, what differs? 检查练习的解答。

Each check hands the same numbers to the reader's code and to a truth that does not depend on it, Paddle's layers or a
loop in NumPy, and says in Chinese what it found; it returns whether all is right.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from traceback import extract_tb
from typing import Any

import nndl
from chapter6.notebooks.answers import exercise_6_2
from nndl import op

import numpy as np
import paddle
from paddle import Tensor, nn

B, L, M, D = 3, 5, 4, 6
CLOSE = 1e-4
"""How far two float32 numbers may differ that are computed in a different order."""
Named = Mapping[str, Any]

# --- 比较 comparing ---


def compare(found: Named, expected: Named, mistakes: Mapping[str, Named] | None = None) -> bool:
    """Say whether every number is as expected, or else which is the first that is not.

    Args:
        found: tensors by name, as the reader's code gave them.
        expected: what they must be.
        mistakes: what would come out of a well-known mistake, by what to say of it.
    """
    truths = {name: np.asarray(truth) for name, truth in expected.items()}
    for name, truth in truths.items():
        value = found.get(name)
        if not isinstance(value, Tensor):
            return _say(f"还差一点：{_spaced(name)}应是张量，得到的是 {type(value).__name__}。")
        value = value.numpy()
        if value.shape != truth.shape:
            return _say(f"还差一点：{_spaced(name)}的形状应为 {list(truth.shape)}，得到 {list(value.shape)}。")
        if not _same(value, truth):
            hints = [hint for hint, wrong in (mistakes or {}).items() if name in wrong and _same(value, wrong[name])]
            return _say(f"还差一点：{_first_difference(name, value, truth)}{hints[0] if hints else ''}")
    worst = max(float(np.abs(found[name].numpy() - truth).max()) for name, truth in truths.items())
    print(f"正确：{_spaced('、'.join(expected))}都相同（最大误差 {worst:.0e}）。")
    return True


def _same(value: np.ndarray, truth: Any) -> bool:
    return value.shape == np.shape(truth) and np.allclose(value, truth, rtol=CLOSE, atol=CLOSE)


def _first_difference(name: str, value: np.ndarray, truth: np.ndarray) -> str:
    place = np.argwhere(~np.isclose(value, truth, rtol=CLOSE, atol=CLOSE))[0].tolist()
    axes = "、".join(f"{axis} {i}" for axis, i in zip(_AXES[len(place)], place, strict=True))
    return f"{_spaced(name)}在{axes} 处为 {value[tuple(place)]:.4f}，应为 {truth[tuple(place)]:.4f}。"


def _spaced(name: str) -> str:
    """With a blank behind a name that ends in a letter, as Chinese is set: 最后的 H 都相同, 输出都相同."""
    return f"{name} " if name[-1].isascii() else name


_AXES = {1: ("序号",), 2: ("行", "列"), 3: ("序列", "时刻", "单元")}
"""What the axes of a tensor of so many are called, from 0."""


def _say(text: str) -> bool:
    print(text)
    return False


def _kindly(check: Callable[..., bool]) -> Callable[..., bool]:
    """The check, which says so where the reader's code fails, and at which of its lines."""

    @wraps(check)
    def checked(*solution: Any, **others: Any) -> bool:
        try:
            return check(*solution, **others)
        except Exception as error:
            theirs = [each for each in extract_tb(error.__traceback__) if not each.filename.startswith(_NOT_THEIRS)]
            place = f"在 `{theirs[-1].line}` 处" if theirs else ""
            message = next(filter(None, map(str.strip, str(error).splitlines())), "")
            return _say(f"还差一点：运行{place}出错，{type(error).__name__}: {message}")

    return checked


_NOT_THEIRS = tuple(str(Path(file).parent) for file in (__file__, nndl.__file__, paddle.__file__, np.__file__))


def _results(result: Any) -> dict[str, Any] | None:
    """The parts of (outputs, (H, C)); None, and a line, where it is something else."""
    match result:
        case (Tensor() as outputs, (Tensor() as H, Tensor() as C)):
            return {"输出": outputs, "最后的 H": H, "最后的 C": C}
    _say(f"还差一点：应返回 (outputs, (H, C))，三者都是张量；得到的是 {type(result).__name__}。")
    return None


# --- 数据与真值 numbers and truths ---


def _numbers(*shapes: list[int]) -> list[Tensor]:
    """The same numbers at every call."""
    random = np.random.default_rng(0)
    tensors = [paddle.to_tensor(random.normal(size=shape).astype("float32") * 0.5) for shape in shapes]
    for tensor in tensors:
        tensor.stop_gradient = False
    return tensors


def _make(cell_class: type[op.Cell]) -> op.Cell:
    """A cell that begins with the same parameters at every call, so that the same is said of it."""
    paddle.seed(0)
    return cell_class(M, D)


def _weights(gates: int = 4) -> list[list[int]]:
    return [[M, gates * D], [D, gates * D], [1, gates * D]]


def _paddles(X: Tensor, *directions: tuple[Tensor, Tensor, Tensor], lengths: Tensor | None = None) -> tuple[Any, Any]:
    """``paddle.nn.LSTM`` with these weights, W, U, b of each direction: the layer, and what it returns."""
    layer = nn.LSTM(M, D, direction="bidirectional" if len(directions) == 2 else "forward")
    for suffix, (W, U, b) in zip(("", "_reverse"), directions, strict=False):
        for name, value in (("weight_ih", W.T), ("weight_hh", U.T), ("bias_ih", b[0]), ("bias_hh", 0 * b[0])):
            getattr(layer, f"{name}_l0{suffix}").set_value(value)
    return layer, layer(X, sequence_length=lengths)


def _steps(cell: Any, X: Tensor) -> dict[str, Any]:
    """A reader's cell over all steps, from zeros."""
    outputs, H = op.Recurrent(lambda *_: cell, M, D)(X)
    return {"隐状态": outputs, "最后的 H": H[0]}


def _loop(step: Callable, X: Tensor) -> dict[str, Any]:
    """A step in NumPy over all steps, from zeros."""
    H, outputs = np.zeros([B, D], "float32"), []
    for t in range(L):
        H = step(X.numpy()[:, t], H)
        outputs.append(H)
    return {"隐状态": np.stack(outputs, axis=1), "最后的 H": H}


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


# --- 各练习 the exercises ---


@_kindly
def exercise_6_1(cell_class: type[op.Cell]) -> bool:
    """A cell with a residual connection: H_t = H_{t-1} + tanh(X_t W + H_{t-1} U + b)."""
    cell, (X,) = _make(cell_class), _numbers([B, L, M])
    W, U, b = (weight.numpy() for weight in cell.weights)
    residual = _loop(lambda x, H: H + np.tanh(x @ W + H @ U + b), X)
    inside = _loop(lambda x, H: np.tanh(H + x @ W + H @ U + b), X)
    plain = _loop(lambda x, H: np.tanh(x @ W + H @ U + b), X)
    mistakes = {"这正是普通的 SRN：残差连接还没有加上。": plain, "H_{t-1} 应加在 tanh 之外，而不是之内。": inside}
    return compare(_steps(cell, X), residual, mistakes)


@_kindly
def faster_lstm(operator: Callable, than: Callable) -> bool:
    """Exercises 6.2 and 6.7: an LSTM, (X, W, U, b) to (outputs, (H, C)), right, and faster than another."""
    if not lstm(operator):
        return False
    times = exercise_6_2.milliseconds({"own": operator, "than": than}, 8, 20, 32)
    ratio = times["than"] / times["own"]
    verdict = "确实更高效。" if ratio > FASTER else "结果对了，但还不算更快：每一步还有几次矩阵乘？"
    print(f"B=8, L=20, D=32，前向加反向：速度是对照的 {ratio:.1f} 倍，{verdict}")
    return ratio > FASTER


FASTER = 1.3
"""As many times as fast: less may be the machine."""


@_kindly
def lstm(operator: Callable) -> bool:
    """An LSTM, (X, W, U, b) to (outputs, (H, C)): its results and all gradients against ``paddle.nn.LSTM``."""
    X, W, U, b = numbers = _numbers([B, L, M], *_weights())
    results = _results(operator(*numbers))
    if results is None:
        return False
    layer, (outputs, (H, C)) = _paddles(X, (W, U, b))
    expected = {"输出": outputs, "最后的 H": H[0], "最后的 C": C[0]}
    if not compare(results, expected):
        return False
    names = [f"{name} 的梯度" for name in ("X", "W", "U", "b")]
    found = _gradients(results, numbers)
    theirs = [X, layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0]
    dX, dW, dU, db = _gradients(expected, theirs)
    return compare(dict(zip(names, found, strict=True)), dict(zip(names, [dX, dW.T, dU.T, db[None]], strict=True)))


def _gradients(results: Named, leaves: list[Tensor]) -> list[Tensor | None]:
    """Those of a weighted sum of all results, the weights drawn once (随机加权之和的梯度)."""
    weights = _numbers([B, L, D], [B, D], [B, D])
    sum((each * weight.detach()).sum() for each, weight in zip(results.values(), weights, strict=True)).backward()
    gradients = [None if leaf.grad is None else leaf.grad.clone() for leaf in leaves]
    for leaf in leaves:
        leaf.clear_gradient(set_to_zero=False)
    return gradients


@_kindly
def exercise_6_3(operator: Callable) -> bool:
    """A bidirectional LSTM: (X, forward, reverse), each (W, U, b), to (outputs [B, L, 2D], ...): the outputs."""
    X, *weights = _numbers([B, L, M], *_weights(), *_weights())
    ahead, back = tuple(weights[:3]), tuple(weights[3:])
    result = operator(X, ahead, back)
    outputs = result[0] if isinstance(result, tuple) else result
    _, (expected, _) = _paddles(X, ahead, back)
    in_order_of_reading = paddle.concat([expected[:, :, :D], expected[:, :, D:].flip(1)], axis=-1)
    not_reversed = paddle.concat([_paddles(X, side)[1][0] for side in (ahead, back)], axis=-1)
    mistakes = {
        "反向的输出还是阅读的次序：要翻转回它所属的时刻。": {"输出": in_order_of_reading},
        "第二个 LSTM 也在正向阅读：它应从最后一个时刻读起。": {"输出": not_reversed},
    }
    return compare({"输出": outputs}, {"输出": expected}, mistakes)


@_kindly
def exercise_6_4(cell_class: type[op.Cell]) -> bool:
    """The book's GRU as a cell of three gates, side by side r, z, h."""
    cell, (X,) = _make(cell_class), _numbers([B, L, M])
    W, U, b = (weight.numpy() for weight in cell.weights)
    if W.shape != (M, 3 * D):
        return _say(f"还差一点：W 的形状应为 [M, 3D] = {[M, 3 * D]}（三组并列，gates = 3），得到 {list(W.shape)}。")
    (W_r, W_z, W_h), (U_r, U_z, U_h), (b_r, b_z, b_h) = (np.split(weight, 3, axis=1) for weight in (W, U, b))

    def gru(x: np.ndarray, H: np.ndarray, is_swapped: bool = False, is_after: bool = False) -> np.ndarray:
        R, Z = _sigmoid(x @ W_r + H @ U_r + b_r), _sigmoid(x @ W_z + H @ U_z + b_z)
        new = np.tanh(x @ W_h + (R * (H @ U_h) if is_after else (R * H) @ U_h) + b_h)
        return (1 - Z) * H + Z * new if is_swapped else Z * H + (1 - Z) * new

    mistakes = {
        "更新门用反了：书中 Z_t 乘的是旧状态 H_{t-1}。": _loop(lambda x, H: gru(x, H, is_swapped=True), X),
        "重置门应先乘 H_{t-1}，再乘 U_h（飞桨相反，书中如此）。": _loop(lambda x, H: gru(x, H, is_after=True), X),
        "候选状态还没有用到门。": _loop(lambda x, H: np.tanh(x @ W_h + H @ U_h + b_h), X),
    }
    return compare(_steps(cell, X), _loop(gru, X), mistakes)


@_kindly
def exercise_6_5(operator: Callable) -> bool:
    """An LSTM of lengths: (X, lengths, W, U, b) to (outputs, (H, C))."""
    X, *weights = _numbers([B, L, M], *_weights())
    lengths = paddle.to_tensor([L, 2, 3])
    results = _results(operator(X, lengths, *weights))
    if results is None:
        return False
    _, (outputs, (H, C)) = _paddles(X, tuple(weights), lengths=lengths)
    _, (whole, (last, memory)) = _paddles(X, tuple(weights))
    everything = {"输出": whole, "最后的 H": last[0], "最后的 C": memory[0]}
    mistakes = {"长度还没有起作用：序列结束之后，LSTM 仍在读补齐。": everything}
    return compare(results, {"输出": outputs, "最后的 H": H[0], "最后的 C": C[0]}, mistakes)


@_kindly
def exercise_6_6(layer_class: type[nn.Layer]) -> bool:
    """The outputs of a stack of bidirectional LSTMs, ``layer_class(input_size, hidden_size, num_layers)``."""
    X, lengths = _numbers([B, L, M])[0], paddle.to_tensor([L, 2, 3])
    for num_layers in (1, 2, 3):
        stack = layer_class(M, D, num_layers)
        layers = [layer for layer in stack.sublayers() if isinstance(layer, nndl.LSTM | nn.LSTM)]
        if len(layers) != num_layers:
            return _say(f"还差一点：num_layers = {num_layers} 时应有这么多个 LSTM 层，得到 {len(layers)} 个。")
        sizes, wanted = [layer.input_size for layer in layers], [M] + [2 * D] * (num_layers - 1)
        if sizes != wanted:
            return _say(f"还差一点：各层的输入大小应为 {wanted}（第二层起为 2D），得到 {sizes}。")
        results = _results(stack(X, sequence_length=lengths))
        if results is None:
            return False
        expected, untold = X, X
        for layer in layers:
            expected, _ = layer(expected, sequence_length=lengths)
            untold, _ = layer(untold)
        mistakes = {
            "sequence_length 要传给每一层。": {"输出": untold},
            "最上层的输出才是结果。": {"输出": layers[0](X)[0]},
        }
        print(f"{num_layers} 层：", end="")
        if not compare({"输出": results["输出"]}, {"输出": expected}, mistakes):
            return False
    return True


@_kindly
def question_1(embed: Callable) -> bool:
    """Embedding by one-hot, (indices int64 [B, L], E [V, M]) to [B, L, M], against the lookup."""
    E, indices = _numbers([10, M])[0], paddle.to_tensor([[6, 7, 0, 0, 1], [9, 2, 0, 5, 0], [1, 1, 1, 1, 1]])
    return compare({"嵌入": embed(indices, E)}, {"嵌入": nn.functional.embedding(indices, E)})


@_kindly
def question_3(read_backward: Callable) -> bool:
    """Reading each sequence from its own end, (lstm, X, lengths) to outputs, against Paddle's backward direction."""
    X, *weights = _numbers([B, L, M], *_weights())
    lengths = paddle.to_tensor([L, 2, 3])
    forward, _ = _paddles(X, tuple(weights))
    _, (both, _) = _paddles(X, tuple(weights), tuple(weights), lengths=lengths)
    expected, outputs = both[:, :, D:], read_backward(forward, X, lengths)
    # 补齐处的输出不算   what stands in the padding does not count
    within = (paddle.arange(L) < lengths[:, None])[:, :, None].astype("float32")
    flipped = forward(X.flip(1))[0].flip(1)
    mistakes = {"反向的 LSTM 先读了补齐：翻转要在各序列自己的长度之内。": {"输出": flipped * within}}
    has_shape = isinstance(outputs, Tensor) and outputs.shape == expected.shape
    return compare({"输出": outputs * within if has_shape else outputs}, {"输出": expected}, mistakes)
