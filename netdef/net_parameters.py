"""The side of a net that holds what it learns: parameters, their gradients, weight files.

Source: Caffe src/caffe/net.cpp, python/caffe/pycaffe.py.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import TYPE_CHECKING

from netdef.blob import Blob
from netdef.errors import NetError
from prototxt import schema

if TYPE_CHECKING:
    from netdef.net import Net
    from netdef.weights.transfer import Transfer


class NetParameters:
    """What a solver and weight files see of a net."""

    @property
    def learnable_params(self) -> list[Blob]:
        """The distinct parameters, in the order of layers: what a solver updates."""
        return self.parameters.learnable

    @property
    def params_lr(self) -> list[float]:
        """``lr_mult`` of each of `learnable_params`."""
        return self.parameters.lr

    @property
    def params_weight_decay(self) -> list[float]:
        """``decay_mult`` of each of `learnable_params`."""
        return self.parameters.weight_decay

    def clear_param_diffs(self) -> None:
        """Set the gradients of all parameters to zero."""
        for blob in self.parameters.learnable:
            blob.diff.fill(0)

    def clear_param_diffs_later(self) -> None:
        """`clear_param_diffs` as the blobs show it: a layer that writes all of a gradient need not add it to zeros.

        Arrays that somebody took from the blobs earlier stay as they are.
        """
        for blob in self.parameters.learnable:
            blob.clear_diff_later()

    def copy_from(self, path: str | os.PathLike[str]) -> Transfer:
        """Copy the parameters of the layers of the same name out of a weight file; returns which were and were not.

        Raises WeightsError for a bad file, for shapes that differ, all of them listed, and where no layer fits.
        """
        from netdef.weights.transfer import copy_weights

        return copy_weights(self, path)

    def share_with(self, other: Net) -> None:
        """Use the parameters of ``other``'s layers of the same name: the same memory, not a copy."""
        sources = OrderedDict(zip(other.layer_names, other.layers))
        for step in self.steps:
            source = sources.get(step.node.name)
            if source is None:
                continue
            shapes, theirs = [b.shape for b in step.layer.blobs], [b.shape for b in source.blobs]
            if shapes != theirs:
                raise NetError(
                    f"cannot share parameters of shapes {theirs} with this layer's of shapes {shapes}; "
                    "they must agree. Give the layers different names, or the same sizes.",
                    location=self.document.location(step.node.path) if step.node.path else None,
                    layer_name=step.node.name,
                    layer_type=step.node.type,
                )
            for mine, blob in zip(step.layer.blobs, source.blobs):
                mine.share_data(blob)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write definition and parameters as a binary ``.caffemodel``, whole or not at all."""
        from netdef.weights.caffemodel import write_layers

        layers = [(step.node.param, [blob.data for blob in step.layer.blobs]) for step in self.steps]
        write_layers(path, self.name, layers)

    def to_message(self, write_diff: bool = False) -> schema.NetParameter:
        """The net as a NetParameter whose layers carry their blobs."""
        from netdef.weights.blobs import blob_message

        message = schema.NetParameter(name=self.name)
        for step in self.steps:
            param = message.layer.add()
            param.CopyFrom(step.node.param)
            param.ClearField("blobs")
            for blob in step.layer.blobs:
                param.blobs.append(blob_message(blob.data, blob.diff if write_diff else None))
        return message
