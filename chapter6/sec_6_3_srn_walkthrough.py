r"""6.3 The SRN experiment, step by step (SRN 的记忆能力实验代码演示; printed section 6.1).

Section 6.2 taken apart: one batch of digits on its way through the model and back, every shape and number shown.
把 6.2 节拆开来看：一批数字走过整个模型，再沿原路返回，每一步的形状与数值都打印出来。

.. math::
    Z_t = X_t W + H_{t-1} U + b, \quad H_t = \tanh(Z_t), \quad P = \text{softmax}(H_L V + c),
    \quad \mathcal L = -\tfrac1B \textstyle\sum \log P_y

Nine steps 九步: batch 批次, embedding 嵌入层, SRN 层, derivation on paper 手动推导, output 线性层与损失,
parameters 模型汇总, gradients 反向传播, update 参数更新, training and one answer 训练并细看一个样本.
Claims: whatever is computed by hand, an operator or Paddle computes as well, with the same numbers.
"""

import sys
from collections.abc import Callable
from math import prod, tanh
from pathlib import Path
from typing import Any

import chapter6  # noqa: F401  Ctrl-C 从此只显示一行   from here on Ctrl-C is one line
import nndl
from chapter6 import sec_6_3_findings as findings
from chapter6.lab import terminal
from chapter6.lab.lesson import Lesson, Run
from chapter6.lab.report import Table
from chapter6.lab.training import train_all
from chapter6.sec_6_2_srn_memory import find_data, hand_set_example, make_loaders, trainings
from nndl.dataset import digit_sum

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F

# --- 数据与模型 data and model ---


def make_model(layer: nn.Layer, M: int, D: int) -> nn.Layer:
    """The model of section 6.2, untrained: embedding, recurrent layer, linear layer."""
    return nndl.Model_RNN4SeqClass(layer, digit_sum.NUM_DIGITS, M, D, digit_sum.NUM_CLASSES)


def load(layer_class: type[nn.Layer], result: dict[str, Any]) -> nn.Layer:
    """The model that a training has left."""
    M, D = result["input_size"], result["hidden_size"]
    model = make_model(layer_class(M, D), M, D)
    nndl.RunnerV3(model, None, None, None).load_model(Path(result["folder"]) / "best.pdparams")
    return model


def weights_of(model: nn.Layer) -> dict[str, Tensor]:
    """The parameters by the book's letters: E [10, M]; W [M, D], U [D, D], b [1, D]; V [D, 19], c [19]."""
    srn, linear = model.rnn_model, model.linear
    return {"E": model.embedding.W, "W": srn.W, "U": srn.U, "b": srn.b, "V": linear.weight, "c": linear.bias}


def look(equation: str, tensor: Tensor, row: Any = -1) -> dict[str, Any]:
    """What a table shows of a tensor: its equation, its shape, the first four numbers of one row, the last example."""
    return {"equation": equation, "shape": list(tensor.shape), "values": tensor[row].detach().flatten()[:4].tolist()}


def gap(found: Tensor, expected: Tensor) -> float:
    """The largest difference."""
    return float((found - expected).abs().max())


def look_at_batch(X: Tensor, y: Tensor) -> dict[str, Any]:
    """Digits int64 [B, L], and the sum of the first two of each, int64 [B] (一个批次); four examples, the last too."""
    return {"shapes": [list(X.shape), list(y.shape)], "digits": some(X).tolist(), "sums": some(y).tolist()}


