r"""Cells compared: exercises 6.1 and 6.4 (练习 6.1、6.4: 带残差连接的 SRN; GRU 与 LSTM 对比).

On the task of section 6.2, four ways to carry a state from step to step 在 6.2 节的任务上比较四种循环单元:

.. math::
    \text{SRN: } & H_t = \tanh(X_t W + H_{t-1} U + b) \\
    \text{residual SRN: } & H_t = H_{t-1} + \tanh(X_t W + H_{t-1} U + b)

and GRU and LSTM, see nndl/op/cell.py. The derivative of the residual step is the identity and something more, so that
gradients have a way around tanh (He et al., 2016, for layers; here between hidden states).
"""

import sys
from pathlib import Path
from typing import Any

import chapter6  # noqa: F401  Ctrl-C 从此只显示一行   from here on Ctrl-C is one line
import nndl
from chapter6.extras import cells_findings as findings
from chapter6.lab.lesson import Lesson, Run
from chapter6.lab.training import Training, train_all
from chapter6.sec_6_2_srn_memory import learn, trainings
from chapter6.sec_6_2_srn_memory import train as train_srn
from chapter6.sec_6_5_lstm_memory import train as train_lstm
from nndl.op import LSTMCell, Recurrent, SRNCell
from nndl.op.backend import choose

import paddle.nn.functional as F
from paddle import Tensor, addmm

# --- 模型 model ---


class ResidualSRNCell(SRNCell):
    r"""An SRN with a residual connection between hidden states (残差连接), one step; exercise 6.1.

    .. math:: H_t = H_{t-1} + \tanh(X_t W + H_{t-1} U + b)

    Shapes: X_t [B, M], H [B, D], W [M, D], U [D, D], b [1, D].
    """

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        # H_t = H_{t-1} + tanh(X_t W + b + H_{t-1} U)
        H = state + F.tanh(addmm(projected, state, self.U))
        self.note(hidden_state=H)
        return H, H


# --- 训练 training ---


def train_residual_srn(training: Training, folder: Path) -> dict[str, Any]:
    """One residual SRN for one length; all but the layer is as in section 6.2."""
    M, D = training.input_size, training.hidden_size
    # 任意单元都可以展开成一层   any cell can be unrolled into a layer
    layer = Recurrent(ResidualSRNCell, M, D)
    # 只换循环层, 其余与 6.2 节相同   only the recurrent layer is another
    return learn(layer, training, folder)


def train_gru(training: Training, folder: Path) -> dict[str, Any]:
    """One GRU for one length."""
    return learn(nndl.GRU(training.input_size, training.hidden_size), training, folder)


# --- 实验 experiment ---


def experiment(run: Run) -> dict[str, Any]:
    """Every cell at every length, with every seed (多组训练)."""
    wanted = [
        *trainings(run, "LSTM", train_lstm, backend=choose("auto", LSTMCell)),
        *trainings(run, "SRN", train_srn),
        *trainings(run, "residual SRN", train_residual_srn),
        *trainings(run, "GRU", train_gru),
        # 你的单元: 仿照上面写单元类和训练函数, 在此加一行; 只训练新的
        # a cell of your own: a class and a training function like those above, one more line here; only it is trained
    ]
    # 6.2、6.5 节训练过的 SRN 与 LSTM 直接取用   those that sections 6.2 and 6.5 have trained serve again
    trained = [run.out / section / run.preset / "checkpoints" for section in ("6.2", "6.5")]
    return {"trainings": train_all(run, wanted, also_in=trained)}


# 结论、表与图   claims, tables and figures: cells_findings.py
LESSON = Lesson(experiment, findings.claims, findings.tables, findings.figures)

if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", "cells", *sys.argv[1:]])
