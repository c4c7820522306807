from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from app.policy.errors import NoPackInForce, PackInvalid, PackUnknown
from app.policy.packs import DATA, digest, get_pack, load_packs, pack_for

PUBLIC_HEALTH = "public_health_auxiliary"


@pytest.fixture(scope="module")
def packs():
    return load_packs()


@pytest.fixture
def folder(tmp_path):
    """An operator's folder with a writer for pack files."""

    def write(name: str, text: str) -> Path:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path

    return write


OWN = 'extends = "changchun-2020.1"\nid = "own"\nversion = "1"\ntitle = "t"\nregion = "220200"\n'
OWN += "valid_from = 2020-01-01\nclaimable = true\n"


class TestLoadPacks:
    def test_holds_five_regions_and_the_demonstration(self, packs):
        assert list(packs) == [
            "changchun@2020.1",
            "demo@1",
            "heilongjiang@2020.1",
            "jilin@2022.1",
            "liaoning@2021.1",
            "shandong@2020.1",
        ]

    @pytest.mark.clause("CC-4.3.3", "CC-4.0b", "CC-4.0c", "CC-2.1c", "CC-3.1.1b")
    def test_states_the_figures_of_changchun(self, packs):
        pack = packs["changchun@2020.1"]
        assert pack.lesson.minutes == 40
        assert pack.hours.limits == {"A": 240, "B": 120, "C": 80}
        assert pack.hours.unit_price_fen == 1000
        assert pack.hours.online_max_share == Fraction(1, 2)
        assert pack.online_money is not None
        assert pack.online_money.max_ratio == Fraction(2, 5)
        assert (pack.attendance.eligible, pack.attendance.full) == (Fraction(7, 10), Fraction(9, 10))

    @pytest.mark.clause("CC-2.1a", "CC-2.1b", "CC-2.2a", "CC-3.1.3a", "CC-3.1.3c", "CC-3.2.4a", "CC-3.4")
    def test_states_money_and_deadlines_of_changchun(self, packs):
        pack = packs["changchun@2020.1"]
        assert (pack.payment.publicity_workdays, pack.payment.payment_workdays) == (5, 30)
        assert pack.claims.per_year == 3
        assert pack.levels.amount_fen == {
            "5": 50000,
            "4": 80000,
            "3": 100000,
            "2": 200000,
            "1": 300000,
            "1r": 200000,
        }
        assert (pack.allowances.poor.day_fen, pack.allowances.poor.year_cap_fen) == (3000, 50000)
        assert pack.appraisal.amount_fen == {"A": 11000, "B": 10000, "C": 9000}

    def test_reads_every_ambiguity_with_its_default(self, packs):
        pack = packs["changchun@2020.1"]
        assert pack.attendance.scaling == "literal"  # A1
        assert pack.online_money.base == "hourly"  # A2
        assert (pack.opening.lead_mode, pack.opening.lead_effect) == ("at_least", "warn")  # A3
        assert pack.hours.mode == "cap"  # A4
        assert pack.urgent.applies_to == "zhanchi_allowance"  # A5
        assert pack.drill.cap_scope == "both"  # A6
        assert pack.allowances.hours_per_day == 1  # A7
        assert (pack.claims.year, pack.claims.same_trade_level) == ("natural_year", "rolling_12_months")  # A8
        assert (pack.push.mode, pack.push.fallback) == ("real_time", "daily")  # A9
        assert pack.supervision.per == "lesson_hour"  # A10
        assert (pack.attendance.measure, pack.attendance.includes_online) == ("hours", True)  # A11
        assert pack.exam.resume == "within_time_limit"  # A12
        assert (pack.exam.bank_scope, pack.exam.bucket_effect) == ("total", "warn")  # A13
        assert pack.exam.biometric_min >= 1  # A14
        assert packs["jilin@2022.1"].project is not None  # A15
        assert pack.hours.blank_class == "no_standard"  # A16
        assert pack.work_training.month_divisor == 30  # A17
        assert packs["shandong@2020.1"].claims.same_trade_level == "forever"  # A18
        assert pack.platforms.match_by == "host"  # A19
        assert pack.is_historic(date(2022, 1, 1))  # A20

    @pytest.mark.clause("JL-2", "JL-4b", "JL-5a", "JL-6")
    def test_states_the_project_of_jilin(self, packs):
        pack = packs["jilin@2022.1"]
        assert len(pack.trades) == 3
        assert (pack.hours.per_trade, pack.hours.unit_price_fen, pack.claims.trades_total) == (6, 1300, 2)
        assert pack.hours.online_max_share == 1
        assert pack.offline.max_class_size is None
        assert pack.valid_to == date(2022, 6, 30)

    @pytest.mark.clause("LN-3.2a", "LN-3.2b")
    def test_switches_off_four_checks_in_liaoning(self, packs):
        pack = packs["liaoning@2021.1"]
        assert set(pack.eligibility.model_dump().values()) == {False}
        assert len(pack.urgent_trades) == 5
        assert pack.lesson.minutes == 45

    @pytest.mark.clause("SD-1", "SD-3a", "SD-3b", "SD-4", "SD-7", "TA-3")
    def test_states_the_figures_of_shandong(self, packs):
        pack = packs["shandong@2020.1"]
        assert pack.hourly_allowance.hour_fen == 500
        assert pack.platform_fee.ratio == Fraction(1, 5)
        assert pack.claims.per_year == 3
        assert pack.offline.state == "suspended"
        assert pack.valid_to == date(2020, 6, 30)

    @pytest.mark.clause("HLJ-3a")
    def test_limits_classes_in_a_room_in_heilongjiang(self, packs):
        offline = packs["heilongjiang@2020.1"].offline
        assert (offline.max_class_size, offline.min_distance_m) == (50, 1)

    def test_differs_from_changchun_in_the_demonstration_only_as_announced(self, packs):
        demo = packs["demo@1"].model_dump()
        city = packs["changchun@2020.1"].model_dump()
        assert {key for key in demo if demo[key] != city[key]} == {
            "id",
            "version",
            "title",
            "valid_to",
            "superseded_by",
            "claimable",
            "notices",
            "lesson",
            "supervision",
        }
        assert demo["lesson"] | {"minutes": 40} == city["lesson"]
        assert demo["supervision"] | {"window_s": 120} == city["supervision"]

    def test_never_lets_the_demonstration_be_claimed(self, packs):
        assert [ref for ref, pack in packs.items() if not pack.claimable] == ["demo@1"]

    def test_names_file_and_key_of_a_wrong_value(self, folder):
        where = folder("own-1.toml", OWN + '[supervision]\nwindow_s = "long"\n')
        with pytest.raises(PackInvalid, match=r"own-1\.toml 有误：supervision\.window_s 应为整数") as caught:
            load_packs(where)
        assert caught.value.extensions == {"file": "own-1.toml", "keys": ["supervision.window_s"]}

    def test_names_a_key_nobody_knows(self, folder):
        where = folder("own-1.toml", OWN + "[lesson]\nminute = 40\n")
        with pytest.raises(PackInvalid, match=r"lesson\.minute 没有这个项目"):
            load_packs(where)

    def test_names_a_missing_key(self, folder):
        where = folder("own-1.toml", OWN.replace('region = "220200"\n', ""))
        with pytest.raises(PackInvalid, match="region 缺少这一项"):
            load_packs(where)

    def test_refuses_floats(self, folder):
        where = folder("own-1.toml", OWN + "[attendance]\neligible = 0.7\n")
        with pytest.raises(PackInvalid, match=r"attendance\.eligible"):
            load_packs(where)

    def test_refuses_what_is_no_toml(self, folder):
        where = folder("own-1.toml", "id = changchun")
        with pytest.raises(PackInvalid, match=r"own-1\.toml"):
            load_packs(where)

    def test_refuses_a_name_that_is_not_the_reference(self, folder):
        where = folder("other-1.toml", OWN)
        with pytest.raises(PackInvalid, match=r"应为 own-1\.toml"):
            load_packs(where)

    @pytest.mark.parametrize("parent", ["nowhere", "own-1"])
    def test_refuses_to_extend_nothing_or_itself(self, folder, parent):
        where = folder("own-1.toml", OWN.replace("changchun-2020.1", parent))
        with pytest.raises(PackInvalid, match="extends"):
            load_packs(where)

    def test_refuses_the_face_as_the_only_method(self, folder):
        where = folder("own-1.toml", OWN + '[supervision]\nmethods = ["face"]\n')
        with pytest.raises(PackInvalid, match="only method"):
            load_packs(where)

    def test_refuses_a_period_that_ends_before_it_begins(self, folder):
        where = folder("own-1.toml", OWN + "valid_to = 2019-12-31\n")
        with pytest.raises(PackInvalid, match="valid_to"):
            load_packs(where)

    def test_takes_in_an_operators_own_pack(self, folder):
        packs = load_packs(folder("own-1.toml", OWN))
        assert packs["own@1"].hours == packs["changchun@2020.1"].hours

    @pytest.mark.parametrize("path", sorted(DATA.glob("*.toml")), ids=lambda path: path.stem)
    def test_reads_files_that_hold_no_float(self, path):
        import tomllib

        def refuse(text):
            raise AssertionError(text)

        tomllib.loads(path.read_text(encoding="utf-8"), parse_float=refuse)


