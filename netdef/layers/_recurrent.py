"""What LSTM and RNN share: their bottoms, the states that they carry on. Source: Caffe recurrent_layer.cpp."""

from __future__ import annotations

import numpy as np

from netdef.kernels.recurrent import RecurrentBlobs
from netdef.layer import Layer, between, exactly
from netdef.layers._axes import bottom_name, refuse_in_place


class RecurrentLayer(Layer):
    """The base of recurrent layers; subclasses say what a step is by ``plan_type``, ``state_names``, ``rows``."""

    plan_type: type
    state_names: tuple[str, ...] = ()
    rows = 1  # of the weights, in multiples of num_output

    def check_counts(self, bottoms, tops):
        exposed = len(self.state_names) if self.param.recurrent_param.expose_hidden else 0
        self.num_bottom, self.num_top = between(2 + exposed, 3 + exposed), exactly(1 + exposed)
        super().check_counts(bottoms, tops)

    def layer_setup(self, bottom, top):
        refuse_in_place(self, bottom, top)
        self.fields = fields = self.param.recurrent_param
        self.exposed = len(self.state_names) if fields.expose_hidden else 0
        self.has_still = len(bottom) > 2 + self.exposed
        self.size = fields.num_output
        if self.size < 1:
            found = "is 0" if fields.HasField("num_output") else "is missing"
            self.fail(
                f"num_output {found}; it must say how long the state is, at least 1. Set num_output.",
                "recurrent_param.num_output",
            )
        self._check_axes(bottom)
        self.steps = bottom[0].shape[0]
        self.depths = bottom[0].count_from(2), bottom[2].count_from(1) if self.has_still else 0
        self.plan = None
        self.carried: list[np.ndarray] = []
        self.add_blobs()

    def add_blobs(self):
        """Declare the parameters in the order in which Caffe's unrolled net owns them."""
        self.blob_names = ["input", "bias", *(["still"] if self.has_still else []), "hidden"]
        columns = {"input": self.depths[0], "still": self.depths[1], "hidden": self.size}
        for name in self.blob_names:
            self.add_recurrent_param((self.rows * self.size, columns.get(name, 0)), name)

    def add_recurrent_param(self, shape, name):
        kind = "bias" if name.endswith("bias") else "weight"
        filler = getattr(self.fields, f"{kind}_filler")
        self.add_param(shape[:1] if kind == "bias" else shape, filler, f"recurrent_param.{kind}_filler")

    def _check_axes(self, bottom):
        if len(bottom[0].shape) < 2:
            self.fail(
                f"{bottom_name(self, 0)} has shape {bottom[0].shape}; it must have two axes or more, "
                "(steps, streams, …). Reshape it.",
                "bottom",
            )
        if bottom[1].shape != bottom[0].shape[:2]:
            self.fail(
                f"{bottom_name(self, 1)}, which says where sequences go on, has shape {bottom[1].shape}; it must be "
                f"{bottom[0].shape[:2]}, the steps and streams of {bottom_name(self, 0)}. Reshape it.",
                "bottom",
            )
        if self.has_still and bottom[2].shape[:1] != bottom[0].shape[1:2]:
            self.fail(
                f"{bottom_name(self, 2)}, the input that stays the same, has shape {bottom[2].shape}; its first axis "
                f"must be {bottom[0].shape[1]}, the streams of {bottom_name(self, 0)}. Reshape it.",
                "bottom",
            )

    def reshape(self, bottom, top):
        self._check_axes(bottom)
        shape = bottom[0].shape
        if shape[0] != self.steps:
            self.fail(
                f"{bottom_name(self, 0)} now has {shape[0]} steps; the layer was set up for {self.steps}. "
                "Change only the streams, or build another net.",
                "bottom",
            )
        depths = bottom[0].count_from(2), bottom[2].count_from(1) if self.has_still else 0
        if depths != self.depths:
            index = 0 if depths[0] != self.depths[0] else 2
            self.fail(
                f"{bottom_name(self, index)} now has {depths[index // 2]} values an item; the weights were made for "
                f"{self.depths[index // 2]}. Change only the streams.",
                "bottom",
            )
        state = (1, shape[1], self.size)
        for index in range(len(bottom) - self.exposed, len(bottom)):
            if bottom[index].shape != state:
                self.fail(
                    f"{bottom_name(self, index)}, a state before the first step, has shape {bottom[index].shape}; "
                    f"it must be {state}. Reshape it.",
                    "bottom",
                )
        if self.plan is None or self.plan.streams != shape[1]:
            self.plan = self.plan_type(self.steps, shape[1], *self.depths, self.size, self.dtype, self.scratch)
            self.carried = [np.zeros(shape[1] * self.size, self.dtype) for _ in self.state_names]
        top[0].reshape(self.steps, shape[1], self.size)
        for blob in top[1:]:
            blob.reshape(state)

    def _blobs(self, attribute: str) -> RecurrentBlobs:
        arrays = {
            name: getattr(blob, attribute).reshape(-1)
            for name, blob, wanted in zip(self.blob_names, self.blobs, self.param_propagate_down)
            if wanted or attribute == "data"
        }
        return RecurrentBlobs(**{"input": None, "bias": None, "hidden": None, **arrays})

    def forward(self, bottom, top):
        states = self.carried
        if self.exposed:
            for blob, array in zip(bottom[len(bottom) - self.exposed :], states):
                array[...] = blob.data.reshape(-1)
        still = bottom[2].data.reshape(-1) if self.has_still else None
        x, cont = bottom[0].data.reshape(-1), bottom[1].data.reshape(-1)
        self.plan.forward(x, cont, still, self._blobs("data"), states, top[0].data.reshape(-1))
        for blob, array in zip(top[1:], states):
            blob.data.reshape(-1)[...] = array

    def backward(self, top, propagate_down, bottom):
        if propagate_down[1]:
            self.fail(
                f"the gradient with respect to {bottom_name(self, 1)}, which says where sequences go on, was asked "
                "for; there is none. Set propagate_down to false for it, or take it from a layer that learns nothing.",
                "bottom[1]",
            )
        still = bottom[2].data.reshape(-1) if self.has_still else None
        self.plan.backward(
            bottom[0].data.reshape(-1), bottom[1].data.reshape(-1), still, self._blobs("data"), self._blobs("diff"),
            top[0].diff.reshape(-1), bottom[0].diff.reshape(-1) if propagate_down[0] else None,
            bottom[2].diff.reshape(-1) if self.has_still and propagate_down[2] else None,
        )  # fmt: skip
        for index in range(len(bottom) - self.exposed, len(bottom)):
            if propagate_down[index]:
                bottom[index].diff.fill(0)

    def allow_force_backward(self, bottom_index):
        return bottom_index != 1

    def state(self):
        """The states after the last step, from which the next batch goes on."""
        return None if self.exposed else b"".join(array.tobytes() for array in self.carried)

    def restore(self, state):
        values = np.frombuffer(state, self.dtype)
        if values.size != sum(array.size for array in self.carried):
            self.fail(
                f"cannot go on from a state of {values.size} numbers; this net's has "
                f"{sum(array.size for array in self.carried)}. Use the net that the snapshot was made with."
            )
        for array, part in zip(self.carried, np.split(values, len(self.carried))):
            array[...] = part
