//! The catalogue's codes and names, against the registry and what was left out. Tests only.

use std::collections::{BTreeMap, BTreeSet};

use super::{ALL, left_out};

/// Every known cause: code and name.
const CATALOGUE: &str = "
E101 hc-path-mismatch
E102 hc-matcher-drift
E103 hc-port-mismatch
E104 hc-port-decoupled
E105 hc-protocol-mismatch
E106 hc-timeout-ge-interval
E107 hc-too-slow-to-eject
E108 hc-redirected
E109 hc-host-rejected
E110 hc-needs-auth
E111 hc-deep-dependency
E112 all-unhealthy-fail-open
E113 target-stopped
E114 target-missing
E115 target-stray
E116 target-ip-unusable
E117 target-port-override
E118 target-has-no-http
E119 hc-disabled
E120 hc-initial
E121 elb-internal
E122 ecs-grace-missing
E201 tg-https-plain-backend
E202 tg-http-tls-backend
E203 tg-h2-backend-h1
E204 tg-grpc-mismatch
E205 h2-needs-https-listener
E206 tg-port-drift
E207 tg-immutable-drift
E208 backend-tls13-only
E209 backend-needs-sni
E210 backend-requires-client-cert
E211 backend-expects-proxy-protocol
E301 keepalive-lt-idle
E302 keepalive-eq-idle
E303 idle-timeout-drift
E304 node-headers-timeout
E305 slow-backend-504
E306 conn-recycled-abruptly
E307 inner-keepalive-race
E308 early-response-unread-body
E309 target-read-timeouts-eq-idle
E310 client-gives-up
E311 client-keepalive
E312 sync-worker-pinned
E401 dereg-delay-short
E402 grace-lt-drain
E403 sigterm-before-deregister
E404 no-readiness-gate
E405 slow-start-conflict
E406 reregister-same-ip
E407 worker-killed-midflight
E408 bluegreen-flip-empty
E409 draining-shows-long
E501 target-sg-no-traffic-port
E502 target-sg-no-hc-port
E503 alb-sg-egress-closed
E504 alb-sg-no-listener-port
E505 alb-sg-set-drift
E506 sg-references-old-alb-sg
E507 nacl-ephemeral
E508 subnet-route
E509 subnet-ip-exhaustion
E510 bound-to-loopback
E511 ip-target-out-of-range
E512 lb-not-active
E513 sg-icmp-pmtu
E601 cert-expired
E602 cert-expiring-not-renewing
E603 cert-not-issued
E604 cert-wrong-region
E605 cert-san-mismatch
E606 expired-sni-shadows-default
E607 sni-cert-missing
E608 default-cert-drift
E609 cert-key-unsupported
E610 listener-self-signed
E611 ssl-policy-drift
E612 mtls-verify-broken
E613 listener-protocol-drift
E614 renewal-stuck
E615 target-cert-irrelevant
E701 resp-header-gt-32k
E702 resp-malformed
E703 content-length-gt-body
E704 desync-drift
E705 drop-invalid-headers-drift
E706 req-header-limit-gap
E707 nginx-proxy-buffer
E708 host-header-drift
E709 xff-mode-drift
E710 client-header-too-big
E711 te-unsupported
E801 forward-to-empty-tg
E802 tg-not-in-use
E803 weights-zero-or-wrong
E804 rule-shadowed
E805 default-action-drift
E806 redirect-loop
E807 oidc-failing
E808 tg-attached-elsewhere
E809 rule-condition-drift
E810 listener-missing
E811 rule-missing
E812 waf-blocks
E813 redirect-url-too-long
E814 rule-transform-breaks-path
E901 lambda-no-permission
E902 lambda-bad-response
E903 lambda-size
E904 lambda-timeout-throttle
E905 az-not-enabled
E906 crosszone-off-empty-az
E907 sticky-conflict
E908 thresholds-inverted
E909 ipv6-mismatch
E910 zonal-shift-active
E911 target-optimizer-agent
E912 anomaly-mitigation
E913 sticky-to-dead-old
";

/// Rules beyond it. The catalogue knows of this one as a mistake that is no 5xx, and gives it no code.
const BEYOND: [(&str, &str); 1] = [("E815", "https-taken-for-http")];

fn catalogue() -> BTreeMap<&'static str, &'static str> {
    CATALOGUE.lines().filter_map(|line| line.split_once(' ')).collect()
}

#[test]
fn codes_and_names_are_the_catalogues() {
    let catalogue = catalogue();
    assert_eq!(catalogue.len(), 120);
    let rules = ALL.iter().map(|rule| (rule.code, rule.name)).filter(|rule| !BEYOND.contains(rule));
    let left_out = left_out::ALL.iter().map(|cause| (cause.code, cause.name));
    for (code, name) in rules.chain(left_out) {
        assert_eq!(catalogue.get(code), Some(&name), "{code}");
    }
}

#[test]
fn a_cause_has_a_rule_or_was_left_out() {
    let rules: BTreeSet<_> = ALL.iter().map(|rule| rule.code).collect();
    let left_out: BTreeSet<_> = left_out::ALL.iter().map(|cause| cause.code).collect();
    assert!(rules.is_disjoint(&left_out), "take it out of rules/left_out.rs: {:?}", rules.intersection(&left_out));
    let neither: Vec<_> =
        catalogue().into_keys().filter(|code| !rules.contains(code) && !left_out.contains(code)).collect();
    assert!(neither.is_empty(), "neither a rule nor a reason: {neither:?}");
    assert!(left_out::ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
    for cause in left_out::ALL {
        assert!(!cause.why.ends_with('.') && cause.why.len() > 20, "{}: one line that says why", cause.code);
    }
}
