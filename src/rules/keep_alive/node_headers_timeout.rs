//! E304: Node waits for a request's header no longer than it keeps a connection.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::HINT as KEEP;
use super::{READ, stack};
use crate::model::Address;

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E304",
    name: "node-headers-timeout",
    severity: Severity::Medium,
    needs: &[Need::Desired],
    also: &[],
    summary: "Node's headersTimeout is not above its keepAliveTimeout",
    explain: EXPLAIN,
    bad: Situation {
        text: "keepAliveTimeout was raised to 75 s, headersTimeout stayed at 60 s",
        desired: stack!("{ server: node, keep_alive: 75s, read_timeout: 60s }"),
        ..Situation::EMPTY
    },
    good: Situation {
        text: "headersTimeout is a second longer than keepAliveTimeout",
        desired: stack!("{ server: node, keep_alive: 75s, read_timeout: 76s }"),
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
Node's HTTP server has two clocks on a kept connection: keepAliveTimeout for the pause between requests, headersTimeout
for the header of the next one. In old releases (from 10.15.2 on) the second clock began to run with the pause, so that
a headersTimeout below the keepAliveTimeout closed connections early, in the middle of their reuse.

What clients see: a sporadic 502, as with a keep-alive that is too short (E301). Newer releases begin the second clock
with the first byte of the header and show nothing.

How to tell: `backend.server` is node, and `backend.read_timeout` (headersTimeout, default 60 s) is not above
`backend.keep_alive`. Access-log lines with 502, a target status of `-` and a target time near zero.

How to mend it: `server.headersTimeout` above `server.keepAliveTimeout`, a second more is enough, both above the load
balancer's idle timeout.

Sources: Node.js issue 27363 and documentation of http.Server; ELB user guide \"Troubleshoot your Application Load
Balancers\" (HTTP 502).
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    evidence.target_groups().filter_map(|(group, _)| judge(evidence, group)).collect()
}

fn judge(evidence: &Evidence, group: &Address) -> Option<Finding> {
    let backend = evidence.backend(group).filter(|backend| super::is_node(backend))?;
    let (keep, read) = (backend.keep_alive?, backend.read_timeout?);
    (read <= keep).then(|| {
        RULE.finding(Severity::Medium, group, READ)
            .titled(format!("Node's headersTimeout is {read} s, its keepAliveTimeout {keep} s"))
            .detailed("Clients get a sporadic 502 on old releases of Node, which close kept connections early.")
            .evident(group, READ, read)
            .evident(group, KEEP, keep)
            .mended_by(format!("set Node's headersTimeout to {}000, above its keepAliveTimeout", keep + 1))
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::World;

    #[test]
    fn only_node_has_two_clocks() {
        for (server, read, found) in
            [("node", 75, true), ("Node.js", 60, true), ("node", 76, false), ("nginx", 75, false)]
        {
            let mut world = World::seed();
            (world.backend().server, world.backend().read_timeout) = (Some(server.to_owned()), Some(read));
            assert_eq!(world.judge().iter().any(|f| f.rule == "E304"), found, "{server} {read}");
        }
    }
}
