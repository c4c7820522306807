"""Signing in and out, and who is signed in."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Cookie, Response
from pydantic import BaseModel, Field

from app.api.deps import AUDITOR, AUTHOR, COOKIE, OPERATOR, REVIEWER, PlatformDep, UnitDep, WorkDep, allow_unit
from app.api.roster import trainee_steps
from app.core.work import Work
from app.identity import queries
from app.identity.errors import SessionEnded
from app.identity.outcomes import Refused, Signed
from app.identity.passwords import sign_in_by_password
from app.identity.sessions import ABSOLUTE, sign_out
from app.identity.sms import CODE_LIFE, request_sms_code, sign_in_by_sms
from app.identity.staff import change_password
from app.wiring import Platform

router = APIRouter(prefix="/auth", tags=["登录"])

DEVICE_COOKIE = "zx_device"
SMS_COOKIE = "zx_sms"
_DEVICE_LIFE = timedelta(days=180)

SessionCookie = Annotated[str | None, Cookie(alias=COOKIE, include_in_schema=False)]
DeviceCookie = Annotated[str | None, Cookie(alias=DEVICE_COOKIE, include_in_schema=False)]
SmsCookie = Annotated[str | None, Cookie(alias=SMS_COOKIE, include_in_schema=False)]


class PhoneIn(BaseModel):
    """A phone to send a code to."""

    phone: str = Field(max_length=32, description="手机号，11位数字")


class CodeSentOut(BaseModel):
    """The answer to every phone, known or not."""

    resend_after_s: int = Field(description="多少秒后可以重新获取")


class SmsSignIn(BaseModel):
    """Phone and code."""

    phone: str = Field(max_length=32)
    code: str = Field(max_length=16, description="短信中的6位数字")


class StaffSignIn(BaseModel):
    """Name, password and one-time code."""

    login_name: str = Field(max_length=64)
    password: str = Field(max_length=128)
    totp: str = Field(max_length=16, description="验证器中的6位动态码")


class PasswordChange(BaseModel):
    """The present password and the one wanted."""

    old_password: str = Field(max_length=128)
    new_password: str = Field(max_length=128)


class OrganizationOut(BaseModel):
    """An organisation."""

    id: UUID
    name: str
    kind: str


class StepOut(BaseModel):
    """One step of a trainee."""

    key: str
    title: str
    done: bool
    href: str


class Me(BaseModel):
    """Who is signed in."""

    account_id: UUID
    role: str
    display_name: str
    organization: OrganizationOut | None
    steps: list[StepOut] | None = Field(description="学员的步骤；工作人员为 null")
    must_change_password: bool


@router.post("/sms-codes", status_code=202)
def send_code(
    body: PhoneIn, response: Response, work: WorkDep, platform: PlatformDep, *, device: DeviceCookie = None
) -> CodeSentOut:
    """Send a sign-in code to a phone; the answer does not tell whether anybody has it.

    The code is good only in the browser that asked for it (cookie `zx_sms`).
    """
    sent = request_sms_code(work, phone=body.phone, sender=platform.sms, device=device)
    _set_cookie(response, platform, name=SMS_COOKIE, value=sent.browser, life=CODE_LIFE)
    return CodeSentOut(resend_after_s=sent.resend_after_s)


@router.post("/sms-sign-in")
def sign_in_with_code(
    *,
    body: SmsSignIn,
    response: Response,
    unit: UnitDep,
    platform: PlatformDep,
    browser: SmsCookie = None,
    device: DeviceCookie = None,
    session_token: SessionCookie = None,
) -> Me:
    """Sign a trainee in by phone and code; the first time activates the account."""
    with unit() as work:
        outcome = sign_in_by_sms(
            work, phone=body.phone, code=body.code, browser=browser, device=device, replaces=session_token
        )
    return _welcome(unit, platform, response=response, outcome=outcome)


@router.post("/sign-in")
def sign_in_with_password(
    *,
    body: StaffSignIn,
    response: Response,
    unit: UnitDep,
    platform: PlatformDep,
    session_token: SessionCookie = None,
    device: DeviceCookie = None,
) -> Me:
    """Sign a member of staff in by name, password and one-time code."""
    outcome = sign_in_by_password(
        unit,
        login_name=body.login_name,
        password=body.password,
        totp=body.totp,
        device=device,
        replaces=session_token,
    )
    return _welcome(unit, platform, response=response, outcome=outcome)


@router.post("/sign-out", status_code=204)
def leave(work: WorkDep, platform: PlatformDep, response: Response, session_token: SessionCookie = None) -> None:
    """End my session at once."""
    if session_token is not None:
        sign_out(work, token=session_token)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=platform.settings.is_production)


@router.get("/me")
def read_me(work: WorkDep, platform: PlatformDep) -> Me:
    """Tell who I am, and for trainees which steps are done."""
    if work.actor.account_id is None:
        raise SessionEnded
    return _me(work, platform, work.actor.account_id)


@router.post("/password", status_code=204, dependencies=[allow_unit(AUTHOR, REVIEWER, AUDITOR, OPERATOR)])
def set_password(body: PasswordChange, unit: UnitDep, session_token: SessionCookie = None) -> None:
    """Change my own password; my other sessions end."""
    with unit() as work:
        account_id = work.actor.account_id
    if account_id is None or session_token is None:
        raise SessionEnded
    refused = change_password(
        unit, account_id=account_id, old=body.old_password, new=body.new_password, token=session_token
    )
    if refused is not None:
        raise refused.error


def _welcome(unit: UnitDep, platform: Platform, *, response: Response, outcome: Signed | Refused) -> Me:
    """Hand the cookies out; a refusal has been committed and is raised now."""
    if isinstance(outcome, Refused):
        raise outcome.error
    _set_cookie(response, platform, name=COOKIE, value=outcome.token, life=ABSOLUTE)
    if outcome.device is not None:
        _set_cookie(response, platform, name=DEVICE_COOKIE, value=outcome.device, life=_DEVICE_LIFE)
    with unit() as work:
        return _me(work, platform, outcome.account_id)


def _set_cookie(response: Response, platform: Platform, *, name: str, value: str, life: timedelta) -> None:
    response.set_cookie(
        name,
        value,
        max_age=int(life.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=platform.settings.is_production,
    )


def _me(work: Work, platform: Platform, account_id: UUID) -> Me:
    view = queries.account_view(work.session, work.vault, account_id, now=work.now)
    organization = view.organization
    steps = trainee_steps(work.session, view.person_id, platform.texts) if view.person_id else None
    return Me(
        account_id=view.account_id,
        role=view.role,
        display_name=view.display_name,
        organization=OrganizationOut(id=organization.id, name=organization.name, kind=organization.kind)
        if organization
        else None,
        steps=[StepOut(key=step.key, title=step.title, done=step.done, href=step.href) for step in steps]
        if steps is not None
        else None,
        must_change_password=view.must_change_password,
    )
