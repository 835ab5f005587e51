"""The linear layer (线性层) of the chapter's models."""

import paddle
from paddle import Tensor, _C_ops, nn


class Linear(nn.Linear):
    """``paddle.nn.Linear``, its operator and its results, XW + b.

    At each call Paddle 3.3.1 looks through all its flags for the one that chooses the operator on a GPU, which takes a
    small model longer than the product.

    Shapes: inputs float [..., in_features], W [in_features, out_features], b [out_features]; result
    float [..., out_features].
    """

    def forward(self, inputs: Tensor) -> Tensor:
        is_on_cpu = paddle.in_dynamic_mode() and not paddle.is_compiled_with_cuda()
        return _C_ops.linear(inputs, self.weight, self.bias) if is_on_cpu else super().forward(inputs)
