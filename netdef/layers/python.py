"""Layers that users write in Python. Source: Caffe include/caffe/layers/python_layer.hpp."""

from __future__ import annotations

from netdef.blob import Blob
from netdef.layer import Layer, at_least, register_layer
from netdef.user_layer import BlobList, UserLayer, check_methods, find_class, users_code


@register_layer("Python")
class PythonLayer(Layer):
    """Runs a class of the user's own, which extends ``netdef.caffe.Layer``.

    Formula
        What the class computes: see `netdef.user_layer.UserLayer`.
    Bottom / Top
        As the class wants them.
    Learnable
        What the class adds to its ``blobs``.
    Fields
        module: name of the Python module, found on sys.path or in the working directory · layer: name of the class ·
        param_str: handed to the class as it is · share_in_parallel has no effect.
    Raises
        LayerError when there is no such module or class, or the class is no layer; UserLayerError, which is also of
        the exception's own type, for whatever the class raises.
    Source
        Caffe include/caffe/layers/python_layer.hpp:13-52, layer_factory.cpp:275-300.
    Differs from Caffe
        An exception names the layer. A class may have ``state`` and ``restore`` for exact resuming.
    """

    num_bottom, num_top = at_least(0), at_least(0)

    def layer_setup(self, bottom: list[Blob], top: list[Blob]) -> None:
        fields = self.param.python_param
        cls = find_class(fields.module, fields.layer)
        self.label = f'class "{fields.layer}" of module "{fields.module}"'
        self.is_data = True  # its tops may get new shapes at any forward pass
        with users_code(f"making {self.label}"):
            self.user: UserLayer = cls(self.param)
        self.user.param_str = fields.param_str
        self.user.phase = self.phase
        self.user.name = self.name
        self.user.blobs = BlobList(self.dtype)
        with users_code(f"setup of {self.label}"):
            self.user.setup(bottom, top)
        check_methods(self.user, self.label)
        self.blobs = self.user.blobs

    def reshape(self, bottom: list[Blob], top: list[Blob]) -> None:
        with users_code(f"reshape of {self.label}"):
            self.user.reshape(bottom, top)

    def forward(self, bottom: list[Blob], top: list[Blob]) -> None:
        shapes = [blob.shape for blob in top]
        self.reshape(bottom, top)
        if shapes != [blob.shape for blob in top]:
            self.fill_loss_weights(top)
        with users_code(f"forward of {self.label}"):
            self.user.forward(bottom, top)

    def backward(self, top: list[Blob], propagate_down: list[bool], bottom: list[Blob]) -> None:
        if not callable(getattr(self.user, "backward", None)):
            self.fail(
                f"{self.label} has no method backward, but a gradient is asked of it. Add "
                'backward(top, propagate_down, bottom), or set "propagate_down: false" for its bottoms.',
                "python_param.layer",
            )
        with users_code(f"backward of {self.label}"):
            self.user.backward(top, propagate_down, bottom)

    def state(self) -> bytes | None:
        with users_code(f"state of {self.label}"):
            return self.user.state()

    def restore(self, state: bytes) -> None:
        with users_code(f"restore of {self.label}"):
            self.user.restore(state)
