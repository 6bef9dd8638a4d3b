"""A layered drawing of a directed acyclic graph: ranks, few crossings, straight long edges.

The steps are those of K. Sugiyama, S. Tagawa, M. Toda: Methods for visual understanding of hierarchical system
structures (1981), section 3: every edge goes down by one rank or is cut into pieces that do; each rank is
ordered so that few edges cross; then the places are chosen. Places solve, rank by rank, a least-squares problem
with minimum distances, by pooling adjacent violators (M. Ayer et al., 1955), so that no box ever overlaps.

Everything here runs from top to bottom; a drawing from left to right is this one with its axes exchanged.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SWEEPS = 12  # ordering; the best order seen is kept
PASSES = 24  # placing
BEND_WEIGHT = 6.0  # how much more a piece of a long edge pulls than an edge between boxes
BEND_GAP = 18.0  # pixels between a long edge and its neighbours
BOX_GAP = 26.0  # pixels between boxes of one rank


@dataclass
class Item:
    """A box of the drawing, or with ``box`` -1 the bend of a long edge. ``x``, ``y`` are the centre."""

    box: int
    rank: int
    width: float = 0.0
    height: float = 0.0
    x: float = 0.0
    y: float = 0.0
    above: list[int] = field(default_factory=list)
    below: list[int] = field(default_factory=list)


@dataclass
class Layout:
    """Where the boxes are (``centers``, by box) and where each edge bends (``bends``, by edge; may be empty)."""

    centers: list[tuple[float, float]]
    bends: list[list[tuple[float, float]]]
    rank_of: list[int]
    rank_tops: list[float]
    rank_bottoms: list[float]
    width: float
    height: float


def lay_out(sizes: list[tuple[float, float]], edges: list[tuple[int, int]], rank_gap: float) -> Layout:
    """Place boxes of the given (width, height), numbered in an order in which every edge goes to a higher number."""
    ranks = assign_ranks(len(sizes), edges)
    items = [Item(box, ranks[box], *size) for box, size in enumerate(sizes)]
    chains = [_cut(items, *edge) for edge in edges]
    rows = _initial_rows(items)
    rows = order_rows(items, rows)
    place_columns(items, rows)
    tops, bottoms = _place_rows(items, rows, rank_gap)
    left = min((item.x - item.width / 2 for item in items), default=0.0)
    right = max((item.x + item.width / 2 for item in items), default=0.0)
    for item in items:
        item.x -= left
    centers = [(item.x, item.y) for item in items[: len(sizes)]]
    bends = [[(items[i].x, items[i].y) for i in chain] for chain in chains]
    return Layout(centers, bends, ranks, tops, bottoms, right - left, bottoms[-1] if bottoms else 0.0)


# -- ranks ----------------------------------------------------------------------------------------------------


def assign_ranks(count: int, edges: list[tuple[int, int]]) -> list[int]:
    """The longest way from a source; then boxes with room move to where their edges are shortest."""
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for tail, head in edges:
        above[head].append(tail)
        below[tail].append(head)
    ranks = [0] * count
    for box in range(count):
        ranks[box] = max((ranks[tail] + 1 for tail in above[box]), default=0)
    for _ in range(4):
        for box in reversed(range(count)):
            lowest = min((ranks[head] - 1 for head in below[box]), default=ranks[box])
            if len(below[box]) > len(above[box]) or not above[box]:
                ranks[box] = max(lowest, ranks[box])
    first = min(ranks, default=0)
    return [rank - first for rank in ranks]


def _cut(items: list[Item], tail: int, head: int) -> list[int]:
    """Append a bend for every rank that the edge passes; link the pieces; the bends in order."""
    chain = []
    for rank in range(items[tail].rank + 1, items[head].rank):
        items.append(Item(-1, rank))
        chain.append(len(items) - 1)
    way = [tail, *chain, head]
    for upper, lower in zip(way, way[1:]):
        items[upper].below.append(lower)
        items[lower].above.append(upper)
    return chain


# -- order ----------------------------------------------------------------------------------------------------


def _initial_rows(items: list[Item]) -> list[list[int]]:
    """Ranks filled by a walk in depth from the top, so that a branch starts in one piece."""
    rows: list[list[int]] = [[] for _ in range(max((item.rank for item in items), default=-1) + 1)]
    seen = [False] * len(items)
    starts = [index for index, item in enumerate(items) if not item.above]
    waiting = starts[::-1]
    while waiting:
        index = waiting.pop()
        if seen[index]:
            continue
        seen[index] = True
        rows[items[index].rank].append(index)
        waiting += [below for below in reversed(items[index].below) if not seen[below]]
    return rows


def order_rows(items: list[Item], rows: list[list[int]]) -> list[list[int]]:
    """Sort each rank by the mean place of its neighbours, down and up in turn; swap neighbours that gain."""
    best = [list(row) for row in rows]
    fewest = count_crossings(items, best)
    rows = [list(row) for row in rows]
    for sweep in range(SWEEPS):
        if fewest == 0:
            break
        is_down = sweep % 2 == 0
        for rank in range(1, len(rows)) if is_down else range(len(rows) - 2, -1, -1):
            fixed = {index: place for place, index in enumerate(rows[rank - 1 if is_down else rank + 1])}
            rows[rank] = _by_neighbours(items, rows[rank], fixed, is_down)
        _swap_neighbours(items, rows)
        crossings = count_crossings(items, rows)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _by_neighbours(items: list[Item], row: list[int], fixed: dict[int, int], is_down: bool) -> list[int]:
    """The row sorted by mean neighbour; items without one keep their place."""
    keys = {}
    for index in row:
        places = [fixed[other] for other in (items[index].above if is_down else items[index].below)]
        if places:
            keys[index] = sum(places) / len(places)
    movable = iter(sorted((index for index in row if index in keys), key=lambda index: keys[index]))
    return [next(movable) if index in keys else index for index in row]


def _swap_neighbours(items: list[Item], rows: list[list[int]]) -> None:
    for rank, row in enumerate(rows):
        up = {index: place for place, index in enumerate(rows[rank - 1])} if rank else {}
        down = {index: place for place, index in enumerate(rows[rank + 1])} if rank + 1 < len(rows) else {}
        for place in range(len(row) - 1):
            left, right = row[place], row[place + 1]
            pairs = ((items[left].above, items[right].above, up), (items[left].below, items[right].below, down))
            now = sum(_pair_crossings(a, b, places) for a, b, places in pairs)
            swapped = sum(_pair_crossings(b, a, places) for a, b, places in pairs)
            if swapped < now:
                row[place], row[place + 1] = right, left


def _pair_crossings(left: list[int], right: list[int], places: dict[int, int]) -> int:
    return sum(places[a] > places[b] for a in left for b in right)


def count_crossings(items: list[Item], rows: list[list[int]]) -> int:
    """How many pairs of edges cross, over all ranks."""
    total = 0
    for row, following in zip(rows, rows[1:]):
        places = {index: place for place, index in enumerate(following)}
        ends = [place for index in row for place in sorted(places[other] for other in items[index].below)]
        total += sum(ends[i] > ends[j] for i in range(len(ends)) for j in range(i + 1, len(ends)))
    return total


# -- places ---------------------------------------------------------------------------------------------------


def place_columns(items: list[Item], rows: list[list[int]]) -> None:
    """Choose every ``x``: near the neighbours above and below, long edges straight, distances kept."""
    for row in rows:
        at = 0.0
        for left, index in zip([None, *row], row):
            at += _distance(items, left, index) if left is not None else 0.0
            items[index].x = at
        middle = at / 2
        for index in row:
            items[index].x -= middle
    chains = find_chains(items)
    for step in range(PASSES):
        order = range(len(rows)) if step % 2 == 0 else range(len(rows) - 1, -1, -1)
        for rank in order:
            _place_row(items, rows[rank], both=step >= PASSES // 3, is_down=step % 2 == 0)
        if step >= PASSES // 3:
            _straighten(items, rows, chains)


def _distance(items: list[Item], left: int, right: int) -> float:
    """The least distance of two neighbours' centres."""
    is_bend = items[left].box < 0 or items[right].box < 0
    return (items[left].width + items[right].width) / 2 + (BEND_GAP if is_bend else BOX_GAP)


