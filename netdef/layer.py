"""What every layer is: the contract between a net and its layers.

Source: Caffe include/caffe/layer.hpp. `Layer.setup` is a template that no layer overrides: check the number
of blobs, `layer_setup`, `reshape`, loss weights.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from math import inf, prod
from typing import NoReturn

import numpy as np
from numpy.typing import DTypeLike

from netdef import aligned
from netdef.blob import Blob
from netdef.errors import LayerError
from netdef.random import Stream, derive_seed
from netdef.registry import Registry
from prototxt import schema

# Working arrays that are done with when a call returns, so that all layers of a net may have the same one.
PASSING = {"col", "few packs", "pack", "packs", "panel", "rows", "transposed"}
PASSING |= {f"winograd {key}" for key in ("filters", "lines", "pack", "products", "taps", "terms", "values")}
FOR_BACKWARD = {"mask", "scale"}  # those that are too where no backward pass follows
MOST_VIEWS = 64  # of a working array that are kept

LAYERS: Registry[type[Layer]] = Registry("layer type")


def register_layer(name: str) -> Callable[[type[Layer]], type[Layer]]:
    """A class decorator: the class serves layers whose prototxt ``type`` is ``name``."""

    def file(cls: type[Layer]) -> type[Layer]:
        LAYERS.register(name)(cls)
        cls.type = name
        return cls

    return file


def repeatable(function: Callable | None = None, *, when: Callable[[Layer], bool] | None = None) -> Callable:
    """Mark a `Layer.forward` or `Layer.backward` that does nothing but call kernels, with arguments that only new
    shapes, other memory or another number of threads would change: a net notes the calls once and then repeats them.
    Backward, they may also depend on which gradients of parameters are to be cleared.

    ``when(layer)`` says for which layers of the class this is so; by default for all.
    """
    if function is None:
        return lambda decorated: repeatable(decorated, when=when)
    function.repeatable = when or (lambda layer: True)
    return function


class Counts(tuple):
    """A range of permitted blob counts, ``(least, most)``."""

    def __str__(self) -> str:
        least, most = self
        if least == most:
            return f"exactly {least}"
        return f"at least {least}" if most == inf else f"{least} to {most}"


def exactly(count: int) -> Counts:
    return Counts((count, count))


def at_least(count: int) -> Counts:
    return Counts((count, inf))


def between(least: int, most: int) -> Counts:
    return Counts((least, most))


class Layer:
    """The base of all layers. Subclasses override `layer_setup`, `reshape`, `forward` and `backward`.

    Attributes
    ----------
    param : LayerParameter
        The definition; defaults come from the schema alone.
    phase : int
        ``schema.TRAIN`` or ``schema.TEST``.
    blobs : list of Blob
        The learnable parameters.
    param_propagate_down : list of bool
        Whether to compute the gradient of each of them.
    stream : Stream
        The layer's own random numbers.
    passing_scratch : dict
        Where working arrays are that all layers of a net have in common.
    needs_backward : bool
        Whether a backward pass will reach the layer; if not, it need not keep anything for one.
    """

    type = ""
    num_bottom: Counts = at_least(0)
    num_top: Counts = at_least(0)
    same_num_bottom_top = False
    auto_top_blobs = False
    uses_random = False
    is_data = False  # fills its tops from outside the net, so that it has a say in what comes next

    def __init__(
        self, param: schema.LayerParameter, phase: int = schema.TEST, dtype: DTypeLike = np.float32, seed: int = 0
    ) -> None:
        self.param = param
        self.name = param.name
        self.phase = param.phase if param.HasField("phase") else phase
        self.dtype = np.dtype(dtype)
        self.blobs: list[Blob] = []
        self.param_propagate_down: list[bool] = []
        self.seed = derive_seed(seed, param.name)
        self.stream = Stream(derive_seed(self.seed, "stream"))
        self.loss_weights: list[float] = []
        self.needs_backward = True
        self.passing_scratch: dict[tuple, tuple[np.ndarray, dict]] = {}
        self._scratch: dict[tuple, tuple[np.ndarray, dict]] = {}

    # -- what a layer overrides ----------------------------------------------------------------------------

    def layer_setup(self, bottom: list[Blob], top: list[Blob]) -> None:
        """Read the fields once, reject bad ones, declare the parameters."""

    def reshape(self, bottom: list[Blob], top: list[Blob]) -> None:
        """Give the tops their shapes; runs again whenever a bottom's shape has changed."""

    @repeatable
    def forward(self, bottom: list[Blob], top: list[Blob]) -> None:
        """Compute ``top[i].data``."""

    def backward(self, top: list[Blob], propagate_down: list[bool], bottom: list[Blob]) -> None:
        """Overwrite ``bottom[i].diff`` where ``propagate_down[i]``, add to ``blobs[j].diff``."""

    def allow_force_backward(self, bottom_index: int) -> bool:
        """Whether ``force_backward`` may ask for the gradient of this bottom."""
        return True

    def state(self) -> bytes | None:
        """What an exact resume needs besides the parameters, or None."""
        return self.stream.state() if self.uses_random else None

    def unused_count(self, index: int) -> int:
        """How many values of ``blobs[index]`` stand for connections that there are not; they are 0 for ever."""
        return 0

    def restore(self, state: bytes) -> None:
        """Go on from what `state` returned."""
        self.stream.restore(state)

    def close(self) -> None:
        """Let go of threads and files."""

    @property
    def is_repeatable(self) -> bool:
        """Whether `forward` is marked as `repeatable`."""
        when = getattr(type(self).forward, "repeatable", None)
        return when is not None and when(self)

    @property
    def is_backward_repeatable(self) -> bool:
        """Whether `backward` is marked as `repeatable`."""
        when = getattr(type(self).backward, "repeatable", None)
        return when is not None and when(self)

    # -- what the net calls --------------------------------------------------------------------------------

    def setup(self, bottom: list[Blob], top: list[Blob]) -> None:
        """Check the counts, set the layer up, shape the tops, note the loss weights."""
        self.check_counts(len(bottom), len(top))
        if self.param.HasField("quantization_param"):  # of Ristretto and Intel's build
            warnings.warn(
                f'layer "{self.name}" ({self.type}): quantization_param is ignored; netdef computes in float32.',
                stacklevel=2,
            )
        self.layer_setup(bottom, top)
        if not self.param_propagate_down:
            self.param_propagate_down = [True] * len(self.blobs)
        shapes = [blob.shape for blob in bottom]
        self.reshape(bottom, top)
        for index, blob in enumerate(bottom):
            if blob.shape != shapes[index]:
                self.fail_in_place(index)
        self.set_loss_weights(top)

    def check_counts(self, bottoms: int, tops: int) -> None:
        for kind, found, wanted in (("bottom", bottoms, self.num_bottom), ("top", tops, self.num_top)):
            least, most = wanted
            if not least <= found <= most:
                act = "Add" if found < least else "Take away"
                difference = least - found if found < least else int(found - most)
                self.fail(
                    f"has {found} {kind} blob{'' if found == 1 else 's'}; this type takes {wanted}. "
                    f"{act} {difference}.",
                    kind,
                )
        if self.same_num_bottom_top and bottoms != tops:
            self.fail(
                f"has {bottoms} bottom and {tops} top blobs; this type gives one top for each bottom. "
                "Make them equal in number.",
                "top",
            )

    def set_loss_weights(self, top: list[Blob]) -> None:
        weights = list(self.param.loss_weight)
        if weights and len(weights) != len(top):
            self.fail(
                f"has {len(weights)} loss_weight for {len(top)} top blobs; give one for each top or none.",
                "loss_weight",
            )
        self.loss_weights = weights or [0.0] * len(top)
        self.fill_loss_weights(top)

    def fill_loss_weights(self, top: list[Blob]) -> None:
        """Store each loss weight in its top's diff: there it starts the backward pass (layer.hpp:389-402)."""
        for blob, weight in zip(top, self.loss_weights):
            if weight:
                blob.diff[...] = weight

    # -- helpers for layers --------------------------------------------------------------------------------

    def add_param(
        self,
        shape: tuple[int, ...],
        filler: schema.FillerParameter,
        field: str,
        finish: Callable[[np.ndarray], None] | None = None,
    ) -> Blob:
        """Append a learnable blob that ``filler`` (a FillerParameter) fills at its first read.

        ``field`` is where the filler stands, for messages: ``"convolution_param.weight_filler"``. ``finish`` has the
        last word on the filled values.
        """
        from netdef import fillers  # the fillers register themselves; importing late keeps `Layer` light

        shape = tuple(int(size) for size in shape)
        if any(size <= 0 for size in shape):
            self.fail(f"would have a parameter of shape {shape}; every size must be at least 1.", field)
        try:
            fillers.check_filler(filler, shape)
        except LayerError as error:
            self.fail(error.message, f"{field}.{error.field}" if error.field else field)
        blob = Blob(shape, self.dtype)
        stream = Stream(derive_seed(self.seed, "param", len(self.blobs)))

        def fill(array: np.ndarray) -> None:
            # A sharer of another shape may read first: the fans are those of the shape declared here.
            fillers.fill(filler, array.reshape(shape), stream)
            if finish is not None:
                finish(array)

        blob.fill_later(fill)
        self.blobs.append(blob)
        return blob

    def scratch(self, key: str, shape: int | tuple[int, ...], dtype: DTypeLike | None = None) -> np.ndarray:
        """A working array of ``shape`` that is kept from call to call; its contents are left over.

        Those of the names in `PASSING` are common to all layers of a net: nothing may be left in them for a later call.
        """
        shape = shape if isinstance(shape, tuple) else (shape,)
        dtype = self.dtype if dtype is None else np.dtype(dtype)
        passing = key in PASSING or (key in FOR_BACKWARD and not self.needs_backward)
        shelf = self.passing_scratch if passing else self._scratch
        flat, views = shelf.get((key, dtype), (None, {}))
        if shape in views:
            return views[shape]
        count = prod(shape)
        if flat is None or flat.size < count:
            flat, views = aligned.empty(max(count, 1), dtype), {}
        elif len(views) >= MOST_VIEWS:
            views = {}
        views[shape] = flat[:count].reshape(shape)
        shelf[key, dtype] = flat, views
        return views[shape]

    def loss_scale(self, top: list[Blob], index: int = 0) -> float:
        """The weight with which ``top[index]`` enters the loss, as the backward pass finds it."""
        return float(top[index].diff.flat[0])

    def fail_in_place(self, bottom_index: int) -> NoReturn:
        """Raise a LayerError: a top is also this bottom, which the type cannot do."""
        names = self.param.bottom
        name = f'bottom "{names[bottom_index]}"' if bottom_index < len(names) else f"bottom {bottom_index}"
        self.fail(
            f"{name} is also a top; this type cannot compute in place. Give the top a name of its own.",
            "top",
        )

    def fail(self, message: str, field: str = "") -> NoReturn:
        """Raise a LayerError; the net adds file, position and layer to it."""
        raise LayerError(message, field, layer_name=self.name, layer_type=self.type or self.param.type)

    def __repr__(self) -> str:
        return f'<{self.type} layer "{self.name}">'


