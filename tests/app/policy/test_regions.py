import pytest

from app.policy.packs import load_packs
from app.policy.regions import funding_route, load_offices, load_platforms


@pytest.fixture(scope="module")
def changchun():
    return load_offices("changchun")


class TestLoadOffices:
    def test_reads_the_offices_of_changchun(self, changchun):
        assert len(changchun) == 23
        assert changchun[0].department == "职建处"

    def test_reads_the_offices_of_jilin(self):
        assert {office.region for office in load_offices("jilin")} >= {"长春市", "延边州", "梅河口市"}

    def test_has_no_code_for_development_zones(self, changchun):
        zones = {office.code for office in changchun if office.kind == "development_zone"}
        assert zones == {None}

    def test_has_only_codes_of_the_city(self, changchun):
        assert all(office.code.startswith("2201") for office in changchun if office.code)


class TestFundingRoute:
    @pytest.mark.clause("CC-6.3b")
    @pytest.mark.parametrize(
        ("code", "route"),
        [("220104", "city_pool"), ("220113", "own_finance"), ("220122", "own_finance"), ("999999", None)],
    )
    def test_follows_the_region(self, changchun, code, route):
        assert funding_route(code, offices=changchun) == route


class TestLoadPlatforms:
    @pytest.mark.clause("TA-2")
    def test_joins_two_names_of_one_platform_by_host(self):
        by_host = {}
        for platform in load_platforms():
            if platform.host:
                by_host.setdefault(platform.host, set()).add(platform.name)
        assert by_host["www.ixueto.com"] == {"知行学徒网", "行知学徒网"}

    @pytest.mark.clause("SD-2b")
    def test_names_as_many_platforms_as_the_region_must_have(self):
        wanted = load_packs()["shandong@2020.1"].platforms.min_per_region
        assert sum(platform.region == "370900" for platform in load_platforms()) >= wanted
