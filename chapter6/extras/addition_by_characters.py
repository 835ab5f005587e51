r"""Addition as characters, and what to feed a decoder while it learns (字符加法与计划采样).

An encoder reads "45+7" character by character, a decoder writes "52". Two questions:
编码器逐字符读入"45+7"，解码器逐字符写出"52"。两个问题：

1. How many answers are right? One wrong digit makes a wrong sum, so what counts is whole answers; courses print the
   share of right characters, which is higher.
   有多少答案是对的？错一位即全错，应看整个答案的准确率；教程给出的常是字符准确率，数值更高。
2. In training the decoder is fed the true words (teacher forcing), in use its own. Does it help to go from the one to
   the other while it learns (scheduled sampling; S. Bengio et al., 2015)?
   训练时解码器的输入是真实的词（教师强制），使用时却是自己写出的词。训练中逐渐从前者过渡到后者
   （计划采样），是否有帮助？

With probability ε the decoder is fed the true word, else its own, decided anew for each sum and step; i counts the
training steps. The three schedules of the paper:
以概率 ε 输入真实的词，否则输入自己的词，每句每步各掷一次硬币；i 为训练步。论文中的三种衰减方式：

.. math:: \epsilon_i = 1 - c i, \qquad \epsilon_i = k^i, \qquad \epsilon_i = \frac{k}{k + e^{i/k}}
"""

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chapter6  # noqa: F401  Ctrl-C 从此只显示一行   from here on Ctrl-C is one line
import nndl
from chapter6.extras import addition_findings as findings
from chapter6.extras.cells_compared import class_of, make_layer
from chapter6.extras.presets.addition import HELD_OUT
from chapter6.lab.lesson import Lesson, Run
from chapter6.lab.training import Training, fit, train_all
from nndl.dataset import addition
from nndl.dataset.pairs import PairLoader, encode, until_end, vocabularies
from nndl.dataset.text import PAD
from nndl.metric.whole import WholeAccuracy
from nndl.model.seq2seq import Seq2Seq

import numpy as np
import paddle
from paddle import nn

# --- 数据 data ---

DATA_SEED = 0  # 各种子的题目相同   every seed has the same sums


def make_sums(settings: Any) -> dict[str, list[addition.Pair]]:
    """The sums of train, dev and test: no question of one is in another, not with its numbers exchanged either."""
    sizes = {"train": settings.examples, **HELD_OUT}
    return addition.make(DATA_SEED, sizes, settings.digits, settings.reverse)


# --- 计划采样 scheduled sampling ---


def linear(n: int) -> Callable[[int], float]:
    """ε falls by the same amount each step, from 1 at step 0 to 0 at step n."""
    # ε_i = 1 − c i, c = 1/n
    return lambda i: max(0.0, 1 - i / n)


def exponential(n: int) -> Callable[[int], float]:
    """ε falls by the same factor each step, to 1/100 at step n."""
    # ε_i = k^i, k < 1
    k = 0.01 ** (1 / n)
    return lambda i: k**i


def inverse_sigmoid(n: int) -> Callable[[int], float]:
    """ε stays near 1, is one half at step n/2, and stays near 0."""
    # ε_i = k / (k + e^{i/k}) = 1/2  ⟺  i = k ln k; 二分法求 k   k is found by halving
    low, high = math.e, n + math.e
    for _ in range(60):
        k = (low + high) / 2
        low, high = (k, high) if k * math.log(k) < n / 2 else (low, k)
    return lambda i: k / (k + math.exp(i / k))


SCHEDULES: dict[str, Callable[[int], Callable[[int], float]]] = {
    # 始终输入真实的词   the true word, always
    "teacher": lambda n: lambda i: 1.0,
    "linear": linear,
    "exponential": exponential,
    "sigmoid": inverse_sigmoid,
    # 始终输入自己的词   its own word, always
    "free": lambda n: lambda i: 0.0,
}


class ScheduledSampling(nndl.Callback):
    """Sets, before each training step i, how often the model is fed its own words: 1 − ε_i."""

    def __init__(self, model: Seq2Seq, epsilon: Callable[[int], float]) -> None:
        self.model, self.epsilon = model, epsilon

    def on_train_begin(self, runner: "nndl.RunnerV3") -> None:
        self.model.own_words = 1 - self.epsilon(runner.global_step)

    def on_step_end(self, runner: "nndl.RunnerV3") -> None:
        self.model.own_words = 1 - self.epsilon(runner.global_step + 1)


# --- 训练 training ---