class LossLayer(Layer):
    """A layer whose first top is a scalar loss. Source: Caffe src/caffe/layers/loss_layer.cpp."""

    num_bottom: Counts = exactly(2)
    num_top: Counts = exactly(1)
    auto_top_blobs = True
    takes_class_weights = False

    def layer_setup(self, bottom: list[Blob], top: list[Blob]) -> None:
        if self.param.loss_param.class_weight and not self.takes_class_weights:
            self.fail("class_weight is for SoftmaxWithLoss alone. Take it away.", "loss_param.class_weight")
        for index, blob in enumerate(bottom):
            if any(blob is other for other in top):
                self.fail_in_place(index)
        if not self.param.loss_weight:
            self.param.loss_weight.append(1.0)

    def reshape(self, bottom: list[Blob], top: list[Blob]) -> None:
        if len(bottom) > 1 and bottom[0].shape[:1] != bottom[1].shape[:1]:
            names = list(self.param.bottom) + ["bottom 0", "bottom 1"][len(self.param.bottom) :]
            self.fail(
                f'bottom "{names[0]}" has shape {bottom[0].shape} and "{names[1]}" has shape {bottom[1].shape}; '
                "their first axes, the batch, must agree. Give both the same batch size.",
                "bottom",
            )
        if not bottom[0].shape:
            self.fail("its bottoms have shape (), no axes; a loss needs a first axis, the batch. Add one.", "bottom")
        top[0].reshape(())

    def allow_force_backward(self, bottom_index: int) -> bool:
        return bottom_index != 1
