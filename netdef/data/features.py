"""Features, one array an item, written as databases, HDF5 or npy.

Source: Caffe tools/extract_features.cpp:120-190.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from netdef.data.database import create_database
from netdef.data.mean import save_array
from netdef.errors import UsageError
from netdef.weights.atomic import check_writable, write_atomically
from prototxt import schema

KINDS = ("lmdb", "leveldb", "hdf5", "npy")


@contextmanager
def feature_writer(path: str, kind: str, name: str, overwrite: bool = False) -> Iterator[Callable[[np.ndarray], None]]:
    """A function that takes batches ``(N, …)``, as a context manager.

    ``kind`` is "lmdb" or "leveldb", with a Datum of floats for each item under the keys ``0000000000`` on; "hdf5",
    with all items in the dataset ``name``; or "npy". Files appear when the block ends well.

    Raises: DataError where something is there already or cannot be written; UsageError for another kind.
    """
    if kind not in KINDS:
        raise UsageError(f'unknown kind of feature file "{kind}"; expected one of {", ".join(KINDS)}.')
    if kind in ("lmdb", "leveldb"):
        with create_database(path, kind, overwrite) as writer:
            yield lambda batch: _put(writer, batch)
        return
    check_writable(path)
    batches: list[np.ndarray] = []
    yield lambda batch: batches.append(batch.copy())
    features = np.concatenate(batches)
    if kind == "npy":
        save_array(path, features)
    else:
        _save_hdf5(path, name, features)


def _put(writer, batch: np.ndarray) -> None:
    """A Datum for each item; its axes are the last three that blobs once had (blob.hpp:160)."""
    shape = (*batch.shape[1:], 1, 1, 1)[:3]
    for item in batch:
        datum = schema.Datum(channels=shape[0], height=shape[1], width=shape[2])
        datum.float_data.extend(item.ravel().tolist())
        writer.put(f"{writer.count:010d}", datum.SerializeToString())


def _save_hdf5(path: str, name: str, features: np.ndarray) -> None:
    import io

    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset(name.replace("/", "_"), data=features)
    write_atomically(path, buffer.getvalue())