def train_sums(training: Training, folder: Path) -> dict[str, Any]:
    """One model, fed in one way, by the five elements of machine learning (机器学习五要素)."""
    # 1 数据: 词元是字符   data: a token is a character
    sums = make_sums(training)
    vocabulary = vocabularies(sums["train"])
    ids = {split: encode(pairs, *vocabulary) for split, pairs in sums.items()}
    train_loader = PairLoader(ids["train"], training.batch_size)
    dev_loader, test_loader = (list(PairLoader(ids[split], HELD_OUT[split], "sorted")) for split in HELD_OUT)
    # 2 模型: 语义向量 c 每一步都参与解码   model: the context c takes part in every step of the decoder
    M, D = training.input_size, training.hidden_size
    model = Seq2Seq(*map(len, vocabulary), M, D, "every", lambda M, D, **how: make_layer(training.make, M, D, **how))
    # 4 优化算法: Adam, 学习率按余弦降到 0, 截断梯度   optimizer: the rate falls to 0 along a cosine; clipped gradients
    epochs = -(-training.steps // len(train_loader))
    n = epochs * len(train_loader)
    rate = paddle.optimizer.lr.CosineAnnealingDecay(training.learning_rate, T_max=n)
    clip = nn.ClipGradByGlobalNorm(training.clip_at)
    optimizer = nndl.Adam(rate, parameters=model.parameters(), grad_clip=clip)
    # 3 学习准则: 每个字符的交叉熵, 不计补齐   criterion: the cross entropy of each character, padding left out
    loss = nn.CrossEntropyLoss(ignore_index=PAD)
    # 5 评价指标: 整个答案的准确率   metric: the accuracy of whole answers
    runner = nndl.RunnerV3(model, optimizer, loss, WholeAccuracy(ignore_index=PAD))
    # 每步之前设定 ε_i: 多大概率输入真实的词   before each step ε_i is set: how likely the true word is fed
    sampling = ScheduledSampling(model, SCHEDULES[training.feeding](n))
    callbacks = [sampling, nndl.LearningRateSchedule(rate)]
    steps = training.eval_steps
    curves = fit(runner, train_loader, dev_loader, folder, num_epochs=epochs, eval_steps=steps, callbacks=callbacks)
    # 评价: 从未见过的题目   evaluation on sums never seen
    test, _ = runner.evaluate(test_loader)
    found = {"dev_accuracy": runner.best_score, "test_accuracy": test, "steps_taken": n}
    return curves | found | examine(model, test_loader, vocabulary[1])


@paddle.no_grad()
def examine(model: Seq2Seq, loader: list, words: Any) -> dict[str, Any]:
    """The errors at each position of the answer, fed the truth and fed its own words; and some answers."""
    model.eval()
    (X, labels), *_ = loader
    Y = labels.numpy()
    # 真实的词 / 自己的词 作为输入   fed the truth; fed its own words
    guesses = {fed: model(X, own_words=p).argmax(axis=-1).numpy() for fed, p in (("truth", 0.0), ("own", 1.0))}
    is_there = Y != PAD
    wrong = {fed: (guess != Y) & is_there for fed, guess in guesses.items()}
    return {
        # 位置 t 的错误率   the share of wrong characters at position t
        "errors": {fed: (w.sum(axis=0) / is_there.sum(axis=0)).tolist() for fed, w in wrong.items()},
        # 课程给出的字符准确率: 输入真实的词   the share of right characters, fed the truth, as courses print it
        "characters": {fed: 1 - float(w.sum() / is_there.sum()) for fed, w in wrong.items()},
        # 整个答案, 输入自己的词   whole answers, fed its own words
        "whole_own": 1 - float(wrong["own"].any(axis=1).mean()),
        # 第一个错误之后, 各字符的错误率   how often a character is wrong after the first mistake
        "after_mistake": {fed: after_mistake(w, is_there) for fed, w in wrong.items()},
        "answers": [
            {"truth": written(Y[i], words), "own": written(guesses["own"][i], words)}
            for i in np.flatnonzero(wrong["own"].any(axis=1))[:5]
        ],
    }


def after_mistake(wrong: np.ndarray, is_there: np.ndarray) -> float | None:
    """Of the characters behind the first wrong one of their answer, the share that is wrong; None without any."""
    behind = (np.cumsum(wrong, axis=1) - wrong > 0) & is_there
    return float(wrong[behind].mean()) if behind.any() else None


def written(ids: np.ndarray, words: Any) -> str:
    """The answer up to its end, as text."""
    return "".join(until_end(ids, words))


# --- 实验 experiment ---

COMMON = (
    *("digits", "examples", "reverse", "cell", "steps", "batch_size", "learning_rate", "clip_at"),
    *("input_size", "hidden_size", "eval_steps"),
)


def check_data(run: Run) -> None:
    """Raise SettingError for a cell without a class, or where there are not so many different sums."""
    class_of(run.settings.cell)
    make_sums(run.settings)


def experiment(run: Run) -> dict[str, Any]:
    """Every way of feeding, with every seed, for the same number of steps (步数相同)."""
    settings = {name: getattr(run.settings, name) for name in COMMON}
    wanted = [
        Training(
            train_sums,
            f"{feeding}-{run.settings.digits}digits-seed{seed}",
            {"feeding": feeding, "seed": seed, **settings},
            run.data_dir,
            "",  # 数据由代码生成, 代码已计入   the data are made by code, which counts anyway
            make=class_of(run.settings.cell),
        )
        for feeding in run.settings.feedings
        for seed in range(run.seeds)
    ]
    return {"trainings": train_all(run, wanted)}


# 结论、表与图   claims, tables and figures: addition_findings.py
LESSON = Lesson(experiment, findings.claims, findings.tables, findings.figures, check_data)

if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", "addition", *sys.argv[1:]])
