"""Runs test modules in parallel threads over one server and closes with one plain line of counts.

Each class has its own account, so classes are what runs side by side; a class's own cases run in order.
"""

from __future__ import annotations

import importlib
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

LAST = "test_zz_complete"
ALONE = ("test_load",)  # measures, so it runs with nothing beside it
WORKERS = 6


def classes(module: str) -> list[unittest.TestSuite]:
    loader = unittest.defaultTestLoader
    return [suite for suite in loader.loadTestsFromModule(importlib.import_module(f"tests.{module}"))
            if suite.countTestCases()]


def run(suite: unittest.TestSuite) -> unittest.TestResult:
    result = unittest.TestResult()
    suite.run(result)
    return result


def main(modules: list[str]) -> int:
    started = time.monotonic()
    suites = [suite for module in modules if module not in (LAST, *ALONE) for suite in classes(module)]
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        results = list(pool.map(run, suites))
    for module in ALONE:
        if module in modules:
            results += [run(suite) for suite in classes(module)]
    if LAST in modules:
        results += [run(suite) for suite in classes(LAST)]
    failed = skipped = total = 0
    for result in results:
        total += result.testsRun
        for kind, entries in (("FAILED", result.failures), ("ERROR", result.errors)):
            for case, trace in entries:
                failed += 1
                print(f"{kind}: {case}\n{trace}", file=sys.stderr)
        for case, reason in result.skipped:
            skipped += 1
            print(f"NOT RUN: {case}: {reason}", file=sys.stderr)
    print(f"conformance: {total} cases in {time.monotonic() - started:.1f} s", file=sys.stderr)
    print(f"{total - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
