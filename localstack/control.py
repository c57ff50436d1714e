"""Starts and stops a LocalStack that has this repository's ELBv2 provider.

Does: make the virtual environment from the lock file, install the provider package, start LocalStack on loopback, wait
until it answers and until it *says* that our providers are loaded, restart it when the package's source changed.
Does not: talk to Docker, need a token, keep state between runs, or touch anything outside `target/localstack`.
Only the standard library is used, because it runs before anything is installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, NoReturn

SOURCE = Path(__file__).resolve().parent
HOME = SOURCE.parent / "target" / "localstack"
VENV = HOME / "venv"
LOCK_FILE = SOURCE / "requirements.lock"
PORT = int(os.environ.get("NO502_LOCALSTACK_PORT") or "4566")
STATE = HOME / f"port-{PORT}"
PID_FILE = STATE / "pid"
LOG_FILE = STATE / "localstack.log"
ENDPOINT = f"http://127.0.0.1:{PORT}"
TIME_SCALE = os.environ.get("NO502_LS_TIME_SCALE") or "1"
START_SECONDS = 180
# The services that a reconciler of load balancers meets; all are loaded before `up` returns, so that no test pays
# for an import and no provider can be missing unnoticed.
EXPECTED = ("elbv2", "acm", "ec2", "resourcegroupstaggingapi")


def say(text: str) -> None:
    print(f"localstack: {text}", file=sys.stderr, flush=True)


def digest(*roots: Path) -> str:
    """A hash of the files' names and contents, so that a change of the package restarts the server."""
    total = hashlib.sha256()
    for root in roots:
        files = [root] if root.is_file() else sorted(root.rglob("*"))
        for file in files:
            if file.is_file() and file.suffix != ".pyc":
                total.update(str(file.relative_to(SOURCE)).encode() + b"\0" + file.read_bytes() + b"\0")
    return total.hexdigest()[:16]


def package_digest() -> str:
    return digest(SOURCE / "no502_localstack", SOURCE / "pyproject.toml", LOCK_FILE)


