from __future__ import annotations

import pytest

from app.core.work import Actor
from app.identity.people import import_organization
from app.oversight.scope import is_in_scope, prefix_of, region_prefix


class TestRegionPrefix:
    @pytest.mark.parametrize(
        ("code", "prefix"), [("220000", "22"), ("220100", "2201"), ("220104", "220104"), ("110000", "11")]
    )
    def test_is_what_all_regions_below_begin_with(self, code, prefix):
        assert region_prefix(code) == prefix


class TestScope:
    @pytest.mark.parametrize(
        ("region", "bureau", "expected"),
        [
            ("220104", "220100", True),
            ("220100", "220100", True),
            ("220200", "220100", False),
            ("220104", "220000", True),
            ("210100", "220000", False),
            ("220100", "220104", False),
        ],
    )
    def test_is_the_bureaus_region_and_all_below(self, region, bureau, expected):
        assert is_in_scope(region, region_prefix(bureau)) is expected

    def test_of_nothing_is_nothing(self):
        assert not is_in_scope("220100", None)


class TestPrefixOf:
    @pytest.mark.parametrize(
        ("kind", "region", "prefix"),
        [("bureau", "220100", "2201"), ("bureau", None, None), ("institution", "220100", None)],
    )
    def test_belongs_to_bureaus_only(self, work, kind, region, prefix):
        made = import_organization(work, kind=kind, authority_code="X-1", name="单位", region=region)
        assert prefix_of(work.session, Actor(kind="bureau_auditor", organization_id=made.id)) == prefix

    def test_of_nobody_is_nothing(self, work):
        assert prefix_of(work.session, Actor(kind="bureau_auditor")) is None
