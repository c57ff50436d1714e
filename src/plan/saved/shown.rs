//! What a saved plan keeps for readers only: the differences, and what the rules say. `apply` needs none of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Record;
use crate::cloud::{Gap, Identity, Live, Snapshot};
use crate::diff::{Bound, Change, Diff, Ignored, Unmanaged, Verdict};
use crate::model::{Address, FieldPath, Kind, Spec};
use crate::plan::{Held, Plan, Refused, Risks};
use crate::rules::{self, Accepted, Finding, Judgement, Need, NotChecked};

/// What the text of a plan shows besides the steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Differences that the plan leaves open.
    pub held: Vec<Held>,
    /// Guards that refuse it.
    pub refused: Vec<Refused>,
    changes: Vec<Change>,
    /// What is made, and the load balancers of the stack.
    want: BTreeMap<Address, Spec>,
    /// What goes, and the load balancers of the stack.
    live: BTreeMap<Address, Live>,
    unmanaged: Vec<Unmanaged>,
    unselected: Vec<Address>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ignored: Vec<Ignored>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    now: Judged,
    afterwards: Judged,
    risky_fields: Vec<(Address, FieldPath, BTreeSet<String>)>,
    risky_resources: Vec<(Address, BTreeSet<String>)>,
}

/// What the rules say, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Judged {
    findings: Vec<Finding>,
    accepted: Vec<Accepted>,
    not_checked: Vec<(String, Vec<Need>, bool)>,
}

impl Judged {
    fn of(judgement: &Judgement) -> Self {
        let not_checked = judgement.not_checked.iter().map(|n| (n.rule.to_owned(), n.needs.clone(), n.partly));
        Self {
            findings: judgement.findings.clone(),
            accepted: judgement.accepted.clone(),
            not_checked: not_checked.collect(),
        }
    }
    fn judgement(&self) -> Judgement {
        let not_checked = |(rule, needs, partly): &(String, Vec<Need>, bool)| {
            Some(NotChecked { rule: rules::find(rule)?.code, needs: needs.clone(), partly: *partly })
        };
        Judgement {
            findings: self.findings.clone(),
            accepted: self.accepted.clone(),
            not_checked: self.not_checked.iter().filter_map(not_checked).collect(),
        }
    }
}

impl Shown {
    /// Of a plan.
    pub fn of(plan: &Plan) -> Self {
        let Diff { bound, changes, unmanaged, unselected, ignored } = &plan.diff;
        let balancers = || bound.want.keys().filter(|address| address.kind == Kind::LoadBalancer);
        let which = |verdict: &Verdict| {
            let changes = changes.iter().filter(move |c| c.verdict == *verdict);
            changes.map(|c| &c.address).chain(balancers()).collect::<BTreeSet<&Address>>()
        };
        let want = which(&Verdict::Create).into_iter();
        let live = which(&Verdict::Delete).into_iter();
        let live = live.filter_map(|address| {
            let live = bound.live.get(address)?;
            let spec = super::shown_spec(plan, address, &live.spec);
            Some((address.clone(), Live { spec, facts: live.facts.clone() }))
        });
        let (risky_fields, risky_resources) = plan.risks.lists();
        Self {
            held: plan.held.clone(),
            refused: plan.refused.clone(),
            changes: changes.clone(),
            want: want.filter_map(|address| Some((address.clone(), bound.want.get(address)?.clone()))).collect(),
            live: live.collect(),
            unmanaged: unmanaged.clone(),
            unselected: unselected.clone(),
            ignored: ignored.clone(),
            gaps: plan.basis.gaps.clone(),
            now: Judged::of(&plan.now),
            afterwards: Judged::of(&plan.afterwards),
            risky_fields,
            risky_resources,
        }
    }

    /// The plan as reports take it. Its live side is what the record holds, and no more.
    pub fn plan(&self, record: &Record) -> Plan {
        let mut bound = Bound { want: self.want.clone(), live: self.live.clone(), ..Bound::default() };
        for (id, before) in &record.before {
            bound.ids.insert(before.address.clone(), id.clone());
            bound.names.insert(id.clone(), before.address.clone());
            bound.live.entry(before.address.clone()).or_insert_with(|| before.live.clone());
        }
        let (account, region) = (record.account.clone(), record.region.clone());
        Plan {
            identity: Identity { account, region, arn: String::new() },
            stack: record.stack.clone(),
            basis: Snapshot { gaps: self.gaps.clone(), ..record.basis() },
            diff: Diff {
                bound,
                changes: self.changes.clone(),
                unmanaged: self.unmanaged.clone(),
                unselected: self.unselected.clone(),
                ignored: self.ignored.clone(),
            },
            steps: record.steps.clone(),
            compensations: record.compensations.clone(),
            held: self.held.clone(),
            refused: self.refused.clone(),
            now: self.now.judgement(),
            afterwards: self.afterwards.judgement(),
            risks: Risks::of_lists(&self.risky_fields, &self.risky_resources),
        }
    }
}
