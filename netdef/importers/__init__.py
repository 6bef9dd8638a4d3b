"""Nets and weights of other programs, brought into Caffe's form."""
