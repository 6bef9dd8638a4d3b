"""The messages of Caffe's language: ``schema.NetParameter``, ``schema.LayerParameter``, ``schema.TRAIN`` …

Fields, numbers and defaults are in ``netdef_caffe.proto``, beside this file.
"""

from prototxt import netdef_caffe_pb2 as _generated
from prototxt.netdef_caffe_pb2 import *  # noqa: F403

__all__ = [name for name in vars(_generated) if name[0].isupper() and name != "PROTO_SHA256"]
