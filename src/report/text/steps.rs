//! The steps: counted by what they do; in full where asked for.

use std::collections::BTreeSet;

use super::page::Page;
use crate::cloud::Operation;
use crate::model::{Link, StepId};
use crate::plan::{Gate, Plan, Reversible, Step};
use crate::report::layout::{clean, count, pad, wrap};
use crate::report::paint::{FAINT, HEADING, WARN};

/// What a step is for, in the usual order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Network,
    Certificates,
    Groups,
    Register,
    Balancers,
    Listeners,
    Rules,
    Leave,
    Delete,
    Close,
    Tags,
    Stamps,
}

impl Phase {
    const ALL: [Self; 12] = [
        Self::Network,
        Self::Certificates,
        Self::Groups,
        Self::Register,
        Self::Balancers,
        Self::Listeners,
        Self::Rules,
        Self::Leave,
        Self::Delete,
        Self::Close,
        Self::Tags,
        Self::Stamps,
    ];
    const fn in_words(self) -> &'static str {
        match self {
            Self::Network => "open the network",
            Self::Certificates => "certificates",
            Self::Groups => "target groups",
            Self::Register => "register targets",
            Self::Balancers => "load balancers",
            Self::Listeners => "listeners",
            Self::Rules => "rules",
            Self::Leave => "deregister targets",
            Self::Delete => "delete",
            Self::Close => "close the network",
            Self::Tags => "tags",
            Self::Stamps => "mark as managed",
        }
    }
    const fn of(step: &Step) -> Self {
        if step.stamp {
            return Self::Stamps;
        }
        match step.operation {
            Operation::CreateSecurityGroup { .. } | Operation::Authorize { .. } | Operation::Describe { .. } => {
                Self::Network
            }
            Operation::ImportCertificate { .. } | Operation::RequestCertificate { .. } => Self::Certificates,
            Operation::CreateTargetGroup { .. }
            | Operation::ModifyTargetGroup { .. }
            | Operation::ModifyTargetGroupAttributes { .. } => Self::Groups,
            Operation::RegisterTargets { .. } => Self::Register,
            Operation::CreateLoadBalancer { .. }
            | Operation::ModifyLoadBalancerAttributes { .. }
            | Operation::SetSecurityGroups { .. }
            | Operation::SetSubnets { .. }
            | Operation::SetIpAddressType { .. }
            | Operation::ModifyIpPools { .. }
            | Operation::ModifyCapacityReservation { .. } => Self::Balancers,
            Operation::CreateListener { .. }
            | Operation::ModifyListener { .. }
            | Operation::AddListenerCertificate { .. }
            | Operation::RemoveListenerCertificate { .. }
            | Operation::ModifyListenerAttributes { .. } => Self::Listeners,
            Operation::CreateRule { .. } | Operation::ModifyRule { .. } | Operation::SetRulePriorities { .. } => {
                Self::Rules
            }
            Operation::DeregisterTargets { .. } => Self::Leave,
            Operation::AddTags { .. } | Operation::TagRules { .. } | Operation::RemoveTags { .. } => Self::Tags,
            Operation::Revoke { .. } => Self::Close,
            Operation::Delete { .. } => Self::Delete,
        }
    }
}

/// The steps of a plan.
pub(super) fn steps(plan: &Plan, page: &mut Page<'_>) {
    if plan.steps.is_empty() || (plan.is_clean() && page.is_brief()) {
        return;
    }
    let works = plan.steps.iter().filter(|s| !s.stamp).count();
    let calls = match (works, plan.steps.len() - works) {
        (0, stamps) => count(stamps, "mark"),
        (works, 0) => count(works, "call"),
        (works, stamps) => format!("{}, then {}", count(works, "call"), count(stamps, "mark")),
    };
    if page.is_brief() {
        page.blank();
        brief(plan, &calls, page);
    } else {
        page.heading(&format!("Steps: {calls}"));
        full(plan, page);
    }
}

fn brief(plan: &Plan, calls: &str, page: &mut Page<'_>) {
    let phase = |phase: Phase| match plan.steps.iter().filter(|s| Phase::of(s) == phase).count() {
        0 => None,
        n => Some(format!("{} {n}", phase.in_words())),
    };
    let phases: Vec<String> = Phase::ALL.into_iter().filter_map(phase).collect();
    let text = format!("{calls}: {}", phases.join(" · "));
    for (at, line) in wrap(&text, page.width - 7).into_iter().enumerate() {
        let start = if at == 0 { page.cell(HEADING, "Steps", 7) } else { pad("", 7) };
        page.line(&format!("{start}{line}"));
    }
    let mut said = BTreeSet::new();
    for step in &plan.steps {
        let id = clean(&step.id.to_string()).into_owned();
        let before = step.before.iter().map(|gate| ("before", gate));
        // that AWS shows a grant is waited for after each, and takes moments
        let lasts = |gate: &&Gate| !matches!(gate, Gate::PathOpen { .. });
        for (when, gate) in before.chain(step.gate.iter().filter(lasts).map(|gate| ("after", gate))) {
            // what a group waits for needs no step to be understood
            let text = match gate.group() {
                Some(_) => format!("waits until {}", waits(plan, gate)),
                None => format!("waits {when} {id} until {}", waits(plan, gate)),
            };
            if !said.insert(text.clone()) {
                continue;
            }
            for line in wrap(&text, page.width - 7) {
                let line = page.paint(FAINT, &line);
                page.line(&format!("       {line}"));
            }
        }
    }
    let lasting: Vec<String> =
        plan.steps.iter().filter(|s| s.reversible != Reversible::Exact).map(|s| s.id.to_string()).collect();
    if !lasting.is_empty() {
        let text = format!("cannot be undone exactly: {}", clean(&lasting.join(", ")));
        for line in wrap(&text, page.width - 7) {
            let line = page.paint(WARN, &line);
            page.line(&format!("       {line}"));
        }
    }
}

