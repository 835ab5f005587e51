r"""6.6 The LSTM experiment, step by step (LSTM 的记忆能力实验代码演示; printed section 6.3).

Three gates and three states (三个门、三个状态), each with its numbers, in the book's form, twelve small matrices:
三个门控制三个状态：输入门 I 控制候选状态，遗忘门 F 控制上一内部状态，输出门 O 控制输出状态。

.. math::
    I, F, O = \sigma(X_t W_* + H_{t-1} U_* + b_*), \quad \tilde C_t = \tanh(X_t W_c + H_{t-1} U_c + b_c), \quad
    C_t = F_t \odot C_{t-1} + I_t \odot \tilde C_t, \quad H_t = O_t \odot \tanh(C_t)

Six steps 六步: parameters 参数, gates and states 门与状态, initial states 初始状态, order 飞桨的门次序与两个偏置,
two units set by hand 手工设定的两个单元, and C as a direct edge 直连边, like a residual connection 类似残差连接:

.. math:: \frac{\partial C_L}{\partial C_0} = \prod_t F_t \text{ along the edge; of an SRN } \prod_t U^T(1 - H_t^2)

Claims: the book's form, the fused one and Paddle's agree; two units set by hand add up at any length; the edge carries
what the forget gates let through, which is little before training and much with open gates.
"""

import sys
from itertools import permutations
from math import prod
from typing import Any

import chapter6  # noqa: F401  Ctrl-C 从此只显示一行   from here on Ctrl-C is one line
import nndl
from chapter6 import sec_6_6_findings as findings
from chapter6.lab.lesson import Lesson, Run
from chapter6.lab.record import Results
from chapter6.lab.training import train_all
from chapter6.presets import MEMORY
from chapter6.sec_6_2_srn_memory import find_data, make_loaders, trainings
from chapter6.sec_6_3_srn_walkthrough import gap, load, look, make_model, tell
from chapter6.sec_6_3_srn_walkthrough import unroll as unroll_srn
from chapter6.sec_6_5_lstm_memory import GATES, STATES, train
from nndl.dataset import digit_sum
from nndl.op import LSTMCell, recording
from nndl.op.backend import choose

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F

# --- 参数 parameters ---

ORDER = "ifco"
"""How the four parts stand side by side in a fused matrix: input, forget gate, candidate, output gate."""


def separate(lstm: nn.Layer) -> dict[str, Tensor]:
    """The book's form: W_i, W_f, W_c, W_o [M, D], U_* [D, D], b_* [1, D], from W [M, 4D], U [D, 4D], b [1, 4D]."""
    fused = {"W": lstm.W, "U": lstm.U, "b": lstm.b}
    return {f"{n}_{g}": part for n, both in fused.items() for g, part in zip(ORDER, both.split(4, axis=1), strict=True)}


def count(lstm: nn.Layer, M: int, D: int) -> dict[str, Any]:
    """Shapes and numbers of parameters, by formula and counted; an SRN's beside them (参数量)."""
    formulas = {"W": ("M D", M * D), "U": ("D²", D * D), "b": ("D", D)}
    parts = separate(lstm)
    rows = []
    for (name, (formula, size)), fused in zip(formulas.items(), (lstm.W, lstm.U, lstm.b), strict=True):
        shapes = {"shape": list(parts[f"{name}_i"].shape), "fused": list(fused.shape)}
        rows.append({"name": name, "formula": formula, "size": size} | shapes)
    counted = {type(each).__name__: sum(prod(p.shape) for p in each.parameters()) for each in (lstm, nndl.SRN(M, D))}
    return {"rows": rows, "counted": counted}


# --- 门与状态 gates and states ---


def step(X_t: Tensor, H: Tensor, C: Tensor, w: dict[str, Tensor]) -> dict[str, Tensor]:
    """One step in the book's form: X_t [B, M] and the states before, [B, D] each, to three gates and three states."""
    # 输入门: 候选状态写入多少   input gate: how much of the candidate is written
    I_t = F.sigmoid(X_t @ w["W_i"] + H @ w["U_i"] + w["b_i"])
    # 遗忘门: 上一内部状态留下多少   forget gate: how much of the cell state before is kept
    F_t = F.sigmoid(X_t @ w["W_f"] + H @ w["U_f"] + w["b_f"])
    # 输出门: 内部状态给出多少   output gate: how much of the cell state is shown
    O_t = F.sigmoid(X_t @ w["W_o"] + H @ w["U_o"] + w["b_o"])
    # 候选状态, 与 SRN 的隐状态同式   candidate state: the equation of an SRN
    C_tilde = paddle.tanh(X_t @ w["W_c"] + H @ w["U_c"] + w["b_c"])
    # 内部状态 (记忆): 以加法传递, 不经矩阵与 tanh   cell state, the memory: handed on by a sum
    C_t = F_t * C + I_t * C_tilde
    # 输出状态 (隐状态)   hidden state, what the layer shows
    H_t = O_t * paddle.tanh(C_t)
    return {"I": I_t, "F": F_t, "O": O_t, "C̃": C_tilde, "C": C_t, "H": H_t}


