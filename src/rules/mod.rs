//! The 5xx rules: one file per cause, each a pure function from evidence to findings.
//!
//! A rule holds all there is to say of its cause: code, name, what evidence it needs, an explanation,
//! a bad and a good situation, and the check. [`engine::judge`] runs them; [`explain`] shows them.
//! The same check judges the files alone, the live state, and the state after a plan, so it looks at
//! the state in effect and, for drift, at what the files declare.
//!
//! To add one: its file in a group's folder (`deploy/dereg_delay_short.rs` holds `dereg-delay-short`), a
//! `mod` line in the group's `mod.rs`, a line in [`ALL`]. What several rules of a group share stands in
//! the group's `mod.rs`; the table test in `table` runs every rule's two situations.

pub mod accept;
pub mod acm;
mod bounce;
mod cause;
mod checked;
mod closed;
mod drift;
pub mod engine;
pub mod evidence;
pub mod explain;
pub mod finding;
mod forwards;
pub mod left_out;
mod members;
pub mod paths;
mod pattern;
mod probed;
mod setting;
pub mod situation;
mod wanted;

mod deploy;
mod headers;
mod health_check;
mod keep_alive;
mod network;
mod protocol;
mod routing;
mod spread;
mod tls;
mod traffic;
mod walk;
mod wire;

#[cfg(test)]
mod around;
#[cfg(test)]
mod catalogue;
#[cfg(test)]
mod table;
#[cfg(test)]
mod testing;

use serde::Serialize;

pub use accept::Accepted;
pub use acm::Acm;
pub use engine::{Judgement, NotChecked, find, judge};
pub use evidence::{Evidence, Need};
pub use finding::{Declaration, Evident, Finding, Fix, Severity};
pub use situation::{Health, Seen, Situation};
pub use wanted::{Url, Wanted, wanted};

use crate::model::Address;

/// One cause of 5xx answers, and how to know it.
#[derive(Debug)]
pub struct Rule {
    /// The stable code, such as `E101`; the first digit is the group.
    pub code: &'static str,
    /// The stable name, such as `hc-path-mismatch`.
    pub name: &'static str,
    /// The worst that a finding of this rule can be.
    pub severity: Severity,
    /// The evidence without which it is not run.
    pub needs: &'static [Need],
    /// Evidence without which it sees only a part of its cause: run all the same, and listed.
    pub also: &'static [Need],
    /// One line: the cause.
    pub summary: &'static str,
    /// Paragraphs: what happens, what clients see, how to tell, how to mend it, the sources.
    pub explain: &'static str,
    /// A situation in which exactly this rule fires.
    pub bad: Situation,
    /// The same place with nothing wrong.
    pub good: Situation,
    /// Who can mend it.
    pub fix: FixClass,
    /// The check itself.
    pub check: fn(&Evidence) -> Vec<Finding>,
}

/// Who can mend a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FixClass {
    /// One reversible call, safe to make unasked.
    Automatic,
    /// no502 can, behind a guard.
    Guarded,
    /// A person must: the application, or something no502 does not manage.
    Manual,
}

impl FixClass {
    /// The word in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Guarded => "guarded",
            Self::Manual => "manual",
        }
    }
}

impl Rule {
    /// A finding of this rule, with its words still to come.
    pub fn finding(&self, severity: Severity, address: &Address, field: &str) -> Finding {
        Finding {
            rule: self.code.to_owned(),
            severity: severity.min(self.severity),
            address: address.clone(),
            field: field.into(),
            title: String::new(),
            detail: String::new(),
            evidence: Vec::new(),
            fix: Fix { text: String::new(), declare: None },
        }
    }
}

