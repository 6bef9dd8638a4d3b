"""Right and wrong boxes and average precision, box by box as VOC's development kit tells them."""


def overlap(a, b, pixel):
    width = min(a[2], b[2]) - max(a[0], b[0]) + pixel
    height = min(a[3], b[3]) - max(a[1], b[1]) + pixel
    if min(a[2], b[2]) < max(a[0], b[0]) or min(a[3], b[3]) < max(a[1], b[1]) or width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0] + pixel) * (box[3] - box[1] + pixel) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


def mark(found, true, difficult, threshold, pixel=0):
    marks, taken = [], set()
    for box in found:
        table = [overlap(box, other, pixel) for other in true]
        best = max(table, default=0.0)
        goal = table.index(best) if table else None
        if best < threshold:
            marks.append((0, 1))
        elif difficult[goal]:
            marks.append((0, 0))
        else:
            marks.append((0, 1) if goal in taken else (1, 0))
            taken.add(goal)
    return marks


def average_precision(ranked, true_boxes, version):
    """``ranked``: whether each box is right, strongest first."""
    points = []
    for count in range(1, len(ranked) + 1):
        hits = sum(ranked[:count])
        points.append((hits / true_boxes, hits / count))
    if version == "11point":
        return sum(max([p for r, p in points if r > j / 10 - 1e-7], default=0) for j in range(11)) / 11
    total, before = 0.0, 0.0
    for number, (recall, precision) in enumerate(points):
        if version == "MaxIntegral":
            precision = max(p for _, p in points[max(number - 1, 0) :])
        total += precision * (recall - before)
        before = recall
    return total
