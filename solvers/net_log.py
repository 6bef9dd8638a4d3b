"""The log of a net's construction, in the words of Caffe's.

Source: Caffe src/caffe/net.cpp:53-257, include/caffe/layer_factory.hpp:77, src/caffe/blob.hpp:54 (shape_string).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netdef.graph import filter_layers
from prototxt import schema, to_text
from solvers.log import Log, number

if TYPE_CHECKING:
    from netdef.net import Net


def shape_string(shape: tuple[int, ...], count: int) -> str:
    """``64 1 28 28 (50176)``"""
    return " ".join([*map(str, shape), f"({count})"])


def log_net(net: Net, log: Log) -> None:
    """Write to ``log`` what Caffe says while it builds ``net`` (a `netdef.Net`)."""
    for reason in net.graph.skipped:
        log.info("net.cpp:296", reason)
    log.info("net.cpp:53", "Initializing net from parameters: \n" + to_text(_filtered(net)).rstrip("\n"))
    bytes_used = 0
    shared = [parameter for parameter in net.parameters.all if parameter.owner is not None]
    layer_names = {id(step.layer): step.node.name for step in net.steps}
    for step in net.steps:
        bytes_used = _log_layer(net, step, bytes_used, log)
        for parameter in shared:
            if parameter.layer is step.layer:
                owner = layer_names[id(parameter.owner.layer)]
                log.info(
                    "net.cpp:467",
                    f"Sharing parameters '{parameter.name}' owned by layer '{owner}', "
                    f"param index {parameter.owner.index}",
                )
    for step in reversed(net.steps):
        line, verb = (200, "needs") if step.needs_backward else (202, "does not need")
        log.info(f"net.cpp:{line}", f"{step.node.name} {verb} backward computation.")
    for name in net.outputs:
        log.info("net.cpp:244", f"This network produces output {name}")
    log.info("net.cpp:257", "Network initialization done.")


def _filtered(net):
    """The definition with the layers of this net's phase, level and stages, before splits."""
    message = schema.NetParameter()
    message.CopyFrom(net.document.message)
    message.ClearField("layer")
    message.state.CopyFrom(net.graph.state)
    kept, _ = filter_layers(net.document.message.layer, net.graph.state)
    message.layer.extend(node.param for node in kept)
    return message


def _log_layer(net, step, bytes_used: int, log: Log) -> int:
    name = step.node.name
    log.info("layer_factory.hpp:77", f"Creating layer {name}")
    log.info("net.cpp:86", f"Creating Layer {name}")
    for bottom in step.node.bottoms:
        log.info("net.cpp:408", f"{name} <- {bottom}")
    for index, top in enumerate(net.step_tops(step)):
        if index < len(step.node.bottoms) and step.node.bottoms[index] == top:
            log.info("net.cpp:369", f"{name} -> {top} (in-place)")
        else:
            log.info("net.cpp:382", f"{name} -> {top}")
    log.info("net.cpp:124", f"Setting up {name}")
    for blob, weight in zip(step.top, step.layer.loss_weights, strict=True):
        log.info("net.cpp:131", f"Top shape: {shape_string(blob.shape, blob.count)}")
        if weight:
            log.info("net.cpp:134", f"    with loss weight {number(weight)}")
        bytes_used += blob.nbytes
    log.info("net.cpp:139", f"Memory required for data: {bytes_used}")
    return bytes_used
