"""A client that nobody here wrote: Ansible's elb_target_group and elb_application_lb are idempotent.

Ansible is half a gigabyte, so it is installed (from tests/ansible/requirements.lock, into an environment of its own
under target/localstack) only if NO502_ANSIBLE=1; without it the case says that it did not run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

from tests.support import ENDPOINT, Case

_HERE = Path(__file__).parent / "ansible"
_VENV = Path(__file__).resolve().parents[2] / "target" / "localstack" / "ansible"


class Ansible(Case):
    @classmethod
    def setUpClass(cls) -> None:
        if not (_VENV / "complete").exists():
            if os.environ.get("NO502_ANSIBLE") != "1":
                raise unittest.SkipTest("Ansible is not installed; NO502_ANSIBLE=1 installs it")
            subprocess.run([sys.executable, "-m", "venv", _VENV], check=True)
            subprocess.run([_VENV / "bin" / "pip", "install", "--quiet", "--no-deps", "-r",
                            _HERE / "requirements.lock"], check=True)
            (_VENV / "complete").touch()
        super().setUpClass()

    def play(self) -> tuple[int, int]:
        """The numbers of tasks that changed something and that failed."""
        variables = {"endpoint": ENDPOINT, "account": self.account, "vpc": self.vpc, "group": self.security_group,
                     "subnets": ",".join(self.subnets[:2])}
        extra = [part for key, value in variables.items() for part in ("-e", f"{key}={value}")]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        environment |= {"ANSIBLE_HOME": str(_VENV / "home"), "ANSIBLE_LOCALHOST_WARNING": "False", "LC_ALL": "C.UTF-8",
                        "ANSIBLE_NOCOLOR": "1"}
        done = subprocess.run([_VENV / "bin" / "ansible-playbook", "-i", "localhost,", str(_HERE / "playbook.yml"), *extra],
                              env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        counts = re.search(r"changed=(\d+)\s+unreachable=\d+\s+failed=(\d+)", done.stdout)
        assert counts is not None, done.stdout[-4000:]
        if int(counts[2]):
            self.fail(done.stdout[-4000:])
        return int(counts[1]), int(counts[2])

    def test_idempotent(self) -> None:
        """amazon.aws.elb_application_lb, community.aws.elb_target_group: the second run changes nothing."""
        self.assertEqual((3, 0), self.play())
        self.assertEqual((0, 0), self.play())
        rules = self.elb.describe_rules(ListenerArn=self.elb.describe_listeners(
            LoadBalancerArn=self.elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
        )["Listeners"][0]["ListenerArn"])["Rules"]
        self.assertEqual(["10", "20", "default"], [rule["Priority"] for rule in rules])
