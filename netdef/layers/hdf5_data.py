"""Batches from HDF5 files. Source: Caffe src/caffe/layers/hdf5_data_layer.cpp."""

from __future__ import annotations

from netdef.blob import Blob
from netdef.data.hdf5_list import Hdf5ListLoader, read_file_list
from netdef.data.transformer import DataTransformer
from netdef.errors import DataError
from netdef.layer import at_least, exactly, register_layer
from netdef.layers._prefetching import PrefetchingLayer


@register_layer("HDF5Data")
class HDF5DataLayer(PrefetchingLayer):
    """Reads rows of HDF5 files, the files of a list one after another, again from the first after the last.

    Formula
        ``top[i][n] = dataset_i[row n]``, where dataset_i is the one that has the top's name; with a transform_param
        ``top[0][n] = (dataset_0[row n] - mean) * scale`` (`netdef.data.transformer`).
    Top
        One or more: ``(batch_size, …)``, the axes of the dataset after its first; whole numbers become floats.
    Fields
        ``hdf5_data_param``: source (a text file with the names of the HDF5 files, seen from the working directory),
        batch_size (rows), shuffle (another order of files, and of rows within a file, in each epoch).
        ``transform_param``, if given, is for the first top: see `netdef.data.transformer`.
        ``data_param.prefetch``: batches in the making or read ahead.
    Raises
        DataError for a list or a file that cannot be used, LayerError for fields.
    Source
        Caffe hdf5_data_layer.cpp:26-165.
    Differs from Caffe
        transform_param works, Caffe refuses it; batches are read ahead; rows of another shape in a later file are an
        error. The position is part of the state, so that resuming is exact.
    """

    num_bottom, num_top = exactly(0), at_least(1)

    def layer_setup(self, bottom: list[Blob], top: list[Blob]) -> None:
        self.check_batch_size("hdf5_data_param")
        super().layer_setup(bottom, top)

    def open_loader(self) -> Hdf5ListLoader:
        fields = self.param.hdf5_data_param
        transformer = None
        if self.param.HasField("transform_param"):
            transformer = DataTransformer(self.param.transform_param, self.phase, self.stream, self.dtype)
        try:
            names = read_file_list(fields.source)
            return Hdf5ListLoader(
                names, list(self.param.top), fields.batch_size, fields.shuffle, self.stream, self.dtype, transformer
            )
        except DataError as error:
            error.field = "hdf5_data_param.source"
            raise
