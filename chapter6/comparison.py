"""Our layers against Paddle's: do they agree, and how fast is each? Shared by sections 6.2, 6.5 and 6.8."""

from collections.abc import Callable, Sequence
from math import exp, log
from statistics import median
from typing import TYPE_CHECKING, Any

import nndl
from chapter6 import claim
from chapter6.claim import Claim
from chapter6.section import table
from chapter6.timing import take_turns

if TYPE_CHECKING:
    from paddle import Tensor, nn

PARITY = {"float32": 1e-5, "float64": 1e-10}
"""How far two correct computations may differ, relative to the largest entry."""


def parity(
    kind: str, dtype: str, backend: str = "fused", batch: int = 4, length: int = 20, size: int = 32
) -> dict[str, float]:
    """Largest relative difference of outputs, last states and every gradient, from the same weights.

    Two layers, both directions, sequences of different lengths. The gradients are those of a random weighted
    sum of all outputs and states.

    Args:
        kind: "SRN" or "LSTM".
        dtype: "float32" or "float64".
        backend: of an LSTM, see :class:`nndl.LSTM`.
        batch, length, size: B, L, and M = D.
    """
    import paddle

    ours_class, theirs_class = _classes(kind)
    before = paddle.get_default_dtype()
    paddle.set_default_dtype(dtype)
    try:
        nndl.runtime.seed_everything(0)
        theirs = theirs_class(size, size, num_layers=2, direction="bidirectional")
        ours = ours_class.from_paddle(theirs)
        if kind == "LSTM":
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


def _classes(kind: str) -> tuple[Any, Any]:
    from paddle import nn

    return {"SRN": (nndl.SRN, nn.SimpleRNN), "LSTM": (nndl.LSTM, nn.LSTM)}[kind]


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


def speed(kind: str, lengths: Sequence[int], batch: int, size: int, repeats: int = 7) -> dict[str, Any]:
    """Milliseconds of forward and backward, for each length: one number a repeat.

    "stepwise" runs our cell in ``paddle.nn.RNN``, which calls it once a step, as the book's operator does; "ours"
    is our layer, "paddle" Paddle's. The three take turns, so that a change of the machine's speed meets all.
    """
    import paddle
    from paddle import nn

    ours_class, theirs_class = _classes(kind)
    times: dict[str, Any] = {}
    for length in lengths:
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


def parity_claim(kind: str, differences: dict[str, dict[str, float]]) -> Claim:
    """Own and Paddle's layer agree, in outputs, states and all gradients."""
    worst = {dtype: max(by_name.values()) for dtype, by_name in differences.items()}
    return Claim(
        "parity",
        f"our {kind} and Paddle's give the same states from the same weights; here also the same gradients",
        f"相同权重下，自定义 {kind} 与飞桨 {kind} 的状态相同；这里梯度也相同",
        ", ".join(f"{dtype}: {value:.0e} (allowed {PARITY[dtype]:.0e})" for dtype, value in worst.items()),
        claim.check(all(value <= PARITY[dtype] for dtype, value in worst.items())),
    )


def speed_claim(kind: str, times: dict[str, Any]) -> Claim:
    """Paddle's layer is faster than the stepwise one, at every length."""
    logs = {length: _log_ratios(by, "stepwise") for length, by in times.items()}
    ratios = {length: exp(median(values)) for length, values in logs.items()}
    return Claim(
        "speed",
        f"Paddle's {kind} is faster than our own run step by step",
        f"飞桨 {kind} 比逐步计算的自定义 {kind} 快",
        ", ".join(f"L={length}: {ratio:.1f} times" for length, ratio in ratios.items()),
        claim.judge_every(logs.values()),
    )


def _log_ratios(by_name: dict[str, list[float]], name: str) -> list[float]:
    """The logarithm of a layer's time over Paddle's, for each repeat."""
    return [log(own / paddles) for own, paddles in zip(by_name[name], by_name["paddle"], strict=True)]


def speed_table(times: dict[str, Any]) -> str:
    """Median milliseconds of each, and the ratios to Paddle's, for a report."""
    rows = []
    for length, by_name in times.items():
        medians = {name: median(values) for name, values in by_name.items()}
        ratios = [f"{exp(median(_log_ratios(by_name, name))):.1f}" for name in ("stepwise", "ours")]
        rows.append([length, *(f"{value:.2f}" for value in medians.values()), *ratios])
    return table(["L", "stepwise ms", "ours ms", "Paddle ms", "stepwise / Paddle", "ours / Paddle"], rows)
