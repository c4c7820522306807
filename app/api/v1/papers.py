"""A trainee's own paper as PDF.

Clauses: CC-4.1.4b, CC-A2-4.6
"""

from __future__ import annotations

from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from app.api.deps import TRAINEE, PlatformDep, UnitDep, allow_unit
from app.core import audit
from app.identity.errors import PersonNotFound
from app.reports.paper_job import own_paper
from storage.private import read_file

router = APIRouter(prefix="/me/attempts", tags=["考试"])

FILE_NAME = "结业考核答卷.pdf"


@router.get(
    "/{attempt_id}/paper.pdf",
    dependencies=[allow_unit(TRAINEE)],
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}}}},
)
def read_paper(attempt_id: UUID, unit: UnitDep, platform: PlatformDep) -> Response:
    """Give me the paper of my attempt."""
    with unit() as work:
        if work.actor.person_id is None:
            raise PersonNotFound
        place = own_paper(work, attempt_id, person_id=work.actor.person_id)
        audit.record(work, "view_own_paper", subject_kind="attempt", subject_id=attempt_id)
    content = read_file(platform.store, platform.vault, place)
    return Response(
        content,
        media_type=place.media_type,
        headers={
            "Content-Disposition": f"inline; filename=\"paper.pdf\"; filename*=UTF-8''{quote(FILE_NAME)}",
            "Cache-Control": "no-store",
        },
    )
