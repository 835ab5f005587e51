r"""Why recurrent networks are hard to train (循环神经网络为何难以训练), made visible, and what helps.

A gradient that goes back through time is multiplied by one Jacobian a step. So it vanishes (梯度消失) or explodes
(梯度爆炸), as the powers of a number do:
梯度沿时间每回传一步，就乘以一个雅可比矩阵，于是像一个数的幂那样消失或爆炸：

.. math:: w^{1000}, \qquad \frac{\partial \mathcal L}{\partial H_t} =
    \frac{\partial \mathcal L}{\partial H_L} \prod_{s=t+1}^{L} \frac{\partial H_s}{\partial H_{s-1}}

1. The powers: one weight, 1000 steps. 2. The error surface of one unit: gradient_surface.py. 3. How far a gradient
reaches in each cell, with each initialisation, at the start of training. 4. The remedies (改进办法), each on and off:
gradient_remedies.py.
"""

import itertools
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import chapter6  # noqa: F401  Ctrl-C 从此只显示一行   from here on Ctrl-C is one line
from chapter6.extras import gradient_exhibits as exhibits
from chapter6.extras import gradient_figures as figures
from chapter6.extras import gradient_findings as findings
from chapter6.extras import gradient_remedies as remedies
from chapter6.extras import gradient_remedies_figures as remedies_figures
from chapter6.extras import gradient_remedies_findings as remedies_findings
from chapter6.extras.gradient_surface import paths, surface
from chapter6.lab import progress
from chapter6.lab.lesson import Lesson, Run
from chapter6.lab.text import Text
from nndl.op import Cell, GRUCell, LSTMCell, SRNCell, unroll
from nndl.op.state import State, map_states

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

# --- w 的 1000 次方 the powers of one number ---

WEIGHTS = (1.0, 1.01, 0.99, 0.01)
POWER = 1000


def powers(weights: Sequence[float] = WEIGHTS) -> dict[str, list[float]]:
    """The smallest of all recurrent networks, h_t = w h_{t-1}, h_0 = 1: what comes out after 1000 steps, and dy/dw.

    Returns, for each w, ``w``, ``y``, ``derivative`` (by BPTT) and ``formula`` (1000 w^999).
    """
    w = paddle.to_tensor(list(weights), dtype="float64", stop_gradient=False)
    h = paddle.ones_like(w)
    for _ in range(POWER):
        # h_t = w h_{t-1}
        h = w * h
    # 自动微分沿 1000 步回传   autograd goes back through the 1000 steps
    h.sum().backward()
    # 公式   by formula: y = w^1000, dy/dw = 1000 w^999
    formula = [POWER * each ** (POWER - 1) for each in weights]
    return {"w": list(weights), "y": h.tolist(), "derivative": w.grad.tolist(), "formula": formula}


def learning_rates(found: dict[str, list[float]]) -> list[dict[str, Any]]:
    r"""One step of gradient descent on :math:`\mathcal L = (w^{1000} - 1)^2 / 2`, whose minimum is at w = 1.

    For each w its gradient, the learning rate whose step would lead from it to 1 at once (None where there is no
    such rate), and where the step with each of these rates leads from it.
    """
    # dL/dw = (y - 1) dy/dw
    gradients = [(y - 1) * slope for y, slope in zip(found["y"], found["derivative"], strict=True)]
    # w - η dL/dw = 1  =>  η = (w - 1) / (dL/dw)
    rates = [(w - 1) / g if g else None for w, g in zip(found["w"], gradients, strict=True)]
    usable = [rate for rate in rates if rate]
    return [
        {"w": w, "gradient": g, "rate": rate, "landings": [[η, w - η * g] for η in usable]}
        for w, g, rate in zip(found["w"], gradients, rates, strict=True)
    ]


def wall(points: int = 201) -> dict[str, list[float]]:
    """The same powers around w = 1, for the picture."""
    return powers(np.linspace(0.98, 1.02, points).tolist())


# --- 梯度与距离 gradient against distance ---

# 输入与隐状态同样大   M = D
B, D = 16, 32

