"""A training run as event files that TensorBoard shows: scalars, the graph, weight histograms, sample images."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import numpy as np

from netdef.errors import Location, SolverError
from netdef.report import events
from netdef.report.event_graph import graph_def
from solvers.lr_policy import learning_rate

if TYPE_CHECKING:
    from netdef.net import Net
    from solvers.solver import Solver

SAMPLES = 8  # images of a batch
SCALARS_EVERY = 100  # iterations, where the solver displays nothing
PICTURES_EVERY = 1000  # iterations, where the solver neither tests nor displays
_DISPLAYS_BETWEEN = 10


def check_folder(path: str | os.PathLike[str]) -> None:
    """Make the folder for event files. Raises SolverError where it cannot be made or written to."""
    path = os.fspath(path)
    try:
        os.makedirs(path, exist_ok=True)
        probe = os.path.join(path, f".netdef-{os.getpid()}.tmp")
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT))
        os.remove(probe)
    except OSError as error:
        raise SolverError(
            f"event files cannot be written there: {error.strerror or error}. Name a folder that can be written to.",
            location=Location(path),
        ) from error


class TensorBoard:
    """Writes down what a solver does, from its present iteration on; a context manager.

    What event files in the folder say of this iteration and later ones is void from then on, so that a resumed run
    goes on where its snapshot was and a new run begins anew. Where a file cannot be written any more, a warning is
    logged and training goes on without.

    Parameters
    ----------
    solver : Solver
        Already restored, where it is to go on from a snapshot.
    folder : path
        `check_folder` has made it.
    interval : int, optional
        Iterations between weight histograms and sample images, 0 for none; by default ``test_interval``, else ten times
        ``display``. Scalars are written with each display and each test.
    """

    def __init__(self, solver: Solver, folder: str | os.PathLike[str], interval: int | None = None) -> None:
        param = solver.param
        self.solver = solver
        self.interval = interval
        if interval is None:
            self.interval = param.test_interval or _DISPLAYS_BETWEEN * param.display or PICTURES_EVERY
        self._scalar_interval = param.display or SCALARS_EVERY
        self._file: events.EventFile | None = None
        try:
            self._file = events.EventFile(folder)
        except OSError as error:
            raise SolverError(
                f"an event file cannot be made there: {error.strerror or error}. Name a folder that can be written to.",
                location=Location(os.fspath(folder)),
            ) from error
        self._add(events.session_start(), solver.iter + solver.is_tested)  # that test will not be made again
        shapes = {name: blob.shape for name, blob in solver.net.blobs.items()}
        self._add(events.graph(graph_def(solver.net.graph.nodes, shapes)))
        solver.add_callback(lambda: None, self._gradients_ready)
        solver.add_test_callback(self._tested)

    def _gradients_ready(self) -> None:
        """Called when an iteration's outputs are there and its update is not made yet."""
        solver = self.solver
        values = []
        if solver.due(self._scalar_interval):
            rate, _ = learning_rate(solver.param, solver.iter, solver.current_step)
            values = [events.scalar("loss", solver.smoothed_loss), events.scalar("learning_rate", rate)]
            values += _output_scalars("train", _outputs(solver.net))
        if solver.due(self.interval):
            values += [*_weight_histograms(solver.net), *_sample_images(solver.net)]
        self._add_values(values)

    def _tested(self, index: int, means: list[tuple[str, float]]) -> None:
        name = f"test{index}" if len(self.solver.test_nets) > 1 else "test"
        self._add_values(_output_scalars(name, means))

    def finish(self) -> None:
        """Write down how it ended, where that falls on an iteration that is written down."""
        solver = self.solver
        if solver.due(self._scalar_interval) and solver.losses:
            self._add_values([events.scalar("loss", solver.smoothed_loss)])
        if solver.due(self.interval):
            self._add_values(_weight_histograms(solver.net))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> TensorBoard:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _add_values(self, values: list[bytes]) -> None:
        if values:
            self._add(events.summary(values))

    def _add(self, content: bytes, step: int | None = None) -> None:
        if self._file is None:
            return
        try:
            self._file.add(content, self.solver.iter if step is None else step)
        except OSError as error:
            self.solver.log.warning(
                "solver.cpp:258",
                f"{self._file.path}: {error.strerror or error}. Training goes on without event files.",
            )
            self._drop_file()

    def _drop_file(self) -> None:
        """Close the file, whose last record may be cut off; readers stop before it."""
        try:
            self.close()
        except OSError:  # what could not be written cannot be written now either
            self._file = None


def _outputs(net: Net) -> list[tuple[str, float]]:
    return [(name, float(value)) for name in net.outputs for value in net.blobs[name].data.reshape(-1)]


def _output_scalars(group: str, values: list[tuple[str, float]]) -> list[bytes]:
    """``group/name``, or ``group/name/0``, ``group/name/1`` … where an output has several values."""
    names = [name for name, _ in values]
    places: dict[str, int] = {}
    scalars = []
    for name, value in values:
        place = places[name] = places.get(name, -1) + 1
        several = f"/{place}" if names.count(name) > 1 else ""
        scalars.append(events.scalar(f"{group}/{name}{several}", value))
    return scalars


def _weight_histograms(net: Net) -> list[bytes]:
    """``layer/0``, ``layer/1`` … for the parameters of each layer; a shared one under its owner alone."""
    seen: set[int] = set()
    found = []
    for name, blobs in net.params.items():
        for place, blob in enumerate(blobs):
            address = blob.data.ctypes.data
            if address not in seen:
                found.append(events.histogram(f"{name}/{place}", blob.data))
            seen.add(address)
    return found


def _sample_images(net: Net) -> list[bytes]:
    """The first images of the batch: all 4-D tops with 1 or 3 channels of the layers that have no bottoms."""
    found = []
    for node in net.graph.nodes:
        for top in node.tops if not node.bottoms else ():
            data = net.blobs[top].data
            if data.ndim == 4 and data.shape[1] in (1, 3):
                images = to_pixels(data[:SAMPLES])
                found += [_image(f"{top}/{number}", pixels) for number, pixels in enumerate(images)]
    return found


def to_pixels(images: np.ndarray) -> np.ndarray:
    """``(N, C, H, W)``, one channel or blue, green and red, as uint8 ``(N, H, W, C)``, red first.

    The least value of them all becomes 0 and the greatest 255: means and scales are taken off and put on before.
    """
    images = np.nan_to_num(np.asarray(images, np.float64))
    low, high = images.min(), images.max()
    pixels = (images - low) * (255 / (high - low) if high > low else 0.0)
    return np.rint(pixels).astype(np.uint8).transpose(0, 2, 3, 1)[..., ::-1]


def _image(tag: str, pixels: np.ndarray) -> bytes:
    from PIL import Image

    height, width, channels = pixels.shape
    png = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels[..., 0] if channels == 1 else pixels)).save(png, "PNG")
    return events.image(tag, png.getvalue(), height, width, channels)
