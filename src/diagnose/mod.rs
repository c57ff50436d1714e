//! Diagnosis: why load balancers answer with 5xx now, worst cause first, with or without desired files.
//!
//! It takes what was read, lets the rules judge it, and orders what they find: [`rank`] by likelihood and impact,
//! [`fold`] puts what only follows from a cause beneath it, [`reach`] knows how much of the traffic a finding is about,
//! [`remedy`] says who can mend it and with which call, [`log`] counts access logs, [`metrics`] knows what to ask
//! CloudWatch, and [`whose`] says what both speak for. It calls nothing, and changes nothing.

pub mod fold;
pub mod log;
pub mod metrics;
pub mod rank;
pub mod reach;
pub mod remedy;
pub mod whose;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::cloud::{CloudError, Facts, Gap, NeededFor, Scope, Snapshot};
use crate::desired::{Problem, Resolved};
use crate::diff::{self, Diff};
use crate::model::tag::ID_TAG;
use crate::model::traffic::Traffic;
use crate::model::{Address, Id};
use crate::plan;
use crate::probe::Observations;
use crate::rules::{Accepted, Evidence, Finding, Need, NotChecked, judge};

pub use rank::Proof;
pub use remedy::By;
use whose::Speaks;

/// What is to be diagnosed: a live state, and the files that it should follow, if there are some.
#[derive(Debug)]
pub struct Case<'a> {
    /// What the rules look at.
    pub evidence: Evidence<'a>,
    /// Which live thing is which address; with files, also what differs from them.
    pub diff: Diff,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// Why there are no metrics, if they were asked for.
    pub unmeasured: Option<CloudError>,
}

/// Why load balancers answer with 5xx.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diagnosis {
    /// What was looked at.
    pub balancers: Vec<Balancer>,
    /// The causes, worst first.
    pub causes: Vec<Cause>,
    /// Findings that the files accept; they do not count.
    pub accepted: Vec<Accepted>,
    /// The rules that lacked evidence, by code.
    pub not_checked: Vec<NotChecked>,
    /// What could not be read, in words.
    pub gaps: Vec<Unread>,
    /// What was counted, if anything was.
    pub traffic: Option<Traffic>,
    /// What of that was no success, most frequent first.
    pub met: Vec<whose::Met>,
    /// What metrics counted.
    pub measured: Vec<metrics::Measured>,
}

/// A load balancer that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balancer {
    /// Its address.
    pub address: Address,
    /// The name that clients use.
    pub dns_name: Option<String>,
    /// AWS's word for its state.
    pub state: Option<String>,
}

/// A cause of 5xx answers, and what follows from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// The finding.
    pub finding: Finding,
    /// Findings of the same rule that say the same of other resources.
    pub alike: Vec<Finding>,
    /// Findings that only follow from it: they go when it goes.
    pub consequences: Vec<Finding>,
    /// How sure it is, from 0 to 1.
    pub likelihood: f64,
    /// How much it hurts, from 0 to 1.
    pub impact: f64,
    /// The load balancers whose clients it concerns.
    pub balancers: BTreeSet<Address>,
    /// Who can mend it.
    pub by: By,
    /// The AWS CLI call that mends it, where it is one call.
    pub call: Option<String>,
}

impl Cause {
    /// What causes are ordered by.
    pub fn weight(&self) -> f64 {
        self.likelihood * self.impact
    }
    /// The finding and those like it.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        std::iter::once(&self.finding).chain(&self.alike)
    }
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// What is hidden.
    pub what: String,
    /// The call that failed, and how.
    pub why: String,
    /// Who misses it.
    pub needed_for: NeededFor,
}

impl Diagnosis {
    /// Whether all that was asked about was seen.
    pub fn is_complete(&self) -> bool {
        self.gaps.iter().all(|gap| gap.needed_for != NeededFor::Diff)
    }
    /// Every finding that counts, causes first.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.causes.iter().flat_map(|cause| cause.findings().chain(&cause.consequences))
    }
}

/// What must be read to diagnose these load balancers.
pub fn scope(load_balancers: BTreeSet<String>, desired: Option<&Resolved>) -> Scope {
    let mut scope = desired.map(diff::scope).unwrap_or_default();
    // what a stack left behind somewhere else is no cause of anything here
    scope.owned_by = None;
    scope.load_balancers.extend(load_balancers);
    scope.attached_groups = true;
    scope.network = true;
    scope
}

