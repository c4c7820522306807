"""The steps a trainee takes before learning, in order; computed from facts, never stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["REQUIRED_PURPOSES", "Step", "TraineeFacts", "steps_of"]

REQUIRED_PURPOSES = ("account", "id_card", "push_to_realname_system")
"""Without these nothing can be proven to the bureau; everything else has another way."""
_FACE_PURPOSES = ("face_verify", "face_store_and_transfer")


@dataclass(frozen=True, slots=True, kw_only=True)
class TraineeFacts:
    """What is known of a trainee.

    Attributes:
        is_activated: They have signed in.
        consents: State of every purpose for its present text: `given`, `refused`, `withdrawn` or `unanswered`.
        is_matched: Name and ID number match the list.
        has_unconfirmed_class: Some enrolment's six fields are not confirmed yet.
        has_face_enrolment: Their face photos are complete.
        has_passkey: A passkey is registered.
        has_finished: Nothing is left to learn.
    """

    is_activated: bool
    consents: Mapping[str, str]
    is_matched: bool
    has_unconfirmed_class: bool
    has_face_enrolment: bool
    has_passkey: bool
    has_finished: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step.

    Attributes:
        key: `activate`, `consents`, `real_name`, `identity_method` or `learn`.
        title: What to do, in Chinese.
        done: Whether it is done.
        href: Page where it is done.
    """

    key: str
    title: str
    done: bool
    href: str


def steps_of(facts: TraineeFacts) -> tuple[Step, ...]:
    """Compute the steps of a trainee.

    Consents are done when every purpose is answered and the required ones are given; a refused optional one is an
    answer. Face photos count only while both consents to them stand.

    Clauses:
        CC-A2-4.2
    """
    consents = facts.consents
    is_face_allowed = all(consents.get(purpose) == "given" for purpose in _FACE_PURPOSES)
    return (
        Step(key="activate", title="登录并激活账号", done=facts.is_activated, href="/login"),
        Step(
            key="consents",
            title="阅读并选择同意书",
            done=all(consents.get(purpose) == "given" for purpose in REQUIRED_PURPOSES)
            and "unanswered" not in consents.values(),
            href="/consents",
        ),
        Step(
            key="real_name",
            title="完成实名认证",
            done=facts.is_matched and not facts.has_unconfirmed_class,
            href="/real-name",
        ),
        Step(
            key="identity_method",
            title="设置身份验证方式",
            done=facts.has_passkey or (facts.has_face_enrolment and is_face_allowed),
            href="/identity",
        ),
        Step(key="learn", title="开始学习", done=facts.has_finished, href="/"),
    )
