"""Accounts of staff: made, renewed and closed by the operator; nobody has a default one."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

import pyotp
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.core import audit
from app.core.ids import new_id
from app.core.security import is_password
from app.core.work import Work
from app.identity.errors import LoginNameTaken, RoleRefused, SessionEnded, SignInLocked, SignInRefused
from app.identity.models import Account, Organization
from app.identity.outcomes import Refused, Unit
from app.identity.passwords import LOCK, MAX_LOGIN_NAME, TOTP_SECRET
from app.identity.rules.passwords import ApprovedPassword, approve_password
from app.identity.sessions import end_all_sessions
from app.identity.throttle import clear, take

__all__ = [
    "ROLE_KINDS",
    "StaffFactors",
    "change_password",
    "create_staff",
    "disable_account",
    "renew_factors",
]

ISSUER = "证学"
ROLE_KINDS = {
    "institution_author": frozenset({"institution", "enterprise"}),
    "institution_reviewer": frozenset({"institution", "enterprise"}),
    "bureau_auditor": frozenset({"bureau"}),
    "operator": frozenset({"operator"}),
}
"""Which kinds of organisation a role belongs to. An account has one role, so powers never add up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffFactors:
    """What a staff member needs besides the password, shown once.

    Attributes:
        account_id: The account.
        totp_secret: For the authenticator, base 32.
        totp_uri: The same as `otpauth://` address, for a QR code.
    """

    account_id: UUID
    totp_secret: str = field(repr=False)
    totp_uri: str = field(repr=False)


def create_staff(
    work: Work,
    *,
    role: str,
    organization_id: UUID,
    login_name: str,
    display_name: str,
    password: ApprovedPassword,
    totp_secret: str | None = None,
) -> StaffFactors:
    """Make an account for a member of staff.

    Args:
        work: The unit of work.
        role: One of `ROLE_KINDS`.
        organization_id: Where they work.
        login_name: What they type; lower case letters, unique.
        display_name: What is shown.
        password: From `rules.passwords.approve_password`.
        totp_secret: A secret of base 32 that exists already; None draws one.

    Raises:
        RoleRefused: No such role, or not in that kind of organisation.
        LoginNameTaken: The name is in use.
    """
    organization = work.session.get(Organization, organization_id)
    if organization is None or organization.kind not in ROLE_KINDS.get(role, frozenset()):
        raise RoleRefused
    secret = totp_secret or pyotp.random_base32()
    name = login_name.strip().lower()[:MAX_LOGIN_NAME]
    account_id = work.session.scalar(
        insert(Account)
        .values(
            id=new_id(),
            kind="staff",
            role=role,
            organization_id=organization_id,
            login_name=name,
            display_name=display_name,
            password_hash=password.hashed,
            password_changed_at=work.now,
            totp_secret_enc=work.vault.encrypt(secret, purpose=TOTP_SECRET),
            totp_last_step=0,
            created_at=work.now,
        )
        .on_conflict_do_nothing(index_elements=[Account.login_name])
        .returning(Account.id)
    )
    if account_id is None:
        raise LoginNameTaken
    audit.record(work, "create_staff", subject_kind="account", subject_id=account_id, role=role)
    return _factors(account_id, name=name, secret=secret)


def change_password(unit: Unit, *, account_id: UUID, old: str, new: str, token: str) -> Refused | None:
    """Change one's own password; every other session of the account ends.

    The old password is tried under the same lock as a sign-in; both hashes are computed outside of transactions.

    Args:
        unit: Opens short transactions.
        account_id: Whose.
        old: The present password.
        new: The password wanted.
        token: The session that stays.

    Raises:
        PasswordWeak: The new one breaks the policy.
        SignInLocked: Too many wrong tries.
        SessionEnded: The account was closed meanwhile.
    """
    with unit() as work:
        account = _open_staff(work, account_id)
        hashed, login_name = account.password_hash, account.login_name or ""
    approved = approve_password(new, login_name=login_name)
    with unit() as work:
        taken = take(work, LOCK, who=str(account_id))
    if taken.retry_after_s is not None:
        raise SignInLocked(retry_after_s=taken.retry_after_s)
    is_right = is_password(old, hashed) and old != new
    with unit() as work:
        account = _open_staff(work, account_id)
        if not is_right or account.password_hash != hashed:
            audit.record(work, "change_password", subject_kind="account", subject_id=account_id, outcome="refused")
            return Refused(error=SignInRefused("原密码不正确，或新密码与原密码相同，请核对后重试。"))
        account.password_hash = approved.hashed
        account.password_changed_at = work.now
        clear(work, LOCK, who=str(account_id))
        end_all_sessions(work, account_id=account_id, except_token=token)
        audit.record(work, "change_password", subject_kind="account", subject_id=account_id)
    return None


def renew_factors(work: Work, *, account_id: UUID, password: ApprovedPassword) -> StaffFactors:
    """Give an account a new password and a new authenticator secret, after both were lost; ends its sessions.

    Raises:
        SessionEnded: No such open staff account.
    """
    account = _open_staff(work, account_id)
    secret = pyotp.random_base32()
    account.password_hash = password.hashed
    account.password_changed_at = work.now
    account.totp_secret_enc = work.vault.encrypt(secret, purpose=TOTP_SECRET)
    account.totp_last_step = 0
    end_all_sessions(work, account_id=account_id)
    audit.record(work, "renew_factors", subject_kind="account", subject_id=account_id)
    return _factors(account_id, name=account.login_name or "", secret=secret)


def disable_account(work: Work, *, account_id: UUID, reason: str) -> None:
    """Close an account for good; its sessions end at once, its records stay.

    Raises:
        SessionEnded: No such account.
    """
    account = work.session.get(Account, account_id, with_for_update=True)
    if account is None:
        raise SessionEnded
    account.disabled_at = work.now
    end_all_sessions(work, account_id=account_id)
    audit.record(work, "disable_account", subject_kind="account", subject_id=account_id, reason=reason)


def _open_staff(work: Work, account_id: UUID) -> Account:
    account = work.session.scalars(
        select(Account)
        .where(Account.id == account_id, Account.kind == "staff", Account.disabled_at.is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if account is None:
        raise SessionEnded
    return account


def _factors(account_id: UUID, *, name: str, secret: str) -> StaffFactors:
    uri = pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)
    return StaffFactors(account_id=account_id, totp_secret=secret, totp_uri=uri)
