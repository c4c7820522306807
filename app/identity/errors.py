"""What can go wrong with people, accounts and consents.

::

    Unprocessable   ── IdNumberRefused       not a person's ID number; `fault` says why
                    ├─ UsccRefused           not an organisation's code
                    ├─ PhoneRefused          not a mobile number
                    ├─ NameRefused           not a name
                    ├─ PasswordWeak          the new password breaks the policy
                    ├─ RoleRefused           the role does not fit the organisation
                    ├─ ReasonMissing         unmasking needs a reason
                    └─ ProofRefused          not a picture or PDF, too large, or too many
    Unauthenticated ── SignInRefused         name, password or code is wrong; never says which
                    ├─ CodeRefused           the SMS code is wrong, used or expired; never says which
                    └─ SessionEnded          the session was ended
    Forbidden       ── UnmaskNotAllowed      the role may not see numbers in clear
    NotFound        ── PersonNotFound        no such person
                    ├─ PurposeUnknown        no consent of that purpose
                    └─ EnrollmentNotYours    no such enrolment of this person
    Conflict        ── LoginNameTaken        another account has the name
                    ├─ PhoneShared           the phone belongs to another person of the lists
                    ├─ TextChanged           the consent shown is not the present one
                    ├─ ConsentNeeded         a required consent was not given
                    ├─ RealNameMismatch      name and number do not match the list
                    ├─ RealNameNeeded        name and number have not been matched yet
                    ├─ ProofNeeded           the category needs a proof file
                    ├─ ClassNotRunning       the class has not opened yet, or has ended
                    ├─ AlreadyConfirmed      the enrolment's real-name record is closed
                    └─ PasskeyRefused        the passkey's answer does not hold
    Gone            ── ChallengeExpired      the challenge is used or past its time
    TooMany         ── SignInLocked          too many failures
                    ├─ CodeTooSoon           a code was just sent
                    ├─ CodesUsedUp           no more codes for this phone today
                    └─ RealNameLocked        too many wrong name and number pairs
"""

from __future__ import annotations

from typing import Any

from app.core.errors import Conflict, Forbidden, Gone, NotFound, TooMany, Unauthenticated, Unprocessable


class IdNumberRefused(Unprocessable):
    """Not a person's ID number; the extension `fault` says why."""

    slug = "id-number-refused"
    title = "身份证号有误"


class UsccRefused(Unprocessable):
    """Not an organisation's unified social credit code."""

    slug = "uscc-refused"
    title = "统一社会信用代码有误，请对照营业执照核对18位代码"


class PhoneRefused(Unprocessable):
    """Not a mobile number of mainland China."""

    slug = "phone-refused"
    title = "手机号有误，应为11位数字，请核对后重新填写"

    def __init__(self, detail: str | None = None, **extensions: Any) -> None:
        super().__init__(detail, pointers={"/phone": self.title}, **extensions)


class NameRefused(Unprocessable):
    """Not a name as it stands on an ID card."""

    slug = "name-refused"
    title = "姓名有误，请填写身份证上的姓名，不要带数字或符号"

    def __init__(self, detail: str | None = None, **extensions: Any) -> None:
        super().__init__(detail, pointers={"/name": self.title}, **extensions)


class PasswordWeak(Unprocessable):
    """The new password breaks the policy; the detail says which rule."""

    slug = "password-weak"
    title = "新密码不符合要求"


class RoleRefused(Unprocessable):
    """There is no such role, or it does not fit the kind of organisation."""

    slug = "role-refused"
    title = "该角色与单位类型不符"


class ReasonMissing(Unprocessable):
    """Seeing a number in clear needs a reason, which is kept."""

    slug = "reason-missing"
    title = "请写明查看完整信息的理由，至少4个字"


class ProofRefused(Unprocessable):
    """The proof is no picture or PDF, too large, or one too many."""

    slug = "proof-refused"
    title = "证明材料不符合要求"


class SignInRefused(Unauthenticated):
    """Login name, password or one-time code is wrong; which one is never said."""

    slug = "sign-in-refused"
    title = "登录名、密码或动态码不正确，请核对后重试"


