"""What the versions of Paddle do not have in common: the one place that knows. Tried are 2.6.2, 3.0.0 and 3.3.1.

Three fast ways of ours lean on the inside of Paddle 3.3: the operator in C++, the LSTM with a backward pass by hand,
and Adam in one call. Before it, Paddle's own serve: the same numbers but for the last digit, more slowly.
"""

import multiprocessing
from typing import Any

from nndl.runtime import say_once

import paddle
from paddle import Tensor

_CPU = paddle.CPUPlace()
_PLACES_COMPARE = paddle.to_tensor(0.0, place=_CPU).place == _CPU


def is_before(oldest: tuple[int, int], version: str = paddle.__version__) -> bool:
    """Whether a version of Paddle is older than another; one that Paddle's developers build is 0.0.0, and the newest.

    >>> is_before((3, 3), "2.6.2"), is_before((3, 3), "3.10.0"), is_before((3, 3), "0.0.0")
    (True, False, False)
    """
    major, minor = map(int, version.split(".")[:2])
    return (0, 0) < (major, minor) < oldest


IS_OLD = is_before((3, 3))


def why_not() -> str:
    """Why what leans on the inside of Paddle cannot be had, in one line; empty where it can."""
    return f"it needs PaddlePaddle 3.3 or newer, this is {paddle.__version__}" if IS_OLD else ""


CAN_RESUME = not is_before((3, 0))
"""Whether the state of Paddle's random numbers can be kept, and so a training be resumed with the same numbers."""
NO_RESUME = (
    f"nndl: PaddlePaddle {paddle.__version__} cannot keep the state of its random numbers, so an interrupted training "
    "begins anew. 此版本飞桨无法保存随机数状态，训练中断后会从头开始"
)


def is_on_cpu(X: Tensor) -> bool:
    """Whether a tensor is on the CPU. Where it can, it compares, for to_static stumbles over ``is_cpu_place()``."""
    return X.place == _CPU if _PLACES_COMPARE else X.place.is_cpu_place()


def projection(layer: Any) -> int:
    """``proj_size`` of one of Paddle's LSTM layers, which came with Paddle 3: 0 where there is none."""
    return getattr(layer, "proj_size", 0)


if IS_OLD and multiprocessing.parent_process() is None:  # not by each worker
    say_once(
        f"nndl: PaddlePaddle {paddle.__version__} is before 3.3, so its own layers and Adam serve, slower than ours, "
        "with the same results; chapter6/guide/INSTALL.md has the table. "
        "飞桨版本较旧，改用飞桨自带的算子和 Adam，结果相同，只是慢一些"
    )
