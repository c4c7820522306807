import json

import pytest

from tests.architecture import compliance
from tests.architecture.compliance import Catalogue, Citation


@pytest.fixture(scope="module")
def catalogue():
    return compliance.load_catalogue()


def small(**reasons):
    """A catalogue of two clauses and one rule."""
    return Catalogue(
        clauses=(
            {"id": "CC-1.1", "source": "S", "english": "one"},
            {"id": "CC-2.1a", "source": "S", "english": "two | three"},
        ),
        standards=({"id": "L-PI-1", "basis": "law"},),
        reasons={key.replace("_", "-", 1).replace("_", "."): value for key, value in reasons.items()},
        duplicates=(),
    )


def cite(*clauses):
    return [Citation(clause=clause, path="tests/x.py", line=1) for clause in clauses]


LONG = "money and oversight: not built yet"


class TestTheProject:
    def test_has_a_test_or_a_reason_for_every_clause(self, catalogue):
        found = compliance.problems(catalogue, compliance.marked_tests(), compliance.cited_in_code())
        assert found == [], "\n".join(found)

    def test_has_a_compliance_page_that_is_up_to_date(self, catalogue):
        page = compliance.render(catalogue, compliance.marked_tests(), compliance.cited_in_code())
        assert compliance.PAGE.read_text(encoding="utf-8") == page, (
            "docs/compliance.md is old: run `python -m tests.architecture.compliance`"
        )

    def test_knows_all_clauses_with_all_their_parts(self, catalogue):
        assert len(catalogue.ids) == len(catalogue.clauses) == 137
        keys = {"id", "source", "quote", "english", "rule", "who", "data"}
        assert all(keys == clause.keys() and all(clause.values()) for clause in catalogue.clauses)

    def test_knows_twenty_ambiguities(self):
        text = (compliance.ROOT / "docs" / "clauses.json").read_text(encoding="utf-8")
        assert [entry["id"] for entry in json.loads(text)["ambiguities"]] == [f"A{n}" for n in range(1, 21)]

    def test_writes_ids_the_way_the_reader_expects(self, catalogue):
        assert all(compliance.ID.fullmatch(clause) for clause in catalogue.known)


class TestProblems:
    def test_finds_nothing_when_all_is_well(self):
        plan = small(CC_2_1a=("planned", LONG))
        assert compliance.problems(plan, cite("CC-1.1", "L-PI-1"), cite("CC-1.1")) == []

    def test_finds_a_clause_with_neither_test_nor_reason(self):
        assert compliance.problems(small(), cite("CC-1.1"), []) == [
            "CC-2.1a: has neither a test nor a reason; mark a test or write into compliance-plan.toml why not"
        ]

    @pytest.mark.parametrize("status", ["planned", "out_of_scope"])
    def test_finds_a_stale_reason(self, status):
        found = compliance.problems(small(CC_2_1a=(status, LONG)), cite("CC-1.1", "CC-2.1a"), [])
        assert len(found) == 1
        assert "is tested but still" in found[0]

    def test_accepts_a_clause_proven_in_part(self):
        assert compliance.problems(small(CC_2_1a=("partly", LONG)), cite("CC-1.1", "CC-2.1a"), []) == []

    def test_finds_partly_without_any_test(self):
        assert len(compliance.problems(small(CC_2_1a=("partly", LONG)), cite("CC-1.1"), [])) == 1

    def test_finds_an_empty_reason(self):
        found = compliance.problems(small(CC_2_1a=("planned", "later")), cite("CC-1.1"), [])
        assert found == ["CC-2.1a: the reason in compliance-plan.toml says nothing"]

    def test_finds_a_reason_for_an_unknown_clause(self):
        plan = small(CC_2_1a=("planned", LONG), CC_9_9=("planned", LONG))
        assert len(compliance.problems(plan, cite("CC-1.1"), [])) == 1

    def test_finds_an_unknown_clause_in_tests_and_code(self):
        plan = small(CC_2_1a=("planned", LONG))
        found = compliance.problems(plan, cite("CC-1.1", "CC-77"), cite("L-XX-1"))
        assert found == [
            "tests/x.py:1: CC-77 is no clause of docs/clauses.json",
            "tests/x.py:1: L-XX-1 is no clause of docs/clauses.json",
        ]


class TestLoadCatalogue:
    @pytest.fixture
    def docs(self, tmp_path):
        (tmp_path / "clauses.json").write_text('{"clauses": [], "standards": []}', encoding="utf-8")
        return tmp_path

    def test_sees_a_clause_that_stands_under_two_statuses(self, docs):
        plan = '[planned]\n"CC-1.1" = "a"\n[partly]\n"CC-1.1" = "b"\n'
        (docs / "compliance-plan.toml").write_text(plan, encoding="utf-8")
        assert compliance.load_catalogue(docs).duplicates == ("CC-1.1",)

    def test_refuses_a_status_nobody_knows(self, docs):
        (docs / "compliance-plan.toml").write_text("[maybe]\n", encoding="utf-8")
        with pytest.raises(ValueError, match="maybe"):
            compliance.load_catalogue(docs)


class TestMarkedTests:
    def test_reads_markers_of_functions_classes_and_modules(self, tmp_path):
        (tmp_path / "test_it.py").write_text(
            "import pytest\n"
            "pytestmark = pytest.mark.clause('CC-1')\n"
            "@pytest.mark.clause('CC-2', 'CC-3')\n"
            "def test_a(): pass\n"
            "@pytest.mark.clause('CC-4')\n"
            "class TestB: pass\n"
            "@pytest.mark.clause(NAME)\n"
            "def test_c(): pass\n",
            encoding="utf-8",
        )
        assert [item.clause for item in compliance.marked_tests(tmp_path)] == ["?", "CC-1", "CC-2", "CC-3", "CC-4"]


class TestCitedInCode:
    def test_reads_the_sections_of_docstrings_only(self, tmp_path):
        (tmp_path / "app").mkdir()
        (tmp_path / "app" / "it.py").write_text(
            '"""Do CC-8.\n\nClauses:\n    CC-1.1, CC-2.1a.\n    L-PI-1.\n\nNot CC-9.\n"""\n'
            'def f():\n    """Do.\n\n    Clauses:\n        CC-A2-4.4 (the gate).\n\n'
            '    Raises:\n        X: CC-7.\n    """\n',
            encoding="utf-8",
        )
        found = [item.clause for item in compliance.cited_in_code(tmp_path)]
        assert found == ["CC-1.1", "CC-2.1a", "CC-A2-4.4", "L-PI-1"]


class TestRender:
    def test_is_the_same_text_for_the_same_input(self):
        plan = small(CC_2_1a=("planned", LONG))
        args = (plan, cite("CC-1.1", "L-PI-1"), cite("CC-1.1"))
        assert compliance.render(*args) == compliance.render(*args)

    def test_shows_state_reason_and_files(self):
        page = compliance.render(small(CC_2_1a=("planned", LONG)), cite("CC-1.1"), [])
        assert "| `CC-1.1` | one | tested | [tests/x.py](../tests/x.py) |  |" in page
        assert f"| `CC-2.1a` | two \\| three | planned: {LONG} |  |  |" in page
        assert "| all | 2 | 1 | 0 | 1 | 0 |" in page
