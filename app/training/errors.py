"""What can go wrong with courses, media, classes and learning.

::

    NotFound      ── CourseNotFound, LessonNotFound, MediaNotFound, ClassNotFound, EnrollmentNotFound,
                     SessionNotFound     no such thing, or it is someone else's
    Forbidden     ── AuthorMayNotReview  a second person reviews and publishes
                  └─ TokenForged         a heartbeat's token was not issued by this server
    Conflict      ── CourseMoveRefused   the course's status does not allow it
                  ├─ CourseIncomplete    something is missing before review or publication; `errors` says what
                  ├─ LessonTooShort      a lesson's media is shorter than its hours
                  ├─ CourseUnsuitable    the course cannot serve this class
                  ├─ TooManyOnlineHours  online hours beyond half of the total, or beyond the plan
                  ├─ ClassNotStartable   approval, roster or supervision profile is missing
                  ├─ ClassMoveRefused    the class's status does not allow it
                  ├─ RosterMismatch      the roster is not that of this class
                  ├─ ClassNotOpen        no learning outside an opened class and its dates
                  ├─ NotReadyToLearn     a step before learning is not done
                  ├─ LessonLocked        the lesson before it is not completed
                  ├─ GateClosed          no quiz before the lesson has been watched
                  ├─ PlanMissing         nobody drew the check-ins of a lesson
                  ├─ SettlementDiffers   the recorded facts do not come to the whole lesson
                  ├─ HeartbeatConflict   another heartbeat of that number was accepted
                  └─ HeartbeatOutOfOrder heartbeats come one after the other
    TooMany       ── HeartbeatTooSoon
    Unprocessable ── CourseRefused, HeartbeatRefused, ClassRefused
"""

from __future__ import annotations

from app.core.errors import Conflict, Forbidden, NotFound, TooMany, Unprocessable


class CourseNotFound(NotFound):
    """There is no such course, or it is another organisation's."""

    slug = "course-not-found"
    title = "没有找到该课程"


class LessonNotFound(NotFound):
    """There is no such lesson, or it is another organisation's."""

    slug = "lesson-not-found"
    title = "没有找到该课时"


class MediaNotFound(NotFound):
    """There is no such courseware, or it is another organisation's."""

    slug = "media-not-found"
    title = "没有找到该课件"


class ClassNotFound(NotFound):
    """There is no such class, or it is another organisation's."""

    slug = "class-not-found"
    title = "没有找到该班级"


class EnrollmentNotFound(NotFound):
    """There is no such enrolment, or it is another person's."""

    slug = "enrollment-not-found"
    title = "没有找到该报名记录"


class SessionNotFound(NotFound):
    """There is no such playback session, or it is another person's."""

    slug = "session-not-found"
    title = "没有找到该学习记录，请返回课程重新进入"


class AuthorMayNotReview(Forbidden):
    """Who made a course neither reviews nor publishes it."""

    slug = "author-may-not-review"
    title = "课程须由制作人以外的人员审核和发布"


class TokenForged(Forbidden):
    """The token of a heartbeat was not issued by this server for this number."""

    slug = "token-forged"
    title = "播放凭证无效，请刷新页面后继续学习"


class CourseMoveRefused(Conflict):
    """The course's status does not allow this."""

    slug = "course-move-refused"
    title = "课程当前状态不允许此操作"


class CourseIncomplete(Conflict):
    """Something is missing before the course can go on; `errors` lists it."""

    slug = "course-incomplete"
    title = "课程资料不完整"


class LessonTooShort(Conflict):
    """A lesson's media is shorter than the hours it stands for."""

    slug = "lesson-too-short"
    title = "课件时长不足"


class CourseUnsuitable(Conflict):
    """The course cannot serve this class."""

    slug = "course-unsuitable"
    title = "该课程不能用于本班级"


class TooManyOnlineHours(Conflict):
    """Online hours go beyond half of the total, or beyond the approved plan."""

    slug = "too-many-online-hours"
    title = "线上学时超出规定"


class ClassNotStartable(Conflict):
    """Approval, roster or supervision profile is missing; `missing` lists what."""

    slug = "class-not-startable"
    title = "班级尚不具备开班条件"


class ClassMoveRefused(Conflict):
    """The class's status does not allow this."""

    slug = "class-move-refused"
    title = "班级当前状态不允许此操作"


class RosterMismatch(Conflict):
    """The roster is not that of this class, or is empty."""

    slug = "roster-mismatch"
    title = "学员名册与班级不符"


class ClassNotOpen(Conflict):
    """There is no learning outside an opened class and its dates."""

    slug = "class-not-open"
    title = "班级未开课或不在培训期内"


class NotReadyToLearn(Conflict):
    """A step before learning is not done."""

    slug = "not-ready-to-learn"
    title = "开始学习前还有步骤没有完成"


class LessonLocked(Conflict):
    """The lesson before it is not completed."""

    slug = "lesson-locked"
    title = "请先完成前面的课时"


class GateClosed(Conflict):
    """The quiz opens when the lesson has been watched."""

    slug = "gate-closed"
    title = "看完本课时后才能参加随堂测验"


class PlanMissing(Conflict):
    """Nobody drew the check-ins of a lesson; without them no hour may be earned."""

    slug = "plan-missing"
    title = "随机打卡尚未安排，暂时不能计学时，请稍后重新进入"


class SettlementDiffers(Conflict):
    """The recorded facts do not come to the whole lesson although it seemed watched; nothing is granted."""

    slug = "settlement-differs"
    title = "学时复核结果与学习记录不一致，本课时暂不计入；您的记录没有丢失，请联系培训机构处理"


class HeartbeatConflict(Conflict):
    """Another heartbeat of that number was accepted before."""

    slug = "heartbeat-conflict"
    title = "该时段的学习记录已经提交过，内容不同，不能覆盖"


class HeartbeatOutOfOrder(Conflict):
    """Heartbeats come one after the other; `next_seq` says which one is expected."""

    slug = "heartbeat-out-of-order"
    title = "学习记录的顺序不对，请刷新页面后继续"


class HeartbeatTooSoon(TooMany):
    """Heartbeats come much faster than a player sends them."""

    slug = "heartbeat-too-soon"
    title = "学习记录提交太频繁"


class HeartbeatRefused(Unprocessable):
    """A heartbeat has the wrong form."""

    slug = "heartbeat-invalid"
    title = "学习记录的格式不对"


class CourseRefused(Unprocessable):
    """A course, lesson or review has wrong content."""

    slug = "course-invalid"
    title = "课程资料填写有误"


class ClassRefused(Unprocessable):
    """The authority's class data do not fit together."""

    slug = "class-invalid"
    title = "班级数据有误"