class CodeRefused(Unauthenticated):
    """The SMS code is wrong, used or expired; which one is never said."""

    slug = "sms-code-refused"
    title = "验证码不正确或已失效，请核对短信，或重新获取验证码"


class SessionEnded(Unauthenticated):
    """The account's session was ended or the account closed meanwhile."""

    slug = "session-ended"
    title = "登录已失效，请重新登录"


class UnmaskNotAllowed(Forbidden):
    """The role may not see numbers in clear."""

    slug = "unmask-not-allowed"
    title = "您的账号不能查看完整的个人信息；如确有需要，请由人社部门审计账号查看"


class PersonNotFound(NotFound):
    """There is no such person."""

    slug = "person-not-found"
    title = "没有找到该学员"


class PurposeUnknown(NotFound):
    """There is no consent of that purpose."""

    slug = "purpose-unknown"
    title = "没有这一项同意书，请刷新页面"


class EnrollmentNotYours(NotFound):
    """The person has no such enrolment."""

    slug = "enrollment-not-yours"
    title = "没有找到您的这条报名记录，请刷新页面或联系培训机构"


class LoginNameTaken(Conflict):
    """Another account has that login name."""

    slug = "login-name-taken"
    title = "登录名已被使用，请换一个"


class PhoneShared(Conflict):
    """The phone stands for another person of the lists too (D25); the second one cannot activate with it."""

    slug = "phone-shared"
    title = "您的手机号已登记在另一名学员名下，请联系培训机构更正您本人的手机号后再登录"


class TextChanged(Conflict):
    """The text shown is not the present one."""

    slug = "consent-text-changed"
    title = "同意书内容已更新，请刷新页面，阅读新内容后再选择"


class ConsentNeeded(Conflict):
    """A consent that this step cannot do without was not given; `purpose` names it."""

    slug = "consent-needed"
    title = "请先阅读并同意相关的同意书"


class RealNameMismatch(Conflict):
    """Name and ID number are not those of the account's person; which of the two is never said."""

    slug = "real-name-mismatch"
    title = "姓名或身份证号与培训机构登记的不一致，请对照身份证核对；确认无误仍不一致时，请联系培训机构更正名单"


class RealNameNeeded(Conflict):
    """Name and ID number have not been matched yet."""

    slug = "real-name-needed"
    title = "请先填写姓名和身份证号，完成核对"


class ProofNeeded(Conflict):
    """The category needs a proof file."""

    slug = "proof-needed"
    title = "您的人员类别需要证明材料，请先上传再确认"


class ClassNotRunning(Conflict):
    """The class has not opened yet, or has ended."""

    slug = "class-not-running"
    title = "班级还没有开班或已经结束，现在不能确认；请在开班后再来确认"


class AlreadyConfirmed(Conflict):
    """The enrolment's real-name record is closed."""

    slug = "real-name-confirmed"
    title = "该班级的实名信息已确认，不能再修改；如有错误，请联系培训机构"


class PasskeyRefused(Conflict):
    """The passkey's answer does not hold."""

    slug = "passkey-refused"
    title = "通行密钥验证没有通过，请在本人的设备上重试，并按提示完成指纹、面容或锁屏密码验证"


class ChallengeExpired(Gone):
    """The challenge is used, past its time, or of another subject."""

    slug = "challenge-expired"
    title = "本次验证已过期，请重新开始"


class SignInLocked(TooMany):
    """Too many failures; `retry_after_s` says when the next try is taken."""

    slug = "sign-in-locked"
    title = "尝试次数过多，已暂停登录，请稍后再试"


class CodeTooSoon(TooMany):
    """A code was just sent."""

    slug = "sms-code-too-soon"
    title = "验证码刚刚发送，请稍候再获取"


class CodesUsedUp(TooMany):
    """No more codes for this phone today."""

    slug = "sms-codes-used-up"
    title = "该手机号今天获取验证码的次数已用完，请明天再试，或联系培训机构"


class RealNameLocked(TooMany):
    """Too many wrong pairs of name and number."""

    slug = "real-name-locked"
    title = "核对失败次数过多，请稍后再试；如名单有误，请联系培训机构更正"
