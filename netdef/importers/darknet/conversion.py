"""A whole cfg, and weights if there are any, as nets, solver and caffemodel."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from netdef.errors import Location, NetError, suggestion
from netdef.importers.darknet import filters, heads, joins, windows
from netdef.importers.darknet.cfg import Section, read_cfg
from netdef.importers.darknet.data import crop, data_layers, input_layer, read_image
from netdef.importers.darknet.net import Building, Output
from netdef.importers.darknet.recipe import make_solver, read_batches
from netdef.importers.darknet.weights import read_weights
from netdef.weights.blobs import blob_message
from prototxt import schema

NET_NAMES = ("net", "network")
SECTIONS = {
    "convolutional": filters.convolutional, "conv": filters.convolutional,
    "connected": filters.connected, "conn": filters.connected,
    "batchnorm": filters.batchnorm,
    "maxpool": windows.maxpool, "max": windows.maxpool,
    "avgpool": windows.avgpool, "avg": windows.avgpool,
    "route": joins.route,
    "shortcut": joins.shortcut,
    "upsample": joins.upsample,
    "reorg": joins.reorg,
    "dropout": joins.dropout,
    "crop": crop,
    "activation": joins.activation,
    "cost": heads.cost,
    "logistic": heads.logistic,
    "yolo": heads.yolo,
    "region": heads.region,
}  # fmt: skip
SOFTMAX = ("softmax", "soft")
UNSUPPORTED = (
    "crnn", "rnn", "lstm", "gru", "conv_lstm", "history", "local", "deconvolutional", "deconv", "detection",
    "gaussian_yolo", "iseg", "l2norm", "normalization", "lrn", "local_avgpool", "reorg3d", "reorg_old", "sam",
    "scale_channels", "implicit", "empty", "silence", "contrastive", "representation",
)  # fmt: skip
# Read by Darknet for training of a kind that is not here, or for what it prints; they change no answer.
_EVERYWHERE = {"stopbackward", "dontload", "dontloadscales", "learning_rate", "flipped", "onlyforward", "stream"}


@dataclass
class Imported:
    """What a cfg becomes.

    ``train_test`` and ``solver`` are None where there is nothing to learn from; ``model`` has blobs where weights were
    given, and is None otherwise.
    """

    train_test: schema.NetParameter | None
    deploy: schema.NetParameter
    solver: schema.SolverParameter | None
    model: schema.NetParameter | None
    notices: list[str] = field(default_factory=list)


def import_darknet(
    cfg: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None = None,
    *,
    net_file: str,
    snapshot_prefix: str,
    train_data: str = "",
    test_data: str = "",
    test_images: int | None = None,
    bgr: bool = False,
) -> Imported:
    """Read a Darknet cfg, and weights, and make the same of Caffe's layers.

    Parameters
    ----------
    cfg, weights : path
    net_file, snapshot_prefix : str
        The solver's paths of the train_test net, and of what a training run writes.
    train_data, test_data : str
        What the data layers read: LMDBs, or lists of HDF5 files where the loss compares vectors. "": names to be
        filled in.
    test_images : int, optional
        How many there are, so that one test sees each once.
    bgr : bool
        Turn the first convolution's channels to blue, green, red, the order of Caffe's images.

    Raises
    ------
    NetError
        With file, line and column, for a cfg that makes no sense or asks for what has no equivalent here.
    WeightsError
        For files that cannot be read, and weights that do not fit.
    """
    sections = read_cfg(cfg)
    header, rest = sections[0], sections[1:]
    _check_sections(header, rest, os.fspath(cfg))
    building = _build(header, rest)
    name = os.path.splitext(os.path.basename(cfg))[0]
    data = data_layers(building, header, train_data, test_data, bgr)
    inputs = input_layer(building, data[0])
    deploy = schema.NetParameter(name=name, layer=[inputs, *building.layers, *building.answers])
    train_test, solver = None, None
    if building.losses:
        batches = -(-test_images // building.mini_batch) if test_images else None
        train_test = schema.NetParameter(name=name, layer=[*data, *building.layers, *building.losses])
        solver = make_solver(building, header, net_file, snapshot_prefix, batches)
        _note_unasked(building, sections)
    else:
        building.notice(rest[-1], "is the last section, and no loss: the net for use is written, none to train.")
        _note_unasked(building, rest)
    model = _fill(building, name, weights, bgr) if weights is not None else None
    return Imported(train_test, deploy, solver, model, building.notices)


def _check_sections(header: Section, rest: list[Section], filename: str) -> None:
    """All that stands in the way at once: sections that are unknown, not supported, or in the wrong place."""
    if header.name not in NET_NAMES:
        header.fail("stands first; expected [net] or [network] there. Put it first.")
    known, problems = {*SECTIONS, *SOFTMAX}, []
    for section in rest:
        if section.name in NET_NAMES:
            problems.append(f"{section.location}: [{section.name}] is there twice; expected one.")
        elif section.name in UNSUPPORTED:
            problems.append(f"{section.location}: [{section.name}] has no equivalent here.")
        elif section.name not in known:
            near = suggestion(section.name, known)
            problems.append(f"{section.location}: [{section.name}] is no section that is known here.{near}")
    if not rest:
        header.fail("is all there is; expected sections of layers behind it. Name a whole cfg.")
    if problems:
        head = f"cannot be imported for {len(problems)} of its sections:"
        raise NetError("\n  ".join([head, *problems]), location=Location(filename))


def _build(header: Section, rest: list[Section]) -> Building:
    batch, parts = read_batches(header)
    building = Building(read_image(header), batch, batch // parts)
    building.frozen_below = _frozen(building, rest)
    pending = list(rest)
    while pending:
        section = pending.pop(0)
        if section.name in SOFTMAX:
            building.outputs.append(_softmax(building, section, pending))
        else:
            building.outputs.append(SECTIONS[section.name](building, section))
    heads.add_detection_output(building)
    return building


def _softmax(building: Building, section: Section, pending: list[Section]) -> Output:
    cost = pending.pop(0) if pending and pending[0].name == "cost" else None
    if pending:
        section.fail(f"stands before [{pending[0].name}]; expected it last, or last but for [cost].")
    return heads.softmax(building, section, cost)


def _frozen(building: Building, rest: list[Section]) -> int:
    """How many layers, from the first on, do not learn: all up to the last stopbackward=1."""
    frozen = 0
    for index, section in enumerate(rest):
        value = section.integer("stopbackward", 0)
        if value == 1:
            frozen = index + 1
        elif value:
            building.notice(
                section, f"stopbackward={value}, a stop for some batches only, is left out.", "stopbackward"
            )
    return frozen


def _note_unasked(building: Building, sections: list[Section]) -> None:
    for section in sections:
        for key in section.unasked():
            if key not in _EVERYWHERE:
                building.notice(section, f"{key} is left out.{section.nearest(key)}", key)


def _fill(building: Building, name: str, weights: str | os.PathLike[str], bgr: bool) -> schema.NetParameter:
    """The net with the values of a weights file; layers beyond its end stay without."""
    values = read_weights(weights, building.learned, bgr)
    if values.missing:
        names = ", ".join(item.name or item.norm for item in values.missing)
        building.notices.append(f"{os.fspath(weights)}: ends before {names}; they start from their fillers.")
    model = schema.NetParameter(name=name, layer=[*building.layers, *building.losses])
    for layer in model.layer:
        layer.blobs.extend(blob_message(blob) for blob in values.blobs.get(layer.name, []))
    return model
