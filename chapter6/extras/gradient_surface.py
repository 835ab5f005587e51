r"""The error surface of one unit over 50 steps (一个单元的误差面), after figure 6 of Pascanu et al. (2013).

A recurrent network of a single hidden unit, without input, whose state after 50 steps shall come near a target:
只有一个隐藏单元、没有输入的循环网络，50 步之后的状态应接近目标：

.. math:: h_t = w\, \sigma(h_{t-1}) + b, \quad h_0 = 0.5, \qquad \mathcal L(w, b) = (\sigma(h_{50}) - 0.7)^2

Two parameters, so that the loss is a surface that can be looked at: plains, a valley, and a wall beside it, where
from one (w, b) to the next the state ends near another fixed point (不动点). Gradient descent comes down the valley,
touches the wall and is thrown away; with clipping it takes a step like any other.
"""

from collections.abc import Sequence
from typing import Any

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

STEPS, H_0, TARGET = 50, 0.5, 0.7  # 同论文   as in the paper
W_RANGE, B_RANGE = (4.0, 7.0), (-3.8, -1.8)
START = (5.0, -2.5)
"""Where the paths begin: in the valley, close to the wall."""

# --- 误差面 error surface ---


def loss_of(w: Tensor, b: Tensor) -> Tensor:
    """The loss at each point: w and b of any shape, float, give losses of that shape."""
    # 每个 (w, b) 是批中的一个样本   each (w, b) is an example of the batch
    h = paddle.full_like(w, H_0)
    for _ in range(STEPS):
        # h_t = w σ(h_{t-1}) + b
        h = w * F.sigmoid(h) + b
    # L = (σ(h_50) - 0.7)^2
    return (F.sigmoid(h) - TARGET) ** 2


def surface(points: int) -> dict[str, Any]:
    """Loss and gradient norm on a grid of points x points, all in ONE pass forward and one backward.

    Returns ``w`` and ``b`` [points], ``losses`` and ``norms`` [points][points], a row for each b.
    """
    w, b = (paddle.linspace(*ends, points, dtype="float64") for ends in (W_RANGE, B_RANGE))
    grid_b, grid_w = paddle.meshgrid(b, w)
    # 整个网格一次前向、一次反向: 各点互不相关, 和的梯度就是各点自己的梯度
    # the points do not touch each other, so the gradient of the sum is that of each point
    grid_w.stop_gradient = grid_b.stop_gradient = False
    losses = loss_of(grid_w, grid_b)
    losses.sum().backward()
    norms = (grid_w.grad**2 + grid_b.grad**2).sqrt()
    return {"w": w.tolist(), "b": b.tolist(), "losses": losses.tolist(), "norms": norms.tolist()}


# --- 梯度下降的路径 paths of gradient descent ---


def path(learning_rate: float, clip: Any, steps: int, start: Sequence[float] = START) -> dict[str, Any]:
    """Gradient descent on the surface; at each step where it stands, its loss and gradient norm.

    Args:
        clip: of the gradient, such as ``nn.ClipGradByGlobalNorm(v)``; None for no clipping.
    """
    w, b = (paddle.create_parameter([1], "float64", default_initializer=nn.initializer.Constant(x)) for x in start)
    optimizer = paddle.optimizer.SGD(learning_rate, parameters=[w, b], grad_clip=clip)
    places, losses, norms = [], [], []
    for _ in range(steps + 1):
        places.append([w.item(), b.item()])
        loss = loss_of(w, b)
        loss.backward()
        losses.append(loss.item())
        norms.append((w.grad**2 + b.grad**2).sqrt().item())
        # (w, b) <- (w, b) - η g, 截断时 g <- g min(1, v / |g|)   with clipping
        optimizer.step()
        optimizer.clear_grad()
    return {"places": places, "losses": losses, "norms": norms}


def paths(settings: Any) -> dict[str, Any]:
    """From the same start, without and with clipping (梯度截断)."""
    rate, steps = settings.surface_rate, settings.surface_steps
    # w 与 b 合在一起取模   the norm of w and b together: one direction, so a shorter step the same way
    clip = nn.ClipGradByGlobalNorm(settings.surface_clip)
    return {"free": path(rate, None, steps), "clipped": path(rate, clip, steps)}
