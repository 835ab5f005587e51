"""slots 槽位填充: which models, on which corpus, and one recipe for all."""

from dataclasses import dataclass

from chapter6.extras.presets.cells import EVERY_CELL
from chapter6.lab.settings import Settings, check_size, setting

CORPORA = ("flights", "flights_zh", "atis", "snips")
IN_QUICK = ("feed-forward", "feed-forward-5", "Elman", "Elman-5", "LSTM", "BiElman", "BiLSTM")
EVERY_MODEL = (
    *("feed-forward", "feed-forward-5", "Elman", "Elman-5", "Jordan", "DeepElman", "BiElman"),
    *("GRU", "LSTM", "BiLSTM", "BiLSTM-3", "BiGRU-3"),
)
NO_CELL = "none"
MOST_WORDS = 100
"""Of a sentence, for the bound on memory alone; the longest of ATIS has 46."""


@dataclass(frozen=True)
class Slots(Settings):
    """Slot filling: corpus, models, and what each of them is trained with."""

    corpus: str = setting(
        "flights", "flights or flights_zh, generated (生成的语料); atis or snips, prepared by data", choices=CORPORA
    )
    models: tuple[str, ...] = setting(
        IN_QUICK, "models to be compared (模型), separated by commas", choices=EVERY_MODEL, each_once=True
    )
    cell: str = setting(
        NO_CELL, "one more model, of this cell (再加一种循环单元), perhaps your own", choices=(NO_CELL, *EVERY_CELL)
    )
    input_size: int = setting(32, "embedding size M (嵌入大小)", least=1, most=1024)
    hidden_size: int = setting(32, "hidden size D (隐状态大小), of one direction", least=1, most=1024)
    epochs: int = setting(5, "epochs (回合数)", least=1, most=1000)
    batch_size: int = setting(16, "batch size B (批大小)", least=1, most=10_000)
    learning_rate: float = setting(0.01, "learning rate (学习率); it falls to 0 along a cosine", above=0)
    dropout: float = setting(0.2, "dropout probability (丢弃率) of embeddings and outputs", least=0, below=1)
    word_dropout: float = setting(
        0.2, "probability that a word is replaced by [UNK] in training (词丢弃)", least=0, below=1
    )
    min_freq: int = setting(2, "a word that train has less often is [UNK] (最低词频)", least=1, most=10**6)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self.batch_size, MOST_WORDS, max(self.input_size, self.hidden_size))


SLOTS = {
    "quick": Slots(),
    "full": Slots(
        corpus="atis",
        models=EVERY_MODEL,
        input_size=100,
        hidden_size=100,
        epochs=12,
        batch_size=32,
        learning_rate=0.006,
        dropout=0.5,
        word_dropout=0.05,
    ),
}
