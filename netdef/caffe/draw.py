"""``caffe.draw``: a NetParameter as a picture. Neither pydot nor Graphviz is needed.

Source: Caffe python/caffe/draw.py.
"""

from __future__ import annotations

import io
import os
from typing import Any

from netdef.errors import UsageError
from netdef.graph import GraphNode, filter_layers
from netdef.report.draw import draw
from netdef.report.family import colors_of
from netdef.report.picture import encode_scene
from prototxt import schema
from prototxt.upgrade import upgrade_net

LEARNING = ("Convolution", "Deconvolution", "InnerProduct")
_BY_PILLOW = {"jpg": "JPEG", "jpeg": "JPEG", "pdf": "PDF", "gif": "GIF", "bmp": "BMP"}


def get_pooling_types_dict() -> dict[int, str]:
    """``{0: "MAX", 1: "AVE", 2: "STOCHASTIC"}``"""
    return {number: name for name, number in schema.PoolingParameter.PoolMethod.items()}


def get_edge_label(layer: schema.LayerParameter) -> str:
    """What is written at a layer's outputs: the batch, or the number of outputs."""
    if layer.type == "Data":
        return f"Batch {layer.data_param.batch_size}"
    if layer.type in ("Convolution", "Deconvolution"):
        return str(layer.convolution_param.num_output)
    if layer.type == "InnerProduct":
        return str(layer.inner_product_param.num_output)
    return '""'


def get_layer_lr_mult(layer: schema.LayerParameter) -> tuple[float, float]:
    """The lr_mult of weight and bias. Raises: ValueError for layers that learn otherwise."""
    if layer.type not in LEARNING:
        raise ValueError(f"{layer.type} layers do not have a learning rate multiplier")
    if len(layer.param) > 2:
        raise ValueError(f"Could not parse the learning rate multiplier: {len(layer.param)} params")
    multipliers = [spec.lr_mult for spec in layer.param]
    weight, bias = [*multipliers, 1.0, 1.0][:2]
    return weight, bias


def get_layer_label(layer: schema.LayerParameter, rankdir: str, display_lrm: bool = False) -> str:
    """A layer's name, type and window in quotes, as Graphviz wants it."""
    separator = " " if rankdir in ("TB", "BT") else r"\n"
    words = [layer.name, f"({layer.type})"]
    if layer.type == "Pooling":
        pooling = layer.pooling_param
        words[1] = f"({layer.type} {get_pooling_types_dict()[pooling.pool]})"
        words += [f"kernel size: {pooling.kernel_size}", f"stride: {pooling.stride}", f"pad: {pooling.pad}"]
    elif layer.type in ("Convolution", "Deconvolution"):
        window = layer.convolution_param
        sizes = [(list(window.kernel_size) or [1])[0], (list(window.stride) or [1])[0], (list(window.pad) or [0])[0]]
        words += [f"{name}: {size}" for name, size in zip(("kernel size", "stride", "pad"), sizes)]
    if display_lrm and layer.type in LEARNING and any(get_layer_lr_mult(layer)):
        words.append("lr mult: {:.1f}, {:.1f}".format(*get_layer_lr_mult(layer)))
    return f'"{separator.join(words)}"'


def choose_color_by_layertype(layertype: str) -> str:
    """The colour of a type's box, ``#rrggbb``."""
    return colors_of(layertype).fill


