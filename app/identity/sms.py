"""Sign-in of trainees by a code sent to their phone; the first one activates the account.

Every phone is answered alike, whether somebody has it or not: a code is drawn, hashed and stored all the same, and
only the message is not sent. A code is good only in the browser that asked for it: a stranger who knows the phone
can neither use it nor use its tries up.

Clauses: CC-A2-4.2
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.core import audit
from app.core.ids import new_id
from app.core.security import Vault, new_token
from app.core.work import Work
from app.identity.devices import known_nonce, new_mark
from app.identity.errors import CodeRefused, CodesUsedUp, CodeTooSoon, SignInLocked
from app.identity.events import PersonActivated
from app.identity.models import Account, Person, SmsCode
from app.identity.outcomes import Refused, Signed
from app.identity.people import phone_index
from app.identity.ports import SmsSender
from app.identity.rules.contact import parse_phone
from app.identity.rules.network import network_of
from app.identity.sessions import start_session
from app.identity.throttle import Limit, take

__all__ = ["CODE_LIFE", "MAX_TRIES", "RESEND_AFTER", "CodeSent", "request_sms_code", "sign_in_by_sms"]

CODE_DIGITS = 6
CODE_LIFE = timedelta(minutes=5)
MAX_TRIES = 5
RESEND_AFTER = timedelta(seconds=60)

_PER_ADDRESS = Limit(name="sms-code-address", count=600, within=timedelta(hours=1))
"""A factory of hundreds of people has one address; a script that walks through phone numbers has one too."""
_RESEND = Limit(name="sms-code-resend", count=1, within=RESEND_AFTER)
_PER_DAY = Limit(name="sms-code-day", count=10, within=timedelta(days=1))
_STRANGERS_PER_DAY = Limit(name="sms-code-strangers", count=7, within=timedelta(days=1))
"""Of the ten codes of a day three are kept for browsers in which the person has signed in before."""
_TRIES_PER_ADDRESS = Limit(name="sms-try-address", count=1000, within=timedelta(minutes=10))
_NOBODY = UUID(int=0)
_MAX_BROWSER = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSent:
    """The answer to every request for a code.

    Attributes:
        resend_after_s: After how many seconds another one may be asked for.
        browser: A secret for the browser's cookie; the code is good only together with it.
    """

    resend_after_s: int
    browser: str = field(repr=False)


def request_sms_code(work: Work, *, phone: str, sender: SmsSender, device: str | None = None) -> CodeSent:
    """Send a code to a phone, if somebody of the class lists has it.

    The answer, its cost and its limits are the same for every phone.

    Args:
        work: The unit of work.
        phone: As typed.
        sender: Sends the message.
        device: The mark this browser was given at an earlier sign-in.

    Raises:
        PhoneRefused: Not a mobile number.
        CodeTooSoon: The last code is younger than 60 seconds.
        CodesUsedUp: Ten codes went to this phone within 24 hours, or seven that strangers may ask for.

    Clauses:
        CC-A2-4.2
    """
    phone = parse_phone(phone)
    index = phone_index(work, phone)
    _take_turn(work, index, nonce=known_nonce(work.vault, who=index, mark=device))
    person_id = work.session.scalar(select(Person.id).where(Person.phone_index == index, Person.has_phone))
    browser = new_token()
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    row = SmsCode(
        id=new_id(),
        phone_index=index,
        browser_index=_browser_index(work.vault, browser),
        person_id=person_id,
        code_hash="",
        created_at=work.now,
        expires_at=work.now + CODE_LIFE,
    )
    row.code_hash = _code_hash(work.vault, row.id, code)
    work.session.add(row)
    work.session.flush()
    minutes = CODE_LIFE // timedelta(minutes=1)
    message = f"【证学】您的登录验证码是{code}，{minutes}分钟内有效。任何人向您索要验证码都不要告诉他。"
    if person_id is not None:
        sender.send(work, phone=phone, text=message)
    return CodeSent(resend_after_s=int(RESEND_AFTER.total_seconds()), browser=browser)


def sign_in_by_sms(
    work: Work, *, phone: str, code: str, browser: str | None, device: str | None = None, replaces: str | None = None
) -> Signed | Refused:
    """Sign a trainee in by phone and code; commit whatever comes back.

    Only the latest code this browser asked for counts, for five minutes, five tries and one success. The first
    success of an imported person activates the account.

    Args:
        work: The unit of work.
        phone: As typed.
        code: As typed.
        browser: The secret this browser was given with the code.
        device: The mark this browser was given at an earlier sign-in.
        replaces: Token of the session the browser showed; it ends.

    Raises:
        PhoneRefused: Not a mobile number.
        SignInLocked: Too many tries from this address.

    Clauses:
        CC-A2-4.2
    """
    index = phone_index(work, parse_phone(phone))
    taken = take(work, _TRIES_PER_ADDRESS, who=network_of(work.actor.ip))
    if taken.retry_after_s is not None:
        raise SignInLocked(retry_after_s=taken.retry_after_s)
    row = _latest_code(work, index, browser_index=_browser_index(work.vault, browser or ""))
    if not _is_right(work, row, code) or row is None:
        _count_failure(work, row)
        return Refused(error=CodeRefused())
    row.used_at = work.now
    person = _holder(work, row)
    if person is None:
        audit.record(work, "sign_in", outcome="refused", reason="phone_has_no_person")
        return Refused(error=CodeRefused())
    account = _activated(work, person)
    if account.disabled_at is not None:
        audit.record(
            work, "sign_in", subject_kind="account", subject_id=account.id, outcome="refused", reason="disabled"
        )
        return Refused(error=CodeRefused())
    audit.record(work, "sign_in", subject_kind="account", subject_id=account.id, method="sms_code")
    return Signed(
        account_id=account.id,
        token=start_session(work, account, replaces=replaces),
        device=None if known_nonce(work.vault, who=index, mark=device) else new_mark(work.vault, who=index),
    )


def _take_turn(work: Work, index: str, *, nonce: str | None) -> None:
    """Count a request: by address, by phone within a minute, by phone within a day."""
    by_address = take(work, _PER_ADDRESS, who=network_of(work.actor.ip))
    if by_address.retry_after_s is not None:
        raise CodeTooSoon("本网络获取验证码过于频繁，请稍后再试。", retry_after_s=by_address.retry_after_s)
    resend = take(work, _RESEND, who=index if nonce is None else f"{index}\x00{nonce}")
    if resend.retry_after_s is not None:
        raise CodeTooSoon(f"验证码刚刚发送，请{resend.retry_after_s}秒后再获取。", retry_after_s=resend.retry_after_s)
    limits = (_PER_DAY,) if nonce is not None else (_STRANGERS_PER_DAY, _PER_DAY)
    for limit in limits:
        day = take(work, limit, who=index)
        if day.retry_after_s is not None:
            raise CodesUsedUp(retry_after_s=day.retry_after_s)


def _latest_code(work: Work, index: str, *, browser_index: str) -> SmsCode | None:
    """Lock the latest code a browser asked for, so that of two answers at once only one is right."""
    return work.session.scalars(
        select(SmsCode)
        .where(SmsCode.phone_index == index, SmsCode.browser_index == browser_index)
        .order_by(SmsCode.created_at.desc(), SmsCode.id.desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def _is_right(work: Work, row: SmsCode | None, code: str) -> bool:
    """Compare in the same time whether or not there is a code."""
    given = _code_hash(work.vault, row.id if row else _NOBODY, code.strip()[: CODE_DIGITS + 1])
    is_equal = hmac.compare_digest(given, row.code_hash if row else "0" * 64)
    return (
        row is not None and is_equal and row.used_at is None and row.try_count < MAX_TRIES and work.now < row.expires_at
    )


def _count_failure(work: Work, row: SmsCode | None) -> None:
    reason = "no_code"
    if row is not None:
        row.try_count += 1
        reason = "code_locked" if row.try_count >= MAX_TRIES else "wrong_code"
    audit.record(
        work,
        "sign_in",
        subject_kind="person" if row and row.person_id else None,
        subject_id=row.person_id if row else None,
        outcome="refused",
        reason=reason,
    )
    work.session.flush()


def _holder(work: Work, row: SmsCode) -> Person | None:
    """Find the person the code went to, if the phone is still theirs."""
    return work.session.scalars(
        select(Person)
        .where(Person.id == row.person_id, Person.phone_index == row.phone_index, Person.has_phone)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def _activated(work: Work, person: Person) -> Account:
    added = work.session.scalar(
        insert(Account)
        .values(
            id=new_id(),
            kind="trainee",
            role="trainee",
            person_id=person.id,
            display_name="学员",
            totp_last_step=0,
            created_at=work.now,
        )
        .on_conflict_do_nothing(index_elements=[Account.person_id])
        .returning(Account.id)
    )
    account = work.session.scalars(select(Account).where(Account.person_id == person.id)).one()
    person.phone_verified_at = work.now
    if person.status == "imported":
        person.status = "activated"
    if added is not None:
        audit.record(work, "activate_account", subject_kind="account", subject_id=account.id)
        work.publish(PersonActivated(person_id=person.id, account_id=account.id, activated_at=work.now))
    work.session.flush()
    return account


def _code_hash(vault: Vault, code_id: UUID, code: str) -> str:
    """Hash with a key: six digits under a plain hash would be guessed in a second."""
    return vault.blind_index(f"{code_id}\x00{code}", purpose="sms-code")


def _browser_index(vault: Vault, browser: str) -> str:
    return vault.blind_index(browser[:_MAX_BROWSER], purpose="sms-browser")
