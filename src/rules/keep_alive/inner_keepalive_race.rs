//! E307: behind a proxy such as nginx, the application closes idle connections before the proxy does.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::stack;
use crate::model::Address;

const PROXY: &str = "backend.proxy_keep_alive";
const INNER: &str = "backend.inner_keep_alive";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E307",
    name: "inner-keepalive-race",
    severity: Severity::High,
    needs: &[Need::Desired],
    also: &[],
    summary: "behind a proxy, the application closes idle connections before the proxy does",
    explain: EXPLAIN,
    bad: Situation {
        text: "nginx 1.29.7 reuses connections for 60 s, gunicorn behind it closes them after 2 s",
        desired: stack!("{ server: nginx, keep_alive: 75s, proxy_keep_alive: 60s, inner_keep_alive: 2s }"),
        ..Situation::EMPTY
    },
    good: Situation {
        text: "the application keeps connections longer than nginx does",
        desired: stack!("{ server: nginx, keep_alive: 75s, proxy_keep_alive: 60s, inner_keep_alive: 75s }"),
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
What happens between load balancer and target happens one hop further in as well: a proxy that keeps connections to its
application open must close them first. nginx did not keep any until 1.29.7; from then on it does by default, for 60 s,
while gunicorn closes after 2 s, uvicorn and Node after 5 s. An update of nginx is enough to begin it.

What clients see: a sporadic 502 that nginx itself answers. For the load balancer that is an answer of the target: it
counts as HTTPCode_Target_5XX_Count, not as HTTPCode_ELB_502_Count.

How to tell: access-log lines with 502 in both status fields; nginx's error log says `upstream prematurely closed
connection` or `Connection reset by peer`. The rule compares `backend.proxy_keep_alive` (nginx's upstream
`keepalive_timeout`; 0s where it keeps none) with `backend.inner_keep_alive`, the application's.

How to mend it: raise the application's keep-alive above the proxy's, or set the proxy's upstream `keepalive_timeout`
below the application's.

Sources: nginx documentation of ngx_http_upstream_module and its changes of 1.29.7; AWS knowledge center on 502 errors;
the servers' defaults were measured.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    evidence.target_groups().filter_map(|(group, _)| judge(evidence, group)).collect()
}

fn judge(evidence: &Evidence, group: &Address) -> Option<Finding> {
    let backend = evidence.backend(group)?;
    // 0: none is kept, on either side
    let proxy = backend.proxy_keep_alive.filter(|seconds| *seconds > 0)?;
    let inner = backend.inner_keep_alive.filter(|seconds| (1..=proxy).contains(seconds))?;
    let severity = if evidence.serves(group) { Severity::High } else { Severity::Medium };
    Some(
        RULE.finding(severity, group, INNER)
            .titled(format!("the application closes idle connections after {inner} s, its proxy after {proxy} s"))
            .detailed("Clients get a sporadic 502 that the proxy answers; the load balancer counts it as the target's.")
            .evident(group, INNER, inner)
            .evident(group, PROXY, proxy)
            .mended_by(format!(
                "keep connections open for {} s or more in the application, or let the proxy close them before {inner} s",
                proxy + super::MARGIN
            )),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;

    #[test]
    fn the_application_must_keep_connections_longer() {
        for (proxy, inner, found) in [(60, 2, true), (60, 60, true), (60, 61, false), (0, 2, false), (60, 0, false)] {
            let mut world = World::seed();
            (world.backend().proxy_keep_alive, world.backend().inner_keep_alive) = (Some(proxy), Some(inner));
            assert_eq!(world.judge().iter().any(|f| f.rule == "E307"), found, "{proxy} {inner}");
        }
    }
}
