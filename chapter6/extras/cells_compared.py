r"""Cells compared: exercises 6.1 and 6.4, and every cell that the course names (练习 6.1、6.4 与课程提到的各种单元).

Which way to carry a state from step to step keeps it longest? Each cell reads the same three tasks, in a model of as
many parameters as any other has, so that none wins by its size alone:
哪种循环单元记得最久？各单元完成同样的三个任务，模型参数总数相同，谁也不能只靠规模取胜：

- DigitSum (6.2 节): the sum of the first two of L digits;
- the adding problem (加法问题): the sum of the two marked ones of T numbers;
- the copying task (复制任务): ten symbols, to be said again after T blanks.

The equations of the cells are in nndl/op/cell.py and nndl/op/cell_variants.py, each over the line that computes it.
An error is measured by that of the trivial answer, which needs no memory: 1 is nothing learned, 0 is no error.
误差以"平凡答案"（不需要记忆的最佳常数答案）的误差为单位：1 表示什么也没学到，0 表示没有误差。
"""

import sys
from bisect import bisect_left
from collections.abc import Callable
from functools import cache
from math import isqrt
from pathlib import Path
from typing import Any, NamedTuple

import chapter6  # noqa: F401  Ctrl-C 从此只显示一行   from here on Ctrl-C is one line
import nndl
from chapter6.extras import cells_findings as findings
from chapter6.extras.presets.cells import HELD_OUT
from chapter6.lab.lesson import Lesson, Run
from chapter6.lab.training import Training, fit, train_all
from chapter6.sec_6_2_srn_memory import find_data
from chapter6.sec_6_2_srn_memory import make_loaders as digit_sum_loaders
from nndl import op
from nndl.dataset import digit_sum, long_memory
from nndl.error import SettingError

import paddle
from paddle import Tensor, nn

# --- 单元 cells ---

CELLS: dict[str, Any] = {
    # H_t = tanh(X_t W + H_{t-1} U + b), 即 Elman 网络   the network of Elman's
    "SRN": nndl.SRN,
    # 反馈的是输出 Y_{t-1}   the OUTPUT is fed back
    "Jordan": op.JordanCell,
    # H_t = H_{t-1} + tanh(...), 练习 6.1   exercise 6.1
    "ResidualSRN": op.ResidualSRNCell,
    # 每一步归一化   each step normalised, over the units or over the batch
    "LayerNormSRN": op.LayerNormSRNCell,
    "BatchNormSRN": op.BatchNormSRNCell,
    # U 从单位矩阵 I 开始, ReLU   U starts as the identity
    "IRNN": op.IRNNCell,
    # 一部分状态变化缓慢   a part of the state changes slowly
    "SCRN": op.SCRNCell,
    # 各组单元每 1, 2, 4, 8 步更新一次   groups of units are updated every 1, 2, 4, 8 steps
    "Clockwork": op.ClockworkCell,
    # 门控, 练习 6.4   gates; exercise 6.4
    "GRU": nndl.GRU,
    "ResetBeforeGRU": op.ResetBeforeGRUCell,
    "LSTM": nndl.LSTM,
    "PeepholeLSTM": op.PeepholeLSTMCell,
    "CoupledLSTM": op.CoupledLSTMCell,
    # 你的单元: 仿照 nndl/op/cell_variants.py 在本表之前写一个类, 在此加一行 "MyCell": MyCell,
    # 名字写入 presets/cells.py 的 OWN; 再次运行, 只训练新的
    # a cell of your own: above this table a class as in nndl/op/cell_variants.py, a line here, "MyCell": MyCell,
    # and its name in OWN of presets/cells.py; run it again, and only the new one is trained
}


def class_of(cell: str) -> Any:
    """What makes layers of such cells. Raises SettingError for a name of OWN that has no class here."""
    if cell not in CELLS:
        raise SettingError(f"cell {cell!r}: its class is missing from CELLS in chapter6/extras/cells_compared.py")
    return CELLS[cell]


def make_layer(cell: Any, M: int, D: int, **settings: Any) -> nn.Layer:
    """A recurrent layer of such cells: [B, L, M] to (outputs [B, L, ...], last states); see :class:`nndl.Recurrent`."""
    # SRN, GRU, LSTM 有自己的层, 快数倍; 其他单元由展开器逐步计算
    # SRN, GRU and LSTM have layers of their own, some times as fast; any other cell is unrolled step by step
    return cell(M, D, **settings) if issubclass(cell, op.Recurrent) else op.Recurrent(cell, M, D, **settings)


