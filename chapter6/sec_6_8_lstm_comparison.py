r"""6.8 One's own LSTM against Paddle's (自定义 LSTM 与飞桨 LSTM 对比; printed section 6.5).

The chapter ends with the remark that Paddle's LSTM trains much faster than one's own. Here is why, and how far one's
own can be taken: a ladder of five ways to compute, with the same weights and the same results.
本章最后指出，飞桨 LSTM 的训练比自定义的快得多。这里看原因，以及自定义的能快到什么程度：五种计算方式如同阶梯，
权重相同，结果相同。

1. stepwise 逐步: as in the book, :math:`I_t = \sigma(X_t W_i + H_{t-1} U_i + b_i)`, ...: eight products a step.
2. fused 合并: the four gates side by side, :math:`[W_i, W_f, W_c, W_o]`, and the inputs of all steps in one product.
3. bptt 手推: the backward pass by hand, so that Paddle keeps no record of every small operator, and dU is one product.
4. native 自编: all steps in ONE operator of our own, in C++ (nndl/op/backend/cpp/): no Python between the steps, no
   library for the products. The matrices lie in panels, a product is made of tiles that stay in registers, and a
   thread computes its own sequences through all steps without waiting for another.
   所有时刻合为一个 C++ 算子，不用矩阵库：矩阵分条存放，分块在寄存器内相乘，每个线程独自算完自己的序列。
5. paddle: Paddle's own layer, one operator as well.

An LSTM of M inputs and D units needs, for B sequences of L steps, one product for all inputs and one a step for the
states, and in the backward pass twice as much. That is the floor (下限); above it lies the cost of small operators:

.. math:: [B L, M] \times [M, 4D] \qquad \text{and} \qquad L \text{ times} \quad [B, D] \times [D, 4D]

Figures (ours): time against steps, time against hidden size, memory against steps.
Claims: every rung agrees with Paddle's layer; Paddle's is faster than the stepwise one, and trains to the same
accuracy in less time; our operator in C++ is faster than Paddle's, on the machine that is named; memory grows
linearly with the steps.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import chapter6  # noqa: F401  Ctrl-C 从此只显示一行   from here on Ctrl-C is one line
import nndl
from chapter6 import presets
from chapter6 import sec_6_8_findings as findings
from chapter6 import sec_6_8_ladder as ladder
from chapter6.lab import terminal
from chapter6.lab.lesson import Lesson, Run
from chapter6.lab.measure import PARITY, parity
from chapter6.lab.training import Training, on_all_cores, train_all
from chapter6.sec_6_7_corpora import check_data, choose_corpus
from chapter6.sec_6_7_text_classification import training_of

from paddle import nn

# --- 阶梯 the ladder ---


def find_rungs(run: Run) -> list[str]:
    """The rungs of this machine, from the book's way up; says which are missing."""
    rungs = ladder.available()
    if missing := [name for name in ladder.RUNGS if name not in rungs]:
        names = ", ".join(missing)
        terminal.say_of(run.number, f"not on this machine: {names}", f"本机没有：{names}")
    return rungs


# --- 一致性 agreement ---


def compare_with_paddle(rungs: Sequence[str]) -> dict[str, dict[str, dict[str, float]]]:
    """Each rung against Paddle's layer, the same weights: how far apart are outputs, states and gradients?"""
    found = {}
    for name in rungs:
        if name != "paddle":
            found[name] = {dtype: parity(nndl.LSTM, nn.LSTM, dtype, name) for dtype in PARITY}
    return found


# --- 耗时与内存 time and memory ---


def measure(rungs: Sequence[str], settings: presets.Comparison) -> dict[str, list[dict[str, Any]]]:
    """What a pass costs on each rung: at some shapes, as the steps L grow, and as the hidden size D grows."""
    wanted = {
        # 与 6.5、6.7 节相近的规模   shapes such as those of sections 6.5 and 6.7
        "shapes": presets.parse_shapes(settings.shapes),
        # 步数加倍, 耗时与内存也加倍?   twice the steps: twice the time and memory?
        "by_steps": settings.by_steps(),
        # 隐状态小时, 小算子的开销占多数   with few units, the cost of the many small operators outweighs the products
        "by_size": settings.by_size(),
    }
    return {
        name: [ladder.measure(rungs, *shape, settings.repeats) for shape in shapes] for name, shapes in wanted.items()
    }


# --- 训练 training ---

IN_TRAINING = ("stepwise", "native", "paddle")
"""The rungs that train on reviews: the book's, the fastest of one's own, and Paddle's."""


def trainings(run: Run, rungs: Sequence[str], corpus: str) -> list[Training]:
    """The text model of section 6.7, trained with each rung: only ``backend`` differs (仅计算方式不同)."""
    settings = presets.of_one_training(vars(run.settings))
    # 各级轮流训练, 机器忙闲对各级相同   they take turns, so that a busy machine disturbs all alike
    return [
        training_of(run, replace(settings, backend=name), corpus, 1, seed)
        for seed in range(run.seeds)
        for name in IN_TRAINING
        if name in rungs
    ]


# --- 实验 experiment ---


def experiment(run: Run) -> dict[str, Any]:
    """The lesson, step by step; returns what the record keeps."""
    # 1 有哪几级   which rungs there are
    rungs = find_rungs(run)
    # 2 结果相同吗   do they give the same?
    differences = compare_with_paddle(rungs)
    # 3 各需多少时间与内存   what does each cost?
    costs = measure(rungs, run.settings)
    # 4 训练影评: 准确率相同, 时间呢   on reviews: the same accuracy, in how much time?
    corpus = choose_corpus(run)
    results = train_all(run, on_all_cores(trainings(run, rungs, corpus)))
    return {"rungs": rungs, "parity": differences, **costs, "corpus": corpus, "trainings": results}


# 结论、表与图   claims, tables and figures: sec_6_8_findings.py
LESSON = Lesson(experiment, findings.claims, findings.tables, findings.figures, check_data)

if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", "6.8", *sys.argv[1:]])
