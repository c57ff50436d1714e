//! From a plan to its document.

use std::collections::BTreeMap;

use super::types::{
    Accepted, After, ApiCalls, Change, Checked, End, Field, Finding, Gap, Gate, Held, Ignored, NotChecked,
    PlanDocument, Refused, Resource, Since, Step, Undeclared, Unmanaged,
};
use super::{FORMAT_VERSION, TOOL_VERSION};
use crate::cloud::{Facts, Operation};
use crate::desired::Resolved;
use crate::diff::{self, Verdict};
use crate::model::{Address, FieldChange, FieldPath, Kind};
use crate::plan::{self, Plan};
use crate::report::aftermath::{self, Aftermath};
use crate::report::place::Places;
use crate::report::since::kept;
use crate::report::summary::Summary;
use crate::report::{Report, View, gaps};
use crate::rules::{self, FixClass};

/// The document of a plan. `end` is what only `apply` knows.
pub fn plan(view: &View<'_>, end: Option<End>) -> PlanDocument {
    let View { plan, desired, .. } = *view;
    let places = Places::of(&desired.files);
    let findings = aftermath::findings(plan);
    let mut document = PlanDocument {
        format_version: FORMAT_VERSION,
        tool_version: TOOL_VERSION,
        command: view.command.to_owned(),
        account: plan.identity.account.clone(),
        region: plan.identity.region.clone(),
        stack: plan.stack.clone(),
        complete: plan.is_complete(),
        summary: Summary::of(plan),
        changes: plan.differences().map(|c| change(plan, desired, &places, c)).collect(),
        steps: plan.steps.iter().map(|of| step(plan, of)).collect(),
        findings: findings.iter().map(|j| finding(desired, &places, j.finding, Some(j.aftermath))).collect(),
        accepted: plan.now.accepted.iter().map(|a| accepted(desired, &places, a)).collect(),
        not_checked: plan.now.not_checked.iter().map(not_checked).collect(),
        unmanaged: plan.diff.unmanaged.iter().map(unmanaged).collect(),
        undeclared: plan.diff.changes.iter().flat_map(undeclared).collect(),
        held: plan.held.iter().map(held).collect(),
        refused: plan.refused.iter().map(refused).collect(),
        unselected: plan.diff.unselected.iter().map(ToString::to_string).collect(),
        ignored: plan.diff.ignored.iter().map(ignored).collect(),
        gaps: gaps::of(plan).into_iter().map(gap).collect(),
        api_calls: ApiCalls { total: view.api_calls.total(), by_operation: view.api_calls.by_operation.clone() },
        checked: None,
        end,
    };
    document.held.sort_by(|a, b| a.address.cmp(&b.address));
    document.unselected.sort();
    document
}

/// The document of a check.
pub fn check(view: &View<'_>, report: &Report, exit_code: u8) -> PlanDocument {
    let since = report.turn.as_ref().map(|turn| Since {
        checked_at: turn.since,
        new: turn.new.len(),
        gone: turn.gone.len(),
        unseen: turn.unseen.len(),
        changed: turn.tells(report),
    });
    let checked = Checked {
        checked_at: report.at,
        load_balancers: report
            .looked_at
            .iter()
            .filter_map(|a| a.strip_prefix("load_balancer/"))
            .map(str::to_owned)
            .collect(),
        fail_on: report.fail_on.unwrap_or_default(),
        exit_code,
        weight: report.weight(),
        reasons: report.reasons(),
        remarks: kept(report),
        since,
    };
    PlanDocument { checked: Some(checked), ..plan(view, None) }
}

/// What AWS calls everything that is declared and exists, by address.
pub fn resources(plan: &Plan) -> BTreeMap<String, Resource> {
    let bound = &plan.diff.bound;
    let declared = bound.want.keys().filter(|address| address.kind != Kind::Target);
    let resource = |address: &Address| {
        let arn = bound.ids.get(address)?.to_string();
        let dns_name = match bound.live.get(address).map(|live| &live.facts) {
            Some(Facts::LoadBalancer(facts)) => facts.dns_name.clone(),
            Some(_) | None => None,
        };
        Some((address.to_string(), Resource { arn, dns_name }))
    };
    declared.filter_map(resource).collect()
}

fn change(plan: &Plan, desired: &Resolved, places: &Places<'_>, change: &diff::Change) -> Change {
    let address = &change.address;
    let fields = change.verdict.fields();
    let whole = if fields.is_empty() { plan.risks.of_resource(address) } else { Vec::new() };
    let of_fields = fields.iter().flat_map(|f| plan.risks.of_field(address, &f.path));
    let rules: std::collections::BTreeSet<&str> = whole.into_iter().chain(of_fields).collect();
    let at = match fields {
        [only] => only.path.clone(),
        _ => FieldPath::root(),
    };
    Change {
        address: address.to_string(),
        kind: address.kind,
        action: action(&change.verdict),
        cause: change.cause,
        fields: fields.iter().map(|f| field(plan, address, f)).collect(),
        risk: risk(rules.is_empty()),
        rules: rules.into_iter().map(str::to_owned).collect(),
        because: because(plan, address),
        source: places.of_field(desired, address, &at),
    }
}

const fn action(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Create => "create",
        Verdict::Update(_) => "update",
        Verdict::Replace(_) => "replace",
        Verdict::Delete => "delete",
        Verdict::InSync | Verdict::Unknown(_) => "none",
    }
}

const fn risk(none: bool) -> &'static str {
    if none { "none" } else { "5xx" }
}

fn field(plan: &Plan, address: &Address, field: &FieldChange) -> Field {
    let FieldChange { path, live, desired, mutability: _ } = field;
    let rules = plan.risks.of_field(address, path);
    Field {
        path: path.to_string(),
        live: live.clone(),
        desired: desired.clone(),
        risk: risk(rules.is_empty()),
        rules: rules.into_iter().map(str::to_owned).collect(),
    }
}