class Outputs(nn.Layer):
    """The outputs of a recurrent layer without its states: of every step [B, L, width], or of the last [B, width]."""

    def __init__(self, layer: nn.Layer, of_every_step: bool = False) -> None:
        super().__init__()
        self.layer, self.of_every_step = layer, of_every_step
        self.width = layer.output_size

    def forward(self, X: Tensor) -> Tensor:
        outputs, _ = self.layer(X)
        return outputs if self.of_every_step else outputs[:, -1]


# --- 任务 tasks ---


def digit_sum_model(cell: Any, M: int, D: int) -> nn.Layer:
    """Digits int64 [B, L] to scores of the sums 0..18 [B, 19], as in section 6.2."""
    # 嵌入层 → 循环层的最后输出 → 线性层   embedding → last output of the recurrent layer → linear layer
    last = Outputs(make_layer(cell, M, D))
    return nn.Sequential(nndl.Embedding(digit_sum.NUM_DIGITS, M), last, nn.Linear(last.width, digit_sum.NUM_CLASSES))


def train_digit_sum(training: Training, folder: Path) -> dict[str, Any]:
    """One cell on DigitSum; the error is the share of wrong answers."""
    loaders = digit_sum_loaders(training.data, training.batch_size)
    model = digit_sum_model(training.make, training.input_size, training.hidden_size)
    found = learn(model, nn.CrossEntropyLoss(), nndl.Accuracy(), loaders, training, folder)
    # 错误率 = 1 − 准确率   error = 1 - accuracy
    return found | {name: 1 - found[name] for name in ("dev_error", "test_error")}


def adding_model(cell: Any, M: int, D: int) -> nn.Layer:
    """Numbers and marks float [B, T, 2] to their sum [B, 1]; there is nothing to embed, so M does not matter."""
    last = Outputs(make_layer(cell, 2, D))
    return nn.Sequential(last, nn.Linear(last.width, 1))


def train_adding(training: Training, folder: Path) -> dict[str, Any]:
    """One cell on the adding problem; the error is the mean squared error."""
    loaders = make_loaders(long_memory.adding, training)
    model = adding_model(training.make, training.input_size, training.hidden_size)
    return learn(model, nn.MSELoss(), nndl.MeanSquaredError(), loaders, training, folder)


def copying_model(cell: Any, M: int, D: int) -> nn.Layer:
    """Symbols int64 [B, T + 20] to scores of the ten symbols at every step [B, T + 20, 10]."""
    every = Outputs(make_layer(cell, M, D), of_every_step=True)
    symbols = long_memory.NUM_SYMBOLS
    return nn.Sequential(nndl.Embedding(symbols, M), every, nn.Linear(every.width, symbols))


def train_copying(training: Training, folder: Path) -> dict[str, Any]:
    """One cell on the copying task; the error is the cross-entropy, the mean over all T + 20 steps."""
    loaders = make_loaders(long_memory.copying, training)
    model = copying_model(training.make, training.input_size, training.hidden_size)
    return learn(model, nn.CrossEntropyLoss(), nndl.CrossEntropy(), loaders, training, folder)


class Task(NamedTuple):
    """A task: its model, what trains one, the setting that holds its lengths, and the trivial answer's error."""

    model: Callable[[Any, int, int], nn.Layer]
    train: Callable[[Training, Path], dict[str, Any]]
    lengths: str
    trivial: Callable[[int], float]


TASKS = {
    # 总答 9: 100 对数字中 10 对的和是 9   always 9, which is the sum of 10 of the 100 pairs of digits
    "DigitSum": Task(digit_sum_model, train_digit_sum, "lengths", lambda L: 0.9),
    # 总答 1: 均方误差 1/6   always 1
    "adding": Task(adding_model, train_adding, "adding_lengths", lambda T: long_memory.ADDING_BASELINE),
    # 先答空白, 最后十步任意猜: 10 ln 8 / (T + 20)   blanks, and a guess at each of the last ten steps
    "copying": Task(copying_model, train_copying, "copying_lengths", long_memory.copying_baseline),
}

# --- 训练 training ---


def make_loaders(make: Callable, training: Training) -> list[list]:
    """The batches of train, dev and test, made with the seeds 0, 1 and 2; of dev and test one batch each."""
    loaders = []
    for seed, N in enumerate((training.examples, HELD_OUT, HELD_OUT)):
        X, y = map(paddle.to_tensor, make(seed, N, training.length))
        B = training.batch_size if seed == 0 else N
        # 各种子、各单元的数据相同   the same data for every cell and seed
        loaders.append([(X[n : n + B], y[n : n + B]) for n in range(0, N - B + 1, B)])
    return loaders