def unroll(
    X: Tensor, w: dict[str, Tensor], H: Tensor | None = None, C: Tensor | None = None, cut: bool = False
) -> list[dict[str, Tensor]]:
    """All steps of vectors [B, L, M], from initial states [B, D] that are handed in, or zeros.

    Args:
        cut: whether no gradient goes through H, so that the direct edge of C alone is left.
    """
    # 初始状态: 由外部传入, 或默认为零   initial states: handed in, or zeros
    zeros = paddle.zeros([X.shape[0], w["b_i"].shape[1]])
    H, C, steps = zeros if H is None else H, zeros if C is None else C, []
    for t in range(X.shape[1]):
        steps.append(step(X[:, t], H.detach() if cut else H, C, w))
        H, C = steps[-1]["H"], steps[-1]["C"]
    return steps


NOTED = dict(zip(("I", "F", "O", "C̃", "C", "H"), (*GATES, *STATES), strict=True))
"""Our letters, and the names under which an operator's steps are recorded."""


def compare_steps(lstm: nn.Layer, X: Tensor) -> dict[str, Any]:
    """Our steps beside those recorded of the operator (记录), and beside Paddle's."""
    steps = unroll(X, separate(lstm))
    # 记录算子每一步的门与状态   every step of the operator, recorded
    with recording(lstm.cells[0]) as noted:
        lstm(X)
    recorded = max(gap(ours[a], theirs[b]) for ours, theirs in zip(steps, noted, strict=True) for a, b in NOTED.items())
    outputs, (_, C) = lstm.to_paddle()(X)
    H = paddle.stack([terms["H"] for terms in steps], axis=1)
    gaps = {"nndl.LSTM": recorded, "paddle.nn.LSTM": max(gap(outputs, H), gap(C[0], steps[-1]["C"]))}
    rows = [look(name, terms[name]) | {"t": t} for t, terms in enumerate(steps, start=1) for name in terms]
    return {"rows": rows, "gaps": gaps}


def hand_in_states(lstm: nn.Layer, X: Tensor) -> dict[str, float]:
    """Initial states (初始状态): what is the same, and what is not; each a largest difference in the last H."""
    w, half = separate(lstm), X.shape[1] // 2
    whole, zeros = unroll(X, w)[-1]["H"], paddle.zeros([X.shape[0], lstm.hidden_size])
    middle = unroll(X[:, :half], w)[-1]
    return {
        "zeros": gap(unroll(X, w, zeros, zeros)[-1]["H"], whole),  # 默认即为零   the default is zeros
        # 读一半, 把 H 与 C 传下去, 再读另一半   half, then the other half from the states of the first
        "both": gap(unroll(X[:, half:], w, middle["H"], middle["C"])[-1]["H"], whole),
        # 只传 H 而丢掉 C: 记忆就没了   H alone, without C: the memory is lost
        "H": gap(unroll(X[:, half:], w, middle["H"])[-1]["H"], whole),
    }


def try_orders(lstm: nn.Layer, X: Tensor) -> dict[str, Any]:
    """Copy our weights into ``paddle.nn.LSTM`` in every order of the parts, b into one of its biases, and compare."""
    w, theirs = separate(lstm), nn.LSTM(lstm.input_size, lstm.hidden_size)
    expected, found = unroll(X, w)[-1]["H"], {}
    for order in map("".join, permutations(ORDER)):
        W, U, b = (paddle.concat([w[f"{name}_{gate}"] for gate in order], axis=1) for name in "WUb")
        # 飞桨: 转置, 两个偏置相加   Paddle's: transposed, and two biases that are added up
        theirs.weight_ih_l0.set_value(W.T)  # [4D, M]
        theirs.weight_hh_l0.set_value(U.T)  # [4D, D]
        theirs.bias_ih_l0.set_value(b[0] * 0.25)  # [4D]
        theirs.bias_hh_l0.set_value(b[0] * 0.75)  # 只有两者之和起作用   only their sum matters
        found[order] = gap(theirs(X)[0][:, -1], expected)
    return {"orders": found, "shapes": {name: list(p.shape) for name, p in theirs.named_parameters()}}