def some(examples: Tensor) -> Tensor:
    """Four of a batch, or as many as there are: the last, and others at like distances before it."""
    return examples[:: -max(1, len(examples) // 4)][:4]


# --- 嵌入层 embedding ---


def embed(E: Tensor, X: Tensor) -> dict[str, Any]:
    """Digits [B, L] to vectors [B, L, M]: by lookup, E[X], and by one-hot vectors, S' E (查表与 one-hot)."""
    looked_up = E[X]  # 查表: 数字 6 取 E 的第 6 行   by lookup: the digit 6 takes row 6 of E
    # one-hot: 只有一个 1 的行向量, [B, L, 10] 乘 [10, M]   a row with a single 1
    S = F.one_hot(X, E.shape[0])
    rows = [look("E", E, int(X[-1, 0])), look("E[X]", looked_up), look("S'", S), look("S' E", S @ E)]
    return {"rows": rows, "gap": gap(looked_up, S @ E)}


# --- 循环层 the recurrent layer ---


def step(X_t: Tensor, H: Tensor, W: Tensor, U: Tensor, b: Tensor) -> dict[str, Tensor]:
    """One step of an SRN, term by term: X_t [B, M] and the state before, [B, D], to the state, [B, D]."""
    # 输入的贡献: [B, M] 乘 [M, D]   the share of the input
    XW = X_t @ W
    # 上一状态的贡献: [B, D] 乘 [D, D]   the share of the state before
    HU = H @ U
    # 净输入: b [1, D] 加到每一行   net input: b is added to every row
    Z = XW + HU + b
    # 隐状态: tanh 把每个数压到 (-1, 1)   hidden state: tanh squeezes every number into (-1, 1)
    return {"XW": XW, "HU": HU, "Z": Z, "H": paddle.tanh(Z)}


def unroll(X: Tensor, W: Tensor, U: Tensor, b: Tensor, H: Tensor | None = None) -> list[dict[str, Tensor]]:
    """All steps of vectors [B, L, M] from an initial state [B, D]; at each the SAME W, U and b (权重共享)."""
    # H_0 = 0: 还没有读到任何数字   nothing has been read yet
    H, steps = paddle.zeros([X.shape[0], U.shape[0]], X.dtype) if H is None else H, []
    for t in range(X.shape[1]):
        steps.append(step(X[:, t], H, W, U, b))
        H = steps[-1]["H"]
    return steps


def compare_steps(srn: nn.Layer, X: Tensor) -> dict[str, Any]:
    """Our steps beside the operator's and Paddle's, from the same weights."""
    steps = unroll(X, srn.W, srn.U, srn.b)
    H = paddle.stack([terms["H"] for terms in steps], axis=1)
    # 算子与飞桨: [B, L, M] 一次读完, 返回所有隐状态 [B, L, D] 和最后的隐状态   the operator reads all at once
    (outputs, last), (theirs, _) = srn(X), srn.to_paddle()(X)
    rows = [look(name, terms[name]) | {"t": t} for t, terms in enumerate(steps, start=1) for name in terms]
    gaps = {"nndl.SRN": gap(outputs, H), "paddle.nn.SimpleRNN": gap(theirs, H), "H_L": gap(last[0], H[:, -1])}
    return {"rows": rows, "gaps": gaps, "hidden": some(H)[:3].tolist()}


def derive() -> dict[str, Any]:
    """Two units and two steps on paper, line by line, and by :func:`step` (手动推导 SRN 前向计算)."""
    W, U, b, X = [[0.1, 0.2], [0.1, 0.2]], [[0.0, 0.1], [0.1, 0.0]], [[0.1, 0.1]], [[[1.0, 0.0], [0.0, 2.0]]]
    first, second = unroll(*map(paddle.to_tensor, (X, W, U, b)))
    h1, h2 = tanh(0.2), tanh(0.3)
    lines = [
        ("X_1 W", "1×.1 + 0×.1,  1×.2 + 0×.2", [0.1, 0.2], first["XW"]),
        ("H_0 U", "0,  0", [0.0, 0.0], first["HU"]),
        ("Z_1", ".1 + 0 + .1,  .2 + 0 + .1", [0.2, 0.3], first["Z"]),
        ("H_1", "tanh .2,  tanh .3", [h1, h2], first["H"]),
        ("X_2 W", "0×.1 + 2×.1,  0×.2 + 2×.2", [0.2, 0.4], second["XW"]),
        ("H_1 U", "tanh .3 × .1,  tanh .2 × .1", [h2 * 0.1, h1 * 0.1], second["HU"]),
        ("Z_2", ".2 + .1 tanh .3 + .1,  .4 + .1 tanh .2 + .1", [0.3 + h2 * 0.1, 0.5 + h1 * 0.1], second["Z"]),
        ("H_2", "tanh", [tanh(0.3 + h2 * 0.1), tanh(0.5 + h1 * 0.1)], second["H"]),
    ]
    found = [{"name": n, "how": how, "paper": paper, "steps": Z[0].tolist()} for n, how, paper, Z in lines]
    return {"lines": found, "operator": hand_set_example()["srn"]}  # 算子的两个隐状态   both states by the operator


# --- 线性层与损失 linear layer and loss ---


def classify(H: Tensor, V: Tensor, c: Tensor, y: Tensor) -> dict[str, Any]:
    """The last states [B, D] to logits, probabilities and the loss (对数几率, softmax, 交叉熵)."""
    logits = H @ V + c  # 线性层: [B, D] 乘 [D, 19]   linear layer
    # softmax: 指数, 再除以各类之和   the exponential, divided by the sum over the classes
    P = paddle.exp(logits) / paddle.exp(logits).sum(axis=1, keepdim=True)
    # 正确类别的概率, 取负对数; 损失是批次的均值   the right class' probability; the loss is the mean over the batch
    P_y = P[paddle.arange(len(y)), y]
    losses = -paddle.log(P_y)
    shown = [("H_L", H), ("logits = H_L V + c", logits), ("P = softmax(logits)", P), ("P_y", P_y), ("-log P_y", losses)]
    loss, theirs = float(losses.mean()), float(nn.CrossEntropyLoss()(logits, y))
    return {"rows": [look(*each) for each in shown], "loss": loss, "paddle": theirs}


def count(model: nn.Layer, M: int, D: int) -> dict[str, Any]:
    """Every parameter, its shape, its size by formula and as counted (模型汇总)."""
    N, C = digit_sum.NUM_DIGITS, digit_sum.NUM_CLASSES
    sizes = {"E": N * M, "W": M * D, "U": D * D, "b": D, "V": D * C, "c": C}
    formulas = {"E": "10 M", "W": "M D", "U": "D²", "b": "D", "V": "19 D", "c": "19"}
    weights = weights_of(model)
    rows = [{"name": n, "shape": list(weights[n].shape), "formula": formulas[n], "size": sizes[n]} for n in weights]
    return {"rows": rows, "counted": sum(prod(parameter.shape) for parameter in model.parameters())}


# --- 一步训练 one step of training ---


@paddle.no_grad()
def backward_by_hand(model: nn.Layer, X: Tensor, y: Tensor) -> tuple[dict[str, Tensor], list[float]]:
    r"""All gradients by their equations (随时间反向传播, BPTT), and how large δ_t is at each step, first to last.

    .. math::
        \delta_t = \frac{\partial\mathcal L}{\partial Z_t} = \frac{\partial\mathcal L}{\partial H_t} \odot (1 - H_t^2),
        \qquad \frac{\partial\mathcal L}{\partial H_{t-1}} = \delta_t U^{\mathsf T}
    """
    E, W, U, b, V, c = weights_of(model).values()
    S = F.one_hot(X, E.shape[0])
    H = [paddle.zeros([len(y), U.shape[0]]), *(terms["H"] for terms in unroll(S @ E, W, U, b))]
    # 损失对对数几率: 概率减去正确答案   by the logits: the probabilities minus the right answer
    d = (F.softmax(H[-1] @ V + c) - F.one_hot(y, V.shape[1])) / len(y)
    dV, dc, dH = H[-1].T @ d, d.sum(axis=0), d @ V.T
    dE, dW, dU, db = (paddle.zeros_like(weight) for weight in (E, W, U, b))
    sizes = []
    for t in range(X.shape[1], 0, -1):  # 从最后一步往回   from the last step back
        # 穿过 tanh: 其导数为 1 - H_t²   through tanh, whose derivative is 1 - H_t²
        delta = dH * (1 - H[t] ** 2)
        # 权重共享: 各步的贡献相加   the weights are shared, so the shares of the steps add up
        dE += S[:, t - 1].T @ (delta @ W.T)
        dW += (S[:, t - 1] @ E).T @ delta
        dU += H[t - 1].T @ delta
        db += delta.sum(axis=0, keepdim=True)
        # 沿 U 回到上一步   back through U, to the step before
        dH = delta @ U.T
        sizes.insert(0, float(delta.norm()))
    return {"E": dE, "W": dW, "U": dU, "b": db, "V": dV, "c": dc}, sizes


def differentiate(model: nn.Layer, X: Tensor, y: Tensor) -> dict[str, Any]:
    """The gradients by hand beside those of ``loss.backward()``."""
    by_hand, sizes = backward_by_hand(model, X, y)
    F.cross_entropy(model(X), y).backward()
    rows = [
        look(f"∂L/∂{name}", by_hand[name], slice(4)) | {"gap": gap(by_hand[name], weight.grad)}
        for name, weight in weights_of(model).items()
    ]
    model.clear_gradients()
    return {"rows": rows, "delta": sizes}


def adam(theta: Tensor, m: Tensor, v: Tensor, g: Tensor, t: int, eta: float) -> tuple[Tensor, Tensor, Tensor]:
    """θ and its means m and v after an update by the gradient g, at step t from 1 on, with learning rate η."""
    # 梯度的滑动平均, 梯度平方的滑动平均   means of the gradients, and of their squares
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
    # 修正: 两者从 0 开始, 起初偏小   corrected: both start at 0, so they are too small at first
    m_hat, v_hat = m / (1 - 0.9**t), v / (1 - 0.999**t)
    # θ ← θ - η m̂ / (√v̂ + ε)
    return theta - eta * m_hat / (paddle.sqrt(v_hat) + 1e-8), m, v


def update(model: nn.Layer, X: Tensor, y: Tensor, eta: float, steps: int = 3) -> dict[str, Any]:
    """Some steps by :func:`adam` beside the optimizer's; of one number, the first of b, everything is shown."""
    optimizer = nndl.Adam(eta, parameters=model.parameters())
    weights = weights_of(model)
    ours = {n: (w.detach().clone(), paddle.zeros_like(w), paddle.zeros_like(w)) for n, w in weights.items()}
    rows, gaps = [], []
    for t in range(1, steps + 1):
        # 前向, 反向   forward, backward
        loss = F.cross_entropy(model(X), y)
        loss.backward()
        ours = {name: adam(*values, weights[name].grad, t, eta) for name, values in ours.items()}
        g = float(weights["b"].grad[0, 0])
        # 更新, 清除梯度: 否则下一步的梯度会加在上面   update; clear the gradients, or the next would be added to them
        optimizer.step()
        optimizer.clear_grad()
        theta, m, v = (float(value[0, 0]) for value in ours["b"])
        numbers = {"g": g, "m": m, "v": v, "ours": theta, "theirs": float(weights["b"][0, 0])}
        rows.append({"t": t, "loss": float(loss), **numbers})
        gaps += [gap(ours[name][0], weights[name]) for name in weights]
    return {"rows": rows, "gap": max(gaps)}


# --- 训练好的模型 the trained model ---


@paddle.no_grad()
def answer(result: dict[str, Any], digits: tuple[int, ...]) -> dict[str, Any]:
    """What a trained model does with one sequence: its states [L][D], and what it would answer after each step."""
    E, W, U, b, V, c = weights_of(load(nndl.SRN, result)).values()
    H = paddle.concat([terms["H"] for terms in unroll(E[paddle.to_tensor([digits])], W, U, b)])
    # 每一步的隐状态都送入线性层; 真正的回答是最后一步的   every state is classified; the answer is that of the last
    P = F.softmax(H @ V + c)
    return {"seed": result["seed"], "hidden": H.tolist(), "probabilities": P.tolist()}


# --- 实验 experiment ---


def tell(table: Callable[[Any], Table], values: Any) -> Any:
    """Show a step's table on the terminal as soon as it is computed; returns the values, for the record."""
    terminal.show_table(table(values))
    return values


def experiment(run: Run) -> dict[str, Any]:
    """The lesson, step by step; returns what the record keeps."""
    settings, M, D = run.settings, run.settings.input_size, run.settings.hidden_size
    nndl.runtime.seed_everything(0)
    folder, _ = find_data(run, *settings.lengths)
    (X, y), *_ = make_loaders(folder, settings.batch_size)[0]
    model = make_model(nndl.SRN(M, D), M, D)
    E, W, U, b, V, c = weights_of(model).values()
    found = {
        "batch": tell(findings.batch, look_at_batch(X, y)),
        "embedding": tell(findings.embedding, embed(E, X)),
        "steps": tell(findings.steps, compare_steps(model.rnn_model, E[X])),
        "derivation": tell(findings.derivation, derive()),
        "output": tell(findings.output, classify(unroll(E[X], W, U, b)[-1]["H"], V, c, y)),
        "parameters": tell(findings.parameters, count(model, M, D)),
        "gradients": tell(findings.gradients, differentiate(model, X, y)),
        "update": tell(findings.update, update(model, X, y, settings.learning_rate)),
    }
    # 完整的训练: 6.2 节训练过的直接取用   the whole training; what section 6.2 has trained serves again
    results = train_all(run, trainings(run), also_in=[run.out / "6.2" / run.preset / "checkpoints"])
    return found | {"trainings": results, "answers": [answer(result, settings.digits) for result in results]}


# 结论、表与图   claims, tables and figures: sec_6_3_findings.py
LESSON = Lesson(experiment, findings.claims, findings.tables, findings.figures, tables_told=len(findings.STEPS))

if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", "6.3", *sys.argv[1:]])
