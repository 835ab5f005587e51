"""What a recurrent layer knows at the end of a sequence, whoever wrote the layer."""

from typing import Any

from nndl.error import SettingError

import paddle
from paddle import Tensor, nn


def num_directions(layer: nn.Layer) -> int:
    """1 or 2; 1 where a layer does not say."""
    return 2 if isinstance(layer, nn.BiRNN) else getattr(layer, "num_directions", 1)


def last_state(layer: nn.Layer, result: Any) -> Tensor:
    """What a recurrent layer knows at the end of the sequence: float [B, D · num_directions].

    Args:
        result: what the layer returned: the last hidden state [B, D] by itself, or (outputs, states). The states are H
            [N, B, D] or (H, C); those of ``paddle.nn.RNN`` have no N, and ``paddle.nn.BiRNN`` returns a pair of these.

    Raises:
        SettingError: a single tensor of another shape; outputs of two directions from a layer that does not say so.
    """
    if not isinstance(result, tuple | list):
        if result.ndim != 2:
            raise SettingError(
                f"a recurrent layer that returns one tensor of shape {list(result.shape)}: expected the last hidden "
                "state [B, D], or (outputs, states) as Paddle's layers return them"
            )
        return result
    outputs, states, *_ = result
    if isinstance(layer, nn.BiRNN):
        return paddle.concat([_hidden(state) for state in states], axis=-1)
    H = _hidden(states)
    if H.ndim == 3:  # the last layer's directions are at the end
        last = paddle.unbind(H)[-num_directions(layer) :]
        H = paddle.concat(last, axis=-1) if len(last) == 2 else last[0]
    if not hasattr(layer, "num_directions") and outputs.shape[-1] == 2 * H.shape[-1]:
        raise SettingError(
            "a recurrent layer with outputs twice as wide as its last state: expected an attribute num_directions, "
            "2 if it runs in both directions, else 1"
        )
    return H


def _hidden(state: Any) -> Tensor:
    """H, of H or of (H, C)."""
    return state[0] if isinstance(state, tuple | list) else state
