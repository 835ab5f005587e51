"""language 语言模型: which text, which models, and how a text is continued."""

from dataclasses import dataclass

from chapter6.extras.presets.cells import EVERY_CELL
from chapter6.lab.settings import Settings, check_size, setting

CORPORA = ("python", "timemachine", "tangshi")


@dataclass(frozen=True)
class Language(Settings):
    """A language model of characters: the model itself, and smaller ones that differ from each other in one thing."""

    corpus: str = setting(
        "python",
        "python: Python's documentation, always there; timemachine, tangshi (唐诗三百首): after data NAME",
        choices=CORPORA,
    )
    text: str = setting("", "a UTF-8 text of your own (自己的文本), a file, in the place of the corpus")
    cell: str = setting("GRU", "cell of the model (循环单元)", choices=EVERY_CELL)
    num_layers: int = setting(1, "its layers (层数)", least=1, most=16)
    hidden_size: int = setting(128, "its hidden size D (隐状态大小)", least=1, most=4096)
    epochs: int = setting(3, "its epochs (回合)", least=1, most=10_000)
    dropout: float = setting(0.0, "its dropout (丢弃率)", least=0, below=1)
    learning_rate: float = setting(0.01, "its learning rate, which falls to 0 (学习率)", above=0)
    cells: tuple[str, ...] = setting(
        ("SRN", "GRU", "LSTM"), "cells to be compared (对比的循环单元)", choices=EVERY_CELL, each_once=True
    )
    compared_size: int = setting(48, "hidden size D of the compared ones (对比模型的隐状态大小)", least=1, most=4096)
    compared_epochs: int = setting(2, "epochs of the compared ones (对比模型的回合)", least=1, most=10_000)
    memorised: int = setting(2000, "characters to be learnt by heart (背下来的字符数)", least=1000, most=10**6)
    memorised_epochs: int = setting(100, "epochs for that (背诵的回合)", least=1, most=10_000)
    input_size: int = setting(32, "embedding size M (嵌入大小)", least=1, most=4096)
    batch_size: int = setting(32, "batch size B, so many streams of text (批大小，即文本流数)", least=1, most=10_000)
    length: int = setting(32, "steps L that a gradient goes back (梯度回传的步数)", least=1, most=10_000)
    clip_at: float = setting(1.0, "the bound of the gradients' global norm (梯度截断阈值)", least=1e-30)
    eval_steps: int = setting(80, "steps between two evaluations on the dev set (验证集)", least=1, most=10**6)
    prefix: str = setting("", "what is continued (续写的开头); empty: the beginning of the test text")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self.batch_size, self.length, max(self.hidden_size, self.compared_size, self.input_size))


LANGUAGE = {
    "quick": Language(),
    "full": Language(
        corpus="timemachine",
        hidden_size=256,
        epochs=20,
        dropout=0.3,
        learning_rate=0.005,
        compared_size=128,
        compared_epochs=4,
        memorised=10_000,
        memorised_epochs=60,
        input_size=64,
        batch_size=16,
        length=64,
        eval_steps=200,
    ),
}


@dataclass(frozen=True)
class Continuing(Settings):
    """How a text is continued on the command line."""

    length: int = setting(
        200, "characters to be written, with --acrostic of a line at most (字符数)", least=1, most=10**5
    )
    greedy: bool = setting(False, "always the likeliest character, nothing is drawn (贪心)")
    temperature: float = setting(0.7, "under 1 the likely ones get likelier (温度)", above=0)
    top_k: int = setting(0, "draw among the k likeliest only (top-k), 0: all", least=0, most=10**6)
    top_p: float = setting(1.0, "draw among the likeliest that reach this probability (核采样)", above=0, most=1)
    seed: int = setting(0, "the same seed writes the same text (随机种子)", least=0, most=2**32 - 1)
    acrostic: bool = setting(False, "each character given begins a line (藏头诗)")
