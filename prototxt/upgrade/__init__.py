"""Old syntax made new, as Caffe does while reading (upgrade_proto.cpp)."""