impl Case<'static> {
    /// A live state of which no file speaks. What a stack of no502 made has the names of its files all the same.
    ///
    /// # Errors
    /// None that files could be blamed for; what [`diff::bind`] refuses.
    pub fn without_files(snapshot: &Snapshot, now: Timestamp) -> Result<Self, Vec<Problem>> {
        let nothing = Resolved { stack: stack_of(snapshot).unwrap_or_default(), ..Resolved::default() };
        let bound = diff::bind(&nothing, snapshot)?;
        let diff = Diff { bound, ..Diff::default() };
        let evidence = plan::of_live_alone(snapshot, &diff, now);
        Ok(Self { evidence, diff, gaps: snapshot.gaps.clone(), unmeasured: None })
    }
}

impl<'a> Case<'a> {
    /// A live state under files.
    ///
    /// # Errors
    /// Problems of the files that only show against the live state.
    pub fn under(desired: &'a Resolved, snapshot: &Snapshot, now: Timestamp) -> Result<Self, Vec<Problem>> {
        let diff = diff::compare(desired, snapshot)?;
        let evidence = plan::of_live(desired, snapshot, &diff, now);
        Ok(Self { evidence, diff, gaps: snapshot.gaps.clone(), unmeasured: None })
    }

    /// The same with what an access log counted.
    #[must_use]
    pub fn counting(mut self, tally: &log::Tally) -> Self {
        self.evidence.traffic = Some(log::traffic(tally, &self.diff.bound));
        self.evidence.available.insert(Need::Logs);
        self
    }

    /// The same with what a probe saw.
    #[must_use]
    pub fn probed(mut self, seen: BTreeMap<Address, Observations>) -> Self {
        self.evidence = self.evidence.with_probe(seen);
        self
    }

    /// What to ask CloudWatch about the load balancers of these names.
    pub fn questions(&self, names: &BTreeSet<String>) -> Vec<metrics::Asked> {
        metrics::questions(&self.evidence, &self.diff.bound, &self.balancers(names))
    }

    /// The same with what CloudWatch answered for the last so many seconds, beside what logs counted. Without an answer
    /// the rules that want metrics are not checked, no more.
    #[must_use]
    pub fn measuring(
        mut self,
        seconds: u64,
        asked: &[metrics::Asked],
        answers: Result<Vec<Option<f64>>, CloudError>,
    ) -> Self {
        match answers {
            Ok(answers) => {
                metrics::lay(self.evidence.traffic.get_or_insert_default(), seconds, asked, &answers);
                self.evidence.available.insert(Need::Metrics);
            }
            Err(error) => self.unmeasured = Some(error),
        }
        self
    }

    /// The load balancers that AWS calls by one of these names; all without names.
    pub fn balancers(&self, names: &BTreeSet<String>) -> BTreeSet<Address> {
        let of_name = |name: &String| names.is_empty() || names.contains(name);
        let all = self.evidence.load_balancers().filter(|(_, lb)| of_name(&lb.name));
        all.map(|(address, _)| address.clone()).collect()
    }
}

/// The stack whose tag the first tagged load balancer bears.
fn stack_of(snapshot: &Snapshot) -> Option<String> {
    let tag = |lb: &crate::model::kind::LoadBalancer| Some(lb.tags.get(ID_TAG)?.split_once(':')?.0.to_owned());
    let mut stacks: BTreeMap<String, usize> = BTreeMap::new();
    snapshot.load_balancers().filter_map(|(_, lb)| tag(lb)).for_each(|stack| *stacks.entry(stack).or_default() += 1);
    stacks.into_iter().max_by_key(|(name, count)| (*count, std::cmp::Reverse(name.clone()))).map(|(name, _)| name)
}

