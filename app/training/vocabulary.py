"""The closed lists of a subsidised training: who learns, at which level, in which kind of lesson.

A code is stored and pushed; its Chinese label is shown. A code never changes its meaning; a new group gets a new code.

Clauses:
    CC-1.1, CC-4.0a, CC-A2-4.2.
"""

from __future__ import annotations

from enum import StrEnum


class PersonCategory(StrEnum):
    """Groups of people whose training may be subsidised (人员类别); the list is closed.

    There is no age ceiling in any of them.

    Clauses:
        CC-1.1.
    """

    POOR_FAMILY_CHILD = "poor_family_child"
    POOR_LABOURER = "poor_labourer"
    SCHOOL_LEAVER = "school_leaver"
    RURAL_MIGRANT = "rural_migrant"
    UNEMPLOYED = "unemployed"
    GRADUATE = "graduate"
    WITHOUT_PENSION = "without_pension"
    DISABLED = "disabled"
    VETERAN = "veteran"
    EMPLOYEE = "employee"
    SPECIAL = "special"

    @property
    def label(self) -> str:
        """The group's name as the notice prints it."""
        return _CATEGORY_LABELS[self]

    @property
    def proof(self) -> str:
        """The document that proves membership, in plain Chinese; without it nobody is approved."""
        return _CATEGORY_PROOFS[self]


class Level(StrEnum):
    """Skill levels (等级), from junior worker to senior technician."""

    JUNIOR = "5"
    INTERMEDIATE = "4"
    SENIOR = "3"
    TECHNICIAN = "2"
    SENIOR_TECHNICIAN = "1"

    @property
    def label(self) -> str:
        """The level's Chinese name."""
        return _LEVEL_LABELS[self]


class LessonKind(StrEnum):
    """Kinds of online lesson.

    Clauses:
        CC-4.0a.
    """

    LIVE = "live"
    VOD = "vod"
    INTERACTIVE = "interactive"
    DOCUMENT = "document"

    @property
    def label(self) -> str:
        """The kind's Chinese name."""
        return _LESSON_LABELS[self]


_CATEGORY_LABELS = {
    PersonCategory.POOR_FAMILY_CHILD: "贫困家庭子女",
    PersonCategory.POOR_LABOURER: "贫困劳动力",
    PersonCategory.SCHOOL_LEAVER: "城乡未继续升学初高中毕业生（两后生）",
    PersonCategory.RURAL_MIGRANT: "农村转移就业劳动者",
    PersonCategory.UNEMPLOYED: "下岗失业人员",
    PersonCategory.GRADUATE: "毕业年度高校毕业生和离校2年内未就业高校毕业生",
    PersonCategory.WITHOUT_PENSION: "未按月领取城镇职工基本养老金的人员",
    PersonCategory.DISABLED: "残疾人",
    PersonCategory.VETERAN: "退役军人",
    PersonCategory.EMPLOYEE: "企业职工（含劳务派遣人员）",
    PersonCategory.SPECIAL: "特殊群体（罪犯和刑满释放人员）",
}

_CATEGORY_PROOFS = {
    PersonCategory.POOR_FAMILY_CHILD: "贫困家庭证明",
    PersonCategory.POOR_LABOURER: "建档立卡贫困户证明",
    PersonCategory.SCHOOL_LEAVER: "初中或高中毕业证书",
    PersonCategory.RURAL_MIGRANT: "户口簿中本人页",
    PersonCategory.UNEMPLOYED: "就业创业证或失业登记证明",
    PersonCategory.GRADUATE: "高校毕业证书或在校证明",
    PersonCategory.WITHOUT_PENSION: "未按月领取养老金的承诺书",
    PersonCategory.DISABLED: "残疾人证",
    PersonCategory.VETERAN: "退役军人优待证或退役证",
    PersonCategory.EMPLOYEE: "社会保险参保证明",
    PersonCategory.SPECIAL: "监管单位或司法行政部门出具的证明",
}

_LEVEL_LABELS = {
    Level.JUNIOR: "初级工",
    Level.INTERMEDIATE: "中级工",
    Level.SENIOR: "高级工",
    Level.TECHNICIAN: "技师",
    Level.SENIOR_TECHNICIAN: "高级技师",
}

_LESSON_LABELS = {
    LessonKind.LIVE: "在线直播",
    LessonKind.VOD: "教学视频录播",
    LessonKind.INTERACTIVE: "实时互动教学",
    LessonKind.DOCUMENT: "文字或图片资料",
}
