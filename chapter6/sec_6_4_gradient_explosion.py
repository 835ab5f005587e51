r"""6.4 Gradient explosion in a simple recurrent network (SRN 的梯度爆炸实验; printed section 6.2).

Backpropagation through time (随时间反向传播, BPTT) multiplies one Jacobian a step:

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
from dataclasses import dataclass
from math import log
from statistics import fmean
from typing import TYPE_CHECKING, Any

from chapter6 import claim
from chapter6.claim import Claim, last_tenth, mean_and_spread
from chapter6.digit_sum_experiment import Training, train_all
from chapter6.section import Record, Run, Section, table
from chapter6.settings import Settings as BaseSettings
from chapter6.settings import check_size, setting
from chapter6.training import draw_band, select
from nndl.dataset import digit_sum

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SECTION = Section(
    number="6.4",
    printed="6.2",
    title="Gradient explosion in a simple recurrent network",
    title_zh="SRN 的梯度爆炸实验",
    shows="gradient norms and accuracy without and with clipping, by value, norm and global norm (figures 6.8, 6.9)",
    shows_zh="不截断与按值、按模、按全局模截断时的梯度范数与准确率（图 6.8、6.9）",
)

CLIPS = {"none": "no clipping", "value": "by value", "norm": "by norm", "global_norm": "by global norm"}
PARAMETERS = {"W": "rnn_model.W", "U": "rnn_model.U", "b": "rnn_model.b"}
CHANCE_LOSS = log(19)
"""The cross entropy of guessing among 19 classes."""
SHOOTS_UP = 5
"""A norm that reaches this multiple of its first value has shot up."""
LARGEST = 3.4e38  # of float32
SMALLEST = 1e-45  # of float32
ALMOST_ZERO = 0.01
"""A norm below this fraction of its first value is almost 0."""


@dataclass(frozen=True)
class Settings(BaseSettings):
    """The book's settings, which take seconds; and the gentler ones that stand beside them."""

    length: int = setting(20, "sequence length L (序列长度)", least=3, most=digit_sum.MAX_LENGTH)
    epochs: int = setting(50, "epochs (回合)", least=1, most=2000)  # every norm of every step is kept
    batch_size: int = setting(64, "batch size B (批大小)", least=1, most=10_000)
    learning_rate: float = setting(0.2, "learning rate (学习率)", above=0)
    clip_at: float = setting(5.0, "the bound v of the clipping (截断阈值)", least=1e-30)
    gentle_epochs: int = setting(300, "epochs in the gentler setting", least=1, most=2000)
    gentle_learning_rate: float = setting(0.02, "learning rate in the gentler setting", above=0)
    input_size: int = setting(32, "embedding size M (嵌入大小)", least=1, most=4096)
    hidden_size: int = setting(32, "hidden size D (隐状态大小)", least=1, most=4096)
    eval_steps: int = setting(100, "steps between two evaluations on the dev set (验证集)", least=1, most=10**6)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self.batch_size, self.length, max(self.input_size, self.hidden_size))


PRESETS = {"quick": Settings(), "book": Settings()}


def run(run: Run) -> dict[str, Any]:
    """Train with each kind of clipping and each seed, in both settings; keep the norms of W, U and b."""
    settings = run.settings
    book = _trainings(run, settings.epochs, settings.learning_rate)
    gentle = _trainings(run, settings.gentle_epochs, settings.gentle_learning_rate)
    results = train_all(run, [*book, *gentle], may_diverge=True)
    return {"book": [_shorten(r) for r in results[: len(book)]], "gentle": [_shorten(r) for r in results[len(book) :]]}


def _trainings(run: Run, epochs: int, learning_rate: float) -> list[Training]:
    settings = run.settings
    return [
        Training(
            model="SRN",
            length=settings.length,
            seed=seed,
            epochs=epochs,
            batch_size=settings.batch_size,
            learning_rate=learning_rate,
            input_size=settings.input_size,
            hidden_size=settings.hidden_size,
            eval_steps=settings.eval_steps,
            data_dir=run.data_dir / "digit_sum",
            optimizer="SGD",
            reduction="sum",
            clip=clip,
            clip_at=settings.clip_at,
            record_gradients=True,
        )
        for clip in CLIPS
        for seed in range(run.seeds)
    ]


