"""A text file that says which values go where: ``source = layer[blob]``, or ``source layer = layer``.

# this line is a comment
features.0.weight = conv1[0]
features.0.bias = conv1[1]
bn1 = bn1
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from netdef.errors import Location, WeightsError, suggestion
from netdef.importers.matching import Match, match_unit
from netdef.importers.source import Unit
from netdef.importers.targets import FACTOR, Slot, Target
from netdef.net import Net

_BLOB = re.compile(r"(.+)\[(\d+)\]")


def read_map(path: str) -> list[tuple[int, str, str]]:
    """Line number, source and target of each line. WeightsError for one that cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(f"cannot be read: {error}. Correct the path.", location=Location(path)) from error
    entries = []
    for number, line in enumerate(lines, 1):
        content = line.partition("#")[0].strip()
        if not content:
            continue
        source, equals, target = (part.strip() for part in content.partition("="))
        if not (equals and source and target):
            raise WeightsError(
                f'found "{content}"; expected "source = layer[blob]" or "source layer = layer". Correct the line.',
                location=Location(path, number, 1),
            )
        entries.append((number, source, target))
    return entries


def match_by_map(net: Net, units: Sequence[Unit], targets: Sequence[Target], path: str) -> Match:
    """What the lines of the file at ``path`` say; parameters that no line fills are mismatches."""
    match = Match()
    tensors = {tensor.name: tensor for unit in units for tensor in unit.tensors}
    layers = {unit.name: unit for unit in units}
    slots = {slot.name: slot for target in targets for slot in target.slots}
    goals = {target.name: target for target in targets}
    for number, source, goal in read_map(path):
        known, places = (tensors, slots) if _BLOB.fullmatch(goal) else (layers, goals)
        if source not in known:
            match.mismatches.append(f'{path}:{number}: the source has no "{source}".{suggestion(source, known)}')
        elif goal not in places:
            match.mismatches.append(f'{path}:{number}: the net has no "{goal}".{suggestion(goal, places)}')
        elif known is tensors:
            match.place(net, tensors[source], slots[goal])
        else:
            match_unit(net, match, layers[source], goals[goal])
    _check_filled(match, slots)
    return match


def _check_filled(match: Match, slots: dict[str, Slot]) -> None:
    filled = [slot.name for slot, _, _ in match.placed]
    twice = sorted({name for name in filled if filled.count(name) > 1})
    match.mismatches += [f"{name} is filled {filled.count(name)} times" for name in twice]
    if match.mismatches:
        return
    for name, slot in slots.items():
        if name in filled:
            continue
        if slot.role == FACTOR:
            match.placed.append((slot, np.ones(slot.shape, np.float32), None))
        else:
            match.mismatches.append(f"{name} ({slot.step.node.type}) is filled by no line")
