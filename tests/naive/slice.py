"""Slice is Concat backwards: see `tests.naive.concat`."""

from tests.naive.concat import concat, cut

__all__ = ["concat", "cut"]
