"""Blobs into an HDF5 file. Source: Caffe src/caffe/layers/hdf5_output_layer.cpp."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from netdef.blob import Blob
from netdef.errors import DataError
from netdef.layer import Layer, exactly, register_layer
from netdef.layers._axes import bottom_name

if TYPE_CHECKING:
    import h5py


@register_layer("HDF5Output")
class HDF5OutputLayer(Layer):
    """Writes its two bottoms into an HDF5 file, one batch after another.

    Formula
        dataset "data" = bottom 0, dataset "label" = bottom 1.
    Bottom / Top
        2 → 0: ``(N, …)`` each, up to 4 axes. The datasets have 4 axes always, those that are missing with size 1.
    Fields
        file_name: seen from the working directory; a file of that name is replaced at the first forward pass.
    Raises
        LayerError when file_name is missing, the batch sizes differ, or a bottom has more than 4 axes; DataError when
        the file cannot be written.
    Source
        Caffe hdf5_output_layer.cpp:11-75.
    Differs from Caffe
        Caffe ends with an error at the second batch; here it is appended. The file is made at the first forward pass,
        not when the net is built. There is no gradient.
    """

    num_bottom, num_top = exactly(2), exactly(0)

    _file: h5py.File | None = None

    def layer_setup(self, bottom: list[Blob], top: list[Blob]) -> None:
        self.path = Path(self.param.hdf5_output_param.file_name)
        if not self.param.hdf5_output_param.file_name:
            self.fail("file_name is missing; expected the name of a file to write. Add it.", "hdf5_output_param")
        if not self.path.absolute().parent.is_dir():
            self.fail(
                f'file_name is "{self.path}" but there is no folder "{self.path.parent}". Create the folder.',
                "hdf5_output_param.file_name",
            )

    def reshape(self, bottom: list[Blob], top: list[Blob]) -> None:
        for index, blob in enumerate(bottom):
            if not 1 <= len(blob.shape) <= 4:
                self.fail(
                    f"{bottom_name(self, index)} has shape {blob.shape}; it must have 1 to 4 axes. Reshape it.",
                    "bottom",
                )
        if bottom[0].num != bottom[1].num:
            self.fail(
                f"{bottom_name(self, 0)} has shape {bottom[0].shape} and {bottom_name(self, 1)} has shape "
                f"{bottom[1].shape}; their first axes, the batch, must agree. Give both the same batch size.",
                "bottom",
            )

    def forward(self, bottom: list[Blob], top: list[Blob]) -> None:
        try:
            if self._file is None:
                import h5py  # 11 MB of memory, which few nets need

                self._file = h5py.File(self.path, "w")
            for name, blob in zip(("data", "label"), bottom):
                self._append(name, blob)
            self._file.flush()
        except (OSError, ValueError, TypeError) as error:
            raise DataError(
                f'HDF5 file "{self.path}" cannot be written ({error}). Check the folder, its permissions, the space on '
                "the disk, and that all batches have rows of one shape.",
                field="hdf5_output_param.file_name",
            ) from error

    def _append(self, name: str, blob: Blob) -> None:
        rows = blob.data.reshape(blob.num, blob.channels, blob.height, blob.width)
        if name not in self._file:
            self._file.create_dataset(name, data=rows, maxshape=(None, *rows.shape[1:]), chunks=rows.shape)
            return
        dataset = self._file[name]
        dataset.resize(len(dataset) + len(rows), axis=0)
        dataset[-len(rows) :] = rows

    def backward(self, top: list[Blob], propagate_down: list[bool], bottom: list[Blob]) -> None:
        """Zeros: what is written has no part in the loss."""
        for blob, wanted in zip(bottom, propagate_down):
            if wanted:
                blob.diff.fill(0)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
