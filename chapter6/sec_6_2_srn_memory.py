r"""6.2 The memory of a simple recurrent network (SRN 的记忆能力实验; printed section 6.1).

How long can an SRN remember? It reads L digits and must name the sum of the first two, 0 to 18. Everything
after them is zeros and one disturbing digit, so the longer the sequence, the longer the memory it takes.

.. math:: H_t = \tanh(X_t W + H_{t-1} U + b), \qquad \text{class scores} = H_L V + c

Figures: 6.6, losses for each length; 6.7, accuracy against length.
Claims: our SRN and Paddle's agree; Paddle's is faster than the stepwise one; training succeeds at every length,
but what was learned generalises (泛化) worse the longer the sequence (长程依赖问题, long-term dependencies).

``import nndl`` below loads nothing heavy: its names, and Paddle, come when a step first uses them.
"""

import sys
from typing import TYPE_CHECKING, Any

import chapter6  # noqa: F401 (from here on Ctrl-C is one line)
import nndl
from chapter6 import claim, comparison, memory
from chapter6.claim import Claim
from chapter6.digit_sum_experiment import train_all
from chapter6.section import Record, Run, Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SECTION = Section(
    number="6.2",
    printed="6.1",
    title="The memory of a simple recurrent network",
    title_zh="SRN 的记忆能力实验",
    shows="our SRN against Paddle's; losses and accuracy as the sequence grows (figures 6.6, 6.7)",
    shows_zh="自定义 SRN 与飞桨 SRN 的对比；序列变长时的损失与准确率（图 6.6、6.7）",
)
Settings = memory.MemorySettings
PRESETS = memory.PRESETS


def run(run: Run) -> dict[str, Any]:
    """The lesson, step by step; returns what the record keeps."""
    example = hand_set_example()
    parity = {dtype: comparison.parity("SRN", dtype) for dtype in comparison.PARITY}
    results = train_all(run, memory.trainings(run, "SRN"))
    settings = run.settings
    speed = comparison.speed("SRN", settings.lengths, settings.batch_size, settings.hidden_size)
    return {"example": example, "parity": parity, "trainings": results, "speed": speed}


def hand_set_example() -> dict[str, Any]:
    r"""An SRN small enough for paper: two units, two steps, weights set by hand.

    .. math::
        W = \begin{pmatrix} .1 & .2 \\ .1 & .2 \end{pmatrix},\;
        U = \begin{pmatrix} 0 & .1 \\ .1 & 0 \end{pmatrix},\; b = (.1, .1),\; X = ((1, 0), (0, 2))
    """
    import math

    import paddle
    from paddle.nn.initializer import Assign

    W, U, b = [[0.1, 0.2], [0.1, 0.2]], [[0.0, 0.1], [0.1, 0.0]], [[0.1, 0.1]]
    srn = nndl.SRN(2, 2, W_attr=Assign(W), U_attr=Assign(U), b_attr=Assign(b))
    outputs, _ = srn(paddle.to_tensor([[[1.0, 0.0], [0.0, 2.0]]]))
    # on paper: X_1 W + b = (.2, .3), and H_0 = 0
    h1, h2 = math.tanh(0.2), math.tanh(0.3)
    # X_2 W + b = (.3, .5), and H_1 U swaps the units and takes a tenth
    paper = [[h1, h2], [math.tanh(0.3 + 0.1 * h2), math.tanh(0.5 + 0.1 * h1)]]
    return {"paper": paper, "srn": outputs[0].tolist()}


def claims(record: Record) -> list[Claim]:
    """The book's claims, judged on the record."""
    metrics, lengths = record.metrics, record.settings["lengths"]
    results = metrics["trainings"]
    gap = max(
        abs(p - s)
        for paper, srn in zip(metrics["example"]["paper"], metrics["example"]["srn"], strict=True)
        for p, s in zip(paper, srn, strict=True)
    )
    return [
        Claim(
            "example",
            "the SRN with hand-set weights gives what paper and pencil give",
            "手工设定权重的 SRN 与笔算结果一致",
            f"largest difference {gap:.1e}",
            claim.check(gap < 1e-6),
        ),
        comparison.parity_claim("SRN", metrics["parity"]),
        comparison.speed_claim("SRN", metrics["speed"]),
        memory.training_loss_claim(results, "SRN", lengths),
        memory.dev_loss_claim(results, "SRN", lengths),
        memory.accuracy_claim(results, "SRN", lengths),
    ]


def numbers(record: Record) -> list[str]:
    """The tables of the report."""
    metrics = record.metrics
    return [
        "## Accuracy 准确率",
        memory.accuracy_table(metrics["trainings"], ["SRN"], record.settings["lengths"]),
        "## Speed 速度: forward and backward 前向与反向",
        comparison.speed_table(metrics["speed"]),
    ]


def figures(record: Record) -> dict[str, "Figure"]:
    """Figures 6.6 and 6.7."""
    import matplotlib.pyplot as plt

    from nndl.plot import COLORS

    results, lengths = record.metrics["trainings"], record.settings["lengths"]
    figure, axes = plt.subplots()
    memory.draw_accuracy(axes, results, "SRN", lengths, "dev", color=COLORS[0])
    memory.draw_accuracy(axes, results, "SRN", lengths, "test", color=COLORS[1], linestyle="--")
    memory.finish_accuracy(axes, lengths)
    return {"6.6": memory.draw_losses(results, "SRN", lengths), "6.7": figure}


if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", SECTION.number, *sys.argv[1:]])