INITIALISATIONS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    # 一个门的 [D, D] 矩阵   the [D, D] matrix of one gate
    "0.01 N": lambda random: 0.01 * random.standard_normal((D, D)),
    "N / √n": lambda random: random.standard_normal((D, D)) / math.sqrt(D),
    # 方差 1/D, 但均匀分布   variance 1/D as well, but uniform
    "Xavier": lambda random: random.uniform(-1, 1, (D, D)) * math.sqrt(6 / (D + D)),
    # 正交: 所有奇异值为 1   all singular values are 1
    "orthogonal": lambda random: np.linalg.qr(random.standard_normal((D, D)))[0],
    # 单位矩阵   with ReLU this is the IRNN (Le et al., 2015)
    "identity": lambda random: np.eye(D),
    "zeros": lambda random: np.zeros((D, D)),
}


def open_gate(distance: int) -> float:
    """The bias with σ(bias) = 1 - 1/L: of what passes such a gate L times 1/e is left (Tallec and Ollivier, 2018)."""
    return math.log(distance - 1)


def make_cells(distance: int) -> dict[str, Cell]:
    """The cells by name, in float64: what is left of a gradient may be less than float32 can hold."""
    zero = {"b_attr": nn.initializer.Constant(0.0)}
    cells = {
        "SRN tanh": SRNCell(D, D, **zero),
        "SRN sigmoid": SRNCell(D, D, **zero, activation="sigmoid"),
        "SRN ReLU": SRNCell(D, D, **zero, activation="relu"),
        "GRU": GRUCell(D, D, **zero),
        "GRU open": with_gate(GRUCell(D, D, **zero), open_gate(distance)),
        "LSTM": LSTMCell(D, D, **zero),
        "LSTM b_f = 1": with_gate(LSTMCell(D, D, **zero), 1.0),
        "LSTM open": with_gate(LSTMCell(D, D, **zero), open_gate(distance)),
    }
    return {name: cell.to(dtype="float64") for name, cell in cells.items()}


def with_gate(cell: Cell, bias: float) -> Cell:
    """With this bias of the gate that keeps the state: the forget gate of an LSTM, the update gate of a GRU."""
    b = cell.b.numpy()
    # LSTM 的遗忘门、GRU 的更新门都是第二个   it is the second gate of both
    b[:, D : 2 * D] = bias
    cell.b.set_value(b)
    return cell


def initialise(cell: Cell, name: str, scale: int, random: np.random.Generator) -> float:
    """Give W and U this initialisation, each gate by itself, U times ``scale``; returns U's largest singular value."""
    draw = INITIALISATIONS[name]
    W, U = ([draw(random) for _ in range(cell.gates)] for _ in "WU")
    cell.W.set_value(np.hstack(W))
    cell.U.set_value(scale * np.hstack(U))
    # 最大奇异值: 各门之中最大的   of several gates the largest
    return scale * max(np.linalg.norm(each, 2) for each in U)


def gradient_norms(cell: Cell, X: Tensor, direction: Tensor) -> list[float]:
    r"""How much of a gradient is left after 0, 1, ..., L steps back: the norm of :math:`\partial L / \partial S_t`.

    S_t is the state as step t + 1 gets it: H_t, of an LSTM (H_t, C_t), for its gradient comes back by both ways. The
    loss depends on the last hidden state alone, L = <direction, H_L>, so all that arrives has gone through time.

    Shapes: X [B, L, M]; direction [B, D], of norm 1, so the first number is 1.
    """
    states = [handed_on(cell.get_initial_states(X))]
    for projected in cell.project(X).unbind(axis=1):
        # S_t = f(X_t, S_{t-1}): 单元的方程   the cell's equation, nndl/op/cell.py
        _, state = cell.step(projected, states[-1])
        states.append(handed_on(state))
    H_L, *_ = tensors_of(states[-1])
    loss = (H_L * direction).sum()
    # 每一步的梯度都留下   the gradient of every step's state is kept
    gradients = iter(paddle.grad(loss, [tensor for state in states for tensor in tensors_of(state)], allow_unused=True))
    norms = [norm([next(gradients) for _ in tensors_of(state)]) for state in states]
    return norms[::-1]


def handed_on(state: State) -> State:
    """A copy: its gradient is what comes back through the next step, and nothing else."""

    def copy(tensor: Tensor) -> Tensor:
        tensor = tensor.clone()
        tensor.stop_gradient = False
        return tensor

    return map_states(copy, state)


def tensors_of(state: State) -> Sequence[Tensor]:
    return state if isinstance(state, tuple) else (state,)


def norm(gradients: Sequence[Tensor | None]) -> float:
    """Of all tensors of a state together, over the whole batch; None is where no gradient has come."""
    # hypot 不怕下溢: 1e-200 的平方在 float64 中为 0   the square of 1e-200 would be 0
    return math.hypot(*(x for gradient in gradients if gradient is not None for x in gradient.flatten().tolist()))


