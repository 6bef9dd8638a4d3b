"""``caffe.net_spec``: nets written as Python.

    n = caffe.NetSpec()
    n.data = L.Input(shape=dict(dim=[1, 1, 28, 28]))
    n.ip = L.InnerProduct(n.data, num_output=10, weight_filler=dict(type="xavier"))
    open("net.prototxt", "w").write(str(n.to_proto()))

``L.Type(*bottoms, **fields)`` makes a layer and gives its top, or a tuple of ``ntop`` tops, or the layer itself where
``ntop`` is 0. A field goes into the type's own parameter message, or into the layer where that has it not.
Source: Caffe python/caffe/net_spec.py.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from netdef.caffe.proto import caffe_pb2
from netdef.errors import suggestion

if TYPE_CHECKING:
    from google.protobuf.message import Message


def param_name_dict() -> dict[str, str]:
    """``{"Convolution": "convolution", …}``: layer types and their fields in LayerParameter without ``_param``."""
    fields = caffe_pb2.LayerParameter.DESCRIPTOR.fields
    return {
        field.message_type.name.removesuffix("Parameter"): field.name.removesuffix("_param")
        for field in fields
        if field.name.endswith("_param") and field.message_type is not None
    }


def to_proto(*tops: Top) -> caffe_pb2.NetParameter:
    """The NetParameter of the layers that ``tops`` need, with names made up: ``Convolution1``."""
    return _net(tops, {})


def _net(tops, names: dict):
    layers: OrderedDict[Function, Any] = OrderedDict()
    autonames: Counter[str] = Counter()
    for top in tops:
        top._to_proto(layers, names, autonames)
    net = caffe_pb2.NetParameter()
    net.layer.extend(layers.values())
    return net


def assign_proto(proto: Message, name: str, val: Any) -> None:
    """Set field ``name`` of a message: a list fills a repeated field, a dict a message; both may be nested.

    A repeated field takes a single value too. Raises: AttributeError for a field that the message lacks.
    """
    field = proto.DESCRIPTOR.fields_by_name.get(name)
    if field is None:
        near = suggestion(name, proto.DESCRIPTOR.fields_by_name)
        raise AttributeError(f'{proto.DESCRIPTOR.name} has no field "{name}".{near}')
    if isinstance(getattr(proto, name), _MESSAGE) and isinstance(val, dict):
        getattr(proto, name).SetInParent()
        for key, inner in val.items():
            assign_proto(getattr(proto, name), key, inner)
    elif hasattr(getattr(proto, name), "extend"):
        _extend(getattr(proto, name), list(val) if isinstance(val, (list, tuple)) else [val])
    elif isinstance(getattr(proto, name), _MESSAGE):
        getattr(proto, name).CopyFrom(val)
    else:
        setattr(proto, name, val)


def _extend(repeated, values: list) -> None:
    for value in values:
        if isinstance(value, dict):
            item = repeated.add()
            for key, inner in value.items():
                assign_proto(item, key, inner)
        else:
            repeated.append(value)


_MESSAGE = caffe_pb2.NetParameter.__mro__[1]


class Top:
    """One output of a layer: top ``n`` of ``fn``."""

    def __init__(self, fn: Function, n: int) -> None:
        self.fn = fn
        self.n = n

    def to_proto(self) -> caffe_pb2.NetParameter:
        """The NetParameter of the layers that this top needs."""
        return to_proto(self)

    def _to_proto(self, layers, names, autonames) -> None:
        self.fn._to_proto(layers, names, autonames)


class Function:
    """A layer: its type, its bottoms (each a `Top`) and its fields."""

    def __init__(self, type_name: str, inputs: Sequence[Top], params: dict) -> None:
        for index, bottom in enumerate(inputs):
            if not isinstance(bottom, Top):
                raise TypeError(f"{type_name} input {index} is not a Top (type is {type(bottom)})")
        self.type_name = type_name
        self.inputs = inputs
        self.params = params
        self.ntop = params.pop("ntop", 1)
        self.in_place = params.pop("in_place", False)
        self.tops = tuple(Top(self, index) for index in range(self.ntop))

    def _get_name(self, names, autonames) -> str:
        if self not in names:
            names[self] = self._get_top_name(self.tops[0], names, autonames) if self.tops else self._new(autonames)
        return names[self]

    def _get_top_name(self, top: Top, names, autonames) -> str:
        if top not in names:
            names[top] = self._new(autonames)
        return names[top]

    def _new(self, autonames) -> str:
        autonames[self.type_name] += 1
        return f"{self.type_name}{autonames[self.type_name]}"

    def _to_proto(self, layers, names, autonames) -> None:
        if self in layers:
            return
        layer = caffe_pb2.LayerParameter(type=self.type_name)
        for bottom in self.inputs:
            bottom._to_proto(layers, names, autonames)
            layer.bottom.append(layers[bottom.fn].top[bottom.n])
        if self.in_place:
            layer.top.extend(layer.bottom)
        else:
            layer.top.extend([self._get_top_name(top, names, autonames) for top in self.tops])
        layer.name = self._get_name(names, autonames)
        for key, value in self.params.items():
            self._assign(layer, key, value)
        layers[self] = layer

    def _assign(self, layer, key: str, value) -> None:
        own = _param_names.get(self.type_name)
        if own is not None and not key.endswith("param"):
            message = getattr(layer, f"{own}_param")
            if key in message.DESCRIPTOR.fields_by_name or key not in layer.DESCRIPTOR.fields_by_name:
                assign_proto(message, key, value)
                return
        assign_proto(layer, key, value)


class NetSpec:
    """A net whose blobs are the attributes that it is given; `to_proto` makes the NetParameter."""

    tops: OrderedDict[str, Top]

    def __init__(self) -> None:
        super().__setattr__("tops", OrderedDict())

    def __setattr__(self, name: str, value) -> None:
        self.tops[name] = value

    def __getattr__(self, name: str):
        if name.startswith("__") or name not in self.tops:
            raise AttributeError(f'the net has no top "{name}".{suggestion(name, self.__dict__.get("tops", ()))}')
        return self.tops[name]

    def __setitem__(self, key: str, value) -> None:
        self.tops[key] = value

    def __getitem__(self, item: str) -> Top:
        return self.tops[item]

    def to_proto(self) -> caffe_pb2.NetParameter:
        """The NetParameter of the layers that the attributes need, in the order in which they were given."""
        return _net(self.tops.values(), {top: name for name, top in self.tops.items()})


class Layers:
    """``layers.Convolution(bottom, num_output=20)``: a function for every layer type."""

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)

        def layer_fn(*args: Top, **kwargs):
            function = Function(name, args, kwargs)
            if function.ntop == 0:
                return function
            return function.tops[0] if function.ntop == 1 else function.tops

        return layer_fn


class _Enums:
    def __init__(self, message_name: str) -> None:
        self._message = getattr(caffe_pb2, message_name)

    def __getattr__(self, name: str):
        return getattr(self._message, name)


class Parameters:
    """``params.Pooling.MAX``: the values of enums."""

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Enums(f"{name}Parameter")


_param_names = param_name_dict()
_param_names.setdefault("Deconvolution", "convolution")
layers = Layers()
params = Parameters()
