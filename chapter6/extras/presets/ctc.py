"""ctc 连接时序分类: what is read, by which network, and how it is trained."""

from dataclasses import dataclass

from chapter6.extras.presets.cells import EVERY_CELL
from chapter6.lab.settings import Settings, check_size, setting
from nndl.error import SettingError

CORPORA = ("strips", "fsdd")
DIRECTIONS = ("bidirectional", "forward")
MOST_STEPS = {"strips": 17, "fsdd": 140}
"""Steps that a digit can take, with the gap or the pause behind it."""


@dataclass(frozen=True)
class Ctc(Settings):
    """Recognition without alignment: the data, the network, and its training."""

    corpus: str = setting(
        "strips",
        "what is read (语料): strips of handwritten digits (手写数字条), or spoken digits (口语数字), see data fsdd",
        choices=CORPORA,
    )
    directions: tuple[str, ...] = setting(
        DIRECTIONS,
        "directions of the layer (方向), separated by commas",
        choices=DIRECTIONS,
        each_once=True,
    )
    cell: str = setting("GRU", "the cell of the layer (循环单元)", choices=EVERY_CELL)
    digits: tuple[int, ...] = setting(
        (3, 5),
        "digits of a string, at least and at most (每串的数字个数), separated by a comma",
        least=1,
        most=20,
        count=(2, 2),
    )
    strings: int = setting(2000, "training strings (训练样本数)", least=1, most=10**5)
    held_out: int = setting(300, "strings of dev, and of test (验证集与测试集的样本数)", least=2, most=10**4)
    epochs: int = setting(6, "epochs (回合)", least=1, most=1000)
    batch_size: int = setting(16, "batch size B (批大小)", least=2, most=1000)
    learning_rate: float = setting(0.01, "learning rate (学习率); it falls to 0 along a cosine", above=0)
    clip_at: float = setting(1.0, "the bound of the gradients' global norm (梯度截断阈值)", least=1e-30)
    hidden_size: int = setting(48, "hidden size D of one direction (隐状态大小)", least=4, most=1024)
    num_layers: int = setting(2, "depth (层数)", least=1, most=10)
    dropout: float = setting(0.3, "dropout of the layers' outputs (丢弃率)", least=0, below=1)
    beam: int = setting(8, "beginnings that prefix beam search keeps (束宽)", least=1, most=100)
    eval_steps: int = setting(125, "steps between two evaluations on the dev set (验证集)", least=1, most=10**6)

    def __post_init__(self) -> None:
        super().__post_init__()
        fewest, most = self.digits
        if fewest > most:
            raise SettingError(f"digits {fewest}, {most}: expected the smaller number first")
        check_size(self.batch_size, most * MOST_STEPS[self.corpus], 2 * self.hidden_size)


@dataclass(frozen=True)
class CtcAsked(Settings):
    """How a trained model reads what it is given."""

    beam: int = setting(8, "beginnings that prefix beam search keeps (束宽); 1 to 100", least=1, most=100)
    draw: int = setting(0, "random seed of the strip that is drawn (随机种子)", least=0, most=10**9)


CTC = {
    "quick": Ctc(),
    "full": Ctc(
        corpus="fsdd",
        strings=3000,
        held_out=400,
        epochs=8,
        learning_rate=0.005,
        hidden_size=96,
        num_layers=1,
        eval_steps=250,
    ),
}
