//! E8xx: listeners, their rules, and where requests go.

pub(super) mod default_action_drift;
pub(super) mod redirect_loop;

use crate::model::kind::{Action, Redirect};

/// An action as a verb and its object: "forwards to django", "redirects to https on 443", "answers 503".
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

/// Where a redirect leads, in its own keywords: `HTTPS://#{host}:443/#{path}`.
fn destination(redirect: &Redirect) -> String {
    let Redirect { protocol, host, port, path, query: _, status: _ } = redirect;
    format!("{protocol}://{host}:{port}{path}")
}
