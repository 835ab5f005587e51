"""Measurements of layers: does one agree with Paddle's, how long does it take, how much memory does it need?

Measured so that a busy machine disturbs all of them alike.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from math import ceil, exp, log
from statistics import median
from typing import TYPE_CHECKING, Any

import nndl
from chapter6.lab import progress
from chapter6.lab.claim import Claim
from chapter6.lab.report import Table
from chapter6.lab.text import Text, same

if TYPE_CHECKING:
    from paddle import Tensor, nn

PARITY = {"float32": 1e-5, "float64": 1e-10}
"""How far two correct computations may differ, relative to the largest entry."""
WORTH_MEASURING = 0.01
"""Seconds; what takes less is called several times in a row."""
UNSETTLED = 5
"""Calls."""


# --- agreement ---


def parity(
    ours_class: Any, theirs_class: Any, dtype: str, backend: str = "", batch: int = 4, length: int = 20, size: int = 32
) -> dict[str, float]:
    """Largest relative difference of outputs, last states and every gradient, from the same weights.

    Two layers, both directions, sequences of different lengths. The gradients are those of a random weighted
    sum of all outputs and states.

    Args:
        ours_class, theirs_class: such as :class:`nndl.SRN` and ``paddle.nn.SimpleRNN``.
        dtype: "float32" or "float64".
        backend: what computes ours, where there is a choice.
        batch, length, size: B, L, and M = D.
    """
    import paddle

    name = ours_class.__name__
    progress.stage(Text(f"comparing our {name} with Paddle's, {dtype}", f"对比自定义 {name} 与飞桨 {name}，{dtype}"))
    before = paddle.get_default_dtype()
    paddle.set_default_dtype(dtype)
    try:
        nndl.runtime.seed_everything(0)
        theirs = theirs_class(size, size, num_layers=2, direction="bidirectional")
        ours = ours_class.from_paddle(theirs)
        if backend:
            ours.backend = backend
        X = paddle.randn([batch, length, size])
        lengths = paddle.to_tensor([max(1, length - 3 * i) for i in range(batch)])
        paddle.seed(1)
        found = _outputs_and_gradients(ours, X, lengths)
        paddle.seed(1)
        expected = _outputs_and_gradients(theirs, X, lengths)
    finally:
        paddle.set_default_dtype(before)
    found |= _in_paddles_form(ours, found)
    return {name: _relative(found[name], value) for name, value in expected.items()}


def _outputs_and_gradients(layer: "nn.Layer", X: "Tensor", lengths: "Tensor") -> dict[str, "Tensor"]:
    import paddle

    X = X.detach()
    X.stop_gradient = False
    outputs, states = layer(X, sequence_length=lengths)
    results = [outputs, *paddle.utils.flatten(states)]
    sum((result * paddle.randn(result.shape)).sum() for result in results).backward()
    named = {"outputs": outputs, **{f"state {i}": state for i, state in enumerate(results[1:])}}
    return named | {"gradient X": X.grad} | {f"gradient {n}": p.grad for n, p in layer.named_parameters()}


def _in_paddles_form(ours: Any, found: dict[str, "Tensor"]) -> dict[str, "Tensor"]:
    """Our gradients under the names and in the form of Paddle's: transposed, and b's for both biases."""
    renamed = {}
    for i in range(len(ours.cells)):
        suffix = f"l{i // ours.num_directions}{'_reverse' if i % ours.num_directions else ''}"
        W, U, b = (found[f"gradient cells.{i}.{letter}"] for letter in "WUb")
        renamed |= {f"gradient weight_ih_{suffix}": W.T, f"gradient weight_hh_{suffix}": U.T}
        renamed |= {f"gradient bias_ih_{suffix}": b[0], f"gradient bias_hh_{suffix}": b[0]}
    return renamed


def _relative(found: "Tensor", expected: "Tensor") -> float:
    return float((found - expected).abs().max() / expected.abs().max())


def parity_claim(name: str, differences: Mapping[str, Mapping[str, float]]) -> Claim:
    """Own and Paddle's layer agree, in outputs, states and all gradients.

    Args:
        name: of the layer.
        differences: dtype to what :func:`parity` returned.
    """
    worst = {dtype: max(by_name.values()) for dtype, by_name in differences.items()}
    measured = ", ".join(f"{dtype}: {value:.0e} (≤ {PARITY[dtype]:.0e})" for dtype, value in worst.items())
    return Claim(
        "parity",
        Text(
            f"our {name} and Paddle's give the same states from the same weights; here also the same gradients",
            f"相同权重下，自定义 {name} 与飞桨 {name} 的状态相同；这里梯度也相同",
        ),
        same(measured),
        all(value <= PARITY[dtype] for dtype, value in worst.items()),
    )


# --- speed ---


def speed(
    ours_class: Any, theirs_class: Any, lengths: Sequence[int], batch: int, size: int, repeats: int = 7
) -> dict[str, Any]:
    """Milliseconds of forward and backward, for each length: one number a repeat.

    "stepwise" runs our cell in ``paddle.nn.RNN``, which calls it once a step, as the book's operator does; "ours"
    is our layer, "paddle" Paddle's.
    """
    import paddle
    from paddle import nn

    times: dict[str, Any] = {}
    for length in lengths:
        name = ours_class.__name__
        progress.stage(Text(f"timing {name}, L = {length}", f"测量 {name} 的耗时，L = {length}"))
        theirs = theirs_class(size, size)
        ours = ours_class.from_paddle(theirs)
        X = paddle.randn([batch, length, size])
        layers = {"stepwise": nn.RNN(ours.cells[0]), "ours": ours, "paddle": theirs}
        times[str(length)] = take_turns({name: forward_backward(layer, X) for name, layer in layers.items()}, repeats)
    return times


def forward_backward(layer: "nn.Layer", X: "Tensor") -> Callable[[], None]:
    """A step to be timed: the layer's outputs, and the gradients of their sum, that of X among them."""
    X = X.detach()
    X.stop_gradient = False

    def step() -> None:
        outputs, _ = layer(X)
        outputs.sum().backward()
        layer.clear_gradients()
        X.clear_gradient()

    return step


