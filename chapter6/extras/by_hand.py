r"""Recurrent networks by hand (手算循环网络): every number of a small one, on paper and by the layers of this project.

Five things that one believes once one has computed them 亲手算一遍才真正明白的五件事:

1. an RNN that only adds: the order of its inputs changes its output 只做加法的 RNN：输入次序改变输出；
2. an LSTM whose gates are set by hand: add, keep, reset, output 手工设定门的 LSTM：累加、保持、清零、输出；
3. two products are one, and a one-hot product is a lookup 两次乘积合为一次，独热乘积即查表；
4. backpropagation through time over two steps 两步的随时间反向传播 (BPTT):

.. math:: \delta_2 = (H_2 - Y) \odot (1 - H_2^2), \qquad \delta_1 = \delta_2 U^{\mathsf T} \odot (1 - H_1^2)

5. the state before the first step: zero, random or learned 初始状态 H_0：零、随机还是学得？

1 and 2 after the lecture of Li Hongyi (李宏毅), 2020; 3 after "Dive into Deep Learning" (动手学深度学习).
"""

import sys
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any

import chapter6  # noqa: F401  Ctrl-C 从此只显示一行   from here on Ctrl-C is one line
import nndl
from chapter6.extras import by_hand_findings as findings
from chapter6.extras.presets.by_hand import OF_THE_NOTES, parse_steps
from chapter6.lab.lesson import Lesson, Run
from chapter6.lab.training import Training, train_all
from chapter6.sec_6_2_srn_memory import find_data, learn, make_loaders, trainings
from nndl.dataset import digit_sum
from nndl.op import Embedding, LSTMCell, Recurrent, SRNCell, recording

import numpy as np
import paddle
from paddle import Tensor, nn
from paddle.nn.initializer import Assign, Constant

# --- 一, 只做加法的 RNN   1, an RNN that only adds ---


def add_only() -> dict[str, Any]:
    r"""Two inputs, two hidden and two output units; every weight is 1, no bias, every activation the identity.

    .. math:: H_t = X_t W + H_{t-1} U, \qquad Y_t = H_t V

    On paper, for (1, 1), (1, 1), (2, 2); both units are alike 两个单元相同，只写一个:

        H_1 = 1 + 1          = 2      Y_1 =  2 +  2 =  4
        H_2 = 1 + 1 + 2 + 2  = 6      Y_2 =  6 +  6 = 12
        H_3 = 2 + 2 + 6 + 6  = 16     Y_3 = 16 + 16 = 32
    """
    one = Constant(1.0)
    cell = partial(SRNCell, W_attr=one, U_attr=one, b_attr=False, activation="identity")
    layer, V = Recurrent(cell, 2, 2), paddle.ones([2, 2])
    found = []
    # 同样三个输入的所有次序   the same three inputs in every order
    for X in dict.fromkeys(permutations([(1.0, 1.0), (1.0, 1.0), (2.0, 2.0)])):
        H, _ = layer(paddle.to_tensor([X]))
        found.append({"inputs": X, "hidden": H[0].tolist(), "outputs": (H @ V)[0].tolist()})
    return {"paper": [[4, 4], [12, 12], [32, 32]], "orders": found}


# --- 二, 手工设定门的 LSTM   2, an LSTM whose gates are set by hand ---

FAR = 50.0
"""How far from 0 a gate is driven: σ(±50) is 0 or 1 to 21 digits (the lecture takes 10, and a closed gate leaks)."""
WEIGHTS = {
    # 输入门: x2 = 1 时打开   input gate: 100 x2 − 50, open where x2 = 1
    "i": ([0, 2 * FAR, 0], -FAR),
    # 遗忘门: x2 = −1 时关闭 (关上即遗忘)   forget gate: 100 x2 + 50, closed, that is, forgets, where x2 = −1
    "f": ([0, 2 * FAR, 0], FAR),
    # 候选状态就是 x1   the candidate is x1 itself
    "c": ([1, 0, 0], 0.0),
    # 输出门: x3 = 1 时打开   output gate: 100 x3 − 50, open where x3 = 1
    "o": ([0, 0, 2 * FAR], -FAR),
}
"""The weights of the three inputs, and the bias, of each gate, in the order in which they stand side by side."""
NOTED = ("input_gate", "forget_gate", "output_gate", "candidate", "cell_state", "hidden_state")


