"""The language of Caffe's definitions: reads, upgrades and writes prototxt. Knows no layer."""
