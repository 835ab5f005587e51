r"""6.5 The memory of a long short-term memory network (LSTM 的记忆能力实验; printed section 6.3).

The experiment of section 6.2 with an LSTM. Its cell state C is carried from step to step by a sum, not through a
matrix and a tanh, so what it holds, and its gradient, can survive many steps:
把 6.2 节的循环层换成 LSTM。内部状态 C 以加法逐步传递，不经过矩阵和 tanh，因此信息和梯度都能保持更久：

.. math:: C_t = F_t \odot C_{t-1} + I_t \odot \tilde C_t, \qquad H_t = O_t \odot \tanh(C_t)

Figures: 6.11, losses for each length; 6.12, SRN against LSTM; 6.13, gates and states for one sequence.
Claims: our LSTM and Paddle's agree; Paddle's is faster than the stepwise one; LSTM is better than SRN at every
length, though it falls as well; the gates treat the zeros alike and the forget gate reacts to the 1.
"""

import math
import sys
from pathlib import Path
from typing import Any

import chapter6  # noqa: F401  Ctrl-C 从此只显示一行   from here on Ctrl-C is one line
import nndl
from chapter6 import sec_6_5_exhibits as exhibits
from chapter6 import sec_6_5_findings as findings
from chapter6.lab import measure
from chapter6.lab.lesson import Lesson, Run
from chapter6.lab.training import Training, train_all
from chapter6.sec_6_2_srn_memory import learn, trainings
from nndl.dataset import digit_sum
from nndl.op import LSTMCell
from nndl.op.backend import choose

import paddle
from paddle import nn

# --- 模型 model ---


def hand_set_example() -> dict[str, Any]:
    r"""An LSTM of one unit that keeps a number: the gates are driven by hand, far to one side (手工设定的门).

    Two inputs a step: what to remember, and whether to. With W_i = (0, 200), b_i = −100 the input gate is open where
    the second input is 1; W_f = (0, −200), b_f = 100 closes the forget gate there; the output gate is always open.

    .. math:: C = (.5, .5, .5),\; H = \tanh(C) \quad \text{for} \quad X = ((\tanh^{-1} .5, 1), (.9, 0), (-.3, 0))
    """
    gates = {"i": ([0.0, 200.0], -100.0), "f": ([0.0, -200.0], 100.0), "c": ([1.0, 0.0], 0.0), "o": ([0.0, 0.0], 100.0)}
    lstm = nndl.LSTM(2, 1)
    # 四个门并列: W = [W_i W_f W_c W_o]   the four gates side by side
    lstm.W.set_value(paddle.to_tensor([weights for weights, _ in gates.values()]).T)
    lstm.U.set_value(paddle.zeros_like(lstm.U))
    lstm.b.set_value(paddle.to_tensor([[bias for _, bias in gates.values()]]))
    X = paddle.to_tensor([[[math.atanh(0.5), 1.0], [0.9, 0.0], [-0.3, 0.0]]])
    with nndl.op.recording(lstm.cells[0]) as steps:
        lstm(X)
    return {"paper": [0.5, 0.5, 0.5], "lstm": [step["cell_state"].item() for step in steps]}


def compare_with_paddle(settings: Any) -> dict[str, Any]:
    """The same weights in ``paddle.nn.LSTM``: the same numbers? how fast is each? (与飞桨 LSTM 对比)"""
    return {
        "parity": {dtype: measure.parity(nndl.LSTM, nn.LSTM, dtype, "fused") for dtype in measure.PARITY},
        "speed": measure.speed(nndl.LSTM, nn.LSTM, settings.lengths, settings.batch_size, settings.hidden_size),
    }


# --- 训练 training ---


def train(training: Training, folder: Path) -> dict[str, Any]:
    """One LSTM for one length (printed 6.3.2): data, criterion, optimizer and metric are those of section 6.2."""
    # 三个门, 候选状态, 内部状态: 公式见 nndl/op/cell.py   three gates, candidate state, cell state: equations there
    # backend: 同一公式的快速算子; 改动公式后 auto 即按新公式计算   a fast operator; auto follows a changed equation
    layer = nndl.LSTM(training.input_size, training.hidden_size, backend=training.backend)
    # 数据, 学习准则, 优化算法, 评价指标与 6.2 节相同   all the rest is as in section 6.2
    return learn(layer, training, folder)


# --- 实验 experiment ---


def experiment(run: Run) -> dict[str, Any]:
    """The lesson, step by step; returns what the record keeps."""
    comparison = compare_with_paddle(run.settings)
    # 相同长度与种子的 LSTM 与 SRN; 6.2 节训练过的 SRN 直接取用   SRNs that section 6.2 has trained serve again
    lstm = trainings(run, "LSTM", train, backend=choose(run.settings.backend, LSTMCell))
    srn = trainings(run)
    results = train_all(run, [*lstm, *srn], also_in=[run.out / "6.2" / run.preset / "checkpoints"])
    # 观察门与状态: 每个种子取长度最接近的模型   looking inside: of each seed the model of the nearest length
    digits = run.settings.digits
    nearest = min(run.settings.lengths, key=lambda length: (abs(length - len(digits)), -length))
    watched = [watch_gates(result, digits) for result in results.where(model="LSTM", length=nearest)]
    return {"example": hand_set_example(), **comparison, "trainings": results, "gates": watched}


# --- 观察 looking inside ---

GATES = ("input_gate", "forget_gate", "output_gate")
STATES = ("candidate", "cell_state", "hidden_state")


def watch_gates(result: dict[str, Any], digits: tuple[int, ...]) -> dict[str, Any]:
    """Gates and states of a trained LSTM for one sequence, and the sum it predicts (图 6.13).

    Returns lists [L][D] under the names of :data:`GATES` and :data:`STATES`; seed, length, prediction.
    """
    # 取回训练好的模型   the trained model
    M, D = result["input_size"], result["hidden_size"]
    model = nndl.Model_RNN4SeqClass(
        nndl.LSTM(M, D, backend=result["backend"]), digit_sum.NUM_DIGITS, M, D, digit_sum.NUM_CLASSES
    )
    runner = nndl.RunnerV3(model, None, None, None)
    runner.load_model(Path(result["folder"]) / "best.pdparams")
    # 逐步记录各门与状态   every step's gates and states are recorded
    with nndl.op.recording(model.rnn_model.cells[0]) as steps:
        logits = runner.predict(paddle.to_tensor([digits], dtype="int64"))
    states = {name: [step[name][0].tolist() for step in steps] for name in (*GATES, *STATES)}
    return {"seed": result["seed"], "length": result["length"], "prediction": int(logits.argmax()), **states}


# 结论、表与图   claims, tables and figures: sec_6_5_findings.py; 网页上的门控探索   on the page: sec_6_5_exhibits.py
LESSON = Lesson(experiment, findings.claims, findings.tables, findings.figures, exhibits=exhibits.exhibits)

if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", "6.5", *sys.argv[1:]])
