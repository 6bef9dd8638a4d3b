"""Which tasks of `tools._warming` a net, a solver or a list of layer types makes."""

from __future__ import annotations

from collections.abc import Iterable

from netdef.errors import UsageError, suggestion
from prototxt import Document, load_net, load_solver, schema

# The types whose kernels take long to compile; each is split into three tasks, which come first.
LONG = ("Convolution", "InnerProduct", "Deconvolution", "ConvolutionDepthwise", "DepthwiseConvolution")
PARTS = ("weights", "forward", "data")
READERS = frozenset({"Data", "AnnotatedData", "ImageData", "DenseImageData", "WindowData", "MemoryData", "HDF5Data"})
LEFT_OUT = READERS | {"Python", "HDF5Output"}  # what would read or write files, or run the user's own code
RULES = ("SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam")
BOTH = ("TRAIN", "TEST")


def plan(request: dict) -> list[dict]:
    """The tasks, each once, for ``models``, ``phases`` of them, ``solver``, ``layers`` and ``dtypes``.

    Everything there is where neither models nor a solver nor layers are asked for.
    """
    models, solver, kinds = request.get("models", []), request.get("solver"), request.get("layers", [])
    tasks: list[dict] = []
    for dtype in request.get("dtypes", ["float32"]):
        for path in models:
            for phase in request.get("phases", BOTH):
                tasks += tasks_of_net(load_net(path), schema.Phase.Value(phase), dtype)
        if solver:
            tasks += tasks_of_solver(load_solver(solver), dtype)
        if kinds or not (models or solver):
            tasks += tasks_of_types(kinds, dtype)
        if not (kinds or models or solver):
            tasks += [{"kind": "rule", "type": rule, "dtype": dtype} for rule in RULES]
            tasks.append({"kind": "data", "dtype": dtype})
    return [task for number, task in enumerate(tasks) if task not in tasks[:number]]


def tasks_of_net(document: Document, phase: int, dtype: str) -> list[dict]:
    """What the layers of a net need, whatever stands in its databases."""
    from netdef.graph import resolve
    from netdef.report.shapes import without_files
    from prototxt import to_text

    without = without_files(document, phase)
    nodes = resolve(without, phase, 0, ()).nodes
    kinds = list(dict.fromkeys(node.type for node in nodes if node.type not in LEFT_OUT))
    common = {"kind": "net", "net": to_text(without.message), "phase": phase, "dtype": dtype}
    parts = PARTS if phase == schema.TRAIN else ("forward",)
    tasks = [{**common, "types": [kind], "part": part} for part in parts for kind in LONG if kind in kinds]
    tasks += [{**common, "types": [kind], "part": "all"} for kind in kinds if kind not in LONG]
    if any(layer.type in READERS for layer in document.message.layer):
        tasks.append({"kind": "data", "dtype": dtype})
    return tasks


def tasks_of_solver(solver: Document, dtype: str) -> list[dict]:
    """What a solver, its nets and its data layers need."""
    from solvers.nets import test_sources, train_source

    tasks = tasks_of_net(train_source(solver).document, schema.TRAIN, dtype)
    tasks.append({"kind": "rule", "type": solver.message.type, "dtype": dtype})
    for source in test_sources(solver):
        tasks += tasks_of_net(source.document, schema.TEST, dtype)
    return tasks


def tasks_of_types(wanted: Iterable[str], dtype: str) -> list[dict]:
    """What layers of these types need, or of all, those that take longest first.

    Raises: UsageError for an unknown type.
    """
    import netdef.layers  # noqa: F401  (registers the layer types)
    from netdef.layer import LAYERS
    from tools.layer_examples import SMALLEST, VARIANTS

    for kind in wanted:
        if kind not in LAYERS:
            raise UsageError(f'netdef warmup: unknown layer type "{kind}".{suggestion(kind, LAYERS)}')
    known = [kind for kind in dict.fromkeys([*LONG, *VARIANTS, *SMALLEST]) if kind in wanted or not wanted]
    return [{"kind": "example", "type": kind, "dtype": dtype} for kind in known]
