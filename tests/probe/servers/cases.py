"""The table of the real-server tests: which servers there are, and what a probe must say of each.

A server is `(kind, Django settings that differ from the good ones, arguments)`; a case is one target group with one
target: the server it reaches, what the group declares, and the findings of its checks; none where all is well.
Every row of a Django, gunicorn or nginx mistake that a probe can see stands here, beside an arrangement that is well.
"""

import re

from shop import PLAIN

# idle connections outlive the load balancer's 4 s by 5 s and more; requests of any size that it passes on are taken
GUNICORN = ["--limit-request-line", "0", "--limit-request-field_size", "65536", "--no-sendfile"]
THREADS = [*GUNICORN, "--threads", "4", "--keep-alive", "12"]
CSRF = {"MIDDLEWARE": ["shop.answer_health_checks", *PLAIN, "django.middleware.csrf.CsrfViewMiddleware"]}
ANY_HOST = {"MIDDLEWARE": PLAIN, "ALLOWED_HOSTS": ["*"]}
TO_HTTPS = {"SECURE_SSL_REDIRECT": True}
BELIEVED = {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")}
# gunicorn believes its own machine, where the probe sits: a load balancer is never there
FROM_AFAR = ["--forwarded-allow-ips", "192.0.2.7"]

BUFFERS = "large_client_header_buffers 8 64k; client_max_body_size 10m;"
HOST = "proxy_set_header Host $host;"
PROTO = "proxy_set_header X-Forwarded-Proto $http_x_forwarded_proto;"
TLS = "ssl_certificate CERTIFICATES/good.pem; ssl_certificate_key CERTIFICATES/good.key;"
EXPIRED = "ssl_certificate CERTIFICATES/expired.pem; ssl_certificate_key CERTIFICATES/expired.key;"


def nginx(inside, listen="", before="", keep="keepalive_timeout 75s;"):
    block = f"server {{ listen 127.0.0.1:PORT {listen}; server_name shop.example.com; {BUFFERS} {keep} {inside} }} {before}"
    return ("nginx", {}, [block])


SERVERS = {
    # Django, as it should be, under each kind of worker
    "sync": ("gunicorn", TO_HTTPS | BELIEVED, [*GUNICORN, "--workers", "3"]),
    "threads": ("gunicorn", TO_HTTPS | BELIEVED, THREADS),
    "uvicorn-worker": ("gunicorn", TO_HTTPS | BELIEVED,
                       ["-k", "uvicorn_worker.UvicornWorker", "--keep-alive", "12"]),
    "uvicorn": ("uvicorn", {}, ["--timeout-keep-alive", "12"]),
    "forwarded-host": ("gunicorn", {"USE_X_FORWARDED_HOST": True}, THREADS),
    "tls": ("gunicorn", {}, [*THREADS, "--certfile", "CERTIFICATES/good.pem", "--keyfile", "CERTIFICATES/good.key"]),
    "plain": ("gunicorn", ANY_HOST, THREADS),
    # Django with one mistake
    "no-home": ("gunicorn", ANY_HOST | {"ROOT_URLCONF": "shop_without_home"}, THREADS),
    "hosts": ("gunicorn", {"MIDDLEWARE": PLAIN}, THREADS),
    "no-hosts": ("gunicorn", {"MIDDLEWARE": PLAIN, "ALLOWED_HOSTS": []}, THREADS),
    "debug": ("gunicorn", {"MIDDLEWARE": PLAIN, "ALLOWED_HOSTS": [], "DEBUG": True}, THREADS),
    "redirect-all": ("gunicorn", ANY_HOST | TO_HTTPS | BELIEVED, THREADS),
    "loop": ("gunicorn", TO_HTTPS, [*THREADS, *FROM_AFAR]),
    "redirect-and-loop": ("gunicorn", ANY_HOST | TO_HTTPS, [*THREADS, *FROM_AFAR]),
    "www": ("gunicorn", ANY_HOST | {"PREPEND_WWW": True}, THREADS),
    "database": ("gunicorn", {"HEALTH_ASKS_DATABASE": True}, THREADS),
    "agents": ("gunicorn", ANY_HOST | {"DISALLOWED_USER_AGENTS": [re.compile("ELB")]}, THREADS),
    "csrf": ("gunicorn", CSRF, [*THREADS, *FROM_AFAR]),
    "csrf-believed": ("gunicorn", CSRF | BELIEVED, [*THREADS, *FROM_AFAR]),
    "csrf-trusted": ("gunicorn", CSRF | {"CSRF_TRUSTED_ORIGINS": ["https://shop.example.com"]}, [*THREADS, *FROM_AFAR]),
    # workers with one mistake, or with their defaults
    "short": ("gunicorn", {}, [*GUNICORN, "--threads", "4"]),
    "short-uvicorn-worker": ("gunicorn", {}, ["-k", "uvicorn_worker.UvicornWorker"]),
    "one-worker": ("gunicorn", {}, ["--workers", "1"]),
    "busy": ("gunicorn", {}, ["--workers", "1"]),
    # keep-alives of one known length, measured by `keep_alive.rs`
    "keeps-1": ("gunicorn", {}, ["--threads", "4", "--keep-alive", "1"]),
    "keeps-6": ("gunicorn", {}, [*GUNICORN, "--threads", "4", "--keep-alive", "6"]),
    "keeps-5": ("uvicorn", {}, []),
    "keeps-5-node": ("node", {}, ["5000"]),
    "keeps-20": nginx("keepalive_timeout 20s; location / { return 200 ok; }", keep=""),
    # nginx in front
    "proxy": nginx(f"location / {{ proxy_pass http://<threads>; {HOST} {PROTO} }}"),
    "proxy-tls": nginx(f"{TLS} location / {{ proxy_pass http://<threads>; {HOST} {PROTO} }}", "ssl"),
    "proxy-expired": nginx(f"{EXPIRED} location / {{ return 200 ok; }}", "ssl"),
    "proxy-redirects-http": nginx(
        f"location /api/ {{ proxy_pass http://<threads>; {HOST} {PROTO} }}"
        f"location / {{ if ($http_x_forwarded_proto = http) {{ return 301 https://$host$request_uri; }}"
        f" proxy_pass http://<threads>; {HOST} {PROTO} }}"),
    "proxy-redirects-all": nginx(
        f"location /api/ {{ proxy_pass http://<threads>; {HOST} {PROTO} }}"
        "location / { return 301 https://$host$request_uri; }"),
    "proxy-recycles": nginx("keepalive_requests 50; location / { return 200 ok; }"),
    "dead": nginx(f"location / {{ proxy_pass http://<nobody>; {HOST} {PROTO} }}"),
    "green-light": nginx(f"location /api/health/ {{ return 200; }} location / {{ proxy_pass http://<nobody>; }}"),
    "large-header": nginx(f"location /api/ {{ proxy_pass http://<plain>; {HOST} }}"
                          f"location = / {{ proxy_pass http://<plain>/cookies/; {HOST} }}"),
    "own-scheme": nginx(f"location / {{ proxy_pass http://<threads>; {HOST} proxy_set_header X-Forwarded-Proto $scheme; }}"),
    "own-host": nginx(f"location / {{ proxy_pass http://<hosts>; {PROTO} }}"),
    "names-only": nginx("if ($host != shop.example.com) { return 444; } location / { return 200 ok; }"),
    "names-421": nginx("if ($host != shop.example.com) { return 421; } location / { return 200 ok; }"),
    "names-moved": nginx("if ($host != shop.example.com) { return 301 https://shop.example.com$request_uri; }"
                         "location / { return 200 ok; }"),
    "tls13": nginx(f"{TLS} ssl_protocols TLSv1.3; location / {{ return 200 ok; }}", "ssl"),
    "sni": nginx(f"{TLS} location / {{ return 200 ok; }}", "ssl",
                 "server { listen 127.0.0.1:PORT ssl default_server; ssl_reject_handshake on; }"),
    "client-certificate": nginx(f"{TLS} ssl_client_certificate CERTIFICATES/good.pem; ssl_verify_client on;"
                                "location / { return 200 ok; }", "ssl"),
    "proxy-line": nginx("location / { return 200 ok; }", "proxy_protocol"),
    # others
    "node": ("node", {}, ["11000"]),
    "node-large-header": ("node", {}, ["11000", "large-header"]),
    "hypercorn": ("hypercorn", {}, ["--keep-alive", "12"]),
    "grpc": ("grpc", {}, []),
    "redis": ("says", {}, ["-ERR unknown command 'GET'\r\n"]),
    "two-lengths": ("says", {}, ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"]),
    "short-body": ("says", {}, ["HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\nok"]),
    "recycles": ("recycles", {}, ["50"]),
    "refuses": ("refuses", {}, []),
    "nobody": ("nobody", {}, []),
}

# so many clients ask these for a page that takes 3 s, again and again: who comes next waits for two of them and more
BUSY = {"busy": 3}

HTTPS = {"protocol": "https", "check": "https"}
GRPC = {"version": "grpc", "path": "/grpc.health.v1.Health/Check", "codes": "0"}

# what it is, server, what the group declares (`sidecar`: who answers the check, on port 9000), what is found by check; `full` ones also measure what must wait
CASES = [
    # well
    ("gunicorn sync, as in the article", "sync", {}, [], "full"),
    ("gunicorn gthread", "threads", {}, [], "full"),
    ("gunicorn with uvicorn's worker", "uvicorn-worker", {}, [], "full"),
    ("uvicorn", "uvicorn", {}, [], "full"),
    ("gunicorn with a certificate of its own", "tls", HTTPS, [], "full"),
    ("nginx before gunicorn", "proxy", {}, [], "full"),
    ("nginx with a self-signed certificate", "proxy-tls", HTTPS, [], "full"),
    ("Node", "node", {}, [], "full"),
    ("nginx says when it recycles a connection", "proxy-recycles", {}, [], "full"),
    ("nginx with an expired certificate", "proxy-expired", HTTPS, [], "quick"),
    ("a name that the certificate does not have", "proxy-tls", HTTPS | {"host": "www.example.net", "codes": "200"}, [],
     "quick"),
    ("nginx redirects plain http only", "proxy-redirects-http", {}, [], "quick"),
    ("X-Forwarded-Host is believed, and never sent", "forwarded-host", {}, [], "quick"),
    ("TLS 1.3 only behind a policy that has it", "tls13", HTTPS, [], "quick"),
    ("HTTP/2 with prior knowledge", "hypercorn", {"version": "http2"}, [], "quick"),
    ("HTTP/1.1 on the same server", "hypercorn", {}, [], "full"),
    ("gRPC with the health service", "grpc", GRPC, [], "quick"),
    ("gRPC without one", "grpc", {"version": "grpc", "path": "/AWS.ALB/healthcheck", "codes": "12"}, [], "quick"),
    # health checks
    ("no such path", "plain", {"path": "/healthz/"}, ["health_check E101"], "quick"),
    ("nothing at the default path", "no-home", {"path": "/"}, ["health_check E101"], "quick"),
    ("the slash is missing", "plain", {"path": "/api/health"}, ["health_check E108"], "quick"),
    ("ALLOWED_HOSTS has no address", "hosts", {}, ["health_check E109"], "quick"),
    ("ALLOWED_HOSTS has nothing", "no-hosts", {}, ["health_check E109"], "quick"),
    ("ALLOWED_HOSTS has nothing, and DEBUG hides it at home", "debug", {}, ["health_check E109"], "quick"),
    ("SECURE_SSL_REDIRECT without an exemption", "redirect-all", {}, ["health_check E108"], "quick"),
    ("PREPEND_WWW", "www", {}, ["health_check E108"], "quick"),
    ("the check asks a sidecar, and all is well", "threads", {"sidecar": "plain"}, [], "quick"),
    ("the check asks a sidecar, the application is dead", "nobody", {"sidecar": "plain"}, ["request E104"], "quick"),
    ("the check asks where nobody is", "plain", {"sidecar": "nobody"}, ["health_check E103"], "quick"),
    ("a login, as Flower has", "plain", {"path": "/private/"}, ["health_check E110"], "quick"),
    ("DISALLOWED_USER_AGENTS has the checker", "agents", {}, ["health_check E110"], "quick"),
    ("the database is down", "database", {}, ["health_check E111"], "quick"),
    ("nobody listens, as at a Celery worker", "nobody", {}, ["health_check E118"], "quick"),
    ("Redis", "redis", {}, ["health_check E118"], "quick"),
    ("bound to 127.0.0.1", "plain", {"via": "127.0.0.2"}, ["health_check E510"], "quick"),
    ("nginx before nobody", "dead", {}, ["health_check E101", "request E101"], "quick"),
    ("nginx passes its own Host on", "own-host", {}, ["health_check E109"], "quick"),
    ("nginx closes on other names", "names-only", {}, ["health_check E109"], "quick"),
    ("nginx is not who was meant", "names-421", {}, ["health_check E109"], "quick"),
    ("nginx sends other names away", "names-moved", {}, ["health_check E109"], "quick"),
    ("one sync worker, busy with other requests", "busy", {"timeout": "4s"}, ["health_check E106"], "quick"),
    # protocols
    ("the check speaks HTTPS, gunicorn HTTP", "plain", {"check": "https"}, ["health_check E105", "tls E105"], "quick"),
    ("the check speaks HTTP, gunicorn HTTPS", "tls", {"protocol": "https"}, ["health_check E105"], "quick"),
    ("the check speaks HTTP, nginx HTTPS", "proxy-tls", {"protocol": "https"}, ["health_check E105"], "quick"),
    ("HTTPS to plain gunicorn", "plain", HTTPS, ["health_check E201", "tls E201"], "quick"),
    ("HTTPS to plain nginx", "proxy", HTTPS, ["health_check E201", "tls E201"], "quick"),
    ("HTTPS to plain Node", "node", HTTPS, ["health_check E201", "tls E201"], "quick"),
    ("HTTPS to plain uvicorn", "uvicorn", HTTPS, ["health_check E201", "tls E201"], "quick"),
    ("HTTPS to plain gunicorn, which is checked in HTTP", "plain", {"protocol": "https"},
     ["request E201", "tls E201"], "quick"),
    ("HTTP to gunicorn with TLS", "tls", {}, ["health_check E202"], "quick"),
    ("HTTP to nginx with TLS", "proxy-tls", {}, ["health_check E202"], "quick"),
    ("HTTP/2 to gunicorn", "plain", {"version": "http2"}, ["health_check E203"], "quick"),
    ("HTTP/2 to nginx without it", "proxy", {"version": "http2"}, ["health_check E203"], "quick"),
    ("HTTP/2 to Node", "node", {"version": "http2"}, ["health_check E203"], "quick"),
    ("gRPC to gunicorn", "plain", GRPC, ["health_check E204"], "quick"),
    ("gRPC to a server of HTTP/2", "hypercorn", GRPC, ["health_check E204"], "quick"),
    ("gRPC, and no such method", "grpc", GRPC | {"path": "/shop.Orders/Check"}, ["health_check E204"], "quick"),
    ("TLS 1.3 only behind an old policy", "tls13", HTTPS | {"balancer": "old"}, ["health_check E208", "tls E208"], "quick"),
    ("a name is wanted", "sni", HTTPS, ["health_check E209", "tls E209"], "quick"),
    ("a client certificate is wanted", "client-certificate", HTTPS, ["health_check E210"], "quick"),
    ("a PROXY line is wanted", "proxy-line", {}, ["health_check E211"], "quick"),
    # requests
    ("SECURE_SSL_REDIRECT, and the proxy is not believed", "loop", {}, ["request E806"], "quick"),
    ("the same without an exemption", "redirect-and-loop", {}, ["health_check E108", "request E806"], "quick"),
    ("nginx redirects everything", "proxy-redirects-all", {}, ["request E806"], "quick"),
    ("nginx says its own scheme", "own-scheme", {}, ["request E806"], "quick"),
    ("nginx answers the check, the application is dead", "green-light", {}, ["request E707"], "quick"),
    ("a header larger than nginx's buffer", "large-header", {}, ["request E707"], "quick"),
    ("a header larger than the load balancer takes", "node-large-header", {}, ["request E701"], "quick"),
    ("two lengths", "two-lengths", {}, ["health_check E702", "request E702"], "quick"),
    ("a body shorter than promised", "short-body", {}, ["request E703"], "quick"),
    # what must be waited for
    ("forms from https, which Django takes for http", "csrf", {}, ["forms E815"], "full"),
    ("the same, and X-Forwarded-Proto is believed", "csrf-believed", {}, [], "full"),
    ("the same, and the origin is trusted", "csrf-trusted", {}, [], "full"),
    ("connections that end without a word", "recycles", {}, ["connection_reuse E306"], "full"),
    ("an upload that is refused unread", "refuses", {}, ["large_body E308"], "full"),
    ("gunicorn's keep-alive", "short", {}, ["keep_alive E301"], "full"),
    ("gunicorn's keep-alive rules uvicorn's worker", "short-uvicorn-worker", {}, ["keep_alive E301"], "full"),
    ("a keep-alive hardly longer than the idle timeout", "keeps-6", {}, ["keep_alive E302"], "full"),
    ("one sync worker, with gunicorn's limits", "one-worker", {},
     ["request_size E706", "silent_neighbour E312"], "full"),
]
