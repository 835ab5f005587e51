"""STUB until the branch reach is merged."""

import inspect


def code_of(function) -> str:
    return inspect.getsource(inspect.getmodule(function))
