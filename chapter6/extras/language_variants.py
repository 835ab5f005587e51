"""Which language models are trained (比较哪些模型): the model itself, and smaller ones that differ in one thing."""

from collections.abc import Mapping
from typing import Any


def model_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the model itself is set by."""
    own = ("cell", "num_layers", "hidden_size", "epochs", "dropout", "learning_rate", "eval_steps")
    return {name: settings[name] for name in own} | {"batching": "sequential", "inputs": "embedding", "memorised": 0}


def compared_of(settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What the smaller models are set by, each of which differs from the first in one thing (只差一处)."""
    size = {"hidden_size": settings["compared_size"], "epochs": settings["compared_epochs"]}
    first = model_of(settings) | size | {"num_layers": 1, "dropout": 0.0}
    return {
        "first": first,
        **{f"cell {cell}": first | {"cell": cell} for cell in settings["cells"]},
        "random": first | {"batching": "random"},
        "one-hot": first | {"inputs": "one-hot"},
        "deep": first | {"num_layers": 2},
    }


FEWER = 4
"""How many times smaller the batches are of what is learnt by heart: so little text has few."""


def memorised_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The first of these, on little text for many epochs."""
    B, eval_steps = max(1, settings["batch_size"] // FEWER), max(1, settings["eval_steps"] // 2)
    little = {"memorised": settings["memorised"], "epochs": settings["memorised_epochs"]}
    return compared_of(settings)["first"] | little | {"batch_size": B, "eval_steps": eval_steps}


def name_of(values: Mapping[str, Any]) -> str:
    """Readable, such as "GRU1x128-sequential-embedding-4epochs"."""
    size = f"{values['cell']}{values['num_layers']}x{values['hidden_size']}"
    dropout = f"-dropout{values['dropout']:g}" if values["dropout"] else ""
    learnt = f"-{values['memorised']}characters" if values["memorised"] else ""
    return f"{size}-{values['batching']}-{values['inputs']}-{values['epochs']}epochs{dropout}{learnt}"
