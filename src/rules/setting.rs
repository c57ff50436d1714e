//! Settings by the name they have in the server at hand.
//!
//! One row per server with the words for each thing a fix may ask for; `{s}` stands for seconds. What is known of no
//! server is said in general words. The defaults behind these settings stand in the rules that judge them.

use crate::probe::Server;

/// A thing that a fix may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    /// How long idle connections stay open.
    KeepAlive,
    /// The address it listens on.
    Bind,
    /// How many requests a connection may carry.
    Requests,
    /// The limits of request headers.
    HeaderLimit,
    /// More workers, or ones that are not held by a silent connection.
    Workers,
    /// Which host names it answers to.
    Hosts,
    /// Client certificates.
    ClientCertificate,
    /// Whose word on the client's protocol is believed.
    ForwardedProto,
}

/// A server's words: keep-alive, bind, requests per connection, header limits, workers.
struct Row(Server, [&'static str; 5]);

/// Measured or read in the servers' documentation, as the rules say.
const ROWS: [Row; 15] = [
    Row(
        Server::Gunicorn,
        [
            "gunicorn --keep-alive {s}",
            "gunicorn --bind 0.0.0.0:{p}",
            "gunicorn's max_requests",
            "gunicorn --limit-request-line 0 and --limit-request-field_size 16384",
            "gunicorn --worker-class gthread --threads 4",
        ],
    ),
    Row(
        Server::Uvicorn,
        [
            "uvicorn --timeout-keep-alive {s}; under gunicorn, whose word rules uvicorn's worker, gunicorn --keep-alive {s}",
            "uvicorn --host 0.0.0.0 --port {p}",
            "",
            "uvicorn --http httptools",
            "",
        ],
    ),
    Row(
        Server::Hypercorn,
        [
            "hypercorn's keep_alive_timeout = {s}",
            "hypercorn --bind 0.0.0.0:{p}",
            "",
            "hypercorn's h11_max_incomplete_size",
            "",
        ],
    ),
    Row(
        Server::Daphne,
        ["nginx in front of daphne, whose own 60 s cannot be changed", "daphne -b 0.0.0.0 -p {p}", "", "", ""],
    ),
    Row(
        Server::Waitress,
        [
            "waitress's channel_timeout = {s}",
            "waitress-serve --listen=0.0.0.0:{p}",
            "",
            "waitress's max_request_header_size",
            "waitress's threads",
        ],
    ),
    Row(
        Server::Granian,
        ["granian's HTTP/1 keep-alive timeout of {s} s", "granian --host 0.0.0.0 --port {p}", "", "", ""],
    ),
    Row(
        Server::Nginx,
        [
            "nginx's keepalive_timeout {s}s",
            "nginx's listen {p}",
            "nginx's keepalive_requests 10000 and keepalive_time 24h",
            "nginx's large_client_header_buffers 4 32k",
            "nginx's worker_connections",
        ],
    ),
    Row(
        Server::Apache,
        [
            "Apache's KeepAliveTimeout {s}",
            "Apache's Listen {p}",
            "Apache's MaxKeepAliveRequests 0",
            "Apache's LimitRequestLine 16384 and LimitRequestFieldSize 16384",
            "Apache's MaxRequestWorkers, and AcceptFilter http none",
        ],
    ),
    Row(
        Server::Node,
        [
            "Node's server.keepAliveTimeout = {s}000 and a larger headersTimeout",
            "Node's server.listen({p}, '0.0.0.0')",
            "Node's server.maxRequestsPerSocket = 0",
            "node --max-http-header-size=65536",
            "",
        ],
    ),
    Row(
        Server::Go,
        [
            "Go's http.Server.IdleTimeout, or ReadTimeout where that is unset: {s} s",
            "Go's http.Server.Addr \":{p}\"",
            "",
            "Go's http.Server.MaxHeaderBytes",
            "",
        ],
    ),
    Row(
        Server::Tomcat,
        [
            "server.tomcat.keep-alive-timeout={s}s (keepAliveTimeout in server.xml)",
            "server.address=0.0.0.0 and server.port={p}",
            "server.tomcat.max-keep-alive-requests=-1",
            "server.max-http-request-header-size=64KB",
            "server.tomcat.threads.max",
        ],
    ),
    Row(
        Server::Jetty,
        [
            "server.jetty.connection-idle-timeout={s}s",
            "server.address=0.0.0.0 and server.port={p}",
            "",
            "server.max-http-request-header-size=64KB",
            "",
        ],
    ),
    Row(
        Server::Puma,
        [
            "Puma's persistent_timeout {s}",
            "puma -b tcp://0.0.0.0:{p}",
            "Puma's max_keep_alive",
            "",
            "Puma's threads and workers",
        ],
    ),
    Row(
        Server::Kestrel,
        [
            "Kestrel's Limits.KeepAliveTimeout of {s} s",
            "ASPNETCORE_URLS=http://0.0.0.0:{p}",
            "",
            "Kestrel's Limits.MaxRequestHeadersTotalSize",
            "",
        ],
    ),
    Row(
        Server::Traefik,
        ["Traefik's respondingTimeouts.idleTimeout={s}s", "Traefik's entryPoints address :{p}", "", "", ""],
    ),
];

impl Setting {
    /// The setting's name in this server, led in by `: `; nothing where it is not known.
    pub(super) fn of(self, server: Option<Server>) -> &'static str {
        let at = match self {
            Self::KeepAlive => 0,
            Self::Bind => 1,
            Self::Requests => 2,
            Self::HeaderLimit => 3,
            Self::Workers => 4,
            Self::Hosts => return hosts(server),
            Self::ClientCertificate => return client_certificate(server),
            Self::ForwardedProto => return forwarded_proto(server),
        };
        let row = ROWS.iter().find(|Row(of, _)| Some(*of) == server);
        row.and_then(|Row(_, words)| words.get(at)).copied().unwrap_or_default()
    }
    /// A sentence's end that names the setting: `: nginx's keepalive_timeout 75s`, or nothing.
    pub(super) fn named(self, server: Option<Server>, number: u32) -> String {
        let words = self.of(server);
        if words.is_empty() {
            return String::new();
        }
        format!(": {}", words.replace("{s}", &number.to_string()).replace("{p}", &number.to_string()))
    }
}

fn hosts(server: Option<Server>) -> &'static str {
    match server {
        Some(server) if server.is_python() => {
            "in Django answer the path in a middleware that stands before CommonMiddleware, or put the target's own \
             address into ALLOWED_HOSTS at start"
        }
        Some(Server::Nginx) => "nginx: a `listen … default_server` block with `location = PATH { return 200; }`",
        Some(Server::Apache) => "Apache: make the first VirtualHost answer the path",
        Some(_) | None => "let the default virtual host answer the path whatever the Host",
    }
}

