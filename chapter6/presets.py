"""All settings of the lessons, and what they are in each preset (各节的全部设置与预设).

``quick`` shows the direction of every claim in under a minute, ``book`` takes the book's settings to the letter. Change
a number here, or give it on the command line: every one is an option there, see ``python -m chapter6 run 6.2 --help``.
Nothing here needs Paddle, so help comes at once.
"""

import re
from dataclasses import dataclass, fields, replace
from typing import Any

from chapter6.lab.settings import Settings, check_size, setting
from nndl.dataset import digit_sum
from nndl.dataset.reading import TOKENIZERS
from nndl.error import SettingError
from nndl.op.backend import ways

# --- 6.1: application modes 应用模式 ---

MOST_WORDS = 60
"""Of a reader's own sentence."""


@dataclass(frozen=True)
class Modes(Settings):
    """One recurrent layer in three modes, section 6.1: which layer, one recipe for all, and a sentence of one's own."""

    cell: str = setting("SRN", "the recurrent layer (循环层) of all three modes", choices=("SRN", "GRU", "LSTM"))
    examples: int = setting(4000, "training examples of each mode (训练样本数)", least=2, most=8000)
    epochs: int = setting(9, "epochs (回合)", least=1, most=1000)
    batch_size: int = setting(100, "batch size B (批大小)", least=1, most=10_000)
    learning_rate: float = setting(0.005, "learning rate (学习率)", above=0)
    input_size: int = setting(16, "embedding size M (嵌入大小)", least=1, most=4096)
    hidden_size: int = setting(96, "hidden size D (隐状态大小)", least=1, most=4096)
    eval_steps: int = setting(60, "steps between two evaluations on the dev set (验证集)", least=1, most=10**6)
    sentence: str = setting(
        "leave Kyoto and arrive in Taipei on November 2nd", "a sentence to be tagged word by word (逐词标注的句子)"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self.batch_size, MOST_WORDS, max(self.input_size, self.hidden_size))
        if not 1 <= len(TOKENIZERS["word"](self.sentence)) <= MOST_WORDS:
            raise SettingError(f"sentence {self.sentence[:80]!r}: expected 1 to {MOST_WORDS} words")


MODES = {"quick": Modes(), "full": Modes(examples=8000, epochs=30)}

# --- 6.2, 6.5: memory 记忆能力 ---


@dataclass(frozen=True)
class Memory(Settings):
    """The memory of an SRN, section 6.2."""

    lengths: tuple[int, ...] = setting(
        (5, 10, 15),
        "sequence lengths L (序列长度), separated by commas",
        least=3,
        most=digit_sum.MAX_LENGTH,
        count=(1, 50),
        each_once=True,
    )
    epochs: int = setting(300, "epochs (回合)", least=1, most=10_000)
    batch_size: int = setting(100, "batch size B (批大小)", least=1, most=10_000)
    learning_rate: float = setting(0.005, "learning rate (学习率)", above=0)
    input_size: int = setting(32, "embedding size M (嵌入大小)", least=1, most=4096)
    hidden_size: int = setting(32, "hidden size D (隐状态大小)", least=1, most=4096)
    eval_steps: int = setting(30, "steps between two evaluations on the dev set (验证集)", least=1, most=10**6)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self.batch_size, max(self.lengths), max(self.input_size, self.hidden_size))


MEMORY = {
    "quick": Memory(),
    "book": Memory(lengths=(10, 15, 20, 25, 30, 35), epochs=500, batch_size=8, learning_rate=0.001, eval_steps=100),
}


@dataclass(frozen=True)
class LSTMMemory(Memory):
    """The memory of an LSTM, section 6.5: those of 6.2, what computes the LSTM, and the digits of figure 6.13."""

    backend: str = setting(
        "auto",
        "what computes the LSTM (算子): the native operator where it can be had (auto), or the one named",
        choices=ways("LSTM"),
    )
    digits: tuple[int, ...] = setting(
        (6, 7, 0, 0, 1, 0, 0, 0, 0, 0),
        "the digits of figure 6.13 (图 6.13 的数字序列), separated by commas",
        least=0,
        most=9,
        count=(3, 100),
    )


