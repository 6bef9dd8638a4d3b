"""The loss of a single-shot detector, image by image, box by box."""

from math import exp, log

from tests.naive.boxes import decode, overlap


def encode(box, prior, code_type):
    width, height = prior[2] - prior[0], prior[3] - prior[1]
    if code_type == "CENTER_SIZE":
        return [
            (box[0] + box[2] - prior[0] - prior[2]) / 2 / width,
            (box[1] + box[3] - prior[1] - prior[3]) / 2 / height,
            log((box[2] - box[0]) / width),
            log((box[3] - box[1]) / height),
        ]
    sizes = (width, height) * 2 if code_type == "CORNER_SIZE" else (1,) * 4
    return [(box[k] - prior[k]) / sizes[k] for k in range(4)]


def match_boxes(boxes, truth, per_prediction, threshold, ignore_crossing):
    """For each box the number of its true box, -1 or -2; and its greatest overlap."""
    match = [-2 if ignore_crossing and truth and (min(b) < 0 or max(b) > 1) else -1 for b in boxes]
    table = [[overlap(b, t) if m == -1 else 0 for t in truth] for b, m in zip(boxes, match)]
    most = [max(row, default=0) for row in table]
    free = set(range(len(truth)))
    while free:
        pairs = [(table[p][t], -p, -t) for p in range(len(boxes)) for t in free if match[p] == -1]
        value, p, t = max(pairs, default=(0, 0, 0))
        if value <= 1e-6:
            break
        match[-p], most[-p] = -t, value
        free.remove(-t)
    for p, row in enumerate(table):
        if per_prediction and match[p] == -1 and truth and max(row) >= threshold:
            match[p] = row.index(max(row))
    return match, most


def cross_entropy(scores, label, logistic):
    if logistic:
        return sum(log(1 + exp(s)) - s * (c == label) for c, s in enumerate(scores))
    return log(sum(exp(s) for s in scores)) - scores[label]


def multibox_loss(codes, scores, priors, variances, truth, **options):
    """``(location's loss, classes' loss, matches)``; truth: for each image a list of (class, box)."""
    o = {
        "per_prediction": True, "threshold": 0.5, "crossing": False, "code_type": "CORNER", "mining": True,
        "ratio": 3.0, "neg_overlap": 0.5, "logistic": False, "smooth": True, "in_target": False, "use_prior": True,
        "inside": False,
        **options,
    }  # fmt: skip
    location = classes = 0.0
    matches = 0
    for n, true in enumerate(truth):
        found = [
            decode(c, p, [1] * 4 if o["in_target"] else v, o["code_type"])
            for c, p, v in zip(codes[n], priors, variances)
        ]
        boxes = priors if o["use_prior"] else found
        match, most = match_boxes(boxes, [b for _, b in true], o["per_prediction"], o["threshold"], o["crossing"])
        positives = [p for p, m in enumerate(match) if m >= 0]
        matches += len(positives)
        for p in positives:
            target = [t / v for t, v in zip(encode(true[match[p]][1], priors[p], o["code_type"]), variances[p])]
            for k in range(4):
                d = codes[n, p, k] / (variances[p][k] if o["in_target"] else 1) - target[k]
                if not (o["inside"] and not 0 <= boxes[p][k] <= 1):
                    location += abs(d) - 0.5 if o["smooth"] and abs(d) >= 1 else d * d / 2
        if o["mining"]:
            near = [p for p, m in enumerate(match) if true and m == -1 and most[p] < o["neg_overlap"]]
            near.sort(key=lambda p: -cross_entropy(scores[n, p], 0, o["logistic"]))
            negatives = near[: int(len(positives) * o["ratio"])]
        else:
            negatives = [p for p, m in enumerate(match) if m < 0]
        background = -1 if o["logistic"] and not o["mining"] else 0
        classes += sum(cross_entropy(scores[n, p], true[match[p]][0], o["logistic"]) for p in positives)
        classes += sum(cross_entropy(scores[n, p], background, o["logistic"]) for p in negatives)
    return location, classes, matches
