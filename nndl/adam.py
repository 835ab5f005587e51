"""Adam, the optimizer of the chapter: Paddle's, which updates all parameters in one call of an operator."""

from collections.abc import Sequence
from typing import Any

from nndl.paddle_versions import IS_OLD

import paddle
from paddle import Tensor, _C_ops


class Adam(paddle.optimizer.Adam):
    r"""``paddle.optimizer.Adam``, whose step is one call of an operator (一次调用更新全部参数).

    .. math::
        m &= \beta_1 m + (1 - \beta_1)\, g, \qquad v = \beta_2 v + (1 - \beta_2)\, g^2 \\
        \theta &= \theta - \eta\, \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    Of each parameter θ with its gradient g, at step t. Paddle's own step calls an operator for each parameter, and does
    between two of them what only a static program needs, which takes a small model longer than the arithmetic. The
    numbers are Paddle's but for the last digit, and so is the state: each loads the other's.

    Where a parameter has, when the optimizer is made, a rate or a regularizer of its own or another dtype than float32,
    where one has strides or a sparse gradient, where the parameters come in groups, after amp scaled the loss, and with
    a Paddle before 3.3, the step is Paddle's own. For weight decay take ``paddle.optimizer.Adam``.

    Args:
        learning_rate: η, a number or a ``paddle.optimizer.lr.LRScheduler``.
        beta1, beta2: how much of the means m and v of the gradients and of their squares stays.
        epsilon: keeps the quotient finite.
        parameters: those to be updated.
        grad_clip: clips the gradients before the step (梯度截断), such as ``paddle.nn.ClipGradByGlobalNorm(1.0)``.

    Example:
        >>> layer = paddle.nn.Linear(2, 1)
        >>> optimizer = Adam(0.1, parameters=layer.parameters())
        >>> layer(paddle.ones([1, 2])).sum().backward()
        >>> optimizer.step()
        >>> optimizer.clear_grad()
    """

    def __init__(
        self,
        learning_rate: float | paddle.optimizer.lr.LRScheduler = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        parameters: Sequence[Tensor] | None = None,
        grad_clip: Any = None,
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon, parameters, grad_clip=grad_clip)
        self._are_plain = not IS_OLD and all(map(_is_plain, self._parameter_list))
        self._value_of_rate = self.get_lr()
        self._rate = paddle.full([], self._value_of_rate, "float32")

    @paddle.no_grad()
    def step(self) -> None:
        """Update the parameters that have a gradient."""
        is_scaled = self._get_auxiliary_var("found_inf") is not None  # by amp, which skips steps
        if not self._are_plain or is_scaled:
            super().step()
            return
        parameters = [p for p in self._parameter_list if p.grad is not None and not p.stop_gradient]
        gradients = [p.grad for p in parameters]
        # at a parameter with strides, such as a transposed one, the operator ends the process
        if any(g.is_selected_rows() for g in gradients) or not all(p.is_contiguous() for p in parameters):
            super().step()
        elif parameters:
            if self._grad_clip is not None:
                gradients = [g for _, g in self._grad_clip(list(zip(parameters, gradients, strict=True)))]
            self._update(parameters, gradients)

    def _update(self, parameters: list[Tensor], gradients: list[Tensor]) -> None:
        if new := [p for p in parameters if p.name not in self._already_create_accumulator]:
            self._create_accumulators(paddle.static.default_main_program().global_block(), new)
        kinds = self._moment1_acc_str, self._moment2_acc_str, self._beta1_pow_acc_str, self._beta2_pow_acc_str
        m, v, power1, power2 = ([self._accumulators[kind][p.name] for p in parameters] for kind in kinds)
        if (rate := self.get_lr()) != self._value_of_rate:
            self._rate, self._value_of_rate = paddle.full([], rate, "float32"), rate
        rates = [self._rate] * len(parameters)
        settings = self._beta1, self._beta2, self._epsilon, False, False, False  # one precision, no AMSGrad
        _C_ops.merged_adam_(parameters, gradients, rates, m, v, None, power1, power2, None, *settings)


def _is_plain(parameter: Any) -> bool:
    """Whether a parameter, not a group of them, is of float32 and updated like all others."""
    return (
        isinstance(parameter, Tensor)
        and parameter.dtype == paddle.float32
        and getattr(parameter, "regularizer", None) is None
        and getattr(parameter, "optimize_attr", {"learning_rate": 1.0})["learning_rate"] == 1.0
    )