LSTM_MEMORY = {name: LSTMMemory(**vars(preset)) for name, preset in MEMORY.items()}

# --- 6.3, 6.6: step by step 代码演示 ---


@dataclass(frozen=True)
class SRNSteps(Memory):
    """Section 6.2 step by step, section 6.3: at one length, so that 6.2's models serve; and one example."""

    lengths: tuple[int, ...] = setting(
        (5,), "the sequence length L (序列长度)", least=3, most=digit_sum.MAX_LENGTH, count=(1, 1)
    )
    digits: tuple[int, ...] = setting(
        (6, 7, 0, 0, 1),
        "the example that is looked at closely (细看的数字序列), separated by commas",
        least=0,
        most=9,
        count=(3, 100),
    )


@dataclass(frozen=True)
class LSTMSteps(LSTMMemory):
    """Section 6.5 step by step, section 6.6: at one length."""

    lengths: tuple[int, ...] = setting(
        (5,), "the sequence length L (序列长度)", least=3, most=digit_sum.MAX_LENGTH, count=(1, 1)
    )


SRN_STEPS = {
    "quick": SRNSteps(epochs=100),
    "book": SRNSteps(**vars(replace(MEMORY["book"], lengths=(10,))), digits=LSTM_MEMORY["book"].digits),
}
LSTM_STEPS = {
    "quick": LSTMSteps(epochs=100),
    "book": LSTMSteps(**vars(replace(LSTM_MEMORY["book"], lengths=(10,)))),
}

# --- 6.4: gradient explosion 梯度爆炸 ---


@dataclass(frozen=True)
class Explosion(Settings):
    """Gradient explosion, section 6.4: the book's settings, which take seconds, and gentler ones beside them."""

    length: int = setting(20, "sequence length L (序列长度)", least=3, most=digit_sum.MAX_LENGTH)
    epochs: int = setting(50, "epochs (回合)", least=1, most=2000)  # every norm of every step is kept
    batch_size: int = setting(64, "batch size B (批大小)", least=1, most=10_000)
    learning_rate: float = setting(0.2, "learning rate (学习率)", above=0)
    clip_at: float = setting(5.0, "the bound v of the clipping (截断阈值)", least=1e-30)
    gentle_epochs: int = setting(300, "epochs in the gentler setting (较温和设置的回合)", least=1, most=2000)
    gentle_learning_rate: float = setting(0.02, "learning rate in the gentler setting (较温和设置的学习率)", above=0)
    input_size: int = setting(32, "embedding size M (嵌入大小)", least=1, most=4096)
    hidden_size: int = setting(32, "hidden size D (隐状态大小)", least=1, most=4096)
    eval_steps: int = setting(100, "steps between two evaluations on the dev set (验证集)", least=1, most=10**6)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self.batch_size, self.length, max(self.input_size, self.hidden_size))


EXPLOSION = {"quick": Explosion(), "book": Explosion()}

# --- 6.7: text classification 文本分类 ---

CORPORA = ("imdb", "small")
OWN = (".tsv", ".txt")
"""How a file of the reader's own ends (自备语料), which may stand in the place of a corpus' name."""
SCHEDULES = ("constant", "cosine")
MAX_LAYERS = 16


