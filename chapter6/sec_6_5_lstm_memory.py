r"""6.5 The memory of a long short-term memory network (LSTM 的记忆能力实验; printed section 6.3).

The experiment of section 6.2 with an LSTM. Its cell state C is carried from step to step by a sum, not through a
matrix and a tanh, so what it holds, and its gradient, can survive many steps:

.. math:: C_t = F_t \odot C_{t-1} + I_t \odot \tilde C_t, \qquad H_t = O_t \odot \tanh(C_t)

Figures: 6.11, losses for each length; 6.12, SRN against LSTM; 6.13, gates and cell state for one sequence.
Claims: our LSTM and Paddle's agree; Paddle's is faster than the stepwise one; LSTM is better than SRN at every
length, though it falls as well; the gates treat the zeros alike and the forget gate reacts to the 1.
"""

import sys
from dataclasses import dataclass
from itertools import pairwise
from math import log
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import chapter6  # noqa: F401 (from here on Ctrl-C is one line)
import nndl
from chapter6 import claim, comparison, memory
from chapter6.claim import Claim, mean_and_spread
from chapter6.digit_sum_experiment import Training, build_model, train_all
from chapter6.section import Record, Run, Section
from chapter6.settings import setting
from chapter6.training import select
from nndl.op.backend import OWN, choose

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SECTION = Section(
    number="6.5",
    printed="6.3",
    title="The memory of a long short-term memory network",
    title_zh="LSTM 的记忆能力实验",
    shows="LSTM against SRN as the sequence grows, and its gates at work on any digits (figures 6.11 to 6.13)",
    shows_zh="序列变长时 LSTM 与 SRN 的对比；任意数字序列上的门控状态（图 6.11 至 6.13）",
)

TINY = 1e-12
"""A gate that is stuck does not change at all, and 0 has no logarithm."""
GATES = ("input_gate", "forget_gate", "output_gate")


@dataclass(frozen=True)
class Settings(memory.MemorySettings):
    """Those of section 6.2, what computes the LSTM, and the digits of figure 6.13."""

    backend: str = setting(
        "auto",
        "what computes the LSTM (算子): oneDNN where it can be had (auto), or the one named",
        choices=("auto", *OWN),
    )
    digits: tuple[int, ...] = setting(
        (6, 7, 0, 0, 1, 0, 0, 0, 0, 0),
        "the digits of figure 6.13 (图 6.13 的数字序列), separated by commas",
        least=0,
        most=9,
        count=(3, 100),
    )


PRESETS = {name: Settings(**vars(preset)) for name, preset in memory.PRESETS.items()}


def run(run: Run) -> dict[str, Any]:
    """The lesson, step by step; returns what the record keeps."""
    parity = {dtype: comparison.parity("LSTM", dtype) for dtype in comparison.PARITY}
    lstm = memory.trainings(run, "LSTM", backend=choose(run.settings.backend, otherwise="fused"))
    srn = memory.trainings(
        run, "SRN", backend="fused"
    )  # the same lengths and seeds; those of section 6.2 serve, where they are
    results = train_all(run, [*lstm, *srn], also_in=[run.out / "6.2" / run.preset / "checkpoints"])
    settings = run.settings
    return {
        "parity": parity,
        "trainings": results,
        "speed": comparison.speed("LSTM", settings.lengths, settings.batch_size, settings.hidden_size),
        "gates": [watch_gates(training, results, settings.digits) for training in _nearest(lstm, len(settings.digits))],
    }


def _nearest(trainings: list[Training], digits: int) -> list[Training]:
    """The models that figure 6.13 looks into, one a seed: of the length nearest to that of the digits."""
    length = min((training.length for training in trainings), key=lambda length: abs(length - digits))
    return [training for training in trainings if training.length == length]


def watch_gates(training: Training, results: list[dict[str, Any]], digits: tuple[int, ...]) -> dict[str, Any]:
    """Gates and cell state of a trained LSTM for one sequence, and the sum it predicts.

    Returns lists [L][D] under ``input_gate``, ``forget_gate``, ``output_gate``, ``cell_state``; seed, prediction.
    """
    import paddle

    [result] = select(results, model="LSTM", length=training.length, seed=training.seed)
    model = build_model(training)
    runner = nndl.RunnerV3(model, None, None, None)
    runner.load_model(Path(result["folder"]) / "best.pdparams")
    with nndl.op.recording(model.rnn_model.cells[0]) as steps:
        logits = runner.predict(paddle.to_tensor([digits], dtype="int64"))
    states = {name: [step[name][0].tolist() for step in steps] for name in (*GATES, "cell_state")}
    return {"seed": training.seed, "length": training.length, "prediction": int(logits.argmax()), **states}


def claims(record: Record) -> list[Claim]:
    """The book's claims, judged on the record."""
    metrics, lengths = record.metrics, record.settings["lengths"]
    return [
        comparison.parity_claim("LSTM", metrics["parity"]),
        comparison.speed_claim("LSTM", metrics["speed"]),
        *_better_claims(metrics["trainings"], lengths),
        memory.accuracy_claim(metrics["trainings"], "LSTM", lengths),
        _gate_claim(
            record,
            "gates_zeros",
            "the gates react alike to the zeros (they change less from 0 to 0 than when another digit comes)",
            "各门对 0 的反应相近（0 到 0 的变化小于其他数字到来时的变化）",
            GATES,
        ),
        _gate_claim(
            record,
            "forget_gate",
            "the forget gate changes when the 1 comes (more than from 0 to 0)",
            "数字 1 到来时遗忘门发生变化（大于 0 到 0 的变化）",
            ("forget_gate",),
        ),
    ]


