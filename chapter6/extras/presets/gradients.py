"""gradients 梯度: how far gradients reach, the error surface, and what helps."""

from dataclasses import dataclass

from chapter6.extras.presets.digit_sum_batches import check_no_batch_of_one
from chapter6.lab.settings import Settings, check_size, setting
from nndl.dataset import digit_sum
from nndl.error import SettingError


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
        check_no_batch_of_one(self.batch_size)
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
