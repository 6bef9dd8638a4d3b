"""Which layer's result flows where, in-place layers told apart.

A blob that is worked on in place has several versions; a version is the pair (layer, top index) of the
layer that wrote it last. All questions that the derivation asks are questions about versions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netdef.graph import GraphNode

Version = tuple[int, int]

NEVER_DATA = frozenset({"Parameter"})  # no bottoms, yet its top is learned


class Flow:
    """The wiring of ``nodes``, the layers of one view of a definition in their order.

    ``bottoms[i][k]`` is the version that layer i reads as bottom k, or None where nothing makes it.
    ``readers`` has the layers that read a version; ``last`` the final version of each blob.
    """

    def __init__(self, nodes: Sequence[GraphNode]) -> None:
        self.nodes = list(nodes)
        self.bottoms: list[list[Version | None]] = []
        self.readers: dict[Version, list[int]] = {}
        self.last: dict[str, Version] = {}
        for index, node in enumerate(self.nodes):
            versions = [self.last.get(name) for name in node.bottoms]
            self.bottoms.append(versions)
            for version in versions:
                if version is not None:
                    self.readers.setdefault(version, []).append(index)
            for top, name in enumerate(node.tops):
                self.last[name] = (index, top)

    def name(self, version: Version) -> str:
        return self.nodes[version[0]].tops[version[1]]

    def tops(self, index: int) -> list[Version]:
        return [(index, top) for top in range(len(self.nodes[index].tops))]

    def missing(self, layers: Iterable[int] | None = None) -> list[tuple[int, int]]:
        """The (layer, bottom index) pairs that read a blob which nothing before them makes."""
        indices = range(len(self.nodes)) if layers is None else sorted(layers)
        return [(i, k) for i in indices for k, version in enumerate(self.bottoms[i]) if version is None]

    def is_source(self, index: int) -> bool:
        """Whether the layer brings data in from outside."""
        node = self.nodes[index]
        return not node.bottoms and node.type not in NEVER_DATA

    def sources(self) -> list[int]:
        return [index for index in range(len(self.nodes)) if self.is_source(index)]

    def upstream(self, versions: Iterable[Version | None]) -> set[Version]:
        """The given versions and every version that goes into them."""
        found: set[Version] = set()
        waiting = [version for version in versions if version is not None]
        while waiting:
            version = waiting.pop()
            if version not in found:
                found.add(version)
                waiting += [below for below in self.bottoms[version[0]] if below is not None]
        return found

    def downstream(self, layers: Iterable[int]) -> set[int]:
        """The given layers and every layer that reads something of theirs, directly or not."""
        found: set[int] = set()
        waiting = list(layers)
        while waiting:
            index = waiting.pop()
            if index not in found:
                found.add(index)
                waiting += [reader for version in self.tops(index) for reader in self.readers.get(version, [])]
        return found
