"""Turn a camera picture into an evidence picture: upright, small enough, without hidden data.

The picture is decoded and encoded anew, so nothing but pixels survives: no EXIF, no place, no trailing bytes.
"""

from __future__ import annotations

import cv2
import numpy as np

from proctoring.adapters.image_header import read_header
from proctoring.ports import QualityIssue

MAX_SIDE_PX = 1280
MAX_BYTES = 200_000
_QUALITIES = (85, 75, 65, 50, 35)


class NotAPicture(ValueError):
    """The bytes cannot be decoded as a picture."""


def evidence_jpeg(frame: bytes) -> bytes:
    """Make the JPEG that is kept: long side at most 1280 px, at most 200 KB, EXIF rotation applied and removed.

    Raises:
        NotAPicture: The bytes cannot be decoded, or their header announces too much.
    """
    if isinstance(read_header(frame), QualityIssue):
        raise NotAPicture
    picture = cv2.imdecode(np.frombuffer(frame, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise NotAPicture
    height, width = picture.shape[:2]
    if (scale := MAX_SIDE_PX / max(height, width)) < 1:
        picture = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    for quality in _QUALITIES:
        data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(data) <= MAX_BYTES:
            return data
    return data
