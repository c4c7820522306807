"""Failures of supervision.

::

    DomainError
    ├── NotFound     CheckInNotFound
    ├── Conflict     CheckInClosed, MethodNotOffered, EnrolmentComplete, NotEnrolled, TooSoon
    └── Gone         NonceExpired
"""

from __future__ import annotations

from app.core.errors import Conflict, Gone, NotFound


class CheckInNotFound(NotFound):
    """There is no such check-in, or it is somebody else's."""

    slug = "check-in-not-found"
    title = "没有找到这次验证"


class CheckInClosed(Conflict):
    """The check-in was passed, failed, missed or canceled before."""

    slug = "check-in-closed"
    title = "这次验证已经结束"


class MethodNotOffered(Conflict):
    """The check-in cannot be answered in this way."""

    slug = "method-not-offered"
    title = "这次验证不能使用这种方式"


class NonceExpired(Gone):
    """The one-time code of the check-in was used, replaced or is too old."""

    slug = "nonce-expired"
    title = "这次拍摄已过时，请重新拍摄"


class EnrolmentComplete(Conflict):
    """The trainee's face photos are on file already."""

    slug = "face-enrolment-complete"
    title = "人脸照片已经登记完成"


class NotEnrolled(Conflict):
    """There is no face template to compare with."""

    slug = "face-not-enrolled"
    title = "还没有登记人脸照片，请先登记或改用其他验证方式"


class TooSoon(Conflict):
    """The next enrolment photo was taken too soon after the last."""

    slug = "photo-too-soon"
    title = "两张照片之间请停一两秒"