def speed_claim(name: str, times: Mapping[str, Any]) -> Claim:
    """Paddle's layer is faster than the stepwise one, at every length."""
    logs = {length: _log_ratios(by, "stepwise") for length, by in times.items()}
    medians = {length: exp(median(values)) for length, values in logs.items()}
    return Claim(
        "speed",
        Text(f"Paddle's {name} is faster than our own run step by step", f"飞桨 {name} 比逐步计算的自定义 {name} 快"),
        Text(
            ", ".join(f"L={length}: {ratio:.1f} times" for length, ratio in medians.items()),
            "，".join(f"L={length}：{ratio:.1f} 倍" for length, ratio in medians.items()),
        ),
        list(logs.values()),
    )


def speed_table(times: Mapping[str, Any]) -> Table:
    """Median milliseconds of each, and the ratios to Paddle's."""
    rows = []
    for length, by_name in times.items():
        medians = {name: median(values) for name, values in by_name.items()}
        against = [f"{exp(median(_log_ratios(by_name, name))):.1f}" for name in ("stepwise", "ours")]
        rows.append([length, *(f"{value:.2f}" for value in medians.values()), *against])
    header = [
        "L",
        Text("stepwise", "逐步计算"),
        Text("ours", "本项目"),
        Text("Paddle", "飞桨"),
        Text("stepwise / Paddle", "逐步 / 飞桨"),
        Text("ours / Paddle", "本项目 / 飞桨"),
    ]
    return Table(Text("Forward and backward, milliseconds", "前向与反向（毫秒）"), header, rows)


def ratios(times: Mapping[str, Sequence[float]], name: str, to: str) -> list[float]:
    """How many times as long one takes as another, one number a repeat."""
    return [own / others for own, others in zip(times[name], times[to], strict=True)]


def _log_ratios(times: Mapping[str, Sequence[float]], name: str) -> list[float]:
    """The logarithm of a layer's time over Paddle's, for each repeat."""
    return [log(ratio) for ratio in ratios(times, name, to="paddle")]


def take_turns(steps: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Milliseconds of one call of each step, one number a repeat.

    The steps take turns, so that a change of the machine's speed meets all. Each turn begins with a call that is not
    timed: what ran before has left its own numbers in the caches.
    """
    calls = {name: max(1, ceil(WORTH_MEASURING / _warm_up(step))) for name, step in steps.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            step()
            times[name].append(_seconds(step, calls[name]) * 1e3)
    return times


def _warm_up(step: Callable[[], object]) -> float:
    """Seconds of a call once it has settled: the first ones generate code and ask for memory."""
    for _ in range(UNSETTLED):
        step()
    return _seconds(step, 1)


def _seconds(step: Callable[[], object], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        step()
    synchronize()
    return (time.perf_counter() - start) / calls


def synchronize() -> None:
    """Wait for the device: a GPU computes while Python goes on."""
    import paddle

    if paddle.device.get_device() != "cpu":
        paddle.device.synchronize()


def peak_memory(step: Callable[[], object]) -> int:
    """Bytes that a call of this step needs at its peak, beyond what was there before, by Paddle's own count."""
    import paddle

    if paddle.device.get_device() != "cpu":
        before = paddle.device.cuda.memory_allocated()
        paddle.device.cuda.reset_max_memory_allocated()
        step()
        return paddle.device.cuda.max_memory_allocated() - before
    count = paddle.base.core
    before = count.host_memory_stat_current_value("Allocated", 0)
    count.host_memory_stat_reset_peak_value("Allocated", 0)
    step()
    return count.host_memory_stat_peak_value("Allocated", 0) - before
