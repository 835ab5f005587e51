"""cells 循环单元对比: which cells, on which tasks."""

from dataclasses import dataclass
from math import isqrt

from chapter6.extras.presets.digit_sum_batches import check_no_batch_of_one
from chapter6.lab.settings import Settings, check_size, setting
from nndl.dataset import digit_sum
from nndl.error import SettingError

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
            check_no_batch_of_one(self.batch_size)
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
