"""The generated module is that of the .proto, and the .proto keeps Caffe's numbers."""

import pytest
from google.protobuf import descriptor_pb2

from prototxt import compile_schema, netdef_caffe_pb2, schema

REGENERATE = "run  python -m prototxt.compile_schema"


def test_generated_module_belongs_to_the_proto():
    """Holds without protoc: the module carries the checksum of the .proto it was made from."""
    assert compile_schema.proto_digest() == netdef_caffe_pb2.PROTO_SHA256, REGENERATE


def test_generated_module_is_what_protoc_makes():
    pytest.importorskip("grpc_tools", reason="grpcio-tools is not installed: only the checksum was compared")
    assert compile_schema.module_text() == compile_schema.MODULE.read_text(encoding="utf-8"), REGENERATE


def test_digest_does_not_depend_on_line_ends(tmp_path, monkeypatch):
    copy = tmp_path / "netdef_caffe.proto"
    copy.write_bytes(compile_schema.PROTO.read_bytes().replace(b"\n", b"\r\n"))
    monkeypatch.setattr(compile_schema, "PROTO", copy)
    assert compile_schema.proto_digest() == netdef_caffe_pb2.PROTO_SHA256


# message.field, number, type, default
WIRE = """
BlobShape.dim 1 int64 packed
BlobProto.num 1 int32 0
BlobProto.data 5 float packed
BlobProto.diff 6 float packed
BlobProto.shape 7 BlobShape
BlobProto.double_data 8 double packed
BlobProto.double_diff 9 double packed
Datum.channels 1 int32
Datum.data 4 bytes
Datum.label 5 int32
Datum.float_data 6 float repeated
Datum.encoded 7 bool False
NetParameter.name 1 string
NetParameter.layers 2 V1LayerParameter repeated
NetParameter.input 3 string repeated
NetParameter.input_dim 4 int32 repeated
NetParameter.input_shape 8 BlobShape repeated
NetParameter.layer 100 LayerParameter repeated
LayerParameter.name 1 string
LayerParameter.type 2 string
LayerParameter.bottom 3 string repeated
LayerParameter.top 4 string repeated
LayerParameter.loss_weight 5 float repeated
LayerParameter.param 6 ParamSpec repeated
LayerParameter.blobs 7 BlobProto repeated
LayerParameter.include 8 NetStateRule repeated
LayerParameter.phase 10 Phase
LayerParameter.propagate_down 11 bool repeated
LayerParameter.transform_param 100 TransformationParameter
LayerParameter.convolution_param 106 ConvolutionParameter
LayerParameter.pooling_param 121 PoolingParameter
LayerParameter.batch_norm_param 139 BatchNormParameter
LayerParameter.swish_param 147 SwishParameter
LayerParameter.clip_param 148 ClipParameter
LayerParameter.permute_param 202 PermuteParameter
V1LayerParameter.layer 1 V0LayerParameter
V1LayerParameter.type 5 LayerType
V1LayerParameter.blobs 6 BlobProto repeated
V1LayerParameter.param 1001 string repeated
V1LayerParameter.blob_share_mode 1002 DimCheckMode repeated
V0LayerParameter.name 1 string
V0LayerParameter.blobs 50 BlobProto repeated
V0LayerParameter.hdf5_output_param 1001 HDF5OutputParameter
SolverParameter.net 24 string
SolverParameter.clip_gradients 35 float -1.0
SolverParameter.momentum2 39 float 0.999
SolverParameter.type 40 string SGD
SolverParameter.weights 42 string repeated
SolverParameter.snapshot_format 37 SnapshotFormat 1
SolverParameter.solver_mode 17 SolverMode 1
SolverParameter.random_seed 20 int64 -1
SolverState.iter 1 int32
SolverState.learned_net 2 string
SolverState.history 3 BlobProto repeated
SolverState.current_step 4 int32 0
SolverState.resume 50001 ResumeState
NetState.phase 1 Phase 1
ParamSpec.lr_mult 3 float 1.0
LossParameter.normalization 3 NormalizationMode 1
LossParameter.normalize 2 bool
ConvolutionParameter.kernel_size 4 uint32 repeated
ConvolutionParameter.group 5 uint32 1
ConvolutionParameter.dilation 18 uint32 repeated
PoolingParameter.round_mode 13 RoundMode 0
DataParameter.backend 8 DB 0
LRNParameter.beta 3 float 0.75
ReductionParameter.operation 1 ReductionOp 1
TransformationParameter.force_gray 7 bool False
FillerParameter.type 1 string constant
""".strip().splitlines()


@pytest.mark.parametrize("row", WIRE, ids=lambda row: row.split()[0])
def test_wire(row):
    place, number, kind, *rest = row.split()
    message, name = place.split(".")
    file = descriptor_pb2.FileDescriptorProto.FromString(schema.DESCRIPTOR.serialized_pb)
    proto = next(proto for proto in file.message_type if proto.name == message)
    field = next(field for field in proto.field if field.name == name)
    field_types = descriptor_pb2.FieldDescriptorProto.Type
    found = field.type_name.split(".")[-1] or field_types.Name(field.type).removeprefix("TYPE_").lower()
    assert (field.number, found) == (int(number), kind)
    repeated = field.label == descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
    assert repeated == bool(rest and rest[0] in ("repeated", "packed"))
    assert field.options.packed == (rest == ["packed"])
    if rest and not repeated:
        assert str(getattr(getattr(schema, message)(), name)).startswith(rest[0])


def test_bytes_on_the_wire():
    """A weight file's layer, byte by byte: field 100, its name, its type, a blob of shape and values."""
    net = schema.NetParameter(layer=[schema.LayerParameter(name="a", type="B")])
    blob = net.layer[0].blobs.add()
    blob.shape.dim[:] = [2]
    blob.data[:] = [1, -2]
    assert net.SerializeToString(deterministic=True) == bytes.fromhex(
        "a206170a01611201423a0f2a080000803f000000c03a030a0102"
    )


def test_fork_numbers_are_free_in_caffe():
    """Caffe's last layer-specific number is 148; fields of forks and netdef lie above."""
    forks = {"permute", "prior_box", "detection_output", "norm", "roi_pooling", "smooth_l1_loss"}
    forks |= {"bn", "interp", "upsample", "dense_image_data", "shuffle_channel", "relu6", "center_loss"}
    forks |= {"multibox_loss", "psroi_pooling", "reorg", "detection_evaluate"}
    numbers = {field.name: field.number for field in schema.LayerParameter.DESCRIPTOR.fields}
    forks |= {"annotated_data", "yolo_detection_output", "yolov3_detection_output", "quantization"}
    forks |= {"yolo_loss", "region_loss"}
    assert all(numbers[f"{name}_param"] > 148 for name in forks)
    forks |= {"scaled_tanh", "sub_sampling", "rbf", "rbf_loss"}
    forks.add("engine")
    assert numbers["engine"] > 148
    assert all(number <= 148 for name, number in numbers.items() if name.removesuffix("_param") not in forks)


def test_schema_names():
    assert schema.TRAIN == 0 and schema.TEST == 1 and schema.Phase.Name(1) == "TEST"
    assert schema.NetParameter.DESCRIPTOR.full_name == "netdef.NetParameter"
    assert "NetParameter" in schema.__all__ and "builder" not in schema.__all__