fn forwarded_proto(server: Option<Server>) -> &'static str {
    match server {
        Some(Server::Nginx) => {
            "Django: SECURE_PROXY_SSL_HEADER = ('HTTP_X_FORWARDED_PROTO', 'https'); nginx: proxy_set_header \
             X-Forwarded-Proto $http_x_forwarded_proto, and where nginx itself redirects, only if \
             ($http_x_forwarded_proto = http)"
        }
        Some(Server::Gunicorn) => {
            "Django: SECURE_PROXY_SSL_HEADER = ('HTTP_X_FORWARDED_PROTO', 'https'); gunicorn: --forwarded-allow-ips with \
             the load balancer's networks, or *"
        }
        Some(Server::Uvicorn) => {
            "Django: SECURE_PROXY_SSL_HEADER = ('HTTP_X_FORWARDED_PROTO', 'https'); uvicorn: --proxy-headers \
             --forwarded-allow-ips with the load balancer's networks"
        }
        Some(Server::Tomcat) => "Spring: server.forward-headers-strategy=framework",
        Some(Server::Node) => "Express: app.set('trust proxy', true)",
        Some(_) | None => "Django: SECURE_PROXY_SSL_HEADER = ('HTTP_X_FORWARDED_PROTO', 'https')",
    }
}

fn client_certificate(server: Option<Server>) -> &'static str {
    match server {
        Some(Server::Nginx) => "nginx's ssl_verify_client off",
        Some(Server::Apache) => "Apache's SSLVerifyClient none",
        Some(Server::Envoy) => "Envoy's require_client_certificate: false (Istio: PeerAuthentication PERMISSIVE)",
        Some(Server::Node) => "Node's requestCert: false",
        Some(Server::Go) => "Go's tls.Config.ClientAuth = tls.NoClientCert",
        Some(Server::Gunicorn) => "gunicorn --cert-reqs 0",
        Some(Server::Uvicorn) => "uvicorn --ssl-cert-reqs 0",
        Some(_) | None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_has_one_row_and_says_how_to_keep_connections_open() {
        let servers: std::collections::BTreeSet<_> = ROWS.iter().map(|Row(server, _)| *server).collect();
        assert_eq!(servers.len(), ROWS.len());
        for Row(server, [keep_alive, bind, ..]) in &ROWS {
            assert!(!keep_alive.is_empty() && bind.contains("{p}"), "{server:?}");
        }
        assert_eq!(Setting::KeepAlive.named(Some(Server::Nginx), 75), ": nginx's keepalive_timeout 75s");
        assert_eq!(Setting::Bind.named(Some(Server::Gunicorn), 8000), ": gunicorn --bind 0.0.0.0:8000");
        assert_eq!(Setting::Requests.named(Some(Server::Go), 0), "");
        assert_eq!(Setting::KeepAlive.named(None, 75), "");
    }
}