/// Every rule, by code.
pub static ALL: &[&Rule] = &[
    &health_check::hc_path_mismatch::RULE,
    &health_check::hc_matcher_drift::RULE,
    &health_check::hc_port_mismatch::RULE,
    &health_check::hc_port_decoupled::RULE,
    &health_check::hc_protocol_mismatch::RULE,
    &health_check::hc_timeout_ge_interval::RULE,
    &health_check::hc_too_slow_to_eject::RULE,
    &wire::hc_redirected::RULE,
    &wire::hc_host_rejected::RULE,
    &wire::hc_needs_auth::RULE,
    &wire::hc_deep_dependency::RULE,
    &health_check::all_unhealthy_fail_open::RULE,
    &health_check::target_stopped::RULE,
    &health_check::target_missing::RULE,
    &health_check::target_stray::RULE,
    &health_check::target_ip_unusable::RULE,
    &health_check::target_port_override::RULE,
    &wire::target_has_no_http::RULE,
    &health_check::hc_disabled::RULE,
    &health_check::hc_initial::RULE,
    &health_check::elb_internal::RULE,
    &protocol::tg_https_plain_backend::RULE,
    &wire::tg_http_tls_backend::RULE,
    &protocol::tg_h2_backend_h1::RULE,
    &protocol::tg_grpc_mismatch::RULE,
    &protocol::tg_port_drift::RULE,
    &protocol::tg_immutable_drift::RULE,
    &protocol::backend_tls13_only::RULE,
    &wire::backend_needs_sni::RULE,
    &wire::backend_requires_client_cert::RULE,
    &wire::backend_expects_proxy_protocol::RULE,
    &keep_alive::keepalive_lt_idle::RULE,
    &keep_alive::keepalive_eq_idle::RULE,
    &keep_alive::idle_timeout_drift::RULE,
    &keep_alive::node_headers_timeout::RULE,
    &keep_alive::slow_backend_504::RULE,
    &wire::conn_recycled_abruptly::RULE,
    &keep_alive::inner_keepalive_race::RULE,
    &wire::early_response_unread_body::RULE,
    &keep_alive::target_read_timeouts_eq_idle::RULE,
    &traffic::client_gives_up::RULE,
    &keep_alive::client_keepalive::RULE,
    &wire::sync_worker_pinned::RULE,
    &deploy::dereg_delay_short::RULE,
    &deploy::grace_lt_drain::RULE,
    &deploy::slow_start_conflict::RULE,
    &deploy::reregister_same_ip::RULE,
    &traffic::worker_killed_midflight::RULE,
    &deploy::bluegreen_flip_empty::RULE,
    &deploy::draining_shows_long::RULE,
    &network::target_sg_no_traffic_port::RULE,
    &network::target_sg_no_hc_port::RULE,
    &network::alb_sg_egress_closed::RULE,
    &network::alb_sg_no_listener_port::RULE,
    &network::alb_sg_set_drift::RULE,
    &network::sg_references_old_alb_sg::RULE,
    &network::nacl_ephemeral::RULE,
    &network::subnet_route::RULE,
    &network::subnet_ip_exhaustion::RULE,
    &wire::bound_to_loopback::RULE,
    &network::ip_target_out_of_range::RULE,
    &network::lb_not_active::RULE,
    &tls::cert_expired::RULE,
    &tls::cert_expiring_not_renewing::RULE,
    &tls::cert_not_issued::RULE,
    &tls::cert_wrong_region::RULE,
    &tls::cert_san_mismatch::RULE,
    &tls::expired_sni_shadows_default::RULE,
    &tls::sni_cert_missing::RULE,
    &tls::default_cert_drift::RULE,
    &tls::cert_key_unsupported::RULE,
    &tls::listener_self_signed::RULE,
    &tls::ssl_policy_drift::RULE,
    &tls::mtls_verify_broken::RULE,
    &tls::listener_protocol_drift::RULE,
    &tls::renewal_stuck::RULE,
    &wire::resp_header_gt_32k::RULE,
    &wire::resp_malformed::RULE,
    &wire::content_length_gt_body::RULE,
    &headers::desync_drift::RULE,
    &headers::drop_invalid_headers_drift::RULE,
    &wire::req_header_limit_gap::RULE,
    &wire::nginx_proxy_buffer::RULE,
    &headers::host_header_drift::RULE,
    &headers::xff_mode_drift::RULE,
    &traffic::te_unsupported::RULE,
    &routing::forward_to_empty_tg::RULE,
    &routing::tg_not_in_use::RULE,
    &routing::weights_zero_or_wrong::RULE,
    &routing::rule_shadowed::RULE,
    &routing::default_action_drift::RULE,
    &routing::redirect_loop::RULE,
    &routing::oidc_failing::RULE,
    &routing::tg_attached_elsewhere::RULE,
    &routing::rule_condition_drift::RULE,
    &routing::listener_missing::RULE,
    &routing::rule_missing::RULE,
    &routing::waf_blocks::RULE,
    &traffic::redirect_url_too_long::RULE,
    &routing::rule_transform_breaks_path::RULE,
    &wire::https_taken_for_http::RULE,
    &traffic::lambda_no_permission::RULE,
    &spread::lambda_bad_response::RULE,
    &traffic::lambda_size::RULE,
    &traffic::lambda_timeout_throttle::RULE,
    &spread::az_not_enabled::RULE,
    &spread::crosszone_off_empty_az::RULE,
    &spread::sticky_conflict::RULE,
    &spread::thresholds_inverted::RULE,
    &spread::ipv6_mismatch::RULE,
    &spread::zonal_shift_active::RULE,
    &spread::target_optimizer_agent::RULE,
    &spread::anomaly_mitigation::RULE,
    &spread::sticky_to_dead_old::RULE,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;

    /// Every rule file: whatever stands in a group's folder beside its `mod.rs`.
    fn files() -> Vec<PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules");
        let entries = |dir: &Path| std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect::<Vec<_>>();
        let groups = entries(&root).into_iter().filter(|p| p.is_dir());
        groups.flat_map(|group| entries(&group)).filter(|p| p.file_name().unwrap() != "mod.rs").collect()
    }

    #[test]
    fn the_list_is_sorted_and_without_doubles() {
        assert!(ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
        let names: BTreeSet<_> = ALL.iter().map(|rule| rule.name).collect();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn files_and_list_agree() {
        let mut seen = BTreeSet::new();
        for path in files() {
            let name = path.file_stem().unwrap().to_string_lossy().replace('_', "-");
            let rule = ALL.iter().find(|r| r.name == name).unwrap_or_else(|| panic!("{name} is not in ALL"));
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(
                text.contains(&format!("code: \"{}\"", rule.code)),
                "{} does not hold {}",
                path.display(),
                rule.code
            );
            assert!(
                text.starts_with(&format!("//! {}: ", rule.code)),
                "{} does not begin with its code",
                path.display()
            );
            seen.insert(rule.name);
        }
        assert_eq!(seen.len(), ALL.len(), "a rule has no file of its own");
    }

    #[test]
    fn every_rule_is_documented() {
        for rule in ALL {
            let code = rule.code;
            assert!(code.len() == 4 && code.starts_with('E') && code[1..].parse::<u16>().is_ok(), "{code}");
            assert!(!rule.summary.ends_with('.') && rule.summary.len() <= 90, "{code}: one short line");
            let paragraphs = explain::paragraphs(rule.explain);
            assert!(paragraphs.len() >= 4, "{code}: what happens, what clients see, how to tell, how to mend it");
            assert!(paragraphs.last().unwrap().starts_with("Sources: "), "{code}: sources");
            assert!(rule.also.iter().all(|need| !rule.needs.contains(need)), "{code}: a need is needed or not");
            for situation in [&rule.bad, &rule.good] {
                assert!(!situation.text.is_empty() && !situation.desired.is_empty(), "{code}: situation");
            }
        }
    }
}
