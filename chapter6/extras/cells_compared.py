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
from statistics import fmean
from typing import Any

import chapter6  # noqa: F401 (from here on Ctrl-C is one line)
import nndl
from chapter6.lab.claim import Claim, mean_and_spread
from chapter6.lab.lesson import Drawing, Lesson, Run
from chapter6.lab.record import Record
from chapter6.lab.report import Table
from chapter6.lab.text import Text
from chapter6.lab.training import Training, train_all
from chapter6.sec_6_2_findings import accuracies
from chapter6.sec_6_2_srn_memory import learn, trainings
from chapter6.sec_6_2_srn_memory import train as train_srn
from chapter6.sec_6_5_lstm_memory import train as train_lstm
from nndl.op import Recurrent, SRNCell
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
    layer = Recurrent(lambda size: ResidualSRNCell(size, D), M)
    # 只换循环层, 其余与 6.2 节相同   only the recurrent layer is another
    return learn(layer, training, folder)


def train_gru(training: Training, folder: Path) -> dict[str, Any]:
    """One GRU for one length."""
    return learn(nndl.GRU(training.input_size, training.hidden_size), training, folder)


# --- 实验 experiment ---


def run(run: Run) -> dict[str, Any]:
    """Every cell at every length, with every seed (多组训练)."""
    wanted = [
        *trainings(run, "LSTM", train_lstm, backend=choose("auto", otherwise="fused")),
        *trainings(run, "SRN", train_srn),
        *trainings(run, "residual SRN", train_residual_srn),
        *trainings(run, "GRU", train_gru),
        # 你的单元: 在此加一行, 只训练新的   a cell of your own: one more line here, and only that is trained
    ]
    # 6.2、6.5 节训练过的 SRN 与 LSTM 直接取用   those that sections 6.2 and 6.5 have trained serve again
    trained = [run.out / section / run.preset / "checkpoints" for section in ("6.2", "6.5")]
    return {"trainings": train_all(run, wanted, also_in=trained)}


def cells_of(record: Record) -> list[str]:
    """The names of the cells that were compared."""
    return list(dict.fromkeys(result["model"] for result in record.results()))


# --- 结论 claims ---

AS_GOOD = 0.05  # how much lower a test accuracy may be that is as good


def claims(record: Record) -> list[Claim]:
    """What the exercises ask."""
    residual, srn, gru, lstm = (_averages(record, name) for name in ("residual SRN", "SRN", "GRU", "LSTM"))
    return [
        Claim(
            "residual_helps",
            Text("a residual connection between hidden states helps the SRN", "隐状态之间的残差连接对 SRN 有帮助"),
            _against("residual SRN", residual, "SRN", srn),
            [[a - b for a, b in zip(residual, srn, strict=True)]],
        ),
        Claim(
            "gru_as_good",
            Text(
                f"GRU is as good as LSTM, with fewer parameters (its test accuracy at most {AS_GOOD} lower)",
                f"GRU 参数较少，却与 LSTM 相当（测试准确率至多低 {AS_GOOD}）",
            ),
            _against("GRU", gru, "LSTM", lstm),
            [[a - b + AS_GOOD for a, b in zip(gru, lstm, strict=True)]],
        ),
    ]


def _averages(record: Record, name: str) -> list[float]:
    """For each seed the mean test accuracy over the lengths."""
    by_length = accuracies(record.results(), name, record.settings["lengths"])
    return [fmean(of_seed) for of_seed in zip(*by_length.values(), strict=True)]


def _against(name: str, values: list[float], other: str, others: list[float]) -> Text:
    shown = f"{name} {mean_and_spread(values)}, {other} {mean_and_spread(others)}"
    return Text(f"test accuracy, mean over the lengths: {shown}", f"各长度的平均测试准确率：{shown}")


# --- 表与图 tables and figures ---


def tables(record: Record) -> list[Table]:
    """Accuracy, parameters and time of each cell."""
    lengths, rows = record.settings["lengths"], []
    for name in cells_of(record):
        results = record.results().where(model=name)
        values = map(mean_and_spread, accuracies(results, name, lengths).values())
        rows.append([name, f"{results[0]['parameters']:,}", *values, f"{fmean(results.each('seconds')):.1f}"])
    header = [Text("cell", "单元"), Text("parameters", "参数"), *(f"L = {n}" for n in lengths), Text("seconds", "秒")]
    return [Table(Text("Test accuracy", "测试准确率"), header, rows)]


def figures(record: Record) -> dict[str, Drawing]:
    """Test accuracy against length."""
    plot, lengths = nndl.plot, record.settings["lengths"]
    figure, (axes,) = plot.panels(1, size=(5.2, 3.6))
    cells = cells_of(record)  # LSTM 与 SRN 在先, 样子与图 6.12 相同   LSTM and SRN first, to look as in figure 6.12
    for place, (name, look) in enumerate(zip(cells, plot.LOOKS, strict=False)):
        x, values = plot.apart(lengths, place, len(cells)), accuracies(record.results(), name, lengths).values()
        plot.points(axes, x, list(values), look, name, "deviation")
    plot.accuracy_axis(axes)
    axes.set(xlabel=plot.both("sequence length", "序列长度") + " L", xticks=lengths)
    plot.legend(figure)
    en = "Which cell is best at each length, which loses least from the first to the last? Mean ± standard deviation."
    zh = "每个长度上哪种单元最好？从最短到最长，哪种单元下降最少？均值 ± 各种子的标准差。"
    return {"cells": Drawing(figure, Text(en, zh))}


LESSON = Lesson(run, claims, tables, figures)

if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", "cells", *sys.argv[1:]])
