"""The README's generated table is what the package serves."""

from __future__ import annotations

import unittest
from pathlib import Path

from no502_localstack import coverage
from tests.support import CASES


class Readme(unittest.TestCase):
    def test_table(self) -> None:
        """`python -m no502_localstack.coverage` prints what stands between the marks."""
        CASES.append(self.id())
        text = (Path(__file__).resolve().parents[1] / "README.md").read_text()
        generated = text.split("<!-- generated: python -m no502_localstack.coverage -->\n")[1]
        self.assertEqual(coverage.table(), generated.split("\n<!-- end -->")[0])

    def test_files_are_short(self) -> None:
        """No file of the package or its tests has 400 lines or more."""
        CASES.append(self.id())
        root = Path(__file__).resolve().parents[1]
        files = [file for folder in ("no502_localstack", "tests") for file in (root / folder).rglob("*.py")]
        self.assertEqual([], [file.name for file in files if len(file.read_text().splitlines()) >= 400])
