"""What the memory experiments share: section 6.2 asks the SRN, section 6.5 the LSTM the same question."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from chapter6 import claim
from chapter6.claim import Claim, last_tenth, mean_and_spread
from chapter6.digit_sum_experiment import Training
from chapter6.section import Run, table
from chapter6.settings import Settings, check_size, setting
from chapter6.training import draw_band, select
from nndl.dataset import digit_sum

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NEAR_ZERO = 0.1
"""A training loss under this counts as "goes to 0"; guessing among 19 classes costs ln 19 = 2.94."""


@dataclass(frozen=True)
class MemorySettings(Settings):
    """The settings of the memory experiments, 6.2 and 6.5; the defaults are preset quick."""

    lengths: tuple[int, ...] = setting(
        (5, 10, 15),
        "sequence lengths L (序列长度), separated by commas",
        least=3,
        most=digit_sum.MAX_LENGTH,
        count=(1, 50),
        each_once=True,
    )
    epochs: int = setting(100, "epochs (回合)", least=1, most=10_000)
    batch_size: int = setting(8, "batch size B (批大小)", least=1, most=10_000)
    learning_rate: float = setting(0.003, "learning rate (学习率)", above=0)
    input_size: int = setting(32, "embedding size M (嵌入大小)", least=1, most=4096)
    hidden_size: int = setting(32, "hidden size D (隐状态大小)", least=1, most=4096)
    eval_steps: int = setting(100, "steps between two evaluations on the dev set (验证集)", least=1, most=10**6)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self.batch_size, max(self.lengths), max(self.input_size, self.hidden_size))


PRESETS = {
    "quick": MemorySettings(),
    "book": MemorySettings(lengths=(10, 15, 20, 25, 30, 35), epochs=500, learning_rate=0.001),
}


def trainings(run: Run, model: str, **changes: Any) -> list[Training]:
    """One training for each length and seed of a memory experiment, the longest first."""
    settings = asdict(run.settings)
    lengths = settings.pop("lengths")
    known = {name: value for name, value in settings.items() if name in Training.__dataclass_fields__} | changes
    return [
        Training(model=model, length=length, seed=seed, data_dir=run.data_dir / "digit_sum", **known)
        for length in sorted(lengths, reverse=True)
        for seed in range(run.seeds)
    ]


def accuracies(results: Sequence[dict[str, Any]], model: str, length: int, split: str = "test") -> list[float]:
    """One accuracy a seed."""
    return [result[f"{split}_accuracy"] for result in select(results, model=model, length=length)]


def final_losses(results: Sequence[dict[str, Any]], model: str, length: int, split: str) -> list[float]:
    """One loss a seed: the median of the last tenth of the training, so that a spike at the very end counts little."""
    return [last_tenth(loss for _, loss in r[f"{split}_losses"]) for r in select(results, model=model, length=length)]


def training_loss_claim(results: Sequence[dict[str, Any]], model: str, lengths: Sequence[int]) -> Claim:
    """The training loss goes to 0 at every length: below NEAR_ZERO with confidence."""
    losses = {length: final_losses(results, model, length, "train") for length in lengths}
    return Claim(
        "training_loss",
        f"the training loss goes to 0 at every length (below {NEAR_ZERO} in the last tenth of the training)",
        f"各长度上训练损失都趋于 0（最后十分之一的训练中低于 {NEAR_ZERO}）",
        by_length(losses),
        claim.judge_every([NEAR_ZERO - loss for loss in values] for values in losses.values()),
    )


def dev_loss_claim(results: Sequence[dict[str, Any]], model: str, lengths: Sequence[int]) -> Claim:
    """The last dev loss grows with the length: a positive slope in every seed's points."""
    losses = {length: final_losses(results, model, length, "dev") for length in lengths}
    return Claim(
        "dev_loss",
        "the dev loss at the end of training grows with the length",
        "训练结束时的验证集损失随序列长度增大",
        by_length(losses),
        claim.judge(slopes(losses)),
    )


