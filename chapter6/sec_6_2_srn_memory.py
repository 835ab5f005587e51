r"""6.2 The memory of a simple recurrent network (SRN 的记忆能力实验; printed section 6.1).

How long can an SRN remember? It reads L digits and must name the sum of the first two, 0 to 18. Everything
after them is zeros and one disturbing digit, so the longer the sequence, the longer the memory it takes.
简单循环网络能记住多久？网络读入 L 个数字，须给出前两个数字之和（0 至 18）；其后都是 0 和一个干扰数字，序列越长，需要的记忆越长。

.. math:: H_t = \tanh(X_t W + H_{t-1} U + b), \qquad \text{class scores} = H_L V + c

Figures: 6.6, losses for each length; 6.7, accuracy against length.
Claims: our SRN and Paddle's agree; Paddle's is faster than the stepwise one; training succeeds at every length,
but what was learned generalises (泛化) worse the longer the sequence (长程依赖问题, long-term dependencies).
"""

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import nndl
from chapter6.lab import claim, measure
from chapter6.lab.claim import Claim, mean_and_spread
from chapter6.lab.lesson import Drawing, Lesson, Run
from chapter6.lab.record import Record, Results
from chapter6.lab.report import Table
from chapter6.lab.text import Text, same
from chapter6.lab.training import Training, fit, mark_of, train_all
from nndl.dataset import digit_sum

import numpy as np
import paddle
from paddle import nn
from paddle.io import DataLoader
from paddle.nn.initializer import Assign

# --- 数据 data ---


def make_loaders(folder: Path, batch_size: int) -> tuple[list, list, list]:
    """The batches (X int64 [B, L], y int64 [B]) of train, dev and test; of dev and test one batch each."""
    loaders = []
    for split, examples in digit_sum.load(folder).items():
        # 每个样本: L 个数字, 以及前两个数字之和   an example: L digits, and the sum of the first two
        dataset = [(np.array(digits), label) for digits, label in examples]
        # 书中不打乱次序, 各回合的批次相同   the book does not shuffle: every epoch has the same batches
        loaders.append(list(DataLoader(dataset, batch_size=batch_size if split == "train" else len(dataset))))
    train, dev, test = loaders
    return train, dev, test


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
    # 1 数据   data: 300 个训练样本, 验证集和测试集各 100 个   300 examples to learn from, 100 each to choose and to judge
    train, dev, test = make_loaders(training.data, training.batch_size)
    # 2 模型   model: 嵌入层 → 循环层 → 用最后时刻的隐状态分类   embedding, recurrent layer, classifier on the last state
    model = nndl.Model_RNN4SeqClass(
        layer, digit_sum.NUM_DIGITS, training.input_size, training.hidden_size, digit_sum.NUM_CLASSES
    )
    # 3 学习准则   criterion: 交叉熵   cross entropy, the mean over the batch
    criterion = nn.CrossEntropyLoss()
    # 4 优化算法   optimizer: Adam
    optimizer = paddle.optimizer.Adam(training.learning_rate, parameters=model.parameters())
    # 5 评价指标   metric: 准确率   accuracy
    runner = nndl.RunnerV3(model, optimizer, criterion, nndl.Accuracy())
    # 训练, 保留验证集上最好的模型   train; the model that is best on dev is kept
    curves = fit(runner, train, dev, folder, num_epochs=training.epochs, eval_steps=training.eval_steps)
    # 评价   evaluate it on examples that it has never seen
    accuracy, _ = runner.evaluate(test)
    return curves | {"dev_accuracy": runner.best_score, "test_accuracy": accuracy}


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
        data = digit_sum.provide(run.data_dir, length)
        mark = mark_of(data / f"{split}.txt" for split in digit_sum.SPLITS)
        for seed in range(run.seeds):
            values = {"model": name, "length": length, "seed": seed, **settings}
            wanted.append(Training(train, f"{name}-L{length}-seed{seed}", values, data, mark))
    return wanted


def run(run: Run) -> dict[str, Any]:
    """The lesson, step by step; returns what the record keeps."""
    example = hand_set_example()
    comparison = compare_with_paddle(run.settings)
    results = train_all(run, trainings(run))
    return {"example": example, **comparison, "trainings": results}


# --- 结论 claims ---

NEAR_ZERO = 0.1
"""A training loss under this counts as "goes to 0"; guessing among 19 classes costs ln 19 = 2.94."""