def _place_row(items: list[Item], row: list[int], both: bool, is_down: bool) -> None:
    wanted, weights = [], []
    for index in row:
        item = items[index]
        neighbours = item.above + item.below if both else item.above if is_down else item.below
        pulls = [(_pull(item, items[other]), items[other].x) for other in neighbours]
        weight = sum(pull for pull, _ in pulls)
        wanted.append(sum(pull * x for pull, x in pulls) / weight if weight else item.x)
        weights.append(weight or 0.1)
    gaps = [_distance(items, left, right) for left, right in zip(row, row[1:])]
    for index, x in zip(row, spread(wanted, weights, gaps)):
        items[index].x = x


def _pull(item: Item, other: Item) -> float:
    """Bends pull bends most; boxes with one way through pull each other more than forks do."""
    if item.box < 0 and other.box < 0:
        return BEND_WEIGHT
    if item.box < 0 or other.box < 0:
        return 1.0
    return 2.0 if len(item.above) <= 1 and len(other.below) <= 1 else 1.0


def find_chains(items: list[Item]) -> list[list[int]]:
    """The longest runs of items of which each has one neighbour below, and that one no other above."""
    following = {
        index: item.below[0]
        for index, item in enumerate(items)
        if len(item.below) == 1 and len(items[item.below[0]].above) == 1
    }
    heads = set(following) - set(following.values())
    chains = []
    for index in sorted(heads):
        chain = [index]
        while chain[-1] in following:
            chain.append(following[chain[-1]])
        chains.append(chain)
    return chains