/// Says why these load balancers answer with 5xx; all that were read, without names.
pub fn diagnose(case: &Case<'_>, names: &BTreeSet<String>) -> Diagnosis {
    let judged = judge(&case.evidence);
    let balancers = case.balancers(names);
    let reach = reach::Reach::of(&case.evidence, &balancers);
    let concerned = |finding: &Finding| {
        let all = reach.balancers(finding);
        all.is_empty() || !all.is_disjoint(&balancers)
    };
    let traffic = case.evidence.traffic.as_ref();
    let speaks = |finding: &Finding| traffic.map_or(Speaks::Nothing, |t| whose::speaks(t, &reach, finding));
    // a rule that looks at traffic itself has said so
    let told =
        |finding: &Finding| finding.evidence.iter().any(|e| [rank::COUNTS, rank::METRICS].contains(&e.field.as_str()));
    let counted = |finding: Finding| match speaks(&finding) {
        _ if told(&finding) => finding,
        Speaks::For { count, of } => {
            let (address, text) = (finding.address.clone(), format!("{count} of {of} requests ended so"));
            finding.evident(&address, rank::COUNTS, text)
        }
        Speaks::Measured { metric, count, of } => {
            let (address, text) = (finding.address.clone(), format!("{metric} {count}, {of} requests"));
            finding.evident(&address, rank::METRICS, text)
        }
        Speaks::Against | Speaks::Nothing => finding,
    };
    let findings: Vec<Finding> = judged.findings.into_iter().filter(concerned).map(counted).collect();
    let mut causes: Vec<Cause> = fold::fold(findings, &reach)
        .into_iter()
        .map(|folded| {
            let fold::Folded { finding, alike, consequences } = folded;
            let all = || std::iter::once(&finding).chain(&alike);
            let doubt = if speaks(&finding) == Speaks::Against { rank::CONTRADICTED } else { 1.0 };
            let share = all().map(|f| reach.share(f)).sum::<f64>().min(1.0);
            Cause {
                likelihood: Proof::of(&finding).likelihood() * doubt,
                impact: rank::impact(finding.severity, share),
                balancers: all().flat_map(|f| reach.balancers(f)).collect(),
                by: remedy::by(case, &finding),
                call: remedy::call(&case.diff.bound, &finding),
                finding,
                alike,
                consequences,
            }
        })
        .collect();
    rank::sort(&mut causes);
    Diagnosis {
        balancers: balancers.iter().map(|address| balancer(case, address)).collect(),
        causes,
        accepted: judged.accepted.into_iter().filter(|a| concerned(&a.finding)).collect(),
        not_checked: judged.not_checked,
        gaps: unread(case),
        met: traffic.map(|t| whose::met(t, &balancers)).unwrap_or_default(),
        measured: traffic.map(|t| metrics::measured(t, &balancers)).unwrap_or_default(),
        traffic: traffic.cloned(),
    }
}

fn balancer(case: &Case<'_>, address: &Address) -> Balancer {
    let facts = match case.evidence.facts.get(address) {
        Some(Facts::LoadBalancer(facts)) => Some(facts),
        Some(_) | None => None,
    };
    Balancer {
        dns_name: facts.and_then(|f| f.dns_name.clone()),
        state: facts.map(|f| f.state.clone()),
        address: address.clone(),
    }
}

/// The gaps in the order of what they hide; those that leave the view incomplete first.
fn unread(case: &Case<'_>) -> Vec<Unread> {
    use crate::cloud::Hidden;
    let name = |id: &Id| case.diff.bound.names.get(id).map_or_else(|| id.to_string(), ToString::to_string);
    let in_words = |hidden: &Hidden| match hidden {
        Hidden::Kind(kind) => format!("every {kind}"),
        Hidden::Resource(id) => name(id),
        Hidden::Children(id, kind) => format!("every {kind} of {}", name(id)),
        Hidden::Lookups => "subnets, VPCs or security groups".to_owned(),
        Hidden::Interfaces => "the targets' network interfaces".to_owned(),
        Hidden::Acls => "the network ACLs of the subnets".to_owned(),
        Hidden::Routes => "the route tables of the subnets".to_owned(),
        Hidden::PrefixLists => "the networks of prefix lists".to_owned(),
        Hidden::Owned => "what bears the stack's tag".to_owned(),
    };
    let mut gaps: Vec<&Gap> = case.gaps.iter().collect();
    gaps.sort_by(|a, b| {
        (a.needed_for, &a.hidden, &a.error.operation).cmp(&(b.needed_for, &b.hidden, &b.error.operation))
    });
    gaps.dedup();
    let one =
        |gap: &Gap| Unread { what: in_words(&gap.hidden), why: gap.error.to_string(), needed_for: gap.needed_for };
    let metrics = case.unmeasured.as_ref().map(|error| Unread {
        what: "CloudWatch metrics".to_owned(),
        why: error.to_string(),
        needed_for: NeededFor::Rules,
    });
    gaps.into_iter().map(one).chain(metrics).collect()
}