def get_pydot_graph(
    caffe_net: schema.NetParameter,
    rankdir: str,
    label_edges: bool = True,
    phase: int | None = None,
    display_lrm: bool = False,
) -> Any:
    """The net as a pydot graph, for those who go on with it in Graphviz.

    Raises: UsageError where pydot is not installed; `draw_net` does without.
    """
    try:
        import pydot
    except ImportError:
        raise UsageError(
            "get_pydot_graph needs the package pydot, which is not installed. Install it, or use draw_net."
        ) from None
    graph = pydot.Dot(caffe_net.name or "Net", graph_type="digraph", rankdir=rankdir)
    blobs = {}
    for node in _nodes(caffe_net, phase):
        label, name = get_layer_label(node.param, rankdir, display_lrm), f"{node.name}_{node.type}"
        color = choose_color_by_layertype(node.type)
        graph.add_node(pydot.Node(name, label=label, shape="record", style="filled", fillcolor=color))
        for blob in [*node.bottoms, *node.tops]:
            if blob not in blobs:
                blobs[blob] = pydot.Node(f"{blob}_blob", label=f'"{blob}"', shape="octagon")
                graph.add_node(blobs[blob])
        for bottom in node.bottoms:
            graph.add_edge(pydot.Edge(f"{bottom}_blob", name, label='""'))
        for top in node.tops:
            graph.add_edge(pydot.Edge(name, f"{top}_blob", label=get_edge_label(node.param) if label_edges else '""'))
    return graph


def draw_net(
    caffe_net: schema.NetParameter, rankdir: str, ext: str = "png", phase: int | None = None, display_lrm: bool = False
) -> bytes:
    """The bytes of a picture of a NetParameter.

    Parameters
    ----------
    caffe_net : caffe_pb2.NetParameter
        Of any age.
    rankdir : str
        ``"LR"`` or ``"RL"`` for a picture from left to right, ``"TB"`` or ``"BT"`` for one from top to bottom.
    ext : str
        ``"png"``, ``"svg"``, ``"jpg"``, ``"pdf"``, ``"gif"`` or ``"bmp"``; ``"raw"`` and ``"dot"`` are Graphviz's
        text, by pydot.
    phase : int, optional
        The layers of this phase; by default all layers.
    display_lrm : bool
        Write lr_mult into the layers that learn.
    """
    ext = ext.lower().lstrip(".")
    if rankdir not in ("LR", "RL", "TB", "BT"):
        raise UsageError(f'rankdir is "{rankdir}"; expected LR, RL, TB or BT.')
    if ext in ("raw", "dot"):
        return get_pydot_graph(caffe_net, rankdir, phase=phase, display_lrm=display_lrm).to_string().encode()
    if ext not in ("png", "svg", *_BY_PILLOW):
        raise UsageError(f'"{ext}" is no picture format known here; expected png, svg, {", ".join(_BY_PILLOW)}.')
    nodes = _nodes(caffe_net, phase)
    notes = {}
    if display_lrm:
        notes = {n.name: "lr mult: {:.1f}, {:.1f}".format(*get_layer_lr_mult(n.param))
                 for n in nodes if n.type in LEARNING}  # fmt: skip
    direction = "LR" if rankdir in ("LR", "RL") else "TB"
    scene = draw(nodes, title=caffe_net.name or "Net", rankdir=direction, notes=notes)
    return _converted(encode_scene(scene, ".png", 2.0), ext) if ext in _BY_PILLOW else encode_scene(scene, f".{ext}", 2)


def draw_net_to_file(
    caffe_net: schema.NetParameter,
    filename: str | os.PathLike[str],
    rankdir: str = "LR",
    phase: int | None = None,
    display_lrm: bool = False,
) -> None:
    """Write a picture; the file's ending says which kind (see `draw_net`)."""
    from netdef.weights.atomic import write_atomically

    ext = str(filename).rpartition(".")[2]
    write_atomically(filename, draw_net(caffe_net, rankdir, ext, phase, display_lrm))


def _nodes(caffe_net, phase) -> list[GraphNode]:
    message = schema.NetParameter.FromString(caffe_net.SerializeToString())
    upgrade_net(message)
    if phase is None:
        return [GraphNode(param, f"layer[{index}]") for index, param in enumerate(message.layer)]
    state = schema.NetState()
    state.CopyFrom(message.state)
    state.phase = phase
    return filter_layers(message.layer, state)[0]


def _converted(png: bytes, ext: str) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.save(buffer, _BY_PILLOW[ext])
    return buffer.getvalue()