# --- 手工设定的 LSTM   an LSTM set by hand ---

FAR = 50.0
SMALL = 0.001


def two_units() -> nn.Layer:
    r"""The model of section 6.5 with M = 1 and D = 2, every weight set by hand, right at any length (两个单元即可求和).

    Unit 0 counts the steps, 单元 0 计步: :math:`C = 1, 2, 3, \dots`, so H = tanh C = .76, .964, .995, …
    Unit 1 adds, 单元 1 求和: its input gate is open while the counter's H before is below .86, for two steps.
    """
    model = make_model(nndl.LSTM(1, 2), 1, 2)
    zeros = {name: paddle.zeros(part.shape) for name, part in separate(model.rnn_model).items()}
    w = zeros | {
        # 遗忘门与输出门始终打开   forget and output gate are always open
        "b_f": paddle.to_tensor([[FAR, FAR]]),
        "b_o": paddle.to_tensor([[FAR, FAR]]),
        # 候选状态: 计步单元恒为 1; 求和单元是数字本身   candidate: 1 for the counter, the digit itself for the sum
        "b_c": paddle.to_tensor([[FAR, 0.0]]),
        "W_c": paddle.to_tensor([[0.0, 1.0]]),
        # 输入门: 计步单元恒开; 求和单元为 σ(200 (.86 - H_0)), 只在前两步打开   open for two steps alone
        "b_i": paddle.to_tensor([[FAR, 200 * 0.86]]),
        "U_i": paddle.to_tensor([[0.0, -200.0], [0.0, 0.0]]),
    }
    for name, fused in (("W", model.rnn_model.W), ("U", model.rnn_model.U), ("b", model.rnn_model.b)):
        fused.set_value(paddle.concat([w[f"{name}_{gate}"] for gate in ORDER], axis=1))
    # 嵌入: 数字 d 即 .001 d, 小到 tanh 近似恒等   the digit d is .001 d, so small that tanh leaves it as it is
    model.embedding.W.set_value(SMALL * paddle.arange(10, dtype="float32").unsqueeze(1))
    # 线性层: 与和 s 最近的 k 得分最高, -(s - k)² = 2 s k - k² - s²   the k next to the sum s has the highest score
    k = paddle.arange(digit_sum.NUM_CLASSES, dtype="float32")
    model.linear.weight.set_value(paddle.stack([0 * k, 2 * k / SMALL]))
    model.linear.bias.set_value(-(k**2))
    return model


@paddle.no_grad()
def judge_two_units(run: Run) -> dict[str, Any]:
    """What the two units do with the reader's digits, and how many of all examples of the book's lengths are right."""
    model, digits, accuracies = two_units(), run.settings.digits, {}
    with recording(model.rnn_model.cells[0]) as steps:
        prediction = int(model(paddle.to_tensor([digits])).argmax())
    rows = [{name: terms[noted][0].tolist() for name, noted in NOTED.items()} for terms in steps]
    for length in MEMORY["book"].lengths:
        batches = [batch for loader in make_loaders(find_data(run, length)[0], 100) for batch in loader]
        right = sum(int((model(X).argmax(axis=1) == y).sum()) for X, y in batches)
        accuracies[str(length)] = right / sum(len(y) for _, y in batches)
    return {"digits": digits, "rows": rows, "prediction": prediction, "accuracies": accuracies}


# --- 直连边 the direct edge ---


def jacobians(last: Tensor, earlier: list[Tensor]) -> list[Tensor]:
    """∂last/∂earlier, [D, D] each, from D copies of one sequence: copy i answers for unit i of the last state."""
    return paddle.grad(paddle.diagonal(last).sum(), earlier)


def edge_of_lstm(lstm: nn.Layer, X: Tensor) -> dict[str, Any]:
    """How much of a change of the memory at each step of X [1, L, M] arrives at the last: ∂C_L/∂C_t."""
    D, L = lstm.hidden_size, X.shape[1]
    start = paddle.zeros([D, D])  # C_0 = 0, D 份   D copies
    start.stop_gradient = False
    found = {}
    for way, cut in (("whole", False), ("direct", True)):
        steps = unroll(X.expand([D, L, -1]), separate(lstm), C=start, cut=cut)
        found[way] = jacobians(steps[-1]["C"], [start, *(terms["C"] for terms in steps[:-1])])
    # 只沿直连边: ∂C_L/∂C_t = F_L ⊙ … ⊙ F_{t+1}, 对角阵   along the edge alone: a product of forget gates
    product, by_gates = paddle.ones([D]), []
    for terms in reversed(steps):
        product = product * terms["F"][0]
        by_gates.insert(0, paddle.diag(product))
    # ‖J‖_F/√D: 变化全部传到时为 1   1 where all of a change arrives, as by the identity
    sizes = {way: [float(J.norm()) / D**0.5 for J in matrices] for way, matrices in found.items()}
    forget = [float(terms["F"][0].mean()) for terms in steps]
    return sizes | {"forget": forget, "gap_gates": worst(found["direct"], by_gates)}


