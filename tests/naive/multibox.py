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


def location(code, box, prior, variance, found, o):
    """The loss of one box's location."""
    target = [t / v for t, v in zip(encode(box, prior, o["code_type"]), variance)]
    loss = 0.0
    for k in range(4):
        d = code[k] - target[k] if not o["in_target"] else code[k] / variance[k] - target[k]
        if not (o["inside"] and not 0 <= found[k] <= 1):
            loss += abs(d) - 0.5 if o["smooth"] and abs(d) >= 1 else d * d / 2
    return loss


def suppress(order, boxes, threshold, top_k):
    """Of the first top_k of ``order`` those that overlap no earlier one that stays by more than ``threshold``."""
    kept = []
    for p in order if top_k < 0 else order[:top_k]:
        left, top, right, bottom = boxes[p]
        if (right - left) * (bottom - top) >= 1e-5 and all(overlap(boxes[p], boxes[q]) <= threshold for q in kept):
            kept.append(p)
    return kept


def mine(match, most, losses, boxes, o):
    """``(positives, negatives)`` of one image that has a true box."""
    positives = [p for p, m in enumerate(match) if m >= 0]
    if o["hard"]:
        candidates, wanted = list(range(len(match))), o["hard"]
    else:
        candidates = [p for p, m in enumerate(match) if m == -1 and most[p] < o["neg_overlap"]]
        wanted = int(len(positives) * o["ratio"])
    candidates.sort(key=lambda p: -losses[p])
    if o["nms"]:
        candidates = suppress(candidates, boxes, *o["nms"])
    mined = candidates[:wanted]
    return [p for p in positives if p in mined or not o["hard"]], [p for p in mined if match[p] == -1]


def multibox_loss(codes, scores, priors, variances, truth, **options):
    """``(location's loss, classes' loss, matches)``; codes ``(num, priors, 1 or classes, 4)``.

    truth: for each image a list of (class, box).
    """
    o = {
        "per_prediction": True, "threshold": 0.5, "crossing": False, "code_type": "CORNER", "mining": True,
        "ratio": 3.0, "neg_overlap": 0.5, "logistic": False, "smooth": True, "in_target": False, "use_prior": True,
        "inside": False, "hard": 0, "nms": None, "nms_of_priors": False,
        **options,
    }  # fmt: skip
    located = classified = 0.0
    matches = 0
    for n, true in enumerate(truth):
        matched = []  # (set of boxes, prior, true box)
        for c in range(codes.shape[2]):
            used = [[1] * 4 if o["in_target"] else v for v in variances]
            found = [decode(codes[n, p, c], priors[p], used[p], o["code_type"]) for p in range(len(priors))]
            boxes = priors if o["use_prior"] else found
            own = [t for t, (label, _) in enumerate(true) if codes.shape[2] == 1 or o["use_prior"] or label == c]
            match, most = match_boxes(
                boxes, [true[t][1] for t in own], o["per_prediction"], o["threshold"], o["crossing"]
            )
            match = [own[m] if m >= 0 else m for m in match]
            if codes.shape[2] > 1:
                match = [m if m >= 0 and true[m][0] == c else -1 for m in match]
            fits = [location(codes[n, p, c], true[m][1], priors[p], variances[p], boxes[p], o) if m >= 0 else 0.0
                    for p, m in enumerate(match)]  # fmt: skip
            if o["mining"]:
                labels = [true[m][0] if m >= 0 else 0 for m in match]
                losses = [cross_entropy(scores[n, p], label, o["logistic"]) for p, label in enumerate(labels)]
                if o["hard"]:
                    losses = [a + b for a, b in zip(losses, fits)]
                near = priors if o["nms_of_priors"] else found
                positives, negatives = mine(match, most, losses, near, o) if true else ([], [])
            else:
                positives = [p for p, m in enumerate(match) if m >= 0]
            matched += [(p, match[p]) for p in positives]
            located += sum(fits[p] for p in positives)
        matches += len(matched)
        if not o["mining"]:
            negatives = [p for p in range(len(priors)) if p not in dict(matched)]
        background = -1 if o["logistic"] and not o["mining"] else 0
        classified += sum(cross_entropy(scores[n, p], background, o["logistic"]) for p in negatives)
        for p in dict(matched):
            labels = [true[m][0] for q, m in matched if q == p]
            classified += cross_entropy(scores[n, p], labels[-1], o["logistic"])
            if o["logistic"]:
                classified -= sum(scores[n, p][label] for label in labels[:-1])
    return located, classified, matches
