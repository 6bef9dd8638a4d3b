"""Boxes in crops, box by box."""


def project(box, crop):
    """``box`` in shares of ``crop``, cut at its border; None where nothing of it is left."""
    width, height = crop[2] - crop[0], crop[3] - crop[1]
    sides = [(box[0] - crop[0]) / width, (box[1] - crop[1]) / height]
    sides += [(box[2] - crop[0]) / width, (box[3] - crop[1]) / height]
    sides = [min(max(side, 0), 1) for side in sides]
    return sides if sides[0] < sides[2] and sides[1] < sides[3] else None
