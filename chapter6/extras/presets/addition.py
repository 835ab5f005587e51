"""addition 字符加法: how many digits, how the decoder is fed, and one recipe for all."""

from dataclasses import dataclass

from chapter6.extras.presets.cells import EVERY_CELL
from chapter6.lab.settings import Settings, check_size, setting
from nndl.error import SettingError

HELD_OUT = {"dev": 400, "test": 600}
"""Sums of each, never seen in train."""
FEEDINGS = ("teacher", "linear", "exponential", "sigmoid", "free")
MOST_DIGITS = 5


@dataclass(frozen=True)
class Addition(Settings):
    """Addition as characters: the sums, the model, and the ways of feeding the decoder that are compared."""

    digits: int = setting(2, "digits of a number, at most (加数的最多位数)", least=1, most=MOST_DIGITS)
    examples: int = setting(3000, "sums to learn from (训练样本数)", least=1, most=10**6)
    reverse: bool = setting(True, "read the question from its end (输入反转)")
    feedings: tuple[str, ...] = setting(
        ("teacher", "sigmoid", "free"),
        "what training feeds the decoder (训练时的解码器输入), separated by commas; teacher: the truth, free: its own "
        "words, the others go from the one to the other",
        choices=FEEDINGS,
        each_once=True,
    )
    cell: str = setting("GRU", "cell of encoder and decoder (循环单元)", choices=EVERY_CELL)
    steps: int = setting(600, "training steps (训练步数), rounded up to whole epochs", least=1, most=10**6)
    batch_size: int = setting(64, "batch size B (批大小)", least=1, most=10_000)
    learning_rate: float = setting(0.01, "Adam's learning rate at the start (学习率), falls to 0", above=0)
    clip_at: float = setting(1.0, "the bound of the gradients' global norm (梯度截断阈值)", least=1e-30)
    input_size: int = setting(32, "embedding size M (嵌入大小)", least=1, most=4096)
    hidden_size: int = setting(64, "hidden size D (隐状态大小)", least=1, most=4096)
    eval_steps: int = setting(100, "steps between two evaluations on the dev set (验证集)", least=1, most=10**6)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_size > self.examples:
            raise SettingError(f"batch_size {self.batch_size}: expected at most the examples, {self.examples}")
        check_size(max(self.batch_size, *HELD_OUT.values()), 2 * self.digits + 1, self.hidden_size)


ADDITION = {
    "quick": Addition(),
    "full": Addition(
        digits=3,
        examples=45_000,
        feedings=FEEDINGS,
        steps=4000,
        learning_rate=0.005,
        hidden_size=128,
        eval_steps=250,
    ),
}
