"""What a metric is handed, as arrays: of sequences the steps that are no padding (补齐)."""

from typing import Any

from nndl.error import SettingError

import numpy as np
import paddle
from paddle import Tensor

Values = Tensor | np.ndarray | list
IGNORE_INDEX = -100  # Paddle's, of its cross-entropy


def examples(outputs: Values, labels: Values, ignore_index: int) -> tuple[np.ndarray, np.ndarray]:
    """What is to be counted: outputs [N, C] and their labels float64 [N], of sequences the steps without padding."""
    outputs, labels = array("outputs", outputs), array("labels", labels)
    *shape, C = outputs.shape if outputs.ndim in (2, 3) else (0,)
    if C == 0 or labels.shape not in ((*shape,), (*shape, 1)):
        raise SettingError(
            f"outputs {list(outputs.shape)} and labels {list(labels.shape)}: "
            "expected [N, C] or [N, 1], and [N] or [N, 1]; of sequences [B, L, C], and [B, L]"
        )
    is_sequence = outputs.ndim == 3
    outputs, labels, num_classes = outputs.reshape(-1, C), labels.reshape(-1).astype("float64"), max(C, 2)
    if is_sequence:
        is_step = labels != ignore_index
        outputs, labels = outputs[is_step], labels[is_step]
    is_class = (labels >= 0) & (labels < num_classes) & (labels == np.floor(labels))
    if not is_class.all():
        raise SettingError(f"label {labels[~is_class][0]:g}: expected whole numbers from 0 to {num_classes - 1}")
    return outputs, labels


def array(name: str, values: Any) -> np.ndarray:
    if isinstance(values, Tensor):
        values = (values.astype("float32") if values.dtype == paddle.bfloat16 else values).numpy()
    try:
        values = np.asarray(values)
    except ValueError:  # a list whose rows differ in length
        values = np.asarray(values, dtype=object)
    if values.dtype.kind not in "fiub":
        raise SettingError(f"{name} of dtype {values.dtype}: expected numbers")
    return values