def hand_set_lstm() -> Recurrent:
    """Three inputs, one unit, no way back from H to the gates (U = 0), linear where an LSTM has tanh; float64."""
    W, b = zip(*WEIGHTS.values(), strict=True)
    attributes = {"W_attr": Assign(np.transpose(W)), "U_attr": Constant(0.0), "b_attr": Assign([b])}
    cell = partial(LSTMCell, **attributes, candidate="identity", output="identity")
    return Recurrent(cell, 3, 1).to(dtype="float64")


def watch(X: list[tuple[float, float, float]]) -> dict[str, list]:
    """Every gate and state of the LSTM at every step, and beside them what the rule says."""
    lstm = hand_set_lstm()
    with recording(lstm.cells[0]) as steps:
        lstm(paddle.to_tensor([X], dtype="float64"))
    memory, outputs = follow_rule(X)
    noted = {name: [step[name].item() for step in steps] for name in NOTED}
    return {"inputs": X, **noted, "memory_by_rule": memory, "outputs_by_rule": outputs}


def follow_rule(X: list[tuple[float, float, float]]) -> tuple[list[float], list[float]]:
    """What the LSTM shall do, without any network: the memory and the output after each step."""
    memory, memories, outputs = 0.0, [], []
    for x1, x2, x3 in X:
        if x2 == 1:
            memory += x1  # 累加   add
        elif x2 == -1:
            memory = 0.0  # 清零   reset
        memories.append(memory)
        outputs.append(memory if x3 == 1 else 0.0)  # 输出   output
    return memories, outputs


# --- 三, 一次乘积   3, one product ---


def one_product() -> dict[str, Any]:
    r"""[X, H] side by side times W over U: one product instead of two (拼接), here with the notes' shapes.

    .. math:: [X, H] \begin{pmatrix} W \\ U \end{pmatrix} = X W + H U
    """
    X, W = paddle.randn([3, 1]), paddle.randn([1, 4])
    H, U = paddle.randn([3, 4]), paddle.randn([4, 4])
    # [3, 1 + 4] 乘 [1 + 4, 4]
    together = paddle.concat([X, H], axis=1) @ paddle.concat([W, U], axis=0)
    return {"two": (X @ W + H @ U).tolist(), "one": together.tolist()}


def one_hot() -> dict[str, Any]:
    r"""Rows of E by their number, and as a product with one-hot vectors S' (独热编码): :math:`S' E` is a lookup."""
    digits = paddle.to_tensor([0, 2])
    lookup = Embedding(4, 3, method="lookup")
    product = Embedding(4, 3, para_attr=Assign(lookup.W.numpy()), method="one_hot")
    return {
        "digits": digits.tolist(),
        "one_hot": nn.functional.one_hot(digits, 4).astype("int64").tolist(),
        "lookup": lookup(digits).tolist(),
        "product": product(digits).tolist(),
    }


# --- 四, 手算反向传播   4, backpropagation by hand ---

EXAMPLE = {
    "X_1": [[1.0, 0.0]],
    "X_2": [[0.0, 2.0]],
    "W": [[0.1, 0.2], [0.1, 0.2]],
    "U": [[0.0, 0.1], [0.1, 0.0]],
    "b": [[0.1, 0.1]],
    "H_0": [[0.5, -0.5]],
    "Y": [[0.0, 1.0]],
}
"""The SRN that section 6.2 computes forward, with an initial state and a target Y for H_2."""


