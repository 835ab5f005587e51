"""The settings of the extras (练习与拓展的设置与预设), as ../presets.py has those of the chapter.

``quick`` takes less than a minute on two cores, ``full`` decides what quick has no time for.
"""

from dataclasses import dataclass, replace

from chapter6.lab.settings import Settings, setting
from chapter6.presets import MEMORY, Memory

# --- cells 循环单元对比 ---

CELLS = {
    "quick": Memory(lengths=(5, 15)),
    "full": replace(MEMORY["book"], lengths=(10, 20, 30)),
}

# --- gradients 梯度 ---


@dataclass(frozen=True)
class Gradients(Settings):
    """Why recurrent networks are hard to train: how far gradients reach, and the wall in the error surface."""

    distance: int = setting(50, "steps that a gradient goes back (梯度回传的步数)", least=2, most=200)
    scales: tuple[int, ...] = setting(
        (1, 2, 4, 8),
        "factors of the weights U (权重 U 的放大倍数), separated by commas",
        least=1,
        most=32,
        count=(1, 6),
        each_once=True,
    )
    surface_points: int = setting(81, "points of the error surface along an axis (误差面每轴点数)", least=11, most=401)
    surface_rate: float = setting(0.05, "learning rate of the paths on it (误差面上的学习率)", above=0, most=100)
    surface_clip: float = setting(0.5, "the bound v of the clipped path (截断阈值)", least=1e-30)
    surface_steps: int = setting(60, "steps of each path (路径步数)", least=1, most=1000)


GRADIENTS = {
    "quick": Gradients(),
    "full": Gradients(distance=100, surface_points=161),
}
