"""Ranks, crossings and places of a layered drawing."""

from __future__ import annotations

import random

import pytest

from netdef.report.layout import assign_ranks, lay_out, spread

SIZE = (60.0, 30.0)


def test_ranks_of_a_chain_and_a_shortcut():
    assert assign_ranks(4, [(0, 1), (1, 2), (2, 3), (0, 3)]) == [0, 1, 2, 3]


def test_a_source_stands_right_above_what_reads_it():
    assert assign_ranks(5, [(0, 1), (1, 2), (2, 4), (3, 4)]) == [0, 1, 2, 2, 3]


def test_places_are_the_nearest_that_keep_the_distances():
    assert spread([0.0, 0.0, 10.0], [1.0, 1.0, 1.0], [2.0, 3.0]) == [-1.0, 1.0, 10.0]
    assert spread([0.0, 0.0], [3.0, 1.0], [4.0]) == [-1.0, 3.0]


def brute_spread(wanted, weights, gaps):
    """Coordinate descent on the same problem, slowly."""
    places = [sum(gaps[:i]) for i in range(len(wanted))]
    for _ in range(4000):
        for i, want in enumerate(wanted):
            low = places[i - 1] + gaps[i - 1] if i else float("-inf")
            high = places[i + 1] - gaps[i] if i + 1 < len(places) else float("inf")
            places[i] = min(max(want, low), high)
        shift = sum(w * (a - p) for w, a, p in zip(weights, wanted, places)) / sum(weights)
        places = [p + shift for p in places]
    return places


def cost(places, wanted, weights):
    return sum(w * (a - p) ** 2 for w, a, p in zip(weights, wanted, places))


@pytest.mark.parametrize("seed", range(5))
def test_no_other_places_are_nearer(seed):
    draw = random.Random(seed)
    wanted = [draw.uniform(0, 30) for _ in range(6)]
    weights = [draw.uniform(1, 4) for _ in range(6)]
    gaps = [draw.uniform(1, 9) for _ in range(5)]
    places = spread(wanted, weights, gaps)
    assert all(right - left >= gap - 1e-9 for left, right, gap in zip(places, places[1:], gaps))
    assert cost(places, wanted, weights) <= cost(brute_spread(wanted, weights, gaps), wanted, weights) + 1e-9


def test_a_chain_is_straight():
    layout = lay_out([SIZE, (90.0, 20.0), SIZE], [(0, 1), (1, 2)], 40.0)
    assert [x for x, _ in layout.centers] == [45.0] * 3
    assert [y for _, y in layout.centers] == [15.0, 80.0, 145.0]
    assert (layout.width, layout.height) == (90.0, 160.0)


def test_branches_do_not_cross_and_boxes_do_not_touch():
    edges = [(0, 1), (0, 2), (0, 3), (1, 6), (2, 5), (3, 4), (4, 7), (5, 7), (6, 7)]
    layout = lay_out([SIZE] * 8, edges, 40.0)
    xs = [x for x, _ in layout.centers]
    assert sorted([1, 2, 3], key=xs.__getitem__) == [8 - 1 - i for i in sorted([4, 5, 6], key=xs.__getitem__)]
    for row in ([1, 2, 3], [4, 5, 6]):
        places = sorted(xs[box] for box in row)
        assert all(right - left >= 60 for left, right in zip(places, places[1:]))


def test_a_long_edge_bends_once_in_every_rank_and_passes_beside_the_boxes():
    layout = lay_out([SIZE] * 4, [(0, 1), (1, 2), (2, 3), (0, 3)], 40.0)
    bends = layout.bends[3]
    assert [y for _, y in bends] == [layout.centers[1][1], layout.centers[2][1]]
    assert bends[0][0] == pytest.approx(bends[1][0])
    assert abs(bends[0][0] - layout.centers[1][0]) > 30


def test_random_graphs_never_overlap():
    draw = random.Random(7)
    for _ in range(20):
        count = draw.randint(2, 25)
        sizes = [(draw.uniform(20, 120), draw.uniform(10, 50)) for _ in range(count)]
        edges = sorted({(draw.randrange(head), head) for head in range(1, count) for _ in range(2)})
        layout = lay_out(sizes, edges, 30.0)
        assert all(layout.rank_of[tail] < layout.rank_of[head] for tail, head in edges)
        for a in range(count):
            for b in range(a):
                if layout.rank_of[a] == layout.rank_of[b]:
                    gap = abs(layout.centers[a][0] - layout.centers[b][0])
                    assert gap >= (sizes[a][0] + sizes[b][0]) / 2 - 1e-6


def test_nothing_and_one_box():
    assert lay_out([], [], 40.0).centers == []
    assert lay_out([SIZE], [], 40.0).centers == [(30.0, 15.0)]
