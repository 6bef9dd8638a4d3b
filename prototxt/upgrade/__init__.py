"""Old syntax made new, as Caffe does while reading (upgrade_proto.cpp).

V0, all options in one message, becomes V1; V1, ``layers`` with enum types, becomes ``layer``; transform
fields of data layers become ``transform_param``; net-level inputs become an Input layer; the three
params of an old BatchNorm are frozen; a solver's numeric type becomes its name.
Messages are changed in place. What has no counterpart is left out with a warning, as in Caffe.
"""

from __future__ import annotations

from prototxt import schema
from prototxt.errors import PrototxtError
from prototxt.upgrade import batch_norm, inputs, solver, transform, v0, v1
from prototxt.upgrade.paths import PathMap, Warnings

# In Caffe's order (upgrade_proto.cpp:23-83); each knows whether it has anything to do.
_NET_UPGRADES = (v0.upgrade, transform.upgrade, v1.upgrade, inputs.upgrade, batch_norm.upgrade)


def upgrade_net(
    message: schema.NetParameter, path_map: PathMap | None = None, warnings: Warnings | None = None, prefix: str = ""
) -> tuple[schema.NetParameter, PathMap]:
    """Bring a net, from text or binary, up to date. Returns it and where its fields stood before.

    ``warnings`` collects what was left out: pairs of the path it had and a sentence. ``prefix`` is the path
    of the net within a larger message. Raises PrototxtError for what cannot be upgraded, with the path it
    had as its ``field`` and without a place, which only the text's `Document` knows.
    """
    path_map = PathMap() if path_map is None else path_map
    warnings = [] if warnings is None else warnings
    above = f"{prefix}." if prefix else ""
    for upgrade in _NET_UPGRADES:
        found: Warnings = []
        try:
            moved = upgrade(message, found)
        except PrototxtError as error:
            error.field = path_map.source(above + error.field)
            raise
        warnings += [(path_map.source(above + path), sentence) for path, sentence in found]
        path_map.add_stage({above + new: above + old for new, old in moved.items()})
    return message, path_map


def upgrade_solver(
    message: schema.SolverParameter, path_map: PathMap | None = None, warnings: Warnings | None = None
) -> tuple[schema.SolverParameter, PathMap]:
    """Bring a solver, and the nets written in it, up to date. Like `upgrade_net`."""
    path_map = PathMap() if path_map is None else path_map
    path_map.add_stage(solver.upgrade(message))
    nets = [(name, getattr(message, name)) for name in ("net_param", "train_net_param") if message.HasField(name)]
    nets += [(f"test_net_param[{i}]", net) for i, net in enumerate(message.test_net_param)]
    for prefix, net in nets:
        upgrade_net(net, path_map, warnings, prefix)
    return message, path_map
