"""What can go wrong with objects, evidence records and uploads.

::

    Unprocessable ── KeyRefused          the key is not one this platform makes
                  ├─ ContentMismatch     the bytes are not those that were announced
                  └─ UploadRefused       size, kind or name of the file is not accepted
    Forbidden     ── LinkRefused         the signed address was altered
    Gone          ── LinkExpired         the signed address is past its time
                  └─ UploadClosed        the upload was aborted or has expired
    NotFound      ── ObjectMissing       no object under that key
                  └─ UploadMissing       no such upload, or it is someone else's
    Conflict      ── ObjectExists        another object lies under that key already
                  ├─ ObjectLocked        retention or a legal hold forbids deletion
                  ├─ PartsMissing        the upload is not complete; `missing` lists the parts
                  ├─ EvidenceDamaged     stored bytes no longer match their record
                  └─ RangeUnsatisfiable  the asked bytes lie beyond the object (HTTP 416)
    TooMany       ── TooManyUploads      too many unfinished uploads of one person
    Unavailable   ── StoreUnavailable    the store does not answer, or answered nonsense
                  └─ StoreFull           no space is left; nothing half-written remains
"""

from __future__ import annotations

from app.core.errors import Conflict, Forbidden, Gone, NotFound, TooMany, Unavailable, Unprocessable


class KeyRefused(Unprocessable):
    """The key is not one this platform makes."""

    slug = "object-key-refused"
    title = "文件地址不符合规定"


class ContentMismatch(Unprocessable):
    """The bytes are not those that were announced."""

    slug = "content-mismatch"
    title = "收到的文件与声明的不一致，请重新上传"


class UploadRefused(Unprocessable):
    """Size, kind or name of the file is not accepted."""

    slug = "upload-refused"
    title = "该文件不符合上传要求"


class LinkRefused(Forbidden):
    """The signed address was altered, or is used for something else."""

    slug = "link-refused"
    title = "链接无效，请回到页面重新打开"


class LinkExpired(Gone):
    """The signed address is past its time."""

    slug = "link-expired"
    title = "链接已过期，请刷新页面重新获取"


class UploadClosed(Gone):
    """The upload was aborted or has expired."""

    slug = "upload-closed"
    title = "该上传已取消或已过期，请重新上传"


class ObjectMissing(NotFound):
    """There is no object under that key."""

    slug = "object-missing"
    title = "文件不存在或已按期限删除"


class UploadMissing(NotFound):
    """There is no such upload, or it is someone else's."""

    slug = "upload-missing"
    title = "没有找到该上传，请重新选择文件"


class ObjectExists(Conflict):
    """Another object lies under that key already; objects are never overwritten."""

    slug = "object-exists"
    title = "该位置已有其他文件，存证不可覆盖"


class ObjectLocked(Conflict):
    """Retention or a legal hold forbids deletion."""

    slug = "object-locked"
    title = "文件在保存期限内或已被冻结，不能删除"


class PartsMissing(Conflict):
    """The upload is not complete; `missing` lists the numbers of the parts to send again."""

    slug = "parts-missing"
    title = "文件尚未传完，请继续上传缺少的分片"


class EvidenceDamaged(Conflict):
    """The stored bytes no longer match the hash in their record."""

    slug = "evidence-damaged"
    title = "存证文件与登记的校验值不符，请联系管理员"


class RangeUnsatisfiable(Conflict):
    """The asked bytes lie beyond the object's end."""

    slug = "range-unsatisfiable"
    title = "请求的内容超出文件范围"
    status = 416


class TooManyUploads(TooMany):
    """The person has too many unfinished uploads."""

    slug = "too-many-uploads"
    title = "未完成的上传过多，请先完成或取消已有的上传"


class StoreUnavailable(Unavailable):
    """The object store does not answer, or answered nonsense."""

    slug = "store-unavailable"
    title = "文件存储暂时不可用，请稍后再试"


class StoreFull(StoreUnavailable):
    """The object store has no space left; nothing half-written remains."""

    slug = "store-full"
    title = "文件存储空间不足，请联系管理员"
