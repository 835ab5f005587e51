r"""6.2 The memory of a simple recurrent network (SRN 的记忆能力实验; printed section 6.1).

How long can an SRN remember? It reads L digits and must name the sum of the first two, 0 to 18. Everything
after them is zeros and one disturbing digit, so the longer the sequence, the longer the memory it takes.
简单循环网络能记住多久？网络读入 L 个数字，须给出前两个数字之和（0 至 18）；其后都是 0 和一个干扰数字，
序列越长，需要的记忆越长。

.. math:: H_t = \tanh(X_t W + H_{t-1} U + b), \qquad \text{class scores} = H_L V + c

Figures: 6.6, losses for each length; 6.7, accuracy against length.
Claims: our SRN and Paddle's agree; Paddle's is faster than the stepwise one; training succeeds at every length,
but what was learned generalises (泛化) worse the longer the sequence (长程依赖问题, long-term dependencies).
"""

import math
import sys
from pathlib import Path
from typing import Any

import chapter6  # noqa: F401  Ctrl-C 从此只显示一行   from here on Ctrl-C is one line
import nndl
from chapter6 import sec_6_2_findings as findings
from chapter6.lab import measure, terminal
from chapter6.lab.lesson import Lesson, Run
from chapter6.lab.training import Training, fit, mark_of, train_all
from nndl.dataset import digit_sum

import numpy as np
import paddle
from paddle import nn
from paddle.io import DataLoader
from paddle.nn.initializer import Assign

# --- 数据 data ---


def find_data(run: Run, length: int) -> tuple[Path, str]:
    """The folder of one length, and the mark of its content; made where it is not there."""
    if digit_sum.find(run.data_dir, length) is None:
        terminal.say_of(run.number, f"the data of length {length} are made", f"生成长度为 {length} 的数据")
    folder = digit_sum.provide(run.data_dir, length)
    return folder, mark_of(folder / f"{split}.txt" for split in digit_sum.SPLITS)


def make_loaders(folder: Path, batch_size: int) -> tuple[list, list, list]:
    """The batches (X int64 [B, L], y int64 [B]) of train, dev and test; of dev and test one batch each."""
    loaders = []
    for split, examples in digit_sum.load(folder).items():  # train, dev, test
        # 每个样本: L 个数字, 以及前两个数字之和   an example: L digits, and the sum of the first two
        dataset = [(np.array(digits), label) for digits, label in examples]
        # 书中不打乱次序, 各回合的批次相同   the book does not shuffle: every epoch has the same batches
        loaders.append(list(DataLoader(dataset, batch_size=batch_size if split == "train" else len(dataset))))
    train_loader, dev_loader, test_loader = loaders
    return train_loader, dev_loader, test_loader


# --- 模型 model ---


def hand_set_example() -> dict[str, Any]:
    r"""An SRN small enough for paper: two units, two steps, weights set by hand (可以笔算的 SRN).

    .. math::
        W = \begin{pmatrix} .1 & .2 \\ .1 & .2 \end{pmatrix},\;
        U = \begin{pmatrix} 0 & .1 \\ .1 & 0 \end{pmatrix},\; b = (.1, .1),\; X = ((1, 0), (0, 2))
    """
    W, U, b = [[0.1, 0.2], [0.1, 0.2]], [[0.0, 0.1], [0.1, 0.0]], [[0.1, 0.1]]
    srn = nndl.SRN(2, 2, W_attr=Assign(W), U_attr=Assign(U), b_attr=Assign(b))
    outputs, _ = srn(paddle.to_tensor([[[1.0, 0.0], [0.0, 2.0]]]))
    # 笔算   on paper: X_1 W + b = (.2, .3), H_0 = 0
    h1, h2 = math.tanh(0.2), math.tanh(0.3)
    # X_2 W + b = (.3, .5); H_1 U 交换两个单元并取十分之一   swaps the units and takes a tenth
    paper = [[h1, h2], [math.tanh(0.3 + 0.1 * h2), math.tanh(0.5 + 0.1 * h1)]]
    return {"paper": paper, "srn": outputs[0].tolist()}


