"""The learnable blobs of a net: who owns them, who shares them, their lr_mult and decay_mult.

Source: Caffe src/caffe/net.cpp:443-532 (AppendParam), :966-973 (ShareWeights).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from netdef.blob import Blob
from netdef.errors import LayerError
from netdef.layer import Layer
from prototxt import schema

_DEFAULT_SPEC = schema.ParamSpec()


@dataclass
class Parameter:
    """One blob of one layer. ``owner`` is the Parameter whose memory it uses, itself where it owns it."""

    layer: Layer
    index: int
    name: str
    learnable_id: int
    owner: Parameter | None = None

    @property
    def blob(self) -> Blob:
        return self.layer.blobs[self.index]

    @property
    def display_name(self) -> str:
        return self.name or str(self.index)


@dataclass
class ParameterTable:
    """All parameters in the order of layers, and the distinct ones that a solver updates."""

    all: list[Parameter] = field(default_factory=list)
    learnable: list[Blob] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    weight_decay: list[float] = field(default_factory=list)
    _by_name: dict[str, Parameter] = field(default_factory=dict)
    _has_lr: list[bool] = field(default_factory=list)
    _has_decay: list[bool] = field(default_factory=list)

    def append_layer(self, layer: Layer) -> bool:
        """Take in the parameters of ``layer``; returns whether any of them is learned."""
        specs = layer.param.param
        if len(specs) > len(layer.blobs):
            layer.fail(
                f"has {len(specs)} param blocks but only {len(layer.blobs)} parameter blobs; "
                f"give at most one for each blob. Take {len(specs) - len(layer.blobs)} away.",
                f"param[{len(layer.blobs)}]",
            )
        learns = False
        for index in range(len(layer.blobs)):
            spec = specs[index] if index < len(specs) else _DEFAULT_SPEC
            layer.param_propagate_down[index] = spec.lr_mult != 0
            learns = learns or spec.lr_mult != 0
            self._append(layer, index, spec)
        return learns

    def last_uses(self, layers: Sequence[Layer]) -> dict[int, list[int]]:
        """After which layer's number, on the way back, which of `learnable` have their whole gradient."""
        numbers = {id(layer): number for number, layer in enumerate(layers)}
        firsts: dict[int, int] = {}
        for parameter in self.all:
            number = numbers[id(parameter.layer)]
            firsts[parameter.learnable_id] = min(firsts.get(parameter.learnable_id, number), number)
        uses: dict[int, list[int]] = {}
        for learnable_id, number in firsts.items():
            uses.setdefault(number, []).append(learnable_id)
        return uses

    def _append(self, layer: Layer, index: int, spec) -> None:
        owner = self._by_name.get(spec.name) if spec.name else None
        if owner is None:
            parameter = Parameter(layer, index, spec.name, len(self.learnable))
            if spec.name:
                self._by_name[spec.name] = parameter
            self.learnable.append(layer.blobs[index])
            self.lr.append(spec.lr_mult)
            self.weight_decay.append(spec.decay_mult)
            self._has_lr.append(spec.HasField("lr_mult"))
            self._has_decay.append(spec.HasField("decay_mult"))
        else:
            parameter = Parameter(layer, index, spec.name, owner.learnable_id, owner)
            self._check_shapes(parameter, spec)
            self._merge_multiplier(parameter, spec, "lr_mult", self.lr, self._has_lr)
            self._merge_multiplier(parameter, spec, "decay_mult", self.weight_decay, self._has_decay)
            parameter.blob.share_data(owner.blob)
            parameter.blob.share_diff(owner.blob)
        self.all.append(parameter)

    def _check_shapes(self, parameter: Parameter, spec) -> None:
        here, owner = parameter.blob, parameter.owner
        permissive = spec.share_mode == schema.ParamSpec.PERMISSIVE
        fits = here.count == owner.blob.count if permissive else here.shape == owner.blob.shape
        if fits:
            return
        wanted = "as many elements" if permissive else "the same shape (or share_mode: PERMISSIVE and as many elements)"
        parameter.layer.fail(
            f'parameter "{parameter.name}" has shape {here.shape} here and {owner.blob.shape} in layer '
            f'"{owner.layer.name}", which owns it; shared parameters need {wanted}. '
            "Change the sizes or give the parameter another name.",
            f"param[{parameter.index}].name",
        )

    def _merge_multiplier(self, parameter: Parameter, spec, field_name: str, values: list, given: list) -> None:
        if not spec.HasField(field_name):
            return
        value, shared = getattr(spec, field_name), parameter.learnable_id
        if given[shared] and values[shared] != value:
            raise LayerError(
                f'parameter "{parameter.name}" has {field_name} {value:g} here and {values[shared]:g} where it was '
                "named before; a shared parameter has one. Give both the same.",
                f"param[{parameter.index}].{field_name}",
            )
        given[shared], values[shared] = True, value
