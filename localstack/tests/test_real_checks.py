"""Real health checks of mapped targets: the bytes, the counts, and the three protocols."""

from __future__ import annotations

import socket
import ssl
import tempfile
import threading
import time
from typing import Any, Callable

import h2.config
import h2.connection
import h2.events

from tests.support import SCALE, Case, certificate_pem, forward, internal, until

Json = dict[str, Any]


class Server:
    """A loopback server that hands every connection to a function and keeps what it received."""

    def __init__(self, serve: Callable[[socket.socket, "Server"], None], tls: bool = False) -> None:
        self.received: list[bytes] = []
        self.arrivals: list[float] = []
        self.code = 200
        self._serve, self._context = serve, _context() if tls else None
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._handle, args=(connection,), daemon=True).start()

    def _handle(self, connection: socket.socket) -> None:
        self.arrivals.append(time.monotonic())
        try:
            with connection:
                wrapped = self._context.wrap_socket(connection, server_side=True) if self._context else connection
                self._serve(wrapped, self)
        except OSError:
            pass

    def close(self) -> None:
        self._socket.close()


def _context() -> ssl.SSLContext:
    body, key = certificate_pem("expired.example.com", days=(-10, -1))
    with tempfile.NamedTemporaryFile() as file:
        file.write(body + key)
        file.flush()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file.name)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def http1(connection: socket.socket, server: Server) -> None:
    server.received.append(connection.recv(65536))
    connection.sendall(f"HTTP/1.1 {server.code} X\r\nContent-Length: 0\r\n\r\n".encode())


def silent(connection: socket.socket, server: Server) -> None:
    time.sleep(5)


def garbage(connection: socket.socket, server: Server) -> None:
    connection.recv(65536)
    connection.sendall(b"220 mail ready\r\n\r\n")