@contextmanager
def exclusively(name: str) -> Iterator[None]:
    """Two processes may run `up` at once (cargo runs test binaries side by side): one works, the other waits."""
    HOME.mkdir(parents=True, exist_ok=True)
    with open(HOME / name, "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def run(*command: str | Path) -> None:
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
        raise SystemExit(f"localstack: '{' '.join(str(part) for part in command)}' failed ({done.returncode})")


def install() -> None:
    """Makes the environment whole. The stamps are written last, so an interrupted run is simply done again."""
    wanted = digest(LOCK_FILE) + f" python{sys.version_info.major}.{sys.version_info.minor}"
    stamp = VENV / "no502-requirements"
    if not stamp.exists() or stamp.read_text() != wanted:
        if sys.version_info[:2] != (3, 11):
            say(f"the lock file was made for Python 3.11, this is {sys.version.split()[0]}: it may not install")
        say("creating the virtual environment (once; about two minutes)")
        shutil.rmtree(VENV, ignore_errors=True)
        run(sys.executable, "-m", "venv", VENV)
        run(VENV / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
            "-r", LOCK_FILE)
        stamp.write_text(wanted)
    package = package_digest()
    package_stamp = VENV / "no502-package"
    if not package_stamp.exists() or package_stamp.read_text() != package:
        say("installing the provider package")
        run(VENV / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
            "--no-build-isolation", "--force-reinstall", SOURCE)
        package_stamp.write_text(package)


def ready() -> dict[str, Any] | None:
    """What the running server says about itself, or None if nothing of ours answers on the port."""
    try:
        with urllib.request.urlopen(f"{ENDPOINT}/_no502/ready", timeout=60) as answer:
            return json.load(answer)
    except (OSError, ValueError, urllib.error.URLError):
        return None


def foreign() -> bool:
    """Whether something that is not ours answers on the port."""
    try:
        urllib.request.urlopen(f"{ENDPOINT}/_localstack/health", timeout=5).read()
        return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def identity() -> dict[str, Any]:
    return {"package": package_digest(), "time_scale": float(TIME_SCALE)}


def healthy(answer: dict[str, Any]) -> bool:
    return all(answer.get("providers", {}).get(name) == "loaded" for name in EXPECTED)


def server_environment() -> dict[str, str]:
    """The environment of the server: nothing of the caller's AWS or LocalStack settings leaks in."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "LOCALSTACK_", "SERVICES", "PROVIDER_"))}
    return kept | {
        "GATEWAY_LISTEN": f"127.0.0.1:{PORT}",
        # The default server ignores the address and binds all interfaces; hypercorn honours it.
        "GATEWAY_SERVER": "hypercorn",
        "LOCALSTACK_HOST": f"localhost.localstack.cloud:{PORT}",
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "XDG_CACHE_HOME": str(STATE / "cache"),
        "FILESYSTEM_ROOT": str(STATE / "filesystem"),
        # What it keeps below the folder for temporary files, any other LocalStack clears when it starts.
        "TMPDIR": str(STATE / "filesystem"),
        "DNS_ADDRESS": "0",
        # Moto would give every account of every test some 8 MB of machine images.
        "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
        "PROVIDER_OVERRIDE_ACM": "no502",
        "PROVIDER_OVERRIDE_EC2": "no502",
        "PROVIDER_OVERRIDE_RESOURCEGROUPSTAGGINGAPI": "no502",
        "NO502_LS_TIME_SCALE": TIME_SCALE,
        "NO502_LS_PACKAGE": package_digest(),
        "PYTHONUNBUFFERED": "1",
        "LS_LOG": os.environ.get("NO502_LS_LOG", "warning"),
    }


def start() -> None:
    # A plug-in index that was cached before our package was installed would hide it, so no cache survives a start.
    for name in ("cache", "filesystem"):
        shutil.rmtree(STATE / name, ignore_errors=True)
        (STATE / name).mkdir(parents=True)
    with open(LOG_FILE, "w") as log:
        server = subprocess.Popen(
            [str(VENV / "bin" / "python"), "-m", "localstack.runtime.main"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            start_new_session=True, close_fds=True, cwd=STATE, env=server_environment(),
        )
    PID_FILE.write_text(str(server.pid))
    say(f"starting on {ENDPOINT} (log: {LOG_FILE.relative_to(SOURCE.parent)})")
    answer: dict[str, Any] = {}
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            fail(f"LocalStack ended with {server.returncode}")
        answer = ready() or {}
        if answer:
            break
        time.sleep(0.2)
    if not answer:
        fail("LocalStack did not become ready; if its log shows no error, the provider package did not load")
    if not healthy(answer):
        fail(f"our providers did not all load: {json.dumps(answer.get('providers'))}")


def fail(reason: str) -> NoReturn:
    tail = LOG_FILE.read_text(errors="replace").splitlines()[-30:]
    sys.stderr.write("\n".join(tail) + "\n")
    stop()
    raise SystemExit(f"localstack: {reason}")


def running_pid() -> int | None:
    """The process that `up` started, if it is still that process."""
    try:
        pid = int(PID_FILE.read_text())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return None
    command_line = Path(f"/proc/{pid}/cmdline")
    if command_line.exists() and b"localstack.runtime.main" not in command_line.read_bytes():
        return None
    return pid


def stop() -> bool:
    pid = running_pid()
    if pid is not None:
        try:
            os.kill(pid, signal.SIGTERM)
            for _ in range(50):
                os.kill(pid, 0)
                time.sleep(0.1)
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass
            os.killpg(pid, signal.SIGKILL)
            time.sleep(0.2)
        except ProcessLookupError:
            pass
    PID_FILE.unlink(missing_ok=True)
    return pid is not None


def up() -> None:
    with exclusively("up.lock"):
        answer = (ready() if running_pid() is not None else None) or {}
        if healthy(answer) and all(answer.get(key) == value for key, value in identity().items()):
            print(ENDPOINT, flush=True)
            return
        if answer:
            say("the package or its settings changed since the server was started: restarting it")
        stop()
        if foreign():
            raise SystemExit(f"localstack: something else listens on {ENDPOINT}; set NO502_LOCALSTACK_PORT")
        STATE.mkdir(parents=True, exist_ok=True)
        install()
        start()
    print(ENDPOINT, flush=True)


def down() -> None:
    with exclusively("up.lock"):
        say(f"stopped {ENDPOINT}" if stop() else f"nothing of ours runs on {ENDPOINT}")


if __name__ == "__main__":
    commands = {"up": up, "down": down}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        raise SystemExit("usage: control.py up|down")
    commands[sys.argv[1]]()