def _shorten(result: dict[str, Any]) -> dict[str, Any]:
    """The norms of W, U and b alone, to five digits: what the figures draw."""
    for kind in ("gradient_norms", "applied_norms"):
        result[kind] = {letter: [_round(n) for n in result[kind][name]] for letter, name in PARAMETERS.items()}
    return result


def _round(norm: float | None) -> float:
    """Five digits; a norm that overflowed, in a training about to diverge, counts as the largest number."""
    return float(f"{norm:.5g}") if norm is not None and norm < LARGEST else LARGEST


def claims(record: Record) -> list[Claim]:
    """The book's claims, judged on the record, and ours on the gentler setting."""
    free, clipped = (select(record.metrics["book"], clip=clip) for clip in ("none", "norm"))
    free_norms, clipped_norms = ([_norms(r, "U") for r in results] for results in (free, clipped))
    highest = [max(n) / n[0] for n in free_norms]
    last, clipped_last = ([last_tenth(n) / n[0] for n in norms] for norms in (free_norms, clipped_norms))
    alive = claim.judge([ratio - ALMOST_ZERO for ratio in clipped_last])
    return [
        Claim(
            "explosion",
            f"without clipping the gradient norm shoots up (U: to {SHOOTS_UP} times its first value or more)",
            f"不截断时梯度范数急剧上升（U：达到初值的 {SHOOTS_UP} 倍以上）",
            f"highest / first: {mean_and_spread(highest, 1)}",
            claim.judge([log(ratio / SHOOTS_UP) for ratio in highest]),
        ),
        Claim(
            "saturation",
            f"then it is almost 0 (the median of the last tenth under {ALMOST_ZERO:.0%} of the first)",
            f"随后几乎为 0（最后十分之一的中位数低于初值的 {ALMOST_ZERO:.0%}）",
            f"last / first: {_small(last)}",
            claim.judge([ALMOST_ZERO - ratio for ratio in last]),
        ),
        Claim(
            "learning_stops",
            "and learning stops (the last training loss is above that of guessing, ln 19)",
            "学习随之停止（最后的训练损失高于随机猜测的 ln 19）",
            f"loss an example: {mean_and_spread([_last_loss(r) for r in free])} (ln 19 = {CHANCE_LOSS:.2f})",
            claim.judge([_last_loss(r) - CHANCE_LOSS for r in free]),
        ),
        Claim(
            "clipped_alive",
            f"with clipping by norm the gradients stay alive (the last tenth over {ALMOST_ZERO:.0%} of the first)",
            f"按模截断时梯度保持有效（最后十分之一高于初值的 {ALMOST_ZERO:.0%}）",
            f"last / first: {_small(clipped_last)}",
            claim.FAILS if _diverged(clipped) else alive,
        ),
        _accuracy_claim(
            record.metrics["book"],
            "clipped_accuracy",
            "with clipping by norm the accuracy is somewhat higher",
            "按模截断后准确率略有提高",
        ),
        _accuracy_claim(
            record.metrics["gentle"],
            "gentle_accuracy",
            f"ours: at learning rate {record.settings['gentle_learning_rate']} clipping by norm makes learning succeed",
            f"本项目：学习率为 {record.settings['gentle_learning_rate']} 时，按模截断使学习成功",
        ),
    ]


def _accuracy_claim(results: list[dict[str, Any]], id: str, statement: str, statement_zh: str) -> Claim:
    """Test accuracy with clipping by norm minus without, seed by seed."""
    free, clipped = ([r["test_accuracy"] for r in select(results, clip=clip)] for clip in ("none", "norm"))
    return Claim(
        id,
        statement,
        statement_zh,
        f"test accuracy {mean_and_spread(free)} without, {mean_and_spread(clipped)} with",
        claim.judge([with_ - without for with_, without in zip(clipped, free, strict=True)]),
    )


def _norms(result: dict[str, Any], parameter: str) -> list[float]:
    """One number a step, none of them 0: they are divided by the first."""
    return [max(norm, SMALLEST) for norm in result["gradient_norms"][parameter]]


def _diverged(results: list[dict[str, Any]]) -> int:
    """How many of these trainings ended with a loss that is no number."""
    return sum(bool(result["diverged"]) for result in results)


def _last_loss(result: dict[str, Any]) -> float:
    """The loss an example in the last epoch; of a training that diverged, in its last finite step."""
    loss = result["last_loss"] if result["diverged"] else result["train_losses"][-1][1]
    return loss / result["batch_size"]


