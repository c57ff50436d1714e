//! The server software behind a target: its names, and how its answers give it away.
//!
//! Only names: which of its settings matters is for the rules to say.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! servers {
    ($($(#[$doc:meta])* $variant:ident = $name:literal [$($alias:literal),*]),+ $(,)?) => {
        /// Server software.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum Server { $($(#[$doc])* $variant),+ }

        impl Server {
            /// Its name as people write it.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $name),+ } }
        }

        impl FromStr for Server {
            type Err = ();
            /// Reads a name, whatever the case: `gunicorn`, `node.js`, `apache/2.4.62 (Debian)`.
            fn from_str(text: &str) -> Result<Self, ()> {
                let text = text.trim().to_ascii_lowercase();
                let head = text.split(['/', ' ', '(']).next().unwrap_or_default();
                $(if head == $name.to_ascii_lowercase() $(|| head == $alias)* { return Ok(Self::$variant); })+
                Err(())
            }
        }
    };
}

servers! {
    /// gunicorn, whatever its workers.
    Gunicorn = "gunicorn" [],
    /// uvicorn by itself.
    Uvicorn = "uvicorn" [],
    /// hypercorn.
    Hypercorn = "hypercorn" ["hypercorn-h11", "hypercorn-h2"],
    /// daphne.
    Daphne = "daphne" [],
    /// waitress.
    Waitress = "waitress" [],
    /// granian.
    Granian = "granian" [],
    /// Python's own server, Werkzeug and Django's runserver.
    Python = "Python" ["wsgiserver", "werkzeug", "basehttp", "simplehttp"],
    /// nginx, openresty.
    Nginx = "nginx" ["openresty"],
    /// Apache httpd.
    Apache = "Apache" ["httpd"],
    /// Node's http module.
    Node = "Node" ["nodejs", "node.js", "express"],
    /// Go's net/http.
    Go = "Go" ["golang"],
    /// Tomcat, also in Spring Boot.
    Tomcat = "Tomcat" ["apache-coyote", "spring", "spring-boot"],
    /// Jetty.
    Jetty = "Jetty" [],
    /// Puma.
    Puma = "Puma" [],
    /// Kestrel.
    Kestrel = "Kestrel" [],
    /// IIS.
    Iis = "IIS" ["microsoft-iis"],
    /// Envoy, istio-proxy.
    Envoy = "Envoy" ["istio-envoy"],
    /// Traefik.
    Traefik = "Traefik" [],
    /// Caddy.
    Caddy = "Caddy" [],
    /// HAProxy.
    Haproxy = "HAProxy" [],
}

impl Server {
    /// What an answer's `Server` or `X-Powered-By` header, or the wording of its error page, gives away.
    pub fn recognise(server: Option<&str>, powered_by: Option<&str>, body: &str) -> Option<Self> {
        let named = server.and_then(|name| name.parse().ok()).or_else(|| powered_by.and_then(|name| name.parse().ok()));
        named.or_else(|| {
            let marks = [
                ("Apache Tomcat", Self::Tomcat),
                ("Whitelabel Error Page", Self::Tomcat),
                ("Powered by Jetty", Self::Jetty),
                ("<center>nginx", Self::Nginx),
                ("404 page not found\n", Self::Go),
                ("Client sent an HTTP request to an HTTPS server.", Self::Go),
                ("Cannot GET /", Self::Node),
            ];
            marks.into_iter().find(|(mark, _)| body.contains(mark)).map(|(_, server)| server)
        })
    }
    /// Whether it usually stands in front of another server.
    pub fn is_proxy(self) -> bool {
        [Self::Nginx, Self::Apache, Self::Envoy, Self::Traefik, Self::Caddy, Self::Haproxy].contains(&self)
    }
    /// Whether it runs Python applications, Django among them.
    pub fn is_python(self) -> bool {
        use Server::{Daphne, Granian, Gunicorn, Hypercorn, Python, Uvicorn, Waitress};
        [Gunicorn, Uvicorn, Hypercorn, Daphne, Waitress, Granian, Python].contains(&self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_known_by_header_and_by_error_page() {
        let by = |server| Server::recognise(Some(server), None, "");
        assert_eq!(by("gunicorn"), Some(Server::Gunicorn));
        assert_eq!(by("nginx/1.22.1"), Some(Server::Nginx));
        assert_eq!(by("Apache/2.4.62 (Debian)"), Some(Server::Apache));
        assert_eq!(by("Apache-Coyote/1.1"), Some(Server::Tomcat));
        assert_eq!(by("Microsoft-IIS/10.0"), Some(Server::Iis));
        assert_eq!(by("something"), None);
        assert_eq!(Server::recognise(None, Some("Express"), ""), Some(Server::Node));
        assert_eq!(Server::recognise(None, None, "404 page not found\n"), Some(Server::Go));
        assert_eq!(Server::recognise(None, None, "hello"), None);
    }
}