def measure(cells: dict[str, Cell], name: str, initialisation: str, scale: int, L: int, seed: int) -> dict[str, Any]:
    """One cell with one initialisation on random inputs."""
    random = np.random.default_rng(seed)
    # 输入: 标准正态   inputs: standard normal
    X = paddle.to_tensor(random.standard_normal((B, L, D)))
    direction = random.standard_normal((B, D))
    singular_value = initialise(cells[name], initialisation, scale, random)
    norms = gradient_norms(cells[name], X, paddle.to_tensor(direction / np.linalg.norm(direction)))
    found = {"cell": name, "initialisation": initialisation, "scale": scale, "seed": seed}
    return found | {"singular_value": singular_value, "norms": norms}


# --- 放大 U larger weights ---

# LSTM 防止梯度消失, 但能防止梯度爆炸吗?   LSTM cures vanishing: exploding, too? U is orthogonal, times a factor
SCALED = ("SRN tanh", "GRU open", "LSTM open")

# --- 全零 all parameters zero ---

FROM_ZEROS = ("SRN tanh", "SRN sigmoid", "SRN ReLU", "GRU", "LSTM")


def learn_from_zeros(cell: Cell, steps: int = 5, classes: int = 3) -> dict[str, Any]:
    """Every parameter 0, then gradient descent: which of them have moved, and does any hidden unit differ from another?

    Not W and U alone: with a classifier that is not 0 a gradient would reach W from the last step.
    """
    random = np.random.default_rng(0)
    X, y = paddle.to_tensor(random.standard_normal((B, 10, D))), paddle.to_tensor(random.integers(0, classes, B))
    V, c = (paddle.create_parameter(shape, "float64") for shape in ([D, classes], [1, classes]))
    parameters = {"W": cell.W, "U": cell.U, "b": cell.b, "V": V, "c": c}
    for parameter in parameters.values():
        parameter.set_value(paddle.zeros_like(parameter))
    optimizer = paddle.optimizer.SGD(1.0, parameters=list(parameters.values()))
    for _ in range(steps):
        H = unroll([cell], X)[0][:, -1]
        # 类别得分   class scores = H_L V + c
        F.cross_entropy(H @ V + c, y).backward()
        optimizer.step()
        optimizer.clear_grad()
    moved = [name for name, parameter in parameters.items() if parameter.abs().max() > 0]
    return {"moved": moved, "difference": (H - H[:, :1]).abs().max().item()}


# --- 实验 experiment ---


def experiment(run: Run) -> dict[str, Any]:
    """What is measured without training; then the remedies, which are trained."""
    measured = measurements(run)
    # 4 改进办法   the remedies
    return measured | {"remedies": remedies.experiment(run)}


def measurements(run: Run) -> dict[str, Any]:
    """The first three parts, one after another."""
    settings, seeds = run.settings, range(run.seeds)
    # 1, 2 幂与误差面   powers and the error surface
    progress.stage(Text("powers and the error surface", "幂与误差面"))
    found = powers()
    parts = {"powers": found, "learning_rates": learning_rates(found), "wall": wall()}
    parts |= {"surface": surface(settings.surface_points), "paths": paths(settings)}
    # 3 每种单元、每种初始化   each cell with each initialisation
    progress.stage(Text("gradients going back through time", "梯度沿时间回传"))
    L, cells = settings.distance, make_cells(settings.distance)
    wanted = itertools.product(cells, INITIALISATIONS, [1], [L], seeds)
    scaled = itertools.product(SCALED, ["orthogonal"], settings.scales, [L], seeds)
    parts["distance"] = [measure(cells, *each) for each in wanted]
    parts["scaled"] = [measure(cells, *each) for each in scaled]
    parts["zeros"] = {name: learn_from_zeros(cells[name]) for name in FROM_ZEROS}
    return parts


# 结论、表与图, 各两部分   claims, tables and figures, in two parts each: gradient_*_findings.py, gradient_*_figures.py
LESSON = Lesson(
    experiment,
    lambda record: [*findings.claims(record), *remedies_findings.claims(record)],
    lambda record: [*figures.tables(record), *remedies_figures.tables(record)],
    lambda record: figures.figures(record) | remedies_figures.figures(record),
    exhibits=exhibits.exhibits,
)

if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", "gradients", *sys.argv[1:]])