/// What the steps about a resource are for, those of its group or listener on its behalf included; else
/// why there are none.
fn because(plan: &Plan, address: &Address) -> Vec<String> {
    let parent = address.parent();
    let on_behalf = |step: &plan::Step| match address.kind {
        Kind::Target => {
            matches!(step.operation, Operation::RegisterTargets { .. } | Operation::DeregisterTargets { .. })
        }
        Kind::Rule => matches!(step.operation, Operation::SetRulePriorities { .. }),
        Kind::SecurityGroup | Kind::Certificate | Kind::TargetGroup | Kind::LoadBalancer | Kind::Listener => false,
    };
    let about = |step: &&plan::Step| {
        let own = step.address == *address;
        !step.stamp && (own || (Some(&step.address) == parent.as_ref() && on_behalf(step)))
    };
    let mut because: Vec<String> = plan.steps.iter().filter(about).map(|step| step.why.clone()).collect();
    because.extend(plan.held.iter().filter(|h| h.address == *address).map(|h| h.because.clone()));
    because.extend(plan.refused.iter().filter(|r| r.address.as_ref() == Some(address)).map(|r| r.because.clone()));
    let mut seen = std::collections::BTreeSet::new();
    because.retain(|text| seen.insert(text.clone()));
    because
}

fn step(plan: &Plan, step: &plan::Step) -> Step {
    let compensation = plan.compensations.get(&step.id);
    Step {
        id: step.id.to_string(),
        operation: step.operation.name(),
        address: step.address.to_string(),
        after: step.after.iter().map(|a| After { step: a.step.to_string(), why: a.why.clone() }).collect(),
        before: step.before.iter().map(gate).collect(),
        gate: step.gate.as_ref().map(gate),
        compensation: compensation.into_iter().flatten().map(|step| step.id.to_string()).collect(),
        reversible: step.reversible,
        why: step.why.clone(),
    }
}

const fn gate(gate: &plan::Gate) -> Gate {
    match gate {
        plan::Gate::LoadBalancerActive => Gate { wait: "load_balancer_active", at_least: None },
        plan::Gate::LoadBalancerGone => Gate { wait: "load_balancer_gone", at_least: None },
        plan::Gate::CertificateIssued => Gate { wait: "certificate_issued", at_least: None },
        plan::Gate::TargetsHealthy { at_least, .. } => Gate { wait: "targets_healthy", at_least: Some(*at_least) },
        plan::Gate::PathOpen { .. } => Gate { wait: "path_open", at_least: None },
        plan::Gate::Drained { .. } => Gate { wait: "drained", at_least: None },
        plan::Gate::Settled { .. } => Gate { wait: "settled", at_least: None },
    }
}

pub(super) fn finding(
    desired: &Resolved,
    places: &Places<'_>,
    finding: &rules::Finding,
    after_plan: Option<Aftermath>,
) -> Finding {
    let class = rules::find(&finding.rule).map(|rule| rule.fix);
    let key = |e: &rules::Evident| match e.field.as_str() {
        "" => e.address.to_string(),
        field => format!("{} {field}", e.address),
    };
    Finding {
        id: finding.id(),
        rule: finding.rule.clone(),
        severity: finding.severity,
        address: finding.address.to_string(),
        title: finding.title.clone(),
        detail: finding.detail.clone(),
        evidence: finding.evidence.iter().map(|e| (key(e), e.value.clone())).collect(),
        fix: finding.fix.text.clone(),
        automatic: class == Some(FixClass::Automatic) && finding.fix.declare.is_some(),
        source: places.of_field(desired, &finding.address, &finding.field),
        after_plan,
    }
}

pub(super) fn accepted(desired: &Resolved, places: &Places<'_>, of: &rules::Accepted) -> Accepted {
    let rules::Accepted { finding: found, reason, until } = of;
    Accepted { finding: finding(desired, places, found, None), reason: reason.clone(), until: until.to_string() }
}

pub(super) fn not_checked(rule: &rules::NotChecked) -> NotChecked {
    NotChecked { rule: rule.rule.to_owned(), needs: rule.needs_in_words(), partly: rule.partly }
}

fn unmanaged(found: &diff::Unmanaged) -> Unmanaged {
    Unmanaged { address: found.address.to_string(), id: found.id.to_string(), what: found.what.clone() }
}

fn undeclared(change: &diff::Change) -> impl Iterator<Item = Undeclared> + '_ {
    change.undeclared.iter().map(|u| Undeclared {
        address: change.address.to_string(),
        path: u.path.to_string(),
        live: u.live.clone(),
        default: u.default.clone(),
    })
}

fn held(held: &plan::Held) -> Held {
    Held { address: held.address.to_string(), because: held.because.clone() }
}

fn refused(refused: &plan::Refused) -> Refused {
    Refused {
        guard: refused.guard.as_str(),
        address: refused.address.as_ref().map(ToString::to_string),
        because: refused.because.clone(),
        can_be_lifted: refused.guard.can_be_lifted(),
    }
}

fn ignored(one: &diff::Ignored) -> Ignored {
    Ignored {
        address: one.address.to_string(),
        path: one.path.to_string(),
        what: one.what,
        live: one.live.clone(),
        desired: one.desired.clone(),
        reason: one.entry.reason.clone(),
        owner: one.entry.owner.clone(),
        until: one.entry.until.to_string(),
    }
}

fn gap(gap: gaps::Hiding<'_>) -> Gap {
    Gap {
        what: gap.what,
        why: gap.gap.error.to_string(),
        needed_for: gap.gap.needed_for,
        hides: gap.hides.iter().map(ToString::to_string).collect(),
    }
}
