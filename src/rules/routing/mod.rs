//! E8xx: listeners, their rules, and where requests go.

pub(super) mod default_action_drift;
pub(super) mod redirect_loop;

use crate::model::kind::{Action, Redirect};

/// An action as a verb and its object: "forwards to django", "redirects to https", "answers 503".
fn in_words(action: &Action) -> String {
    match action {
        Action::Forward(forward) => {
            let groups: Vec<String> = forward.to.keys().map(ToString::to_string).collect();
            format!("forwards to {}", groups.join(" and "))
        }
        Action::Redirect(redirect) => format!("redirects to {}", destination(redirect)),
        Action::FixedResponse(fixed) => format!("answers {}", fixed.status),
    }
}

/// Where a redirect leads, as short as it can be said: "https", "port 8443", else its URL.
fn destination(redirect: &Redirect) -> String {
    if redirect.host != "#{host}" || redirect.path != "/#{path}" {
        return url(redirect);
    }
    match (redirect.protocol.as_str(), redirect.port.as_str()) {
        ("HTTPS", "443") => "https".to_owned(),
        ("HTTP", "80") => "http".to_owned(),
        ("#{protocol}", port) => format!("port {port}"),
        (protocol, port) => format!("{} on port {port}", protocol.to_ascii_lowercase()),
    }
}

/// Where a redirect leads, in its own keywords: `https://#{host}:443/#{path}`.
fn url(redirect: &Redirect) -> String {
    let Redirect { protocol, host, port, path, query: _, status: _ } = redirect;
    format!("{}://{host}:{port}{path}", protocol.to_ascii_lowercase())
}
