//! What a plan has to say as remarks: a remark for each field that differs, for each resource that comes or goes, and for
//! whatever was found, ignored, refused, not readable or not managed.
//!
//! Weights come from what is watched; words come from the plan. Nothing is left out here, however small.

use std::collections::{BTreeMap, BTreeSet};

use super::layout::shorten;
use super::place::Places;
use super::remark::{Loudness, Remark, Topic, Weight, at_field, of_accepted, of_finding};
use super::value::{change_in_words, in_words};
use super::watch::Watch;
use super::{View, gaps};
use crate::cloud::NeededFor;
use crate::diff::ownership::short_hash;
use crate::diff::{Cause, Change, Ignored, Verdict};
use crate::model::{Address, FieldChange, FieldPath, Kind, Link};
use crate::plan::Plan;

/// The longest value in a title.
const ROOM: usize = 160;

/// All remarks of a plan.
pub(super) fn remarks(view: &View<'_>, watch: Watch) -> Vec<Remark> {
    let View { plan, desired, .. } = *view;
    let places = Places::of(&desired.files);
    let mut all: Vec<Remark> = Vec::new();
    for change in plan.differences() {
        differences(view, &places, watch, change, &mut all);
    }
    let findings = plan.now.findings.iter();
    all.extend(findings.filter_map(|found| of_finding(&places, desired, found, watch.counts_findings())));
    all.extend(plan.now.accepted.iter().filter_map(|known| of_accepted(&places, desired, known)));
    all.extend(plan.diff.ignored.iter().map(|one| ignored(view, &places, one)));
    all.extend(gaps::of(plan).into_iter().map(|hiding| {
        let missing = hiding.gap.needed_for == NeededFor::Diff;
        gap(&hiding.what, &hiding.gap.error.to_string(), missing, hiding.hides.first().copied())
    }));
    all.extend(plan.refused.iter().map(|refused| {
        let subject = refused.address.as_ref().map_or_else(|| "this plan".to_owned(), ToString::to_string);
        let (guard, because) = (refused.guard.as_str(), &refused.because);
        let id = format!("refused:{guard}:{subject}");
        let title = format!("{subject}: no502 does not change it (guard {guard})");
        let remark = Remark::new(Topic::Refused, guard, id, &title).detailed(because);
        refused.address.iter().fold(remark, |remark, address| remark.about(address))
    }));
    strangers(plan, watch, &mut all);
    let users = users(plan);
    for remark in &mut all {
        let found = remark.address.as_ref().and_then(|address| users.get(address));
        remark.load_balancers = found.into_iter().flatten().cloned().collect();
    }
    all
}

/// What could not be read. If the diff misses it, nothing can be called clean.
pub(super) fn gap(what: &str, why: &str, missing: bool, hides: Option<&Address>) -> Remark {
    let remark = Remark::new(Topic::Gap, "gap", format!("gap:{what}"), &format!("could not read {what}"));
    let remark = hides.into_iter().fold(remark.detailed(why), |remark, address| remark.about(address));
    let (weight, loudness) =
        if missing { (Weight::Incomplete, Loudness::Warning) } else { (Weight::None, Loudness::Note) };
    Remark { weight, loudness, ..remark }
}

/// A difference for each field, or one for the whole resource.
fn differences(view: &View<'_>, places: &Places<'_>, watch: Watch, change: &Change, all: &mut Vec<Remark>) {
    let address = &change.address;
    let plan = view.plan;
    let fields = change.verdict.fields();
    if fields.is_empty() {
        let title = format!("{address}: {}", whole(&change.verdict));
        let rules = plan.risks.of_resource(address);
        let id =
            format!("difference:{address}:{}", if change.verdict == Verdict::Create { "create" } else { "delete" });
        all.push(difference(view, places, watch, (change, &FieldPath::root()), &rules, (id, title)));
    }
    for field in fields {
        let FieldChange { path, live, desired, mutability: _ } = field;
        let title = format!("{address}: {path}  {}", change_in_words(path, live, desired, ROOM));
        // another wrong value is another difference
        let id = format!("difference:{address}:{path}:{}", &short_hash(&live.to_string())[..8]);
        let rules = plan.risks.of_field(address, path);
        all.push(difference(view, places, watch, (change, path), &rules, (id, title)));
    }
}

const fn whole(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Create => "is in the files and not on AWS",
        Verdict::Delete => "is on AWS and shall not be there",
        Verdict::InSync | Verdict::Unknown(_) | Verdict::Update(_) | Verdict::Replace(_) => "differs",
    }
}