class TestGetPack:
    def test_returns_the_pack_of_a_reference(self, packs):
        assert get_pack("demo@1", packs=packs).title == "演示规则（不可用于申领补贴）"

    def test_says_what_is_not_installed(self, packs):
        with pytest.raises(PackUnknown, match="changchun@1999"):
            get_pack("changchun@1999", packs=packs)


class TestPackFor:
    @pytest.mark.clause("HLJ-4")
    def test_goes_by_the_approved_opening_date(self, packs):
        last = date(2020, 6, 20)
        chosen = pack_for("231200", approved_opening_date=last, packs=packs)
        assert chosen.ref == "heilongjiang@2020.1"
        with pytest.raises(NoPackInForce, match="2020-06-21"):
            pack_for("231200", approved_opening_date=last + timedelta(days=1), packs=packs)

    @pytest.mark.clause("CC-7.2")
    @pytest.mark.parametrize("day", [date(2020, 1, 1), date(2021, 12, 31)])
    def test_covers_both_ends_of_the_period(self, packs, day):
        assert pack_for("220100", approved_opening_date=day, packs=packs).ref == "changchun@2020.1"

    @pytest.mark.clause("CC-7.2")
    @pytest.mark.parametrize("day", [date(2019, 12, 31), date(2022, 1, 1)])
    def test_refuses_a_day_outside(self, packs, day):
        with pytest.raises(NoPackInForce):
            pack_for("220100", approved_opening_date=day, packs=packs)

    def test_covers_the_districts_of_a_city(self, packs):
        assert pack_for("220104", approved_opening_date=date(2021, 5, 1), packs=packs).id == "changchun"

    def test_does_not_cover_the_neighbouring_city(self, packs):
        with pytest.raises(NoPackInForce):
            pack_for("220200", approved_opening_date=date(2021, 5, 1), packs=packs)

    def test_prefers_the_nearer_region(self, folder):
        packs = load_packs(folder("own-1.toml", OWN.replace("220200", "220104")))
        assert pack_for("220104", approved_opening_date=date(2021, 5, 1), packs=packs).id == "own"

    def test_binds_a_project_only_to_its_own_classes(self, packs):
        day = date(2022, 4, 1)
        chosen = pack_for("220100", approved_opening_date=day, packs=packs, project=PUBLIC_HEALTH)
        assert chosen.ref == "jilin@2022.1"
        with pytest.raises(NoPackInForce):
            pack_for("220100", approved_opening_date=day, packs=packs)

    def test_never_chooses_the_demonstration(self, packs):
        only = {"demo@1": packs["demo@1"]}
        with pytest.raises(NoPackInForce):
            pack_for("220100", approved_opening_date=date(2021, 5, 1), packs=only)


class TestDigest:
    def test_is_the_same_for_the_same_values(self, packs):
        assert digest(packs["demo@1"]) == digest(load_packs()["demo@1"])

    def test_changes_with_any_value(self, packs):
        pack = packs["demo@1"]
        other = pack.model_copy(update={"gate": pack.gate.model_copy(update={"questions": 4})})
        assert digest(pack) != digest(other)
