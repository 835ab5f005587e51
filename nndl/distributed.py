"""Data parallel training (数据并行) by several processes, each with a share of every batch.

``python -m paddle.distributed.launch --nproc_per_node 2 ...`` starts the processes; Paddle averages their
gradients, over gloo on CPUs, over NCCL on GPUs. A process that was started otherwise is alone: rank 0 of 1.
"""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paddle import Tensor, nn


def rank() -> int:
    """This process's number; 0 writes files and reports."""
    return int(os.environ.get("PADDLE_TRAINER_ID", 0))


def world_size() -> int:
    """How many processes train together."""
    return int(os.environ.get("PADDLE_TRAINERS_NUM", 1))


def distribute(model: "nn.Layer") -> "nn.Layer":
    """The model as one that averages its gradients over all processes; itself where there is only one."""
    if world_size() == 1:
        return model
    import paddle

    if not paddle.distributed.is_initialized():
        paddle.distributed.init_parallel_env()
    return paddle.DataParallel(model)


def mean(value: "Tensor") -> "Tensor":
    """The mean of a value over all processes."""
    if world_size() == 1:
        return value
    import paddle

    total = value.detach().clone()
    paddle.distributed.all_reduce(total)
    return total / world_size()


def wait_for_all() -> None:
    """Return when all processes have come here."""
    if world_size() > 1:
        import paddle

        mean(paddle.zeros([1]))
