"""The ladder of section 6.8 (阶梯): one LSTM, computed in five ways; what each rung costs in time and memory."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import nndl
from chapter6.lab import progress
from chapter6.lab.measure import forward_backward, peak_memory, take_turns
from chapter6.lab.text import Text
from nndl.op.backend import BACKENDS

import paddle
from paddle import Tensor, nn

RUNGS = {name: Text(way.what, way.what_zh) for name, way in BACKENDS.items()}
FLOOR = "products"
"""The matrix products of an LSTM alone, by Paddle: what no arrangement of Paddle's operators can beat."""

# --- 五级 the rungs ---


def available() -> list[str]:
    """The rungs that exist here, in order: the native one needs a CPU and a compiler."""
    return [name for name, way in BACKENDS.items() if not way.why_not()]


def build(rungs: Iterable[str], input_size: int, hidden_size: int) -> dict[str, nn.Layer]:
    """One layer a rung, forward only, all with the same weights (权重相同)."""
    theirs = nn.LSTM(input_size, hidden_size)
    layers: dict[str, nn.Layer] = {}
    for name in rungs:
        if name == "paddle":
            layers[name] = theirs
        else:
            # 权重不变, 只换计算方式   the weights stay; only what computes with them is another
            layers[name] = nndl.LSTM.from_paddle(theirs)
            layers[name].backend = name
    return layers


# --- 测量 measuring ---


def measure(rungs: Iterable[str], batch: int, length: int, size: int, repeats: int) -> dict[str, Any]:
    """Milliseconds of one layer on one shape, B, L and M = D, one number a repeat; and bytes at the peak.

    Returns {"shape": [B, L, D], "forward": {rung: [ms]}, "both": {rung: [ms]}, "memory": {rung: bytes}}; "both" is
    forward and backward. :data:`FLOOR` is among the rungs, without memory.
    """
    shape = f"B={batch} L={length} D={size}"
    progress.stage(Text(f"timing all rungs, {shape}", f"测量各级的耗时，{shape}"))
    X = paddle.randn([batch, length, size])
    layers = build(rungs, size, size)
    # 前向, 以及前向与反向   the forward pass alone, and both passes
    forward = {name: partial(_forward, layer, X) for name, layer in layers.items()}
    both = {name: forward_backward(layer, X) for name, layer in layers.items()}
    products = _products(batch, length, size)
    return {
        "shape": [batch, length, size],
        # 轮流测量, 机器忙闲对各级相同   they take turns, so that a busy machine disturbs all alike
        "forward": take_turns(forward | {FLOOR: products["forward"]}, repeats),
        "both": take_turns(both | {FLOOR: products["both"]}, repeats),
        "memory": {name: peak_memory(step) for name, step in both.items()},
    }


@paddle.no_grad()
def _forward(layer: nn.Layer, X: Tensor) -> None:
    layer(X)


def _products(batch: int, length: int, size: int) -> dict[str, Callable[[], None]]:
    """The matrix products that an LSTM cannot do without (仅矩阵乘), on numbers that mean nothing."""
    X, delta = paddle.randn([batch * length, size]), paddle.randn([batch * length, 4 * size])
    H, delta_t = paddle.randn([batch, size]), paddle.randn([batch, 4 * size])
    W, U = paddle.randn([size, 4 * size]), paddle.randn([size, 4 * size])
    U_T = U.T.contiguous()

    @paddle.no_grad()
    def forward() -> None:
        X @ W  # 所有时刻的输入一次乘完   the inputs of all steps in one
        for _ in range(length):
            H @ U

    @paddle.no_grad()
    def both() -> None:
        forward()
        for _ in range(length):
            delta_t @ U_T  # dH_{t-1} = δ_t Uᵀ
        paddle.matmul(X, delta, transpose_x=True)  # dW
        paddle.matmul(X, delta, transpose_x=True)  # dU, of the same size
        paddle.matmul(delta, W, transpose_y=True)  # dX

    return {"forward": forward, "both": both}
