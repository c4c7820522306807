from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.identity.errors import IdNumberRefused
from app.identity.rules.id_number import age_on, check_character, parse_id_number
from tests.app.identity.samples import make_id_number

TODAY = date(2026, 3, 2)
births = st.dates(min_value=date(1906, 3, 3), max_value=date(2010, 3, 2))
sequences = st.integers(min_value=0, max_value=999)


def fault_of(text: str, *, today: date = TODAY) -> str:
    with pytest.raises(IdNumberRefused) as caught:
        parse_id_number(text, today=today)
    return caught.value.extensions["fault"]


@pytest.mark.clause("CC-A2-4.2")
class TestParseIdNumber:
    def test_reads_the_sample_of_the_standard(self):
        read = parse_id_number("11010519491231002X", today=TODAY)
        assert (read.birth_on, read.sex, read.region) == (date(1949, 12, 31), "F", "110105")
        assert read.is_region_known

    def test_refuses_the_other_sample_for_its_age_only(self):
        assert check_character("44052418800101001") == "4"
        assert fault_of("440524188001010014") == "too_old"

    @pytest.mark.parametrize(
        "typed", ["11010519491231002x", " 110105 19491231 002X ", "\uff11\uff110105194912310\uff10\uff12\uff38"]
    )
    def test_forgives_how_it_was_typed(self, typed):
        assert parse_id_number(typed, today=TODAY).number == "11010519491231002X"

    def test_warns_of_an_unknown_region_without_refusing(self):
        assert parse_id_number(make_id_number(), today=TODAY).is_region_known is False

    def test_refuses_a_date_that_does_not_exist(self):
        assert fault_of("9901011990023000" + "1" + check_character("99010119900230001")) == "date"

    def test_refuses_a_date_in_the_future(self):
        assert fault_of(make_id_number(born=TODAY + timedelta(days=1))) == "future"

    def test_takes_somebody_on_the_sixteenth_birthday_and_not_the_day_before(self):
        assert parse_id_number(make_id_number(born=date(2010, 3, 2)), today=TODAY)
        assert fault_of(make_id_number(born=date(2010, 3, 3))) == "too_young"

    def test_takes_somebody_of_120_and_nobody_of_121(self):
        assert parse_id_number(make_id_number(born=date(1905, 3, 3)), today=TODAY)
        assert fault_of(make_id_number(born=date(1905, 3, 2))) == "too_old"

    @pytest.mark.parametrize(
        "typed",
        [
            "",
            "1",
            "1" * 17,
            "1" * 19,
            pytest.param("9" * 1_000_000, id="a million digits"),
            "1101051949123100\uff12\u2169",
            "11010519491231002Y",
            "\u0661" * 18,
            "\x00" * 18,
        ],
    )
    def test_refuses_what_has_not_the_shape(self, typed):
        assert fault_of(typed) == "shape"

    def test_says_what_to_do(self):
        with pytest.raises(IdNumberRefused, match="请对照身份证重新填写"):
            parse_id_number("110105194912310021", today=TODAY)

    @given(born=births, sequence=sequences)
    def test_reads_back_every_number_that_is_made(self, born, sequence):
        read = parse_id_number(make_id_number(born=born, sequence=sequence), today=TODAY)
        assert read.birth_on == born
        assert read.sex == ("M" if sequence % 2 else "F")

    @given(born=births, sequence=sequences, place=st.integers(0, 17), digit=st.sampled_from("0123456789X"))
    def test_finds_every_single_wrong_character(self, born, sequence, place, digit):
        number = make_id_number(born=born, sequence=sequence)
        if number[place] == digit:
            return
        assert fault_of(number[:place] + digit + number[place + 1 :]) in {"checksum", "shape"}

    @given(born=births, sequence=sequences, place=st.integers(0, 15))
    def test_finds_every_swap_of_neighbours(self, born, sequence, place):
        number = make_id_number(born=born, sequence=sequence)
        swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
        if swapped != number:
            assert fault_of(swapped) == "checksum"

    @given(st.text(max_size=40))
    def test_never_fails_in_another_way(self, typed):
        with suppress(IdNumberRefused):
            parse_id_number(typed, today=TODAY)


class TestAgeOn:
    def test_counts_the_leap_day_from_the_first_of_march(self):
        assert age_on(date(2008, 2, 29), today=date(2026, 2, 28)) == 17
        assert age_on(date(2008, 2, 29), today=date(2026, 3, 1)) == 18