def _small(values: list[float]) -> str:
    return ", ".join(f"{value:.1e}" for value in values)


def numbers(record: Record) -> list[str]:
    """The table of the report."""
    rows = []
    rates = (record.settings["learning_rate"], record.settings["gentle_learning_rate"])
    for name, title in zip(("book", "gentle"), (f"learning rate 学习率 {rate}" for rate in rates), strict=True):
        for clip, clip_title in CLIPS.items():
            chosen = select(record.metrics[name], clip=clip)
            columns = [[r[column] for r in chosen] for column in ("dev_accuracy", "test_accuracy")]
            diverged = f"{_diverged(chosen)} of {len(chosen)}" if _diverged(chosen) else ""
            rows.append([title, clip_title, *map(mean_and_spread, columns), diverged])
    return ["## Accuracy 准确率", table(["setting 设置", "clipping 截断", "dev", "test", "diverged 发散"], rows)]


def figures(record: Record) -> dict[str, "Figure"]:
    """Figures 6.8 and 6.9, and the comparison of the strategies."""
    results = record.metrics["book"]
    return {
        "6.8": _draw_norms(select(results, clip="none"), "without clipping", applied=False),
        "6.9": _draw_norms(select(results, clip="norm"), "with clipping by norm", applied=True),
        "strategies": _draw_strategies(record),
    }


def _draw_norms(results: list[dict[str, Any]], title: str, applied: bool) -> "Figure":
    """The norms of W, U and b against steps; where they are clipped, also what was left of them."""
    from nndl.plot import COLORS

    import matplotlib.pyplot as plt

    kinds = {"gradient_norms": "gradient"} | ({"applied_norms": "gradient after clipping"} if applied else {})
    figure, panels = plt.subplots(1, len(kinds), figsize=(6.4 * len(kinds), 4), squeeze=False, sharey=True)
    for axes, (kind, label) in zip(panels.flat, kinds.items(), strict=True):
        for parameter, color, style in zip(
            PARAMETERS, (COLORS[0], COLORS[1], COLORS[3]), ("-", "-.", "--"), strict=True
        ):
            draw_band(axes, [list(enumerate(r[kind][parameter])) for r in results], style, color, parameter)
        axes.set(xlabel="step", ylabel=f"L2 norm of the {label}", yscale="symlog", ylim=(0, None))
        axes.legend()
    figure.suptitle(f"SRN {title}: mean and range over {len(results)} seed(s)")
    figure.tight_layout()
    return figure


def _draw_strategies(record: Record) -> "Figure":
    """Training loss and dev accuracy of each kind of clipping, one row a setting."""
    import matplotlib.pyplot as plt

    figure, rows = plt.subplots(2, 2, figsize=(11, 7))
    rates = (record.settings["learning_rate"], record.settings["gentle_learning_rate"])
    for row, name, rate in zip(rows, ("book", "gentle"), rates, strict=True):
        _draw_setting(*row, record.metrics[name])
        row[0].set_title(f"learning rate {rate}: training")
        row[1].set_title(f"learning rate {rate}: test accuracy")
    figure.tight_layout()
    return figure


def _draw_setting(left: "Axes", right: "Axes", results: list[dict[str, Any]]) -> None:
    from nndl.plot import COLORS

    for (clip, title), color, style in zip(CLIPS.items(), COLORS, ("-", ":", "-.", "--"), strict=True):
        chosen = [r for r in select(results, clip=clip) if not r["diverged"]]
        losses = [[(step, loss / r["batch_size"]) for step, loss in r["train_losses"]] for r in chosen]
        if losses:
            draw_band(left, losses, style, color, title)
        else:
            left.plot([], [], style, color=color, label=f"{title} (diverged)")
    left.axhline(CHANCE_LOSS, color="gray", linewidth=0.8, linestyle=":")
    left.set(xlabel="step", ylabel="train loss an example", yscale="log")
    left.legend()
    accuracies = [[r["test_accuracy"] for r in select(results, clip=clip)] for clip in CLIPS]
    right.bar(list(CLIPS.values()), [fmean(values) for values in accuracies], color=COLORS[1])
    for x, values in enumerate(accuracies):
        right.plot([x] * len(values), values, "o", color=COLORS[3])
    right.set(ylabel="accuracy (bar: mean, dots: seeds)", ylim=(0, 1))


if __name__ == "__main__":
    from chapter6.__main__ import main

    main(["run", SECTION.number, *sys.argv[1:]])
