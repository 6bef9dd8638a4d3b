"""Where a field of an upgraded message stood before the upgrade."""

from __future__ import annotations

Moved = dict[str, str]  # new path to old path
Warnings = list[tuple[str, str]]  # old path and a sentence


class PathMap:
    """New paths to old ones, in stages: one for each upgrade, in the order in which they ran.

    A stage knows some paths; what lies below a known path moved along with it.
    """

    def __init__(self) -> None:
        self._stages: list[Moved] = []

    def add_stage(self, moved: Moved) -> None:
        if moved:
            self._stages.append(moved)

    def source(self, path: str) -> str:
        """The path that a field had in the text."""
        for stage in reversed(self._stages):
            path = _before(stage, path)
        return path


def _before(stage: Moved, path: str) -> str:
    head = path
    while head:
        if head in stage:
            return stage[head] + path[len(head) :]
        head = head[: max(head.rfind("."), head.rfind("["), 0)]
    return path
