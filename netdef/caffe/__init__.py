"""pycaffe's names over netdef: ``import netdef.caffe as caffe``.

    >>> import netdef.caffe as caffe
    >>> "Convolution" in caffe.layer_type_list()
    True

Old scripts say ``import caffe``; `install` makes that mean this package, as ``netdef run script.py`` and
``python -m netdef.caffe script.py`` do from the start.

Source: Caffe python/caffe/__init__.py.
"""

from netdef.caffe import io, pycaffe
from netdef.caffe._caffe import (
    NCCL,
    AdaDeltaSolver,
    AdaGradSolver,
    AdamSolver,
    Blob,
    Layer,
    NesterovSolver,
    Net,
    RMSPropSolver,
    SGDSolver,
    Timer,
    __version__,
    get_solver,
    has_nccl,
    init_log,
    layer_type_list,
    log,
    set_device,
    set_mode_cpu,
    set_mode_gpu,
    set_multiprocess,
    set_random_seed,
    set_solver_count,
    set_solver_rank,
    solver_count,
    solver_rank,
)
from netdef.caffe.classifier import Classifier
from netdef.caffe.detector import Detector
from netdef.caffe.net_spec import NetSpec, layers, params, to_proto
from netdef.caffe.proto import caffe_pb2
from netdef.old_scripts import install
from prototxt.schema import TEST, TRAIN

__all__ = [
    "AdaDeltaSolver",
    "AdaGradSolver",
    "AdamSolver",
    "Blob",
    "Classifier",
    "Detector",
    "Layer",
    "NCCL",
    "NesterovSolver",
    "Net",
    "NetSpec",
    "RMSPropSolver",
    "SGDSolver",
    "TEST",
    "TRAIN",
    "Timer",
    "__version__",
    "caffe_pb2",
    "get_solver",
    "has_nccl",
    "init_log",
    "install",
    "io",
    "layer_type_list",
    "layers",
    "log",
    "params",
    "pycaffe",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_multiprocess",
    "set_random_seed",
    "set_solver_count",
    "set_solver_rank",
    "solver_count",
    "solver_rank",
    "to_proto",
]