def edge_of_srn(srn: nn.Layer, X: Tensor) -> dict[str, Any]:
    """The same of an SRN, which has no such edge: ∂H_L/∂H_t."""
    D, L = srn.hidden_size, X.shape[1]
    start = paddle.zeros([D, D])
    start.stop_gradient = False
    steps = unroll_srn(X.expand([D, L, -1]), srn.W, srn.U, srn.b, start)
    found = jacobians(steps[-1]["H"], [start, *(terms["H"] for terms in steps[:-1])])
    # 每退一步乘一次 1 - H_t² 与 Uᵀ   at each step back times 1 - H_t² and Uᵀ
    chain, by_chain = paddle.eye(D), []
    for terms in reversed(steps):
        chain = chain @ ((1 - terms["H"][0] ** 2).unsqueeze(1) * srn.U.T)
        by_chain.insert(0, chain)
    return {"srn": [float(J.norm()) / D**0.5 for J in found], "gap_chain": worst(found, by_chain)}


def worst(found: list[Tensor], expected: list[Tensor]) -> float:
    """The largest difference of matrices, relative where an entry is above 1: of a trained SRN many are."""
    return max(gap(J, K) / max(1.0, float(K.abs().max())) for J, K in zip(found, expected, strict=True))


OPEN = 3.0  # 遗忘门的偏置: σ(3) = .95   a bias of the forget gate
STARTS = 8  # 测量多少个未训练的模型   how many untrained models are measured


def measure_edges(run: Run, results: Results) -> list[dict[str, Any]]:
    """Untrained models, the same with open forget gates, and the trained ones of each seed."""
    M, D = run.settings.input_size, run.settings.hidden_size
    digits, layers, found = paddle.to_tensor([run.settings.digits]), (nndl.LSTM, nndl.SRN), []
    for case, seeds in (("untrained", STARTS), ("open", STARTS), ("trained", run.seeds)):
        for seed in range(seeds):
            nndl.runtime.seed_everything(seed)
            lstm, srn = (make_model(layer(M, D), M, D) for layer in layers)
            if case == "open":
                # 四个偏置并列, 第二个是 b_f   of the four biases side by side the second is b_f
                lstm.rnn_model.b.set_value(OPEN * (paddle.arange(4 * D) // D == 1).astype("float32").unsqueeze(0))
            if case == "trained":
                lstm, srn = (load(layer, results.where(model=layer.__name__, seed=seed)[0]) for layer in layers)
            edge = edge_of_lstm(lstm.rnn_model, lstm.embedding(digits))
            edge |= edge_of_srn(srn.rnn_model, srn.embedding(digits))
            found.append({"case": case, "seed": seed, **edge})
    return found


# --- 实验 experiment ---


def experiment(run: Run) -> dict[str, Any]:
    """The lesson, step by step; returns what the record keeps."""
    M, D = run.settings.input_size, run.settings.hidden_size
    nndl.runtime.seed_everything(0)
    model = make_model(nndl.LSTM(M, D), M, D)
    lstm, X = model.rnn_model, model.embedding(paddle.to_tensor([run.settings.digits]))
    found = {
        "parameters": tell(findings.parameters, count(lstm, M, D)),
        "steps": tell(findings.steps, compare_steps(lstm, X)),
        "states": tell(findings.states, hand_in_states(lstm, X)),
        "order": tell(findings.order, try_orders(lstm, X)),
        "two_units": tell(findings.two_units, judge_two_units(run)),
    }
    # 6.5 与 6.2 节训练过的模型直接取用   what sections 6.5 and 6.2 have trained serves again
    wanted = [*trainings(run, "LSTM", train, backend=choose(run.settings.backend, LSTMCell)), *trainings(run)]
    results = train_all(run, wanted, also_in=[run.out / n / run.preset / "checkpoints" for n in ("6.2", "6.3", "6.5")])
    return found | {"trainings": results, "edges": tell(findings.edges, measure_edges(run, results))}


# 结论、表与图   claims, tables and figures: sec_6_6_findings.py
LESSON = Lesson(experiment, findings.claims, findings.tables, findings.figures, tables_told=len(findings.STEPS))

if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", "6.6", *sys.argv[1:]])