def claims(record: Record) -> list[Claim]:
    """The book's claims, judged on the record."""
    example = record.metrics["example"]
    gap = float(np.abs(np.subtract(example["paper"], example["srn"])).max())
    results, lengths = record.results(), record.settings["lengths"]
    train, dev = (final_losses(results, lengths, split) for split in ("train", "dev"))
    return [
        Claim(
            "example",
            Text("the SRN with hand-set weights gives what paper and pencil give", "手工设定权重的 SRN 与笔算结果一致"),
            Text(f"largest difference {gap:.1e}", f"最大误差 {gap:.1e}"),
            gap < 1e-6,
        ),
        measure.parity_claim("SRN", record.metrics["parity"]),
        measure.speed_claim("SRN", record.metrics["speed"]),
        Claim(
            "training_loss",
            Text(
                f"the training loss goes to 0 at every length (below {NEAR_ZERO} in the last tenth of the training)",
                f"各长度上训练损失都趋于 0（最后十分之一的训练中低于 {NEAR_ZERO}）",
            ),
            by_length(train),
            [[NEAR_ZERO - loss for loss in of_seeds] for of_seeds in train.values()],
        ),
        Claim(
            "dev_loss",
            Text("the dev loss at the end of training grows with the length", "训练结束时的验证集损失随序列长度增大"),
            by_length(dev),
            [slopes(dev)],
        ),
        falls_claim("SRN", results, lengths),
    ]


def falls_claim(model: str, results: Results, lengths: Sequence[int]) -> Claim:
    """Dev and test accuracy fall as the length grows: a negative slope in every seed's points."""
    dev, test = (accuracies(results, model, lengths, split) for split in ("dev", "test"))
    fall = [[-slope for slope in slopes(values)] for values in (dev, test)]
    change = [f"{-10 * fmean(of_split):+.2f}" for of_split in fall]
    measured = by_length(test)
    return Claim(
        "accuracy_falls",
        Text(
            f"{model}: dev and test accuracy fall as the length grows",
            f"{model} 在验证集和测试集上的准确率随长度增加而下降",
        ),
        Text(
            f"test: {measured.en}; slope for 10 more digits: dev {change[0]}, test {change[1]}",
            f"测试集：{measured.zh}；每增加 10 个数字的变化：验证集 {change[0]}，测试集 {change[1]}",
        ),
        fall,
    )


def accuracies(results: Results, model: str, lengths: Sequence[int], split: str = "test") -> dict[int, list[float]]:
    """For each length one accuracy a seed."""
    return {length: results.where(model=model, length=length).each(f"{split}_accuracy") for length in lengths}


def final_losses(results: Results, lengths: Sequence[int], split: str) -> dict[int, list[float]]:
    """For each length one loss a seed: the median of the last tenth, so that a spike at the very end counts little."""
    return {
        length: [claim.last_tenth(loss for _, loss in r[f"{split}_losses"]) for r in results.where(length=length)]
        for length in lengths
    }


def slopes(values: dict[int, list[float]]) -> list[float]:
    """For each seed the slope of its values over the lengths."""
    return [claim.slope(list(values), of_one_seed) for of_one_seed in zip(*values.values(), strict=True)]


def by_length(values: dict[int, list[float]]) -> Text:
    """Mean and spread for each length, on one line."""
    return same(", ".join(f"L={length}: {mean_and_spread(of_seeds)}" for length, of_seeds in values.items()))


# --- 表与图 tables and figures ---


def tables(record: Record) -> list[Table]:
    """The numbers of the report."""
    return [
        accuracy_table(record.results(), ["SRN"], record.settings["lengths"]),
        measure.speed_table(record.metrics["speed"]),
    ]


def accuracy_table(results: Results, models: Sequence[str], lengths: Sequence[int]) -> Table:
    """Dev and test accuracy for each length, mean and standard deviation over seeds."""
    columns = [(model, split) for model in models for split in ("dev", "test")]
    found = [accuracies(results, model, lengths, split) for model, split in columns]
    names = [Text(f"{model} {split}", f"{model} {ZH[split]}") for model, split in columns]
    rows = [[str(length), *(mean_and_spread(values[length]) for values in found)] for length in lengths]
    return Table(Text("Accuracy", "准确率"), ["L", *names], rows)


ZH = {"dev": "验证集", "test": "测试集"}


def figures(record: Record) -> dict[str, Drawing]:
    """Figures 6.6 and 6.7."""
    return {}


LESSON = Lesson(run, claims, tables, figures)

if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", "6.2", *sys.argv[1:]])