def _straighten(items: list[Item], rows: list[list[int]], chains: list[list[int]]) -> None:
    """Move each chain as one, from left to right: between what is above and below it, as far as there is room.

    Where there is none it stands at its left neighbours and pushes the right ones on.
    """
    places = {index: (row, place) for row in rows for place, index in enumerate(row)}
    for chain in sorted(chains, key=lambda chain: sum(items[index].x for index in chain) / len(chain)):
        low, high = float("-inf"), float("inf")
        for index in chain:
            row, place = places[index]
            if place > 0:
                low = max(low, items[row[place - 1]].x + _distance(items, row[place - 1], index))
            if place + 1 < len(row):
                high = min(high, items[row[place + 1]].x - _distance(items, index, row[place + 1]))
        ends = items[chain[0]].above + items[chain[-1]].below or chain
        wanted = sum(items[index].x for index in ends) / len(ends)
        for index in chain:
            items[index].x = max(min(wanted, high), low)
            _push(items, *places[index])


def _push(items: list[Item], row: list[int], place: int) -> None:
    """Keep the distances to the right of an item that has moved."""
    for left, right in zip(row[place:], row[place + 1 :]):
        items[right].x = max(items[right].x, items[left].x + _distance(items, left, right))


def spread(wanted: list[float], weights: list[float], gaps: list[float]) -> list[float]:
    """The places nearest to the wanted ones, in weighted least squares, with at least ``gaps`` between them.

    Without the gaps taken off, the places must only not decrease: neighbours that would are pooled in blocks
    that share their weighted mean.
    """
    offsets = [0.0]
    for gap in gaps:
        offsets.append(offsets[-1] + gap)
    blocks: list[list[float]] = []  # mean, weight, count
    for want, weight, offset in zip(wanted, weights, offsets):
        blocks.append([want - offset, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, weight, count = blocks.pop()
            last = blocks[-1]
            last[0] = (last[0] * last[1] + mean * weight) / (last[1] + weight)
            last[1] += weight
            last[2] += count
    means = [mean for mean, _, count in blocks for _ in range(int(count))]
    return [mean + offset for mean, offset in zip(means, offsets)]


def _place_rows(items: list[Item], rows: list[list[int]], rank_gap: float) -> tuple[list[float], list[float]]:
    tops, bottoms, y = [], [], 0.0
    for row in rows:
        height = max(items[index].height for index in row)
        for index in row:
            items[index].y = y + height / 2
        tops.append(y)
        bottoms.append(y + height)
        y += height + rank_gap
    return tops, bottoms
