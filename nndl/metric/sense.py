"""Which of two values of a metric is the better one."""

from typing import Any

from nndl.error import SettingError


def lower_is_better(metric: Any) -> bool:
    """The sense of a metric: higher is better unless its attribute of this name is True.

    Raises:
        SettingError: the attribute is something else, such as a method.
    """
    sense = getattr(metric, "lower_is_better", False)
    if not isinstance(sense, bool):
        raise SettingError(f"lower_is_better {sense!r} of {type(metric).__name__}: expected True or False")
    return sense