@dataclass(frozen=True)
class TextSettings(Settings):
    """What one training of the text model is set by; the defaults are preset quick."""

    tokenizer: str = setting(
        "word",
        "tokenising (切词): on spaces, words and marks, Chinese by characters or by jieba",
        choices=(*TOKENIZERS,),
    )
    vocab_size: int = setting(
        0, "largest vocabulary (词表), special words included; 0 for no bound", least=0, most=10**6
    )
    min_freq: int = setting(
        5, "how often a word must occur in train to be in the vocabulary (最低词频)", least=1, most=10**6
    )
    train_reviews: int = setting(
        2500, "reviews of train (训练集) that are used, as many of each class; 0 for all", least=0, most=10**6
    )
    dev_reviews: int = setting(
        1000, "reviews of dev (验证集) that are used, as many of each class; 0 for all", least=0, most=10**6
    )
    max_seq_len: int = setting(128, "tokens kept of a review (截断长度)", least=1, most=10_000)
    batching: str = setting(
        "bucket", "batches of like length (分桶), or plain shuffling", choices=("bucket", "shuffle")
    )
    batch_size: int = setting(64, "batch size B (批大小)", least=1, most=10_000)
    epochs: int = setting(11, "epochs (回合)", least=1, most=1000)
    learning_rate: float = setting(0.002, "Adam's learning rate (学习率)", above=0)
    schedule: str = setting("constant", "the learning rate over the training (学习率调度)", choices=SCHEDULES)
    input_size: int = setting(64, "embedding size M (嵌入大小)", least=1, most=4096)
    hidden_size: int = setting(64, "hidden size D of each direction (隐状态大小)", least=1, most=4096)
    direction: str = setting("bidirectional", "direction of the LSTM (方向)", choices=("forward", "bidirectional"))
    pooling: str = setting("max", "pooling over time (汇聚)", choices=("mean", "max", "last"))
    dropout: float = setting(
        0.0, "dropout (丢弃率) of embeddings, between layers and before the classifier", least=0, below=1
    )
    word_dropout: float = setting(0.0, "how often a word is replaced by [UNK] in training (词丢弃率)", least=0, below=1)
    backend: str = setting(
        "auto",
        "what computes the LSTM (算子): the native operator where it can be had (auto), or the one named",
        choices=ways("LSTM"),
    )
    eval_steps: int = setting(20, "steps between two evaluations on the dev set (验证集)", least=1, most=10**6)
    keep: str = setting(
        "accuracy",
        "the model that is kept (保留的模型): of the best dev accuracy, or of the lowest dev loss",
        choices=("accuracy", "loss"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self.batch_size, self.max_seq_len, max(self.input_size, self.hidden_size))


BOOK = TextSettings(
    tokenizer="space",
    min_freq=5,  # the book does not say; without a bound nothing would train [UNK]
    train_reviews=0,
    dev_reviews=0,
    max_seq_len=256,
    batching="shuffle",
    batch_size=128,
    epochs=3,
    learning_rate=0.001,
    input_size=256,
    hidden_size=256,
    pooling="mean",
    eval_steps=66,  # the book evaluates every 10 steps, which alone would take half an hour
)
"""The book's settings, of sections 6.7 and 6.8."""


@dataclass(frozen=True)
class TextClassification(TextSettings):
    """Those of a training, the corpus, and how deep the LSTM is."""

    tokenizer: str = setting(
        "auto",
        "tokenising (切词): on spaces, words and marks, Chinese by characters or by jieba; auto: word, Chinese by char",
        choices=("auto", *TOKENIZERS),
    )
    corpus: str = setting(
        "auto",
        "the reviews (语料): IMDB where it is prepared (auto), imdb, small, or a file of your own (自备语料), "
        "FILE.tsv, with label, tab, text in each line",
    )
    num_layers: tuple[int, ...] = setting(
        (1,),
        "depth of the LSTM (层数); several, separated by commas, are compared",
        least=1,
        most=MAX_LAYERS,
        each_once=True,
    )
    review: str = setting("", "a review to look into, word by word (逐词观察的影评); left out: one of the test reviews")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.corpus not in ("auto", *CORPORA) and not self.corpus.lower().endswith(OWN):
            expected = f"auto, {', '.join(CORPORA)}, or a file that ends in {' or '.join(OWN)}"
            raise SettingError(f"corpus {self.corpus[:200]!r}: expected {expected}")
        if self.review and not TOKENIZERS["word"](self.review):
            raise SettingError(f"review {self.review!r}: expected at least one word")


TEXT = {
    "quick": TextClassification(),
    "book": TextClassification(**vars(BOOK), corpus="imdb"),
    "best": TextClassification(
        corpus="imdb",
        vocab_size=30_000,
        train_reviews=0,
        dev_reviews=0,
        max_seq_len=1000,
        epochs=4,
        schedule="cosine",
        input_size=200,
        hidden_size=100,
        dropout=0.5,
        word_dropout=0.3,
        eval_steps=98,
    ),
}


def of_one_training(values: dict[str, Any]) -> TextSettings:
    """Those that one training is set by, of a lesson's settings or of a result. Raises KeyError or SettingError."""
    return TextSettings(**{field.name: values[field.name] for field in fields(TextSettings)})


WORD_ORDER = TextSettings()
"""What the LSTM and the bag of words (词袋) of the small corpus are set by, in every preset."""


# --- 6.8: one's own LSTM against Paddle's 自定义与飞桨 LSTM 对比 ---


@dataclass(frozen=True)
class Comparison(TextSettings):
    """What is timed, and, for the training on reviews, the settings of section 6.7."""

    direction: str = setting("forward", "direction of the LSTM (方向)", choices=("forward", "bidirectional"))
    corpus: str = setting(
        "auto", "the reviews (语料): IMDB where it is prepared (auto), imdb or small", choices=("auto", *CORPORA)
    )
    shapes: str = setting("8x20x32 32x64x128", "timed: B x L x D, separated by blanks (批大小×时间步数×隐状态大小)")
    steps: tuple[int, ...] = setting(
        (16, 32, 64, 128),
        "numbers of steps (时间步数) of the figures, separated by commas",
        least=1,
        most=10_000,
        count=(2, 20),
        each_once=True,
    )
    sizes: tuple[int, ...] = setting(
        (16, 32, 64, 128),
        "hidden sizes D (隐状态大小) of the figure, separated by commas",
        least=1,
        most=4096,
        count=(2, 20),
        each_once=True,
    )
    repeats: int = setting(9, "measurements of each time (测量次数); the median is shown", least=2, most=1000)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.backend != "auto":
            raise SettingError(f"backend {self.backend}: expected auto, for this section compares all of them")
        shapes = parse_shapes(self.shapes)
        if not shapes or len(set(shapes)) < len(shapes):
            raise SettingError(
                f"shapes {self.shapes[:80]!r}: expected such as '8x20x32 32x64x128', B x L x D, each once"
            )
        for shape in [*shapes, *self.by_steps(), *self.by_size()]:
            check_size(*shape)

    def by_steps(self) -> list[tuple[int, int, int]]:
        """The shapes of the figures against steps: B of the first shape, the second of the sizes."""
        (batch, _, _), *_ = parse_shapes(self.shapes)
        _, size, *_ = self.sizes
        return [(batch, steps, size) for steps in self.steps]

    def by_size(self) -> list[tuple[int, int, int]]:
        """The shapes of the figure against sizes: B of the first shape, the last but one of the steps."""
        (batch, _, _), *_ = parse_shapes(self.shapes)
        *_, steps, _ = self.steps
        return [(batch, steps, size) for size in self.sizes]


def parse_shapes(text: str) -> list[tuple[int, int, int]]:
    """(B, L, D) of each, such as "8x20x32 32x64x128"; empty where one of them is none."""
    found = [re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})x([1-9]\d{0,4})", part) for part in text.split()[:101]]
    shapes = [tuple(map(int, match.groups())) for match in found if match]
    return shapes if len(shapes) == len(found) <= 100 else []  # type: ignore[return-value]


COMPARISON = {
    "quick": Comparison(train_reviews=5000, epochs=3, learning_rate=0.003, eval_steps=40),
    "book": Comparison(
        **vars(replace(BOOK, direction="forward")),
        corpus="imdb",
        shapes="8x10x32 8x35x32 128x256x256",
        steps=(64, 128, 256, 512, 1024),
        sizes=(32, 64, 128, 256, 512),
        repeats=7,
    ),
}
