from collections import Counter

import pytest

from app.training.catalogue import TradeUnknown, find_trade, get_trade, load_trades, search_trades

HEADER = "row,group,name,trade_class,urgent,correction,remark\n"


@pytest.fixture(scope="module")
def trades():
    return load_trades()


class TestLoadTrades:
    @pytest.mark.clause("CC-2.3a")
    def test_holds_every_row_of_the_annex(self, trades):
        assert len(trades) == 326
        assert Counter(trade.trade_class for trade in trades.values()) == {
            "A": 78,
            "B": 128,
            "C": 118,
            None: 2,
        }
        assert sum(trade.is_urgent for trade in trades.values()) == 37

    def test_gives_codes_made_of_the_row_number(self, trades):
        assert list(trades)[:2] == ["CC-001", "CC-002"]
        assert list(trades)[-1] == "CC-326"
        assert all(trade.code == f"CC-{trade.row:03d}" for trade in trades.values())

    @pytest.mark.clause("CC-3.1.1b")
    def test_computes_no_standard_for_a_blank_class(self, trades):
        assert {trade.row for trade in trades.values() if not trade.has_standard} == {64, 95}

    def test_keeps_the_printed_name_beside_its_correction(self, trades):
        assert {trade.row for trade in trades.values() if trade.correction} == {100, 101, 219, 222, 285}
        assert trades["CC-100"].names == ("茶叶加主工", "茶叶加工工")

    def test_keeps_names_of_several_trades_in_one_row(self, trades):
        assert sum("、" in trade.name for trade in trades.values()) == 23

    @pytest.mark.parametrize("row", ["1,g,n,D,0,,\n", "1,g,n,A,2,,\n", "1,g,,A,0,,\n", "1,g,n,A,0,,\n1,g,m,A,0,,\n"])
    def test_refuses_a_damaged_file(self, tmp_path, row):
        path = tmp_path / "trades.csv"
        path.write_text(HEADER + row, encoding="utf-8")
        with pytest.raises(ValueError, match=r"trades\.csv"):
            load_trades(path)


class TestGetTrade:
    def test_returns_a_trade(self, trades):
        trade = get_trade("CC-087", trades=trades)
        assert (trade.name, trade.trade_class, trade.is_urgent) == ("养老护理员", "C", True)

    @pytest.mark.clause("CC-2.3b")
    def test_sends_a_trade_outside_the_list_to_the_bureau(self, trades):
        with pytest.raises(TradeUnknown, match="备案"):
            get_trade("CC-999", trades=trades)


class TestFindTrade:
    @pytest.mark.parametrize(
        ("name", "row"),
        [("养老护理员", 87), ("茶叶加工工", 100), ("茶叶加主工", 100), ("家庭服务员（家政服务员）", 86)],
    )
    def test_finds_by_any_name_and_bracket(self, trades, name, row):
        assert find_trade(name, trades=trades.values()).row == row

    def test_finds_nothing_for_part_of_a_name(self, trades):
        assert find_trade("养老", trades=trades.values()) is None


class TestSearchTrades:
    def test_finds_parts_of_names(self, trades):
        assert "CC-087" in [trade.code for trade in search_trades("护理", trades=trades.values())]

    def test_finds_the_members_of_a_group(self, trades):
        found = search_trades("社会服务和居民生活", trades=trades.values())
        assert {trade.row for trade in found} == set(range(68, 94))
