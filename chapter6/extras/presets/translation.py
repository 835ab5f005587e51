"""translation 翻译: which models, on which pairs, and how a trained one answers."""

from dataclasses import dataclass

from chapter6.extras.presets.cells import EVERY_CELL
from chapter6.lab.settings import Settings, check_size, setting
from nndl.error import SettingError

CORPORA = ("dates", "tatoeba")
KINDS = ("state", "every", "additive", "dot")
LONGEST = 100
"""Characters or words of the longest source that is read, and of the longest answer."""


@dataclass(frozen=True)
class Translation(Settings):
    """Four ways to tell the decoder of the source, one recipe for all, the same number of steps."""

    corpus: str = setting(
        "dates",
        "what is translated (语料): dates, generated, into 2026-11-24; or tatoeba, English into Chinese",
        choices=CORPORA,
    )
    kinds: tuple[str, ...] = setting(
        KINDS,
        "how the decoder learns of the source (方式): the context as first state; at every step; additive or dot "
        "attention",
        choices=KINDS,
        each_once=True,
    )
    cell: str = setting("GRU", "the cell of encoder and decoder (循环单元)", choices=EVERY_CELL)
    examples: int = setting(19_200, "dates to learn from (训练样本数)", least=1, most=10**6)
    max_words: int = setting(
        6, "words of the longest English sentence (英文句子的最多词数); 0 for all", least=0, most=LONGEST
    )
    min_freq: int = setting(1, "times a word occurs in training to be known (最低词频)", least=1, most=10_000)
    input_size: int = setting(32, "embedding size M (嵌入大小)", least=1, most=4096)
    hidden_size: int = setting(64, "hidden size D (隐状态大小), of each direction", least=1, most=4096)
    dropout: float = setting(0.0, "dropout (丢弃率)", least=0, below=1)
    steps: int = setting(300, "training steps (训练步数), rounded up to whole epochs", least=1, most=10**6)
    batch_size: int = setting(64, "batch size B (批大小)", least=1, most=10_000)
    learning_rate: float = setting(0.01, "learning rate (学习率)", above=0)
    clip_at: float = setting(1.0, "the bound of the gradients' global norm (梯度截断阈值)", least=1e-30)
    eval_steps: int = setting(50, "steps between two evaluations on the dev set (验证集)", least=1, most=10**6)
    beam: int = setting(4, "beginnings that beam search keeps (束宽)", least=1, most=100)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self.batch_size, LONGEST, max(self.input_size, 2 * self.hidden_size))
        if self.corpus == "dates" and self.examples < self.batch_size:
            raise SettingError(f"examples {self.examples}: expected at least one batch, {self.batch_size}")


TRANSLATION = {
    "quick": Translation(),
    "full": Translation(
        corpus="tatoeba",
        min_freq=2,
        input_size=128,
        hidden_size=128,
        dropout=0.3,
        steps=1600,
        learning_rate=0.005,
        eval_steps=200,
    ),
}


@dataclass(frozen=True)
class Translate(Settings):
    """How a trained model answers on the command line."""

    corpus: str = setting("dates", "what the model was trained on (语料)", choices=CORPORA)
    beam: int = setting(4, "beginnings that beam search keeps (束宽); 1 is greedy (贪心)", least=1, most=100)