fn full(plan: &Plan, page: &mut Page<'_>) {
    let number = |id: &StepId| plan.steps.iter().position(|s| s.id == *id).map_or(0, |i| i + 1);
    let digits = plan.steps.len().to_string().len();
    let indent = digits + 4;
    for (at, step) in plan.steps.iter().enumerate() {
        let nr = format!("{:>digits$}", at + 1);
        let address = clean(&step.address.to_string()).into_owned();
        page.line(&format!("  {nr}. {} {address}: {}", step.operation.name(), clean(&step.why)));
        let mut reasons: Vec<(&str, Vec<usize>)> = Vec::new();
        for after in &step.after {
            match reasons.iter_mut().find(|(why, _)| *why == after.why) {
                Some((_, numbers)) => numbers.push(number(&after.step)),
                None => reasons.push((&after.why, vec![number(&after.step)])),
            }
        }
        for (why, mut numbers) in reasons {
            numbers.sort_unstable();
            let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            for line in wrap(&format!("after {}: {}", numbers.join(", "), clean(why)), page.width - indent) {
                let line = page.paint(FAINT, &line);
                page.line(&format!("{}{line}", pad("", indent)));
            }
        }
        for gate in &step.before {
            page.line(&format!("{}waits first until {}", pad("", indent), waits(plan, gate)));
        }
        if let Some(gate) = &step.gate {
            page.line(&format!("{}then waits until {}", pad("", indent), waits(plan, gate)));
        }
        if let Some(undo) = plan.compensations.get(&step.id) {
            let undo: Vec<String> = undo.iter().map(|step| clean(&step.id.to_string()).into_owned()).collect();
            let undo: Vec<&str> = undo.iter().map(|id| id.trim_start_matches("Undo: ")).collect();
            for line in wrap(&format!("if that fails: {}", undo.join(", ")), page.width - indent) {
                page.line(&format!("{}{line}", pad("", indent)));
            }
        }
        let lasting = match step.reversible {
            Reversible::Exact => continue,
            Reversible::NewIdentity => "undone only with another ARN or DNS name",
            Reversible::No => "cannot be undone: AWS does not give back what was there",
        };
        let line = page.paint(WARN, lasting);
        page.line(&format!("{}{line}", pad("", indent)));
    }
}

/// What a gate waits for.
fn waits(plan: &Plan, gate: &Gate) -> String {
    let of = gate.group().map(|link| group(plan, link)).unwrap_or_default();
    match gate {
        Gate::LoadBalancerActive => "the load balancer is active".to_owned(),
        Gate::LoadBalancerGone => "the load balancer and its network interfaces are gone".to_owned(),
        Gate::CertificateIssued => "the certificate is issued".to_owned(),
        Gate::TargetsHealthy { at_least: 1, .. } => format!("at least 1 target of {of} is healthy"),
        Gate::TargetsHealthy { at_least, .. } => format!("at least {at_least} targets of {of} are healthy"),
        Gate::PathOpen { .. } => "AWS shows these rules".to_owned(),
        Gate::Drained { within, .. } => format!("requests to {of} have ended ({within} s at most)"),
        Gate::Settled { at_least: 0 } => "requests have moved for a while (--settle)".to_owned(),
        Gate::Settled { at_least } => format!("requests have moved for {at_least} s (--settle, if longer)"),
    }
}

/// A target group as people know it: the copy that proves a health check by what it is a copy of.
fn group(plan: &Plan, link: &Link) -> String {
    let made = |id: &StepId| plan.steps.iter().find(|step| step.id == *id).map(|step| step.address.clone());
    let address = match link {
        Link::Id(id) => plan.diff.bound.names.get(id).cloned(),
        Link::Step(id) => made(id),
        Link::Address(address) => Some(address.clone()),
        Link::Select(_) => None,
    };
    let name = address.map_or_else(|| link.to_string(), |address| address.to_string());
    match name.split_once("@proof") {
        Some((of, _)) => format!("a copy of {} with the new health check", clean(of)),
        None => clean(&name).into_owned(),
    }
}