def http2(connection: socket.socket, server: Server) -> None:
    session = h2.connection.H2Connection(config=h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
    session.initiate_connection()
    connection.sendall(session.data_to_send())
    while True:
        chunk = connection.recv(65536)
        if not chunk:
            return
        for event in session.receive_data(chunk):
            if isinstance(event, h2.events.RequestReceived):
                headers = dict(event.headers)
                server.received.append(f"{headers[':method']} {headers[':path']}".encode())
                if headers.get("content-type") == "application/grpc":
                    session.send_headers(event.stream_id, [(":status", "200"), ("grpc-status", str(server.code))], True)
                else:
                    session.send_headers(event.stream_id, [(":status", str(server.code))], True)
        connection.sendall(session.data_to_send())


class RealChecks(Case):
    @classmethod
    def prepare(cls) -> None:
        cls.lb = cls.balancer()
        cls.web = cls.listener(cls.lb)
        cls.priority = 0

    def serve(self, function: Callable[[socket.socket, Server], None], tls: bool = False, **kwargs: Any
              ) -> tuple[Server, str]:
        server = Server(function, tls)
        self.addCleanup(server.close)
        type(self).priority += 1
        self.address = f"10.0.1.{50 + self.priority}"
        internal("PUT", "targets", {"account": self.account, "region": "eu-west-1",
                                    "targets": {f"{self.address}:8000": server.address}})
        check = {"HealthCheckIntervalSeconds": max(5, min(300, int(SCALE / 5))), "HealthCheckTimeoutSeconds": 2,
                 "HealthyThresholdCount": 2}
        group = self.target_group(**{**check, **kwargs})
        self.rule(self.web, self.priority, Actions=[forward(group)])
        self.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": self.address}])
        return server, group

    def settled(self, group: str, state: str, reason: str | None = None) -> Json:
        """The health once it is so. A machine too busy to answer in time makes a check or two time out first; the
        reason is that of the last check, so that the right one must come."""
        return until(lambda: next((d["TargetHealth"] for d in self.health(group)
                                   if d["TargetHealth"]["State"] == state
                                   and reason in (None, d["TargetHealth"].get("Reason"))), None), 30)

    def test_exact_bytes(self) -> None:
        """User guide, "Health checks": GET, Host with address and port, Connection: close, ELB-HealthChecker/2.0."""
        server, group = self.serve(http1, HealthCheckPath="/api/health/")
        self.assertTrue(self.settled(group, "healthy"))
        self.assertEqual(
            f"GET /api/health/ HTTP/1.1\r\nHost: {self.address}:8000\r\nConnection: close\r\n"
            "User-Agent: ELB-HealthChecker/2.0\r\nAccept-Encoding: gzip, compressed\r\n\r\n".encode(),
            server.received[0])

    def test_code_mismatch_and_recovery(self) -> None:
        """User guide: unhealthy after UnhealthyThresholdCount failures, healthy again after HealthyThresholdCount."""
        server, group = self.serve(http1)
        server.code = 404
        shown = self.settled(group, "unhealthy")
        self.assertEqual(("Target.ResponseCodeMismatch", "Health checks failed with these codes: [404]"),
                         (shown["Reason"], shown["Description"]))
        server.code = 200
        self.assertTrue(self.settled(group, "healthy"))

    def test_interval(self) -> None:
        """API: HealthCheckIntervalSeconds is honoured (divided by the time scale)."""
        server, group = self.serve(http1)
        self.assertTrue(until(lambda: len(server.arrivals) >= 4, 30))
        seconds = max(5, min(300, int(SCALE / 5))) / SCALE
        gaps = [b - a for a, b in zip(server.arrivals, server.arrivals[1:])]
        self.assertGreater(sum(gaps) / len(gaps), seconds * 0.7)

    def test_timeout(self) -> None:
        """User guide: Target.Timeout."""
        _, group = self.serve(silent)
        self.assertEqual("Target.Timeout", self.settled(group, "unhealthy")["Reason"])

    def test_malformed(self) -> None:
        """User guide: Target.FailedHealthChecks for a malformed response."""
        _, group = self.serve(garbage)
        self.assertTrue(self.settled(group, "unhealthy", "Target.FailedHealthChecks"))

    def test_nothing_listens(self) -> None:
        """User guide: Target.FailedHealthChecks when no connection can be established."""
        server, group = self.serve(http1)
        self.assertTrue(self.settled(group, "healthy"))
        server.close()
        self.assertTrue(self.settled(group, "unhealthy", "Target.FailedHealthChecks"))

    def test_https_is_not_validated(self) -> None:
        """User guide, "Target groups": the load balancer does not validate targets' certificates."""
        server, group = self.serve(http1, tls=True, Protocol="HTTPS", HealthCheckProtocol="HTTPS")
        self.assertTrue(self.settled(group, "healthy"))
        self.assertTrue(server.received[0].startswith(b"GET / HTTP/1.1\r\n"))

    def test_http_check_of_an_https_target(self) -> None:
        """A plain check of a TLS port fails."""
        _, group = self.serve(http1, tls=True)
        self.assertTrue(self.settled(group, "unhealthy", "Target.FailedHealthChecks"))

    def test_http2_by_prior_knowledge(self) -> None:
        """User guide, "Protocol version": HTTP2 groups are checked by HTTP/2."""
        server, group = self.serve(http2, ProtocolVersion="HTTP2", HealthCheckPath="/h2")
        self.assertTrue(self.settled(group, "healthy"))
        self.assertEqual(b"GET /h2", server.received[0])

    def test_http2_over_tls(self) -> None:
        """User guide: HTTPS groups with HTTP2."""
        _, group = self.serve(http2, tls=True, Protocol="HTTPS", HealthCheckProtocol="HTTPS", ProtocolVersion="HTTP2")
        self.assertTrue(self.settled(group, "healthy"))

    def test_grpc_status(self) -> None:
        """User guide: GRPC groups match the gRPC status; the default is 12."""
        server, group = self.serve(http2, ProtocolVersion="GRPC")
        server.code = 12
        self.assertTrue(self.settled(group, "healthy"))
        self.assertEqual(b"POST /AWS.ALB/healthcheck", server.received[0])

    def test_only_loopback_can_be_mapped(self) -> None:
        """The map never makes the server dial anything but loopback."""
        import urllib.error

        with self.assertRaises(urllib.error.HTTPError) as caught:
            internal("PUT", "targets", {"account": self.account, "targets": {"10.0.1.1": "10.0.0.1:80"}})
        self.assertEqual(400, caught.exception.code)
