//! E805: a listener's default action is not the declared one.

use std::collections::BTreeSet;

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::in_words;
use crate::model::Address;
use crate::model::kind::{Action, Forward, Redirect};

const FIELD: &str = "default";

const STACK: &str = "
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    targets: [\"10.0.1.10\"]
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { forward: django }
";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E805",
    name: "default-action-drift",
    severity: Severity::Critical,
    needs: &[Need::Desired, Need::Live],
    also: &[],
    summary: "a listener's default action is not the declared one",
    explain: EXPLAIN,
    bad: Situation {
        text: "a maintenance answer was left on after the maintenance",
        desired: STACK,
        live: "
load_balancers:
  web:
    listeners:
      80:
        default: { fixed_response: { status: 503 } }
",
        ..Situation::EMPTY
    },
    good: Situation { text: "the default action is the file's", desired: STACK, ..Situation::EMPTY },
    fix: FixClass::Automatic,
    check,
};

const EXPLAIN: &str = "
A listener's default action takes every request that no rule takes; on a listener without rules that is all of them. It
is edited by hand for maintenance pages, tests and migrations, and stays that way.

What clients see depends on what it does now. A fixed 5xx answer: that answer, all of them. Another target group: the
wrong application, or 503 where that group is empty. A redirect where the application should answer: never the
application. And where port 80 forwards instead of redirecting to HTTPS, the application is served in clear text:
cookies marked secure are lost, and an application that insists on HTTPS redirects every request.

How to tell: in access logs, `actions_executed` shows fixed-response, redirect or forward; HTTPCode_ELB_503_Count rises
with fixed answers while targets count nothing.

How to mend it: one call sets the declared action again. Before it forwards, look whether the group has a healthy
target.

Sources: ELB user guide \"Listeners for your Application Load Balancers\", \"Access logs\"; API ModifyListener.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    evidence.listeners().filter_map(|(address, _)| judge(evidence, address)).collect()
}

fn judge(evidence: &Evidence, address: &Address) -> Option<Finding> {
    let live = evidence.listener(address)?.default.as_ref()?;
    let want = evidence.declared(address)?.listener()?.default.as_ref()?;
    if same(live, want) {
        return None;
    }
    let alone = evidence.rules_of(address).is_empty();
    let whose = if alone { "Every request to this listener" } else { "Every request that no rule takes" };
    let (severity, effect) = effect(live, want, alone);
    Some(
        RULE.finding(severity, address, FIELD)
            .titled(format!("default {}, the file {}", in_words(live), in_words(want)))
            .detailed(format!("{whose} {effect}"))
            .evident(address, FIELD, live.shown())
            .mended_by(format!("set the listener's default action as in the file: it {}", in_words(want)))
            .declaring(address, FIELD, want.shown()),
    )
}

/// Whether two actions are of one kind and send requests to the same place. Weights, stickiness and
/// the words of a fixed answer are other rules' business.
pub(super) fn same(live: &Action, want: &Action) -> bool {
    match (live, want) {
        (Action::Forward(live), Action::Forward(want)) => groups(live) == groups(want),
        (Action::Redirect(live), Action::Redirect(want)) => live == want,
        (Action::FixedResponse(live), Action::FixedResponse(want)) => live.status == want.status,
        (Action::Forward(_) | Action::Redirect(_) | Action::FixedResponse(_), _) => false,
    }
}

/// The groups of a forward by name: one side may know a group by its id.
fn groups(forward: &Forward) -> BTreeSet<String> {
    forward.to.keys().map(ToString::to_string).collect()
}

/// What the drift does to clients.
fn effect(live: &Action, want: &Action, alone: bool) -> (Severity, String) {
    match (live, want) {
        (Action::FixedResponse(fixed), _) if fixed.status >= 500 => {
            let severity = if alone { Severity::Critical } else { Severity::High };
            (severity, format!("is answered {} by the load balancer itself.", fixed.status))
        }
        (Action::FixedResponse(fixed), Action::Forward(_) | Action::Redirect(_)) => {
            (Severity::High, format!("is answered {} by the load balancer itself.", fixed.status))
        }
        (Action::FixedResponse(fixed), Action::FixedResponse(_)) => {
            (Severity::Medium, format!("is answered {}; no 5xx.", fixed.status))
        }
        (Action::Forward(_), Action::Forward(_)) => (
            Severity::High,
            "reaches another application than the declared one, or 503 where its group is empty.".to_owned(),
        ),
        (Action::Forward(_), Action::Redirect(want)) if want.protocol == "HTTPS" => (
            Severity::High,
            "is served in clear text instead of going to HTTPS: secure cookies are lost, and an application that \
             insists on HTTPS redirects without end."
                .to_owned(),
        ),
        (Action::Forward(_), Action::Redirect(_) | Action::FixedResponse(_)) => {
            (Severity::Medium, "reaches an application that should not get it.".to_owned())
        }
        (Action::Redirect(_), Action::Forward(_)) => {
            (Severity::High, "is redirected and never reaches the application from here.".to_owned())
        }
        (Action::Redirect(_), Action::FixedResponse(_)) => {
            (Severity::Medium, "is redirected instead of answered; no 5xx.".to_owned())
        }
        (Action::Redirect(live), Action::Redirect(want))
            if Redirect { status: want.status, ..live.clone() } == *want =>
        {
            (Severity::Low, format!("is redirected with {} to the right place; no 5xx.", live.status))
        }
        (Action::Redirect(_), Action::Redirect(_)) => {
            (Severity::High, "is redirected to another place than the declared one.".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, answer, redirect, rule, to};
    use super::*;

    #[test]
    fn its_effect_on_clients_decides_how_bad_it_is() {
        for (port, live, severity, title) in [
            (443, answer(503), Severity::Critical, "default answers 503, the file forwards to django"),
            (443, answer(404), Severity::High, "default answers 404, the file forwards to django"),
            (443, to("other"), Severity::High, "default forwards to other, the file forwards to django"),
            (80, to("django"), Severity::High, "default forwards to django, the file redirects to https"),
        ] {
            let mut world = World::seed();
            world.listener(port).default = Some(live);
            let finding = world.only();
            assert_eq!((finding.severity, finding.title.as_str()), (severity, title));
        }
        let mut world = World::seed();
        world.listener(80).default = Some(Action::Redirect(Redirect { status: 302, ..redirect("HTTPS", "443") }));
        world.expect(&[("E805", Severity::Low)]);
    }

    #[test]
    fn rules_before_the_default_leave_it_high() {
        let mut world = World::seed();
        world.with_rule("shop", rule("shop.example.com", "", to("django")));
        world.listener(443).default = Some(answer(503));
        world.expect(&[("E805", Severity::High)]);
    }
}
