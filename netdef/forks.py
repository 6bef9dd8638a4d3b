"""Layer types of Caffe's forks, and where they are defined, for the message about an unknown type."""

from __future__ import annotations

FORKS = {
    "SSD (github.com/weiliu89/caffe)": ("VideoData",),
    "R-FCN (github.com/daijifeng001/caffe-rfcn)": ("BoxAnnotatorOHEM", "SmoothL1LossOHEM", "SoftmaxWithLossOHEM"),
    "DeepLab (bitbucket.org/aquariusjay/deeplab-public-ver2)": (
        "DenseCRF", "DomainTransform", "ImageSegData", "MatRead", "MatWrite", "SegAccuracy", "UniqueLabel",
    ),
    "PSPNet (github.com/hszhao/PSPNet)": (
        "AdaptiveBiasChannel", "BatchReduction", "BiasChannel", "Gather", "ImageSegData", "Scatter", "SegAccuracy",
    ),
    "SegNet (github.com/alexgkendall/caffe-segnet)": ("DenseImageData",),
    "ENet (github.com/TimoSaemann/caffe-enet)": ("DenseImageData", "SpatialDropout"),
    "NVIDIA's (github.com/NVIDIA/caffe)": ("DetectNetTransformation", "L1Loss"),
    "OpenPose (github.com/CMU-Perceptual-Computing-Lab/caffe_train)": ("CPMData", "ImResize", "Nms"),
    "FlowNet 2 (github.com/lmb-freiburg/flownet2)": (
        "Correlation", "CustomData", "DataAugmentation", "Downsample", "FlowAugmentation", "FlowWarp",
        "GenerateAugmentationParameters", "L1Loss", "Resample",
    ),
    "large-margin softmax (github.com/wy1iu/LargeMargin_Softmax_Loss)": ("LargeMarginInnerProduct",),
    "SphereFace (github.com/wy1iu/sphereface)": ("MarginInnerProduct",),
    "the YOLO ports (github.com/eric612/MobileNet-YOLO)": (
        "RegionLoss", "Yolov3",
    ),
    "CRF-RNN (github.com/torrvision/caffe-tvg)": ("MultiStageMeanfield",),
    "edge detection, HED (github.com/s9xie/hed)": ("ImageLabelmapData",),
    "spatial transformers (github.com/daerduoCarey/SpatialTransformerLayer)": ("SpatialTransformer",),
    "DeconvNet (github.com/HyeonwooNoh/caffe)": ("Unpooling", "WindowSegData"),
}  # fmt: skip


def fork_of(layer_type: str) -> str:
    """The sentence that says which forks define ``layer_type``, with a space in front; empty where none is known."""
    known = [fork for fork, types in FORKS.items() if layer_type in types]
    return f" The type belongs to a fork of Caffe: {' or '.join(known)}." if known else ""
