from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.identity.errors import NameRefused, PhoneRefused
from app.identity.rules.contact import mask_id_number, mask_name, mask_phone, parse_name, parse_phone


class TestParsePhone:
    @pytest.mark.parametrize(
        "typed", ["19900000001", " 199 0000 0001", "+86 199-0000-0001", "\uff11\uff19\uff1900000001"]
    )
    def test_forgives_how_it_was_typed(self, typed):
        assert parse_phone(typed) == "19900000001"

    @pytest.mark.parametrize(
        "typed",
        ["", "1990000000", "199000000011", "12900000001", pytest.param("9" * 10**6, id="a million"), "1990000000a"],
    )
    def test_refuses_anything_else(self, typed):
        with pytest.raises(PhoneRefused, match="11位数字"):
            parse_phone(typed)


class TestParseName:
    @pytest.mark.parametrize(
        ("typed", "stored"),
        [
            ("温 若竹", "温若竹"),
            ("阿依古丽•买买提", "阿依古丽·买买提"),
            ("阿依古丽\uff0e买买提", "阿依古丽·买买提"),
            ("𠮷田", "𠮷田"),
        ],
    )
    def test_brings_names_into_one_form(self, typed, stored):
        assert parse_name(typed) == stored

    @pytest.mark.parametrize(
        "typed", ["", "   ", "温1", "<b>温</b>", "温\x00竹", "温" * 101, pytest.param("温" * 1_000_000, id="a million")]
    )
    def test_refuses_what_is_no_name(self, typed):
        with pytest.raises(NameRefused, match="身份证上的姓名"):
            parse_name(typed)

    @given(st.text(max_size=120))
    def test_is_stable(self, typed):
        try:
            once = parse_name(typed)
        except NameRefused:
            return
        assert parse_name(once) == once


class TestMasks:
    def test_keep_first_6_and_last_4_of_the_number(self):
        assert mask_id_number("11010519491231002X") == "110105********002X"

    def test_keep_3_and_4_of_the_phone(self):
        assert mask_phone("19900000001") == "199****0001"

    @pytest.mark.parametrize(("name", "masked"), [("温若竹", "温**"), ("温竹", "温*"), ("温", "*")])
    def test_keep_the_first_character_of_the_name(self, name, masked):
        assert mask_name(name) == masked
