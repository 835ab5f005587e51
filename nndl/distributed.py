"""Data parallel training (数据并行) by several processes, each with a share of every batch.

``python -m paddle.distributed.launch --nproc_per_node 2 ...`` starts the processes; Paddle averages their
gradients, over gloo on CPUs, over NCCL on GPUs. A process that was started otherwise is alone: rank 0 of 1.
"""

import os
from typing import TYPE_CHECKING

from nndl.error import SettingError

if TYPE_CHECKING:
    from paddle import Tensor, nn


_MOST = 4096


def rank() -> int:
    """This process's number; 0 writes files and reports. Raises SettingError, see :func:`world_size`."""
    return _number("PADDLE_TRAINER_ID", 0, 0, world_size() - 1)


def world_size() -> int:
    """How many processes train together. Raises SettingError where the variable of the launcher is no such number."""
    return _number("PADDLE_TRAINERS_NUM", 1, 1, _MOST)


def _number(variable: str, otherwise: int, least: int, most: int) -> int:
    text = os.environ.get(variable, "").strip() or str(otherwise)
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and least <= int(text) <= most):
        raise SettingError(f"{variable}={text[:40]!r}: expected a whole number from {least} to {most}; unset it")
    return int(text)


def distribute(model: "nn.Layer") -> "nn.Layer":
    """The model as one that averages its gradients over all processes; itself where there is only one."""
    if world_size() == 1:
        return model
    import paddle

    _join()
    return paddle.DataParallel(model)


def _join() -> None:
    import paddle

    if not paddle.distributed.is_initialized():
        paddle.distributed.init_parallel_env()


def mean(value: "Tensor") -> "Tensor":
    """The mean of a value over all processes."""
    if world_size() == 1:
        return value
    import paddle

    _join()
    total = value.detach().clone()
    paddle.distributed.all_reduce(total)
    return total / world_size()


def wait_for_all() -> None:
    """Return when all processes have come here."""
    if world_size() > 1:
        import paddle

        mean(paddle.zeros([1]))


def agree(answer: bool) -> bool:
    """The answer of process 0, in all processes; they come here together."""
    if world_size() == 1:
        return answer
    import paddle

    return mean(paddle.to_tensor([float(answer and rank() == 0)])).item() > 0
