//! E612: clients' certificates are checked so that good clients are refused.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::{https, stack};
use crate::cloud::Facts;
use crate::model::kind::{Listener, MutualAuthentication, Verify};
use crate::model::{Address, Link};

const FIELD: &str = "mutual_authentication";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E612",
    name: "mtls-verify-broken",
    severity: Severity::Critical,
    needs: &[Need::Live],
    also: &[Need::Desired],
    summary: "clients' certificates are checked so that good clients are refused",
    explain: EXPLAIN,
    bad: Situation {
        text: "checking clients' certificates was switched on; clients have none",
        desired: stack!(
            "  app: { domain: shop.example.com, validation: dns }",
            "        certificate: app
        mutual_authentication: disabled"
        ),
        live: "
load_balancers:
  web:
    listeners:
      443:
        mutual_authentication: { verify: partners }
",
        ..Situation::EMPTY
    },
    good: Situation {
        text: "clients' certificates are checked against the declared trust store",
        desired: stack!(
            "  app: { domain: shop.example.com, validation: dns }",
            "        certificate: app
        mutual_authentication: { verify: partners }"
        ),
        ..Situation::EMPTY
    },
    fix: FixClass::Guarded,
    check,
};

const EXPLAIN: &str = "
With mutual TLS in the mode verify, the load balancer checks each client's certificate against a trust store. It refuses
clients that show none, whose authority is not in the store, whose certificate has expired or was revoked. If the store
was deleted or is no longer shared with the account, none passes.

What clients see: the connection is closed in the handshake or right after it, without an HTTP status; there is no line
in the access log. All clients where verification was not meant at all, or the store is gone; those of the missing
authority where it is another store.

How to tell: connection logs with `Failed:ClientCertUntrusted`, `Failed:ClientCertExpired`, `Failed:ClientCertCrlHit`
and the like. The rule compares mode, store and the rule for expired certificates with the file, and reads whether the
store is still associated. What is in a store, and its revocation lists, it does not know. A laxer mode than declared
refuses nobody and is no finding here.

How to mend it: one call sets the declared mode and store again. A store that is gone has to be made anew, or shared
again by its owner.

Sources: ELB user guide \"Mutual authentication with TLS in Application Load Balancer\", \"Connection logs\"; API
MutualAuthenticationAttributes, ModifyListener.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    https(evidence).filter_map(|(address, listener)| judge(evidence, address, listener)).collect()
}

fn judge(evidence: &Evidence, address: &Address, listener: &Listener) -> Option<Finding> {
    let Some(MutualAuthentication::Verify(live)) = &listener.mutual_authentication else { return None };
    let store = live.trust_store.to_string();
    let want = evidence.declared(address).and_then(|spec| spec.listener()?.mutual_authentication.as_ref());
    let finding = |severity, field: &str, title: String, detail: &str| {
        RULE.finding(severity, address, field).titled(title).detailed(detail).evident(address, FIELD, &store)
    };
    if let Some(Facts::Listener(facts)) = evidence.facts.get(address)
        && facts.trust_store.as_deref() == Some("removed")
    {
        let title = "the trust store of clients' certificates is gone or no longer shared".to_owned();
        let found = finding(Severity::Critical, FIELD, title, "Clients cannot connect, none of them.")
            .evident(address, "trust_store_association", "removed")
            .mended_by("give the listener a trust store that exists, or have its owner share it again");
        return Some(found);
    }
    if evidence.pending.contains(address) {
        return None;
    }
    match want? {
        MutualAuthentication::Verify(want) => differs(address, live, want, &finding),
        other @ (MutualAuthentication::Disabled | MutualAuthentication::Passthrough) => {
            let shown = other.shown();
            let mode = shown.as_str().unwrap_or_default();
            let title = format!("clients must show a certificate, the file says {mode}");
            let found =
                finding(Severity::Critical, FIELD, title, "Clients without a trusted certificate cannot connect.");
            Some(
                found
                    .mended_by(format!("set mutual_authentication to {mode}, as the file says"))
                    .declaring(address, FIELD, shown),
            )
        }
    }
}

/// Both check, and not in the same way.
fn differs(
    address: &Address,
    live: &Verify,
    want: &Verify,
    finding: &dyn Fn(Severity, &str, String, &str) -> Finding,
) -> Option<Finding> {
    if !same(&live.trust_store, &want.trust_store) {
        let field = "mutual_authentication.verify";
        let title = "clients' certificates are checked against another trust store than declared".to_owned();
        let found = finding(Severity::High, field, title, "Clients of authorities that are not in it cannot connect.");
        let want = want.trust_store.to_string();
        return Some(
            found.mended_by(format!("check against {want}, as the file says")).declaring(address, field, want),
        );
    }
    let strict = live.ignore_expiry == Some(false) && want.ignore_expiry == Some(true);
    strict.then(|| {
        let field = "mutual_authentication.ignore_expiry";
        let title = "clients with expired certificates are refused, the file lets them pass".to_owned();
        finding(Severity::High, field, title, "Clients whose certificate has expired cannot connect.")
            .mended_by("set ignore_expiry to true, as the file says")
            .declaring(address, field, true)
    })
}

/// Whether two links mean one store; the files may know it by its name, which its ARN holds.
fn same(live: &Link, want: &Link) -> bool {
    match (live, want) {
        (Link::Id(id), Link::Select(select)) => select.tags.get("Name").is_none_or(|name| id.short() == name),
        (live, want) => live == want,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, at};
    use super::*;
    use crate::cloud::ListenerFacts;
    use crate::model::Id;

    fn verify(store: &str, ignore: Option<bool>) -> MutualAuthentication {
        let arn = format!("arn:aws:elasticloadbalancing:eu-west-1:000000000000:truststore/{store}/1");
        MutualAuthentication::Verify(Verify {
            trust_store: Link::Id(Id(arn)),
            ignore_expiry: ignore,
            advertise_ca_names: None,
        })
    }

    #[test]
    fn stricter_than_declared_is_found_and_laxer_is_not() {
        use MutualAuthentication::{Disabled, Passthrough};
        for (live, want, severity) in [
            (verify("a", Some(false)), Some(Disabled), Some(Severity::Critical)),
            (verify("a", Some(false)), Some(Passthrough), Some(Severity::Critical)),
            (verify("a", Some(false)), Some(verify("b", None)), Some(Severity::High)),
            (verify("a", Some(false)), Some(verify("a", Some(true))), Some(Severity::High)),
            (verify("a", Some(true)), Some(verify("a", Some(false))), None),
            (verify("a", Some(false)), Some(verify("a", None)), None),
            (verify("a", Some(false)), None, None),
            (Disabled, Some(verify("a", None)), None),
        ] {
            let mut world = World::seed();
            let mut declared = world.listener(443).clone();
            declared.mutual_authentication = want.clone();
            world.desired.specs.insert(at("listener/web:443"), declared.into());
            world.listener(443).mutual_authentication = Some(live.clone());
            let found = world.judge().into_iter().find(|f| f.rule == "E612").map(|f| f.severity);
            assert_eq!(found, severity, "{live:?} for {want:?}");
        }
    }

    #[test]
    fn a_store_that_is_gone_lets_nobody_in() {
        let mut world = World::seed();
        world.listener(443).mutual_authentication = Some(verify("a", None));
        for (state, found) in [("active", 0), ("removed", 1)] {
            let facts = ListenerFacts { trust_store: Some(state.to_owned()) };
            world.facts.insert(at("listener/web:443"), Facts::Listener(facts));
            assert_eq!(world.judge().len(), found, "{state}");
        }
    }
}