def compare_with_paddle(settings: Any) -> dict[str, Any]:
    """The same weights in ``paddle.nn.SimpleRNN``: the same numbers? how fast is each? (与飞桨 SRN 对比)"""
    return {
        "parity": {dtype: measure.parity(nndl.SRN, nn.SimpleRNN, dtype) for dtype in measure.PARITY},
        "speed": measure.speed(nndl.SRN, nn.SimpleRNN, settings.lengths, settings.batch_size, settings.hidden_size),
    }


# --- 训练 training ---


def train(training: Training, folder: Path) -> dict[str, Any]:
    """One SRN for one length (printed 6.1.3)."""
    # H_t = tanh(X_t W + H_{t-1} U + b): nndl/op/cell.py
    return learn(nndl.SRN(training.input_size, training.hidden_size), training, folder)


def learn(layer: nn.Layer, training: Training, folder: Path) -> dict[str, Any]:
    """Any recurrent layer on DigitSum, by the five elements of machine learning (机器学习五要素).

    Args:
        layer: from [B, L, M] to (outputs, last states).
        training: ``data``, ``batch_size``, ``input_size`` M, ``hidden_size`` D, ``learning_rate``, ``epochs``,
            ``eval_steps``.
        folder: where the best model is kept.
    """
    # 1 数据   data: 300 个训练样本, 验证集和测试集各 100 个   300 to learn from, 100 each to choose and to judge
    train_loader, dev_loader, test_loader = make_loaders(training.data, training.batch_size)
    # 2 模型   model: 嵌入层 → 循环层 → 最后时刻的隐状态用于分类   embedding, recurrent layer, classifier
    model = nndl.Model_RNN4SeqClass(
        layer, digit_sum.NUM_DIGITS, training.input_size, training.hidden_size, digit_sum.NUM_CLASSES
    )
    # 3 学习准则   criterion: 交叉熵   cross entropy, the mean over the batch
    criterion = nn.CrossEntropyLoss()
    # 4 优化算法   optimizer: Adam, 同 paddle.optimizer.Adam, 但一次更新全部参数   all parameters in one call
    optimizer = nndl.Adam(training.learning_rate, parameters=model.parameters())
    # 5 评价指标   metric: 准确率   accuracy
    runner = nndl.RunnerV3(model, optimizer, criterion, nndl.Accuracy())
    # 训练: 即 runner.train, 中断后可继续; 最后取回验证集上最好的模型   runner.train, resumable; the best on dev
    plan = {"num_epochs": training.epochs, "eval_steps": training.eval_steps}
    curves = fit(runner, train_loader, dev_loader, folder, **plan)
    # 评价: 从未见过的样本   evaluation on examples that it has never seen
    accuracy, _ = runner.evaluate(test_loader)
    parameters = sum(int(parameter.size) for parameter in layer.parameters())
    return curves | {"dev_accuracy": runner.best_score, "test_accuracy": accuracy, "parameters": parameters}


# --- 实验 experiment ---


def trainings(run: Run, name: str = "SRN", train: Any = train, **more: Any) -> list[Training]:
    """One training for each length and seed, the longest first (多组训练).

    Args:
        run: its settings, but the lengths, are those of each training.
        name: of the layer, such as "SRN".
        train: the function that trains one.
        more: further settings of each training.
    """
    common = ("epochs", "batch_size", "learning_rate", "input_size", "hidden_size", "eval_steps")
    settings = {setting: getattr(run.settings, setting) for setting in common} | more
    wanted = []
    for length in sorted(run.settings.lengths, reverse=True):
        data, mark = find_data(run, length)
        for seed in range(run.seeds):
            values = {"model": name, "length": length, "seed": seed, **settings}
            wanted.append(Training(train, f"{name}-L{length}-seed{seed}", values, data, mark))
    return wanted


def experiment(run: Run) -> dict[str, Any]:
    """The lesson, step by step; returns what the record keeps."""
    example = hand_set_example()
    comparison = compare_with_paddle(run.settings)
    results = train_all(run, trainings(run))
    return {"example": example, **comparison, "trainings": results}


# 结论、表与图   claims, tables and figures: sec_6_2_findings.py
LESSON = Lesson(experiment, findings.claims, findings.tables, findings.figures)

if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", "6.2", *sys.argv[1:]])
