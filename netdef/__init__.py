"""netdef: nets and solvers written as prototxt, executed by compiled kernels.

    >>> import netdef
    >>> document = netdef.parse_net('layer { name: "d" type: "Input" top: "d" input_param { shape { dim: 2 } } }')
    >>> netdef.Net(document, netdef.TEST).blobs["d"].shape
    (2,)

The names below load when they are first used, so that ``import netdef`` costs nothing.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

_HOMES = {
    "Blob": "netdef.blob",
    "DataError": "netdef.errors",
    "Layer": "netdef.layer",
    "LayerError": "netdef.errors",
    "LossLayer": "netdef.layer",
    "Net": "netdef.net",
    "NetError": "netdef.errors",
    "NetdefError": "netdef.errors",
    "PrototxtError": "netdef.errors",
    "SolverError": "netdef.errors",
    "TEST": "prototxt.schema",
    "TRAIN": "prototxt.schema",
    "UsageError": "netdef.errors",
    "WeightsError": "netdef.errors",
    "load_net": "prototxt",
    "parse_net": "prototxt",
    "register_layer": "netdef.layer",
    "resolve": "netdef.graph",
    "to_text": "prototxt",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
