//! E8xx: listeners, their rules, and where requests go.

pub(super) mod default_action_drift;
pub(super) mod forward_to_empty_tg;
pub(super) mod listener_missing;
pub(super) mod oidc_failing;
pub(super) mod redirect_loop;
pub(super) mod rule_condition_drift;
pub(super) mod rule_missing;
pub(super) mod rule_transform_breaks_path;
pub(super) mod tg_attached_elsewhere;
pub(super) mod tg_not_in_use;
pub(super) mod waf_blocks;
pub(super) mod weights_zero_or_wrong;

pub(super) mod rule_shadowed;

use super::{Evidence, Severity};
use crate::model::Address;
use crate::model::kind::{Action, Redirect, Rule};

/// The rules of a listener in the order in which they are asked; none where that is not known. Files may give their
/// order instead of numbers.
pub(super) fn rules_in_order<'e>(evidence: &'e Evidence, listener: &Address) -> Vec<(&'e Address, &'e Rule)> {
    let mut rules = evidence.rules_of(listener);
    if rules.iter().all(|(_, rule)| rule.priority.is_some()) {
        return rules;
    }
    let order = evidence.desired.and_then(|desired| desired.rule_order.get(listener));
    let place = |address: &Address| order.and_then(|order| order.iter().position(|other| other == address));
    if rules.iter().any(|(address, rule)| rule.priority.is_some() || place(address).is_none()) {
        return Vec::new();
    }
    rules.sort_by_key(|(address, _)| place(address));
    rules
}

/// How bad it is that a declared resource is not there: in full where somebody took it away, a warning where nobody
/// knows whether it ever was there; nothing where the files have just asked for it.
fn of_missing(evidence: &Evidence, address: &Address, severity: Severity) -> Option<Severity> {
    if evidence.pending.contains(address) {
        return None;
    }
    let known = evidence.drifted.contains(address);
    Some(if known { severity } else { severity.min(Severity::Medium) })
}

/// What a listener's default does with requests that this action should have had.
fn instead(default: &Action, action: &Action) -> (Severity, String) {
    let groups = |action: &Action| action.groups().map(|(link, _)| link.to_string()).collect::<Vec<_>>();
    match (default, action) {
        (Action::Forward(_), Action::Forward(_)) if groups(default) == groups(action) => {
            (Severity::Low, "sends them to the same group.".to_owned())
        }
        (Action::Forward(_), Action::Forward(_)) => {
            (Severity::Medium, "sends them to another application, which does not know them.".to_owned())
        }
        (Action::FixedResponse(fixed), _) if fixed.status >= 500 => {
            (Severity::High, format!("answers {} for all of them.", fixed.status))
        }
        (Action::FixedResponse(fixed), _) => (Severity::Medium, format!("answers {}.", fixed.status)),
        (Action::Forward(_), Action::Redirect(_) | Action::FixedResponse(_)) => {
            (Severity::Medium, "sends them to an application.".to_owned())
        }
        (Action::Redirect(_), _) => (Severity::Medium, "redirects them.".to_owned()),
    }
}

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