def backward_by_hand() -> dict[str, Any]:
    r"""Two steps of an SRN of two units forward, and back: nothing but products and sums.

    .. math:: L = \tfrac12 \lVert H_2 - Y \rVert^2
    """
    X_1, X_2, W, U, b, H_0, Y = map(np.array, EXAMPLE.values())
    # 前向: H_t = tanh(X_t W + H_{t-1} U + b)   forward
    H_1 = np.tanh(X_1 @ W + H_0 @ U + b)
    H_2 = np.tanh(X_2 @ W + H_1 @ U + b)
    # 损失: L = ½ Σ (H_2 − Y)²   loss
    L = ((H_2 - Y) ** 2).sum() / 2
    # 损失对 H_2 的导数: ∂L/∂H_2 = H_2 − Y   derivative of the loss
    dH_2 = H_2 - Y
    # 穿过 tanh, 其导数为 1 − tanh²: δ_2 = ∂L/∂H_2 ⊙ (1 − H_2²)   through tanh
    delta_2 = dH_2 * (1 - H_2**2)
    # 沿 U 回到上一步: ∂L/∂H_1 = δ_2 Uᵀ   back one step, through U
    dH_1 = delta_2 @ U.T
    # 再穿过 tanh: δ_1 = ∂L/∂H_1 ⊙ (1 − H_1²)   through tanh again
    delta_1 = dH_1 * (1 - H_1**2)
    # 每一步用的是同一组参数, 所以各步的梯度相加   each step has the same parameters, so the shares of the steps add up
    # ∂L/∂W = X_1ᵀ δ_1 + X_2ᵀ δ_2
    dW = X_1.T @ delta_1 + X_2.T @ delta_2
    # ∂L/∂U = H_0ᵀ δ_1 + H_1ᵀ δ_2
    dU = H_0.T @ delta_1 + H_1.T @ delta_2
    # ∂L/∂b = δ_1 + δ_2
    db = delta_1 + delta_2
    values = {"H_1": H_1, "H_2": H_2, "L": L.reshape(1, 1), "dH_2": dH_2, "delta_2": delta_2, "dH_1": dH_1}
    values |= {"delta_1": delta_1, "dW": dW, "dU": dU, "db": db}
    return {name: value.tolist() for name, value in values.items()}


def backward_by_autograd() -> dict[str, Any]:
    """The same numbers by the cell of :mod:`nndl.op` and Paddle's automatic differentiation (自动微分), float64."""
    X_1, X_2, W, U, b, H_0, Y = (paddle.to_tensor(value, dtype="float64") for value in EXAMPLE.values())
    cell = SRNCell(2, 2).to(dtype="float64")
    for parameter, value in zip(cell.weights, (W, U, b), strict=True):
        parameter.set_value(value)
    # Z_t = X_t W + b; ∂L/∂Z_t 就是 δ_t   the derivative by the inputs' share is δ_t
    Z_1, Z_2 = cell.project(X_1), cell.project(X_2)
    H_1, _ = cell.step(Z_1, H_0)
    H_2, _ = cell.step(Z_2, H_1)
    L = ((H_2 - Y) ** 2).sum() / 2
    names = ("dH_2", "delta_2", "dH_1", "delta_1", "dW", "dU", "db")
    derivatives = paddle.grad(L, [H_2, Z_2, H_1, Z_1, *cell.weights])
    values = {"H_1": H_1, "H_2": H_2, "L": L.reshape([1, 1]), **dict(zip(names, derivatives, strict=True))}
    return {name: value.tolist() for name, value in values.items()}


# --- 五, 初始状态   5, the state before the first step ---

MODELS = {"zero": "SRN", "fixed": "SRN-fixed", "random": "SRN-random", "learned": "SRN-learned"}
"""Initial state to the name of the model that is trained from it; from zero, that is the SRN of section 6.2."""


