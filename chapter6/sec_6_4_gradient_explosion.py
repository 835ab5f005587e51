r"""6.4 Gradient explosion in a simple recurrent network (SRN 的梯度爆炸实验; printed section 6.2).

Backpropagation through time (随时间反向传播, BPTT) multiplies one Jacobian a step:
随时间反向传播每一步乘以一个雅可比矩阵：

.. math:: \frac{\partial H_L}{\partial H_t} = \prod_{s=t+1}^{L} \mathrm{diag}(1 - H_s^2)\, U^{\top}

Over many steps the product explodes (梯度爆炸) or vanishes (梯度消失). A large learning rate provokes the first;
the weights are then thrown so far that tanh saturates, :math:`1 - H_s^2 \approx 0`, and the second follows.
Clipping (梯度截断) bounds the step: by value each entry, by norm each parameter's gradient, by global norm all at
once,

.. math:: g_i \leftarrow \min(\max(g_i, -v), v), \qquad g \leftarrow g \cdot \min(1, v / \lVert g \rVert)

Figures: 6.8, gradient norms of W, U, b without clipping; 6.9, with clipping by norm; ``strategies``, what each kind
of clipping does, in the book's setting and in a gentler one, where clipping decides between learning and not.
"""

import sys
from pathlib import Path
from typing import Any

import chapter6  # noqa: F401  Ctrl-C 从此只显示一行   from here on Ctrl-C is one line
import nndl
from chapter6 import sec_6_4_findings as findings
from chapter6.lab.lesson import Lesson, Run
from chapter6.lab.training import Training, fit, train_all
from chapter6.sec_6_2_srn_memory import find_data, make_loaders
from nndl.dataset import digit_sum

import paddle
from paddle import nn

# --- 梯度截断 clipping ---

CLIPS = {
    # 不截断   no clipping
    "none": lambda v: None,
    # 按值截断   by value: g_i <- min(max(g_i, -v), v)
    "value": lambda v: nn.ClipGradByValue(v),
    # 按模截断   by norm: g <- g v / max(|g|, v), 各参数分别计算   each parameter by itself
    "norm": lambda v: nn.ClipGradByNorm(v),
    # 按全局模截断   by global norm: |g| 取全部参数   |g| over all parameters
    "global_norm": lambda v: nn.ClipGradByGlobalNorm(v),
}

# --- 训练 training ---

PARAMETERS = {"W": "rnn_model.W", "U": "rnn_model.U", "b": "rnn_model.b"}


def train(training: Training, folder: Path) -> dict[str, Any]:
    """One SRN with one kind of clipping (printed 6.2.1 and 6.2.2), by the five elements (机器学习五要素)."""
    # 1 数据   data: 与 6.2 节相同, 每批 64 个   as in section 6.2, 64 a batch
    train_loader, dev_loader, test_loader = make_loaders(training.data, training.batch_size)
    # 2 模型   model: 与 6.2 节相同   as in section 6.2
    M, D = training.input_size, training.hidden_size
    model = nndl.Model_RNN4SeqClass(nndl.SRN(M, D), digit_sum.NUM_DIGITS, M, D, digit_sum.NUM_CLASSES)
    # 3 学习准则   criterion: 交叉熵之和, 梯度随之放大   the SUM over the batch, which makes the gradients large
    criterion = nn.CrossEntropyLoss(reduction="sum")
    # 4 优化算法   optimizer: 随机梯度下降, 更新前截断梯度   SGD, which clips the gradients before the update
    clip = CLIPS[training.clip](training.clip_at)
    optimizer = paddle.optimizer.SGD(training.learning_rate, parameters=model.parameters(), grad_clip=clip)
    # 5 评价指标   metric
    runner = nndl.RunnerV3(model, optimizer, criterion, nndl.Accuracy())
    # 训练: 即 runner.train, 记录每一步的梯度范数   runner.train, and keep the norm of every gradient at every step
    recorder = nndl.GradientNormRecorder()
    curves = fit(
        runner,
        train_loader,
        dev_loader,
        folder,
        num_epochs=training.epochs,
        eval_steps=training.eval_steps,
        callbacks=[recorder],
        # 检查点不含梯度范数, 所以中断后从头训练   the norms are no part of a checkpoint, so it would start anew
        checkpoint_steps=0,
    )
    # 评价   evaluate
    accuracy, _ = runner.evaluate(test_loader)
    return curves | {
        "dev_accuracy": runner.best_score,
        "test_accuracy": accuracy,
        "gradient_norms": _of_srn(recorder.norms),
        "applied_norms": _of_srn(recorder.applied),
    }


def _of_srn(norms: dict[str, list[float]]) -> dict[str, list[float]]:
    """The norms of W, U and b alone, to five digits: what the figures draw."""
    return {letter: [_round(norm) for norm in norms[name]] for letter, name in PARAMETERS.items()}


def _round(norm: float) -> float:
    """Five digits; a norm that overflowed, in a training about to diverge, counts as the largest number."""
    return float(f"{norm:.5g}") if norm < LARGEST else LARGEST


LARGEST = 3.4e38  # of float32

# --- 实验 experiment ---


def experiment(run: Run) -> dict[str, Any]:
    """Train with each kind of clipping and each seed, in the book's setting and in a gentler one."""
    settings = run.settings
    book = _trainings(run, settings.epochs, settings.learning_rate)
    gentle = _trainings(run, settings.gentle_epochs, settings.gentle_learning_rate)
    results = train_all(run, [*book, *gentle], may_diverge=True)
    return {"book": results[: len(book)], "gentle": results[len(book) :]}


def _trainings(run: Run, epochs: int, learning_rate: float) -> list[Training]:
    common = ("length", "batch_size", "clip_at", "input_size", "hidden_size", "eval_steps")
    settings = {setting: getattr(run.settings, setting) for setting in common}
    data, mark = find_data(run, run.settings.length)
    wanted = []
    for clip in CLIPS:
        for seed in range(run.seeds):
            values = {"clip": clip, "seed": seed, "epochs": epochs, "learning_rate": learning_rate, **settings}
            wanted.append(Training(train, f"SRN-lr{learning_rate}-clip_{clip}-seed{seed}", values, data, mark))
    return wanted


# 结论、表与图   claims, tables and figures: sec_6_4_findings.py
LESSON = Lesson(experiment, findings.claims, findings.tables, findings.figures)

if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", "6.4", *sys.argv[1:]])