fn difference(
    view: &View<'_>,
    places: &Places<'_>,
    watch: Watch,
    (change, path): (&Change, &FieldPath),
    rules: &[&str],
    (id, title): (String, String),
) -> Remark {
    let address = &change.address;
    let weight = watch.of_difference(change.cause, !rules.is_empty());
    let cause = change.cause.map_or("differs", Cause::as_str);
    let mut detail = change.cause.map(|cause| format!("{}.", capital(cause.in_words()))).unwrap_or_default();
    if !rules.is_empty() {
        detail.push_str(&format!(" Clients can see 5xx because of it ({}).", rules.join(", ")));
    }
    if let Some(obstacle) = &change.obstacle {
        detail.push_str(&format!(" It stays as it is: {}.", obstacle.because()));
    }
    let applies = view.plan.refused.is_empty() && change.obstacle.is_none();
    let fix = if applies { format!("{} --target '{address}'", view.command_line("apply")) } else { String::new() };
    let remark = Remark::new(Topic::Difference, cause, id, &title).about(address).detailed(&detail);
    let loudness = match weight {
        Weight::FiveXx => Loudness::Error,
        Weight::Differs | Weight::Incomplete => Loudness::Warning,
        Weight::None => Loudness::Note,
    };
    Remark { weight, loudness, fix, at: at_field(places, view.desired, address, path), ..remark }
}

/// A difference that the file of `--ignore` accepts.
fn ignored(view: &View<'_>, places: &Places<'_>, one: &Ignored) -> Remark {
    let Ignored { address, path, live, desired, what, entry, by: _ } = one;
    let title = match path.as_str() {
        "" => format!("{address}: {}", what.as_str()),
        _ => format!("{address}: {path}  {}", change_in_words(path, live, desired, ROOM)),
    };
    let id = format!("ignored:{address}:{path}:{}", &short_hash(&live.to_string())[..8]);
    let remark = Remark::new(Topic::Difference, "ignored", id, &title).about(address);
    let because = format!("ignored until {} by {}: {}", entry.until, entry.owner, entry.reason);
    Remark { at: at_field(places, view.desired, address, path), ..remark.accepted(&because, false) }
}

/// What no file mentions.
fn strangers(plan: &Plan, watch: Watch, all: &mut Vec<Remark>) {
    for found in &plan.diff.unmanaged {
        let title = format!("{}: in no file; {}", found.address, found.what);
        let remark = Remark::new(Topic::Unmanaged, "unmanaged", format!("unmanaged:{}", found.id), &title);
        all.push(Remark { weight: watch.of_stranger(), ..remark.about(&found.address) });
    }
    for change in &plan.diff.changes {
        for setting in &change.undeclared {
            let (live, default) = (in_words(&setting.path, &setting.live), in_words(&setting.path, &setting.default));
            let (live, default) = (shorten(&live, ROOM), shorten(&default, ROOM));
            let title =
                format!("{}: {} is {live}, AWS's default is {default}; in no file", change.address, setting.path);
            let hash = short_hash(&setting.live.to_string());
            let id = format!("undeclared:{}:{}:{}", change.address, setting.path, &hash[..8]);
            let remark = Remark::new(Topic::Undeclared, "undeclared", id, &title).about(&change.address);
            all.push(Remark { weight: watch.of_stranger(), ..remark });
        }
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The names of the load balancers that each resource serves, declared or live.
fn users(plan: &Plan) -> BTreeMap<String, BTreeSet<String>> {
    let bound = &plan.diff.bound;
    let specs = || bound.want.iter().chain(bound.live.iter().map(|(address, live)| (address, &live.spec)));
    let mut users: BTreeMap<Address, BTreeSet<String>> = BTreeMap::new();
    for (address, spec) in specs() {
        if let Kind::LoadBalancer | Kind::Listener | Kind::Rule = address.kind {
            let name = address.name.split(':').next().unwrap_or(&address.name);
            let linked = spec.links().into_iter().filter_map(|link| link.address().cloned());
            for used in linked.chain([address.clone()]) {
                users.entry(used).or_default().insert(name.to_owned());
            }
        }
    }
    // behind them: targets of groups, and security groups that let a load balancer's in
    for (address, spec) in specs() {
        let through: Vec<Address> = match address.kind {
            Kind::Target => address.parent().into_iter().collect(),
            Kind::SecurityGroup => spec.links().iter().filter_map(Link::address).cloned().collect(),
            Kind::Certificate | Kind::TargetGroup | Kind::LoadBalancer | Kind::Listener | Kind::Rule => Vec::new(),
        };
        let through: BTreeSet<String> =
            through.iter().flat_map(|a| users.get(a).cloned().unwrap_or_default()).collect();
        users.entry(address.clone()).or_default().extend(through);
    }
    users.into_iter().map(|(address, names)| (address.to_string(), names)).collect()
}
