"""The settings of the extras (练习与拓展的设置与预设), as ../presets.py has those of the chapter.

``quick`` takes less than a minute on two cores, ``full`` decides what quick has no time for.
"""

import re
import unicodedata
from dataclasses import dataclass, replace
from math import isqrt

from chapter6.lab.settings import Settings, check_size, setting
from chapter6.presets import MEMORY, Memory
from nndl.dataset import digit_sum
from nndl.error import SettingError

# --- cells 循环单元对比 ---

IN_QUICK = ("SRN", "Jordan", "ResidualSRN", "IRNN", "SCRN", "Clockwork", "GRU", "LSTM")
IN_FULL = ("LayerNormSRN", "BatchNormSRN", "ResetBeforeGRU", "PeepholeLSTM", "CoupledLSTM")
OWN: tuple[str, ...] = ()
"""The names of your own cells (你自己的单元), such as ("MyCell",), whose classes stand in cells_compared.py."""
EVERY_CELL = IN_QUICK + IN_FULL + OWN
MEMORY_TASKS = ("DigitSum", "adding", "copying")
HELD_OUT = 500
"""Examples of dev and test of the adding problem and the copying task, each in one batch."""


def _lengths(default: tuple[int, ...], of: str) -> tuple[int, ...]:
    longest = digit_sum.MAX_LENGTH
    return setting(default, f"{of}, separated by commas", least=3, most=longest, count=(1, 50), each_once=True)


def _check_no_batch_of_one(batch_size: int) -> None:
    """Raise SettingError where DigitSum's last batch is one sequence, which has no variance to be normalised by."""
    if (100 * digit_sum.TRAIN_K) % batch_size == 1:
        raise SettingError(f"batch_size {batch_size}: expected one that leaves no batch of one on DigitSum")


@dataclass(frozen=True)
class Cells(Settings):
    """Cells compared: which, on what, how many parameters each model has, and one recipe for all."""

    cells: tuple[str, ...] = setting(
        IN_QUICK + OWN,
        "cells to be compared (循环单元), separated by commas",
        choices=EVERY_CELL,
        each_once=True,
    )
    tasks: tuple[str, ...] = setting(
        ("DigitSum", "adding"),  # copying takes longer to learn: full has it
        "tasks (任务), separated by commas",
        choices=MEMORY_TASKS,
        each_once=True,
    )
    lengths: tuple[int, ...] = _lengths((5, 10), "sequence lengths L of DigitSum (数字求和的序列长度)")
    adding_lengths: tuple[int, ...] = _lengths((5, 15), "lengths T of the adding problem (加法问题的序列长度)")
    copying_lengths: tuple[int, ...] = _lengths((5, 20), "blanks T of the copying task (复制任务的空白数)")
    parameters: int = setting(2000, "parameters that each model has, nearly (每个模型的参数数目)", least=1, most=10**6)
    steps: int = setting(250, "training steps (训练步数), rounded up to whole epochs", least=1, most=10**6)
    examples: int = setting(8000, "training examples of adding and copying (训练样本数)", least=2, most=10**6)
    batch_size: int = setting(32, "batch size B (批大小)", least=2, most=10_000)
    learning_rate: float = setting(0.01, "learning rate (学习率), the same for all cells", above=0)
    clip_at: float = setting(1.0, "the bound of the gradients' global norm (梯度截断阈值)", least=1e-30)
    input_size: int = setting(8, "embedding size M (嵌入大小)", least=1, most=4096)
    eval_steps: int = setting(125, "steps between two evaluations on the dev set (验证集)", least=1, most=10**6)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.examples < self.batch_size:
            raise SettingError(f"examples {self.examples}: expected at least one batch, {self.batch_size}")
        if "BatchNormSRN" in self.cells and "DigitSum" in self.tasks:
            _check_no_batch_of_one(self.batch_size)
        longest = max(*self.lengths, *self.adding_lengths, *(T + 20 for T in self.copying_lengths))
        check_size(max(self.batch_size, HELD_OUT), longest, max(self.input_size, isqrt(self.parameters)))


CELLS = {
    "quick": Cells(),
    "full": Cells(
        cells=EVERY_CELL,
        tasks=MEMORY_TASKS,
        lengths=(10, 20),
        adding_lengths=(30, 100),
        parameters=4000,
        steps=2000,
        examples=16_000,
        learning_rate=0.005,
        input_size=16,
        eval_steps=250,
    ),
}

# --- by_hand 手算循环网络 ---

OF_THE_NOTES = "3,1,0 4,1,0 2,0,0 1,0,1 3,-1,0"
MOST_STEPS = 30
LARGEST_X1 = 1_000_000