def learn(
    model: nn.Layer, loss: nn.Layer, metric: Any, loaders: Any, training: Training, folder: Path
) -> dict[str, Any]:
    """Any model on any of the tasks, for the same number of steps (步数相同)."""
    train_loader, dev_loader, test_loader = loaders
    # Adam, 按全局模截断梯度   which clips the gradients by their global norm
    clip = nn.ClipGradByGlobalNorm(training.clip_at)
    optimizer = nndl.Adam(training.learning_rate, parameters=model.parameters(), grad_clip=clip)
    runner = nndl.RunnerV3(model, optimizer, loss, metric)
    # 回合数由步数而定, 向上取整   as many epochs as the steps take
    epochs = -(-training.steps // len(train_loader))
    curves = fit(runner, train_loader, dev_loader, folder, num_epochs=epochs, eval_steps=training.eval_steps)
    # 评价: 验证集上最好的模型   evaluate the model that is best on dev
    test, _ = runner.evaluate(test_loader)
    return curves | {"dev_error": runner.best_score, "test_error": test, "parameters": count(model)}


# --- 参数数目 number of parameters ---

TOLERANCE = 0.05
FEWEST_UNITS = 4  # 时钟循环网络有四组   a clockwork RNN has four groups


def count(model: nn.Layer) -> int:
    """The parameters of a whole model; the weights that a clockwork RNN masks are none."""
    masked = sum(int((mask == 0).sum()) for name, mask in model.named_buffers() if name.endswith(".mask"))
    return sum(int(parameter.size) for parameter in model.parameters()) - masked


@cache  # asked before anything runs, and again in the experiment
def match(budget: int, task: str, name: str, M: int) -> int:
    """The hidden size D whose model has nearest to ``budget`` parameters. Raises SettingError where none is near."""

    def parameters(D: int) -> int:
        return count(TASKS[task].model(CELLS[name], M, D))

    # 参数数目随 D 增大, 二分查找   the number grows with D, so halve the interval; U alone has about D² of them
    sizes = range(FEWEST_UNITS, FEWEST_UNITS + 2 * isqrt(budget))
    place = bisect_left(sizes, budget, key=parameters)
    D = min(sizes[max(0, place - 1) : place + 1], key=lambda D: abs(parameters(D) - budget))
    if abs(parameters(D) - budget) > TOLERANCE * budget:
        raise SettingError(
            f"parameters {budget}: expected a number that {name} comes within {TOLERANCE:.0%} of on {task}; "
            f"the nearest it has is {parameters(D)}, with D = {D}"
        )
    return D


def find_sizes(run: Run) -> dict[str, dict[str, int]]:
    """The hidden size D of each cell, for each task."""
    M, budget = run.settings.input_size, run.settings.parameters
    return {task: {name: match(budget, task, name, M) for name in run.settings.cells} for task in run.settings.tasks}


def check_data(run: Run) -> None:
    """Raise SettingError for a cell without a class, or parameters that one cannot match, before anything runs."""
    for name in run.settings.cells:
        class_of(name)
    find_sizes(run)


# --- 实验 experiment ---


def trainings(run: Run, task: str, name: str, cell: Any, D: int) -> list[Training]:
    """One cell on one task: a training for each length and seed, the longest first."""
    common = ("steps", "examples", "batch_size", "learning_rate", "clip_at", "input_size", "eval_steps")
    settings = {setting: getattr(run.settings, setting) for setting in common} | {"hidden_size": D}
    wanted = []
    for length in sorted(getattr(run.settings, TASKS[task].lengths), reverse=True):
        # 另两个任务的数据由代码生成, 代码已计入   the data of the other tasks are made by code, which counts anyway
        data, mark = find_data(run, length) if task == "DigitSum" else (run.data_dir, "")
        for seed in range(run.seeds):
            values = {"model": name, "task": task, "length": length, "seed": seed, **settings}
            train, title = TASKS[task].train, f"{name}-{task}-L{length}-seed{seed}"
            wanted.append(Training(train, title, values, data, mark, make=cell))
    return wanted


def experiment(run: Run) -> dict[str, Any]:
    """Every cell on every task, at every length, with every seed (多组训练)."""
    wanted = []
    for task, sizes in find_sizes(run).items():
        for name, D in sizes.items():
            wanted += trainings(run, task, name, CELLS[name], D)
        # 与 LSTM 的 D 相同的 GRU, 参数较少   a GRU with as many units as the LSTM has, so with fewer parameters
        if {"GRU", "LSTM"} <= sizes.keys():
            wanted += trainings(run, task, findings.SMALL_GRU, CELLS["GRU"], sizes["LSTM"])
    # 发散也是一种结果   a loss that became infinite is a result, too
    results = train_all(run, wanted, may_diverge=True)
    return {"trainings": [found | {"trivial": TASKS[found["task"]].trivial(found["length"])} for found in results]}


# 结论、表与图   claims, tables and figures: cells_findings.py
LESSON = Lesson(experiment, findings.claims, findings.tables, findings.figures, check_data)

if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", "cells", *sys.argv[1:]])
