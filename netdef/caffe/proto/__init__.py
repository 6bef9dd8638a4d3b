"""``caffe.proto``: home of `caffe_pb2`."""
