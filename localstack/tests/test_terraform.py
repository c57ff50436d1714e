"""A client that nobody here wrote: Terraform's aws provider applies, plans clean twice, changes, and destroys.

Needs `terraform` and the aws provider. The provider is taken from the folder that TF_PLUGIN_MIRROR names (a filesystem
mirror), else from wherever Terraform's own CLI configuration says; without either the case says that it did not run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from collections.abc import Sequence
from pathlib import Path

from tests.support import CASES, ENDPOINT, certificate_pem, fresh_account, internal
from tests.test_trust_stores import crl

_STACK = Path(__file__).parent / "terraform" / "main.tf"
# Changed one after the other, each with a plan that must be clean.
_DOZEN = ("subnets", "web.idle_timeout", "tags", "app.slow_start", "app.path", "app.matcher", "app.deregistration_delay",
          "https.ssl_policy", "https.weight", "forward.priority", "forward.path_pattern", "fixed.message_body")


def _changed(names: Sequence[str]) -> str:
    return f"-var=changed={json.dumps(list(names))}"


class Terraform(unittest.TestCase):
    def setUp(self) -> None:
        CASES.append(self.id())
        if shutil.which("terraform") is None:
            self.skipTest("terraform is not installed")
        self.account = fresh_account()
        self.addCleanup(internal, "POST", "reset", {"account": self.account})
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        shutil.copy(_STACK, self.folder)
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        self._configure()
        self._write_material()
        done = self.terraform("init", "-input=false", check=False)
        if done.returncode != 0:
            self.skipTest("the aws provider cannot be had; set TF_PLUGIN_MIRROR to a folder that mirrors it")

    def _configure(self) -> None:
        configuration = self.environment.get("TF_CLI_CONFIG_FILE")
        if configuration and not Path(configuration).exists():
            del self.environment["TF_CLI_CONFIG_FILE"]
        mirror = os.environ.get("TF_PLUGIN_MIRROR")
        if mirror:
            file = self.folder / "cli.tfrc"
            file.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{mirror}" }}\n}}\n')
            self.environment["TF_CLI_CONFIG_FILE"] = str(file)

    def _write_material(self) -> None:
        ca, ca_key = certificate_pem("ca.example.com", ca=True)
        body, key = certificate_pem("old.example.com")
        files = {"ca_file": ca, "crl_file": crl(ca, ca_key, 2), "certificate_file": body, "key_file": key}
        for name, content in files.items():
            (self.folder / f"{name}.pem").write_bytes(content)
            self.environment[f"TF_VAR_{name}"] = str(self.folder / f"{name}.pem")
        self.environment |= {"TF_VAR_endpoint": ENDPOINT, "TF_VAR_account": self.account, "TF_IN_AUTOMATION": "1"}

    def terraform(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(["terraform", *arguments, "-no-color"], cwd=self.folder, env=self.environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if check and done.returncode != 0:
            self.fail(f"terraform {' '.join(arguments)} exited {done.returncode}:\n{done.stdout[-6000:]}")
        return done

    def assert_clean(self, *arguments: str, times: int = 2) -> None:
        for _ in range(times):
            done = self.terraform("plan", "-input=false", "-detailed-exitcode", *arguments, check=False)
            self.assertEqual(0, done.returncode, done.stdout[-6000:])
            self.assertIn("No changes", done.stdout)

    def test_apply_plan_change_destroy(self) -> None:
        """hashicorp/aws: aws_lb and every aws_lb_* resource, aws_acm_certificate with validation."""
        self.terraform("apply", "-input=false", "-auto-approve")
        self.assert_clean()
        every = list(dict.fromkeys(re.findall(r'contains\(var\.changed, "([^"]+)"\)', _STACK.read_text())))
        self.assertLessEqual(set(_DOZEN), set(every))
        for count in range(1, len(_DOZEN) + 1):
            self._change(_DOZEN[:count], times=1)
        self._change(every, times=2)
        self.terraform("destroy", "-input=false", "-auto-approve", _changed(every))

    def _change(self, names: Sequence[str], times: int) -> None:
        done = self.terraform("apply", "-input=false", "-auto-approve", _changed(names))
        self.assertRegex(done.stdout, r"0 added, [1-9]\d* changed, 0 destroyed", names)
        self.assert_clean(_changed(names), times=times)