@dataclass(frozen=True)
class ByHand(Memory):
    """What the LSTM set by hand reads, and the trainings from several initial states, set as those of 6.2."""

    x: str = setting(
        OF_THE_NOTES,
        "what the LSTM set by hand reads (手工设定的 LSTM 的输入): x1,x2,x3 a step, steps separated by blanks; "
        "--x=-1,1,0 where the first number is negative",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        parse_steps(self.x)


def parse_steps(text: str) -> list[tuple[float, float, float]]:
    """(x1, x2, x3) of each step, such as "3,1,0 4,1,0"; fullwidth characters (全角) will do. Raises SettingError."""
    plain = unicodedata.normalize("NFKC", text).replace("\N{MINUS SIGN}", "-")
    steps = ",".join(part.strip() for part in plain.split(",")).split()
    if not 1 <= len(steps) <= MOST_STEPS:
        raise SettingError(
            f"x {text[:80]!r}: {len(steps)} steps given, expected 1 to {MOST_STEPS}, as in '3,1,0 4,1,0'"
        )
    return [_parse_step(step) for step in steps]


def _parse_step(step: str) -> tuple[float, float, float]:
    number = r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?"
    if not re.fullmatch(f"{number},{number},{number}", step, flags=re.IGNORECASE):
        raise SettingError(f"x {step[:80]!r}: expected three numbers x1,x2,x3 a step, such as 3,1,0")
    x1, x2, x3 = map(float, step.split(","))
    if abs(x1) > LARGEST_X1:
        raise SettingError(f"x {step[:80]!r}: expected x1 from {-LARGEST_X1:,} to {LARGEST_X1:,}")
    if x2 not in (-1, 0, 1):
        raise SettingError(f"x {step[:80]!r}: expected x2 = 1 (add), 0 (keep) or -1 (reset)")
    if x3 not in (0, 1):
        raise SettingError(f"x {step[:80]!r}: expected x3 = 1 (output) or 0")
    return x1, x2, x3


BY_HAND = {
    "quick": ByHand(lengths=(5,)),
    "full": ByHand(**vars(replace(MEMORY["book"], lengths=(10, 20)))),
}

# --- gradients 梯度 ---


@dataclass(frozen=True)
class Remedies(Settings):
    """What helps against vanishing and exploding: the task of 6.2, and 6.4's, where gradients explode."""

    length: int = setting(12, "sequence length L (序列长度)", least=3, most=digit_sum.MAX_LENGTH)
    epochs: int = setting(120, "epochs of each remedy (每种办法的回合)", least=1, most=10_000)
    batch_size: int = setting(100, "batch size B (批大小)", least=2, most=10_000)
    learning_rate: float = setting(0.005, "Adam's learning rate (学习率)", above=0)
    input_size: int = setting(32, "embedding size M (嵌入大小)", least=1, most=4096)
    hidden_size: int = setting(32, "hidden size D (隐状态大小)", least=1, most=4096)
    eval_steps: int = setting(30, "steps between two evaluations on the dev set (验证集)", least=1, most=10**6)
    l1: tuple[float, ...] = setting(
        (0.001, 0.01), "L1 weight decays (L1 正则化系数), separated by commas", above=0, count=(1, 10), each_once=True
    )
    l2: tuple[float, ...] = setting(
        (0.003, 0.03), "L2 weight decays (L2 正则化系数), separated by commas", above=0, count=(1, 10), each_once=True
    )
    truncations: tuple[int, ...] = setting(
        (4, 8, 11),
        "steps k of truncated BPTT (截断步数), each below L, separated by commas",
        least=1,
        most=digit_sum.MAX_LENGTH,
        count=(1, 30),
        each_once=True,
    )
    gentle_epochs: int = setting(100, "epochs of the clipping (梯度截断的回合), in 6.4 300", least=1, most=2000)
    explosion_epochs: int = setting(50, "epochs of the saturated SRN (饱和 SRN 的回合), in 6.4 50", least=1, most=2000)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self.batch_size, self.length, max(self.input_size, self.hidden_size))
        _check_no_batch_of_one(self.batch_size)
        if max(self.truncations) >= self.length:
            raise SettingError(f"truncations {max(self.truncations)}: expected below the length {self.length}")


@dataclass(frozen=True)
class Gradients(Remedies):
    """Why recurrent networks are hard to train: how far gradients reach, and the wall in the error surface."""

    distance: int = setting(50, "steps that a gradient goes back (梯度回传的步数)", least=3, most=200)
    scales: tuple[int, ...] = setting(
        (1, 2, 4, 8),
        "factors of the weights U (权重 U 的放大倍数), separated by commas",
        least=1,
        most=32,
        count=(2, 6),
        each_once=True,
    )
    surface_points: int = setting(81, "points of the error surface along an axis (误差面每轴点数)", least=11, most=401)
    surface_rate: float = setting(0.05, "learning rate of the paths on it (误差面上的学习率)", above=0, most=100)
    surface_clip: float = setting(0.5, "the bound v of the clipped path (截断阈值)", least=1e-30)
    surface_steps: int = setting(60, "steps of each path (路径步数)", least=1, most=1000)


GRADIENTS = {
    "quick": Gradients(),
    "full": Gradients(
        distance=100, surface_points=161, length=15, epochs=300, truncations=(1, 2, 4, 8, 12, 14), gentle_epochs=300
    ),
}
