"""autoencoder 文本自编码器: how many sentences, the model, and a pair of one's own."""

from dataclasses import dataclass

from chapter6.extras.presets.cells import EVERY_CELL
from chapter6.lab.settings import Settings, check_size, setting
from nndl.error import SettingError

HELD_OUT = {"dev": 200, "test": 400}
"""Pairs of twins of each."""
MOST_WORDS = 16
"""Of a sentence of the generated ones, and of a reader's own."""


@dataclass(frozen=True)
class Autoencoder(Settings):
    """A sequence autoencoder: the sentences, the size of the code, and one recipe."""

    pairs: int = setting(3000, "pairs of sentences to learn from (训练句对数)", least=1, most=20_000)
    cell: str = setting("GRU", "cell of encoder and decoder (循环单元)", choices=EVERY_CELL)
    steps: int = setting(300, "training steps (训练步数), rounded up to whole epochs", least=1, most=10**6)
    batch_size: int = setting(64, "batch size B (批大小)", least=1, most=10_000)
    learning_rate: float = setting(0.01, "Adam's learning rate at the start (学习率), falls to 0", above=0)
    clip_at: float = setting(1.0, "the bound of the gradients' global norm (梯度截断阈值)", least=1e-30)
    input_size: int = setting(32, "embedding size M (嵌入大小)", least=1, most=4096)
    hidden_size: int = setting(64, "hidden size D (隐状态大小); the code holds 2 D numbers", least=1, most=4096)
    eval_steps: int = setting(100, "steps between two evaluations on the dev set (验证集)", least=1, most=10**6)
    first: str = setting("white blood cells destroying an infection", "a sentence of your own (自己的句子)")
    second: str = setting("an infection destroying white blood cells", "another, to be compared with it (另一句)")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("first", "second"):
            if not 1 <= len(getattr(self, name).split()) <= MOST_WORDS:
                raise SettingError(f"{name} {getattr(self, name)[:80]!r}: expected 1 to {MOST_WORDS} words")
        check_size(max(self.batch_size, *HELD_OUT.values()), MOST_WORDS, self.hidden_size)


AUTOENCODER = {
    "quick": Autoencoder(),
    "full": Autoencoder(pairs=10_000, steps=1000, learning_rate=0.005, hidden_size=128),
}
