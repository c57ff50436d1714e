"""Runs last: every operation was called, and every error code of ELBv2 came back."""

from __future__ import annotations

import unittest

import botocore.session

from tests.support import CASES, ERRORS, OPERATIONS


class Complete(unittest.TestCase):
    def test_every_operation(self) -> None:
        """Service model: all operations of elbv2 and of acm."""
        for service in ("elbv2", "acm"):
            model = botocore.session.Session().get_service_model(service)
            self.assertEqual(set(), set(model.operation_names) - {name for each, name in OPERATIONS if each == service})

    def test_every_error(self) -> None:
        """Service model: all error codes of elbv2."""
        model = botocore.session.Session().get_service_model("elbv2")
        declared = {shape.metadata["error"]["code"] for shape in model.error_shapes}
        seen = {code for service, code in ERRORS if service == "elbv2"}
        self.assertEqual(set(), declared - seen)
        self.assertNotIn("InternalError", seen)

    def test_enough_cases(self) -> None:
        """At least 250 cases."""
        self.assertGreaterEqual(len(CASES), 250)