def _better_claims(results: list[dict[str, Any]], lengths: list[int]) -> list[Claim]:
    """Test accuracy of LSTM minus SRN, seed by seed, at every length, and on average over the lengths."""
    differences = {
        length: [
            lstm - srn
            for lstm, srn in zip(
                memory.accuracies(results, "LSTM", length), memory.accuracies(results, "SRN", length), strict=True
            )
        ]
        for length in lengths
    }
    averages = [fmean(of_seed) for of_seed in zip(*differences.values(), strict=True)]
    return [
        Claim(
            "lstm_better",
            "LSTM is better than SRN at every length",
            "各长度上 LSTM 都优于 SRN",
            f"test accuracy, LSTM minus SRN: {memory.by_length(differences)}",
            claim.judge_every(differences.values()),
        ),
        Claim(
            "lstm_better_on_average",
            "LSTM is better than SRN, on average over the lengths",
            "对各长度取平均，LSTM 优于 SRN",
            f"test accuracy, LSTM minus SRN: {mean_and_spread(averages)}",
            claim.judge(averages),
        ),
    ]


def _gate_claim(record: Record, id: str, statement: str, statement_zh: str, gates: tuple[str, ...]) -> Claim:
    """Whether these gates change more when a digit comes than from zero to zero; one ratio a seed."""
    digits = record.settings["digits"]
    pairs = [(t, a, b) for t, (a, b) in enumerate(pairwise(digits), start=1) if t > 2 and a == 0]
    quiet, news = [t for t, _, b in pairs if b == 0], [t for t, _, b in pairs if b != 0]
    if not quiet or not news:
        return Claim(
            id, statement, statement_zh, "these digits are not zeros with another digit in between", claim.OPEN
        )
    at_zero, at_news = (
        [fmean(_change(watched[gate], t) for gate in gates for t in times) for watched in record.metrics["gates"]]
        for times in (quiet, news)
    )
    return Claim(
        id,
        statement,
        statement_zh,
        f"mean change of a unit: {mean_and_spread(at_zero, 3)} from 0 to 0, {mean_and_spread(at_news, 3)} at the digit",
        claim.judge([log(max(new, TINY) / max(zero, TINY)) for new, zero in zip(at_news, at_zero, strict=True)]),
    )


def _change(states: list[list[float]], t: int) -> float:
    """The mean change of a unit from step t-1 to step t."""
    return fmean(abs(now - before) for now, before in zip(states[t], states[t - 1], strict=True))


def numbers(record: Record) -> list[str]:
    """The tables of the report."""
    metrics, digits = record.metrics, record.settings["digits"]
    predictions = ", ".join(str(watched["prediction"]) for watched in metrics["gates"])
    return [
        "## Accuracy 准确率",
        memory.accuracy_table(metrics["trainings"], ["SRN", "LSTM"], record.settings["lengths"]),
        f"Figure 6.13: {len(digits)} digits {' '.join(map(str, digits))}, sum {digits[0] + digits[1]}, "
        f"LSTM trained at L = {metrics['gates'][0]['length']}; "
        f"predicted, one number a seed 各种子的预测: {predictions}",
        "## Speed 速度: forward and backward 前向与反向",
        comparison.speed_table(metrics["speed"]),
    ]


def figures(record: Record) -> dict[str, "Figure"]:
    """Figures 6.11, 6.12 and 6.13."""
    import matplotlib.pyplot as plt

    from nndl.plot import COLORS

    results, lengths = record.metrics["trainings"], record.settings["lengths"]
    figure, panels = plt.subplots(1, 2, figsize=(11, 4), sharey=True)
    for axes, split in zip(panels, ("dev", "test"), strict=True):
        memory.draw_accuracy(axes, results, "SRN", lengths, split, color=COLORS[1], linestyle="--")
        memory.draw_accuracy(axes, results, "LSTM", lengths, split, color=COLORS[0])
        memory.finish_accuracy(axes, lengths)
    figure.tight_layout()
    watched = record.metrics["gates"][0]
    return {
        "6.11": memory.draw_losses(results, "LSTM", lengths),
        "6.12": figure,
        "6.13": _draw_gates(watched, record.settings["digits"]),
    }


def _draw_gates(watched: dict[str, Any], digits: list[int]) -> "Figure":
    """Heat maps of the three gates, 0 to 1, and of the cell state, -5 to 5: digits across, units down."""
    import matplotlib.pyplot as plt

    panels = dict.fromkeys(GATES, (0.0, 1.0)) | {"cell_state": (-5.0, 5.0)}
    width = max(2.6, 0.28 * len(digits))
    figure, row = plt.subplots(1, 4, figsize=(4 * width + 2, 6), sharey=True)
    for axes, (name, (low, high)) in zip(row, panels.items(), strict=True):
        units_by_step = list(zip(*watched[name], strict=True))
        image = axes.imshow(units_by_step, aspect="auto", vmin=low, vmax=high, cmap="YlGnBu")
        axes.set(title=name.replace("_", " "), xlabel="digit", xticks=range(len(digits)), xticklabels=digits)
        figure.colorbar(image, ax=axes, extend="both" if name == "cell_state" else "neither")
    row[0].set_ylabel("unit")
    figure.suptitle(
        f"LSTM trained at L = {watched['length']}, seed {watched['seed']}: "
        f"predicts {watched['prediction']} for {digits[0]} + {digits[1]}"
    )
    figure.tight_layout()
    return figure


if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", SECTION.number, *sys.argv[1:]])
