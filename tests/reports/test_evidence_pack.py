from __future__ import annotations

from app.reports.verifier.verify import show, verify


class TestPack:
    def test_verifies(self, pack, tmp_path):
        path = tmp_path / "pack.zip"
        path.write_bytes(pack)
        report = verify(path)
        print(show(report))
        assert report.is_ok(), report.problems