class SRNFrom(nndl.SRN):
    """An SRN with an initial state (初始状态) H_0 of its own.

    Args:
        input_size, hidden_size: M and D.
        start: "zero"; "fixed", drawn once from N(0, 1); "random", drawn anew for each sequence at each step of the
            training; "learned", a parameter as W, U and b are.
    """

    def __init__(self, input_size: int, hidden_size: int, start: str) -> None:
        super().__init__(input_size, hidden_size)
        self.start, shape = start, [1, 1, hidden_size]
        if start == "fixed":
            self.register_buffer("H_0", paddle.randn(shape))
        elif start == "learned":
            self.H_0 = self.create_parameter(shape, default_initializer=Constant(0.0))

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        shape = [1, inputs.shape[0], self.hidden_size]  # [N, B, D]
        if self.start == "zero":
            return super().forward(inputs, paddle.zeros(shape))
        if self.start == "random":
            return super().forward(inputs, paddle.randn(shape))
        return super().forward(inputs, self.H_0.expand(shape))


def train_from(training: Training, folder: Path) -> dict[str, Any]:
    """One SRN from one kind of initial state; all the rest is as in section 6.2."""
    return learn(SRNFrom(training.input_size, training.hidden_size, training.start), training, folder)


def start_from(start: str, trained: str, result: dict[str, Any], test_loader: list) -> float:
    """The test accuracy of an SRN that was trained from one initial state and now starts from another."""
    M, D = result["input_size"], result["hidden_size"]
    layer = SRNFrom(M, D, trained)
    model = nndl.Model_RNN4SeqClass(layer, digit_sum.NUM_DIGITS, M, D, digit_sum.NUM_CLASSES)
    runner = nndl.RunnerV3(model, None, nn.CrossEntropyLoss(), nndl.Accuracy())
    runner.load_model(Path(result["folder"]) / "best.pdparams")
    nndl.runtime.seed_everything(result["seed"])
    layer.start = start
    accuracy, _ = runner.evaluate(test_loader)
    return accuracy


def compare_starts(run: Run) -> dict[str, Any]:
    """Train from each initial state; then judge each model from its own, from zero and from random ones."""
    wanted = trainings(run)  # 从零开始即 6.2 节   from zero, as in section 6.2
    for start in ("fixed", "random", "learned"):
        wanted += trainings(run, MODELS[start], train_from, start=start)
    # 6.2 节训练过的 SRN 直接取用   SRNs that section 6.2 has trained serve again
    trained = [run.out / "6.2" / preset / "checkpoints" for preset in ("quick", "book")]
    results = train_all(run, wanted, also_in=trained)
    found = []
    for length in run.settings.lengths:
        *_, test_loader = make_loaders(find_data(run, length)[0], run.settings.batch_size)
        for trained_from, model in MODELS.items():
            for result in results.where(model=model, length=length):
                for start in dict.fromkeys([trained_from, "zero", "random"]):
                    accuracy = start_from(start, trained_from, result, test_loader)
                    case = {"trained": trained_from, "start": start, "length": length, "seed": result["seed"]}
                    found.append(case | {"accuracy": accuracy})
    return {"trainings": results, "starts": found}


# --- 实验 experiment ---


def experiment(run: Run) -> dict[str, Any]:
    """The lesson, step by step; returns what the record keeps."""
    nndl.runtime.seed_everything(0)
    # 笔记中的序列, 以及读者给出的   the sequence of the notes, and that of the reader
    sequences = dict.fromkeys(tuple(parse_steps(text)) for text in (OF_THE_NOTES, run.settings.x))
    return {
        "add_only": add_only(),
        "lstm": [watch(list(X)) for X in sequences],
        "product": one_product(),
        "one_hot": one_hot(),
        "bptt": {"given": EXAMPLE, "hand": backward_by_hand(), "autograd": backward_by_autograd()},
        **compare_starts(run),
    }


# 结论、表与图   claims, tables and figures: by_hand_findings.py, by_hand_starts.py
LESSON = Lesson(experiment, findings.claims, findings.tables, findings.figures)

if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", "by_hand", *sys.argv[1:]])