def accuracy_claim(results: Sequence[dict[str, Any]], model: str, lengths: Sequence[int]) -> Claim:
    """Dev and test accuracy fall as the length grows: a negative slope in every seed's points."""
    dev, test = ({n: accuracies(results, model, n, split) for n in lengths} for split in ("dev", "test"))
    return Claim(
        "accuracy_falls",
        f"{model}: dev and test accuracy fall as the length grows",
        f"{model} 在验证集和测试集上的准确率随长度增加而下降",
        f"test: {by_length(test)}; slope for 10 more digits: dev {10 * fmean(slopes(dev)):+.2f}, "
        f"test {10 * fmean(slopes(test)):+.2f}",
        claim.judge_every([-slope for slope in slopes(values)] for values in (dev, test)),
    )


def slopes(values: dict[int, list[float]]) -> list[float]:
    """For each seed the slope of its values over the lengths."""
    return [claim.slope(list(values), of_one_seed) for of_one_seed in zip(*values.values(), strict=True)]


def by_length(values: dict[int, list[float]]) -> str:
    """Mean and spread for each length, on one line."""
    return ", ".join(f"L={length}: {mean_and_spread(of_seeds)}" for length, of_seeds in values.items())


def accuracy_table(results: Sequence[dict[str, Any]], models: Sequence[str], lengths: Sequence[int]) -> str:
    """Dev and test accuracy for each length, mean and standard deviation over seeds."""
    columns = [(model, split) for model in models for split in ("dev", "test")]
    rows = [
        [str(n), *(mean_and_spread(accuracies(results, model, n, split)) for model, split in columns)] for n in lengths
    ]
    return table(["L", *(f"{model} {split}" for model, split in columns)], rows)


def draw_losses(results: Sequence[dict[str, Any]], model: str, lengths: Sequence[int]) -> "Figure":
    """Figures 6.6 and 6.11: train and dev loss against steps, one panel a length, mean and range over seeds."""
    from nndl.plot import COLORS

    import matplotlib.pyplot as plt

    columns = min(3, len(lengths))
    rows = -(-len(lengths) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(4.2 * columns, 3.2 * rows), squeeze=False, sharex=True)
    for axes in grid.flat[len(lengths) :]:
        axes.remove()
    for axes, length in zip(grid.flat, lengths, strict=False):
        chosen = select(results, model=model, length=length)
        draw_band(axes, [r["train_losses"] for r in chosen], "-", COLORS[0], "Train loss")
        draw_band(axes, [r["dev_losses"] for r in chosen], "--", COLORS[1], "Dev loss")
        axes.set(title=f"L = {length}", xlabel="step", ylabel="loss", ylim=(0, None))
    figure.suptitle(f"{model}: mean and range over {len(chosen)} seed(s)")
    figure.tight_layout()
    figure.legend(*axes.get_legend_handles_labels(), loc="upper right", ncols=2)
    return figure


def draw_accuracy(axes: "Axes", results: Any, model: str, lengths: Sequence[int], split: str, **look: Any) -> None:
    """One line of figures 6.7 and 6.12: accuracy against length, mean and standard deviation over seeds."""
    values = [accuracies(results, model, length, split) for length in lengths]
    spreads = [stdev(v) if len(v) > 1 else 0.0 for v in values]
    label = f"{model} {split.capitalize()}"
    axes.errorbar(lengths, [fmean(v) for v in values], spreads, capsize=3, marker="o", label=label, **look)


def finish_accuracy(axes: "Axes", lengths: Sequence[int]) -> None:
    """Axes and legend of figures 6.7 and 6.12."""
    axes.set(xlabel="sequence length L", ylabel="accuracy", ylim=(0, 1.02), xticks=list(lengths))
    axes.legend(loc="lower left", title="mean ± standard deviation over seeds")
