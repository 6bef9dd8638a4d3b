"""The three params of an old BatchNorm layer are statistics, not weights (upgrade_proto.cpp:977-1008)."""

from __future__ import annotations

from prototxt import schema
from prototxt.upgrade.paths import Moved, Warnings

STATISTICS = 3  # mean, variance, and the factor they are stored with


def upgrade(net: schema.NetParameter, warnings: Warnings) -> Moved:
    """Keep the solver away from them: both multipliers become 0. Nothing moves."""
    for layer in net.layer:
        if layer.type == "BatchNorm" and len(layer.param) == STATISTICS:
            for param in layer.param:
                param.lr_mult = 0
                param.decay_mult = 0
    return {}
