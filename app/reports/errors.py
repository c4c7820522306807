"""What can go wrong with papers and packs.

::

    NotFound    ── PaperNotReady   the attempt has no sealed paper (yet)
    Unavailable ── FontsMissing    the report fonts were not set up
"""

from __future__ import annotations

from app.core.errors import NotFound, Unavailable


class PaperNotReady(NotFound):
    """The attempt has no sealed paper: not marked yet, or the document is still being made."""

    slug = "paper-not-ready"
    title = "试卷 PDF 还没有生成；交卷后通常一分钟内生成，请稍后再试"


class FontsMissing(Unavailable):
    """The report fonts are not where set-up puts them."""

    slug = "fonts-missing"
    title = "缺少报告字体，请管理员运行安装程序后重试"
