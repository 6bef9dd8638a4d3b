"""``caffe.proto.caffe_pb2``: the messages of Caffe's language, with Caffe's names, numbers and defaults.

Text formats and binary files of Caffe parse into them; ``str(message)`` is prototxt that Caffe reads.
"""

from prototxt import netdef_caffe_pb2 as _generated
from prototxt.netdef_caffe_pb2 import *  # noqa: F403


def __getattr__(name: str):
    return getattr(_generated, name)
