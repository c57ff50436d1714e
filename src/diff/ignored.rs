//! Differences that the user accepts for a while: taken out of the diff, and kept beside it.
//!
//! The desired side takes over the live value of an ignored field, so that no call writes it, also where AWS replaces
//! several fields at once; what then cannot be written without it is held. A resource that is ignored as a whole goes
//! out of the diff with all that lives in it. Who moved was decided before, from what the files really say.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Bound, Change, Diff, Obstacle, Verdict};
use crate::desired::Ignore;
use crate::model::attribute::{Attribute, LISTENER, LOAD_BALANCER, TARGET_GROUP};
use crate::model::kind::{Rewrite, Rule, TargetGroup};
use crate::model::{Address, FieldPath, Link, Mutability, Spec};

/// What is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A field that differs.
    Field,
    /// A resource that is in the files and not on AWS.
    Missing,
    /// A resource that is on AWS and shall not be there.
    Leaving,
    /// A live setting that no file mentions.
    Undeclared,
    /// A live resource that no file mentions.
    Unmanaged,
}

impl What {
    /// In a few words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Field => "differs",
            Self::Missing => "is in the files and not on AWS",
            Self::Leaving => "is on AWS and shall not be there",
            Self::Undeclared => "is a setting in no file",
            Self::Unmanaged => "is in no file",
        }
    }
    /// Whether it would be a difference.
    pub const fn is_difference(self) -> bool {
        match self {
            Self::Field | Self::Missing | Self::Leaving => true,
            Self::Undeclared | Self::Unmanaged => false,
        }
    }
}

/// An ignored difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ignored {
    /// The resource.
    pub address: Address,
    /// The field; the root for a whole resource.
    pub path: FieldPath,
    /// Its live value.
    pub live: Value,
    /// The desired one, or AWS's default.
    pub desired: Value,
    /// What it is.
    pub what: What,
    /// Who accepts it.
    pub entry: Ignore,
    /// The place of the entry in its list.
    pub by: usize,
}

/// Takes what the entries match out of a diff; those that have run out match nothing.
pub fn ignore(diff: &mut Diff, entries: &[Ignore], today: Date, fits: fn(&str, &str) -> bool) {
    let entries: Vec<(usize, &Ignore)> = entries.iter().enumerate().filter(|(_, e)| e.until >= today).collect();
    if entries.is_empty() {
        return;
    }
    let find = |address: &Address, path: &str| {
        let on = |entry: &Ignore| fits(&entry.address, &address.to_string());
        let of = |entry: &Ignore| entry.field.as_ref().is_none_or(|field| !path.is_empty() && fits(field, path));
        entries.iter().copied().find(|(_, entry)| on(entry) && of(entry))
    };
    let mut all = Vec::new();
    whole(diff, &find, &mut all);
    let Diff { bound, changes, unmanaged, .. } = diff;
    for change in changes.iter_mut() {
        fields(bound, change, &find, &mut all);
        let address = &change.address;
        change.undeclared.retain(|setting| match find(address, setting.path.as_str()) {
            Some((by, entry)) => {
                let (path, live, desired) = (setting.path.clone(), setting.live.clone(), setting.default.clone());
                let (address, entry) = (address.clone(), entry.clone());
                all.push(Ignored { address, path, live, desired, what: What::Undeclared, entry, by });
                false
            }
            None => true,
        });
    }
    unmanaged.retain(|one| match find(&one.address, "") {
        Some((by, entry)) => {
            all.push(as_a_whole(&one.address, What::Unmanaged, by, entry));
            false
        }
        None => true,
    });
    let missing: BTreeSet<&Address> = all.iter().filter(|i| i.what == What::Missing).map(|i| &i.address).collect();
    for change in changes.iter_mut().filter(|change| change.cause.is_some() && change.obstacle.is_none()) {
        let links = bound.want.get(&change.address).map(Spec::links).unwrap_or_default();
        if let Some(needed) = links.iter().filter_map(Link::address).find(|a| missing.contains(a)) {
            change.obstacle = Some(Obstacle::Held(format!("it needs {needed}, whose absence is ignored")));
        }
    }
    all.sort_by(|a, b| (&a.address, &a.path).cmp(&(&b.address, &b.path)));
    diff.ignored = all;
}

fn as_a_whole(address: &Address, what: What, by: usize, entry: &Ignore) -> Ignored {
    let (live, desired) = (Value::Null, Value::Null);
    let (path, entry) = (FieldPath::root(), entry.clone());
    Ignored { address: address.clone(), path, live, desired, what, entry, by }
}

type Find<'f> = dyn Fn(&Address, &str) -> Option<(usize, &'f Ignore)> + 'f;

/// Takes out what comes, goes or must be replaced and is ignored, with all that lives in it.
fn whole(diff: &mut Diff, find: &Find<'_>, all: &mut Vec<Ignored>) {
    let mut gone: BTreeMap<Address, (usize, Ignore)> = BTreeMap::new();
    for change in &diff.changes {
        let by = match &change.verdict {
            Verdict::Create | Verdict::Delete => find(&change.address, ""),
            // a successor takes the place of all of it: all of it is ignored, or nothing
            Verdict::Replace(fields) => {
                let each: Option<Vec<_>> = fields.iter().map(|f| find(&change.address, f.path.as_str())).collect();
                each.and_then(|each| each.first().copied())
            }
            Verdict::InSync | Verdict::Update(_) | Verdict::Unknown(_) => None,
        };
        if let Some((by, entry)) = by {
            gone.insert(change.address.clone(), (by, entry.clone()));
        }
    }
    diff.changes.retain(|change| {
        let mut lineage = std::iter::successors(Some(change.address.clone()), Address::parent);
        let Some((by, entry)) = lineage.find_map(|address| gone.get(&address)) else { return true };
        match &change.verdict {
            Verdict::Create => all.push(as_a_whole(&change.address, What::Missing, *by, entry)),
            Verdict::Delete => all.push(as_a_whole(&change.address, What::Leaving, *by, entry)),
            Verdict::Replace(fields) | Verdict::Update(fields) => all.extend(fields.iter().map(|field| Ignored {
                path: field.path.clone(),
                live: field.live.clone(),
                desired: field.desired.clone(),
                ..as_a_whole(&change.address, What::Field, *by, entry)
            })),
            Verdict::InSync | Verdict::Unknown(_) => return true,
        }
        false
    });
}

/// Takes ignored fields out of an update.
fn fields(bound: &mut Bound, change: &mut Change, find: &Find<'_>, all: &mut Vec<Ignored>) {
    let Verdict::Update(fields) = &mut change.verdict else { return };
    let address = &change.address;
    let (taken, left): (Vec<_>, Vec<_>) =
        std::mem::take(fields).into_iter().partition(|field| find(address, field.path.as_str()).is_some());
    let together = taken.iter().find_map(|taken| {
        let other = left.iter().find(|left| unit(left.path.as_str()) == unit(taken.path.as_str()));
        other.map(|other| (taken.path.clone(), other.path.clone()))
    });
    let live = bound.live.get(&bound.stand_in(address)).map(|live| live.spec.clone());
    for field in taken {
        if let (Some(want), Some(live)) = (bound.want.get_mut(address), &live) {
            take(want, live, field.path.as_str());
        }
        if let Some(unwanted) = bound.unwanted.get_mut(address) {
            unwanted.forget(field.path.as_str());
        }
        if let Some((by, entry)) = find(address, field.path.as_str()) {
            let (address, entry) = (address.clone(), entry.clone());
            let (path, live, desired) = (field.path, field.live, field.desired);
            all.push(Ignored { address, path, live, desired, what: What::Field, entry, by });
        }
    }
    debug_assert!(left.iter().all(|field| field.mutability == Mutability::InPlace));
    change.verdict = if left.is_empty() { Verdict::InSync } else { Verdict::Update(left) };
    if change.verdict == Verdict::InSync {
        (change.cause, change.obstacle) = (None, None);
    } else if let (Some((taken, other)), None) = (together, &change.obstacle) {
        let because = format!("AWS takes {other} only together with {taken}, which is ignored");
        change.obstacle = Some(Obstacle::Held(because));
    }
}

/// What AWS writes as one, by a field of it.
fn unit(path: &str) -> &str {
    match path.split('.').next().unwrap_or(path) {
        "forward" | "redirect" | "fixed_response" | "authenticate" => "action",
        first @ ("default" | "mutual_authentication") => first,
        _ => path,
    }
}

/// The desired side takes over the live value of a field, or of what AWS writes together with it.
fn take(want: &mut Spec, live: &Spec, path: &str) {
    if let Some(key) = path.strip_prefix("tags.") {
        let live = live.tags().and_then(|tags| tags.get(key)).cloned();
        if let Some(tags) = want.tags_mut() {
            put(tags, key, live);
        }
        return;
    }
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    match (want, live) {
        (Spec::SecurityGroup(w), Spec::SecurityGroup(l)) => match first {
            "ingress" => w.ingress.clone_from(&l.ingress),
            "egress" => w.egress.clone_from(&l.egress),
            _ => {}
        },
        (Spec::Certificate(w), Spec::Certificate(l)) => w.serial.clone_from(&l.serial),
        (Spec::TargetGroup(w), Spec::TargetGroup(l)) if first == "health_check" => check(w, l, rest),
        (Spec::TargetGroup(w), Spec::TargetGroup(l)) => attribute(TARGET_GROUP, path, &mut w.attributes, &l.attributes),
        (Spec::Target(w), Spec::Target(l)) => w.zone.clone_from(&l.zone),
        (Spec::LoadBalancer(w), Spec::LoadBalancer(l)) => match first {
            "ip_address_type" => w.ip_address_type = l.ip_address_type,
            "subnets" => w.subnets.clone_from(&l.subnets),
            "security_groups" => w.security_groups.clone_from(&l.security_groups),
            "ipam_pool" => w.ipam_pool.clone_from(&l.ipam_pool),
            "minimum_capacity" => w.minimum_capacity = l.minimum_capacity,
            _ => attribute(LOAD_BALANCER, path, &mut w.attributes, &l.attributes),
        },
        (Spec::Listener(w), Spec::Listener(l)) => match first {
            "protocol" => w.protocol = l.protocol,
            "ssl_policy" => w.ssl_policy.clone_from(&l.ssl_policy),
            "certificate" => w.certificate.clone_from(&l.certificate),
            "sni_certificates" => w.sni_certificates.clone_from(&l.sni_certificates),
            "mutual_authentication" => w.mutual_authentication.clone_from(&l.mutual_authentication),
            "default" => (w.default, w.authenticate) = (l.default.clone(), l.authenticate.clone()),
            _ => attribute(LISTENER, path, &mut w.attributes, &l.attributes),
        },
        (Spec::Rule(w), Spec::Rule(l)) => rule(w, l, first, rest),
        _ => {}
    }
}

fn put(map: &mut BTreeMap<String, String>, key: &str, value: Option<String>) {
    match value {
        Some(value) => drop(map.insert(key.to_owned(), value)),
        None => drop(map.remove(key)),
    }
}

fn attribute(
    table: &'static [Attribute],
    path: &str,
    want: &mut BTreeMap<String, String>,
    live: &BTreeMap<String, String>,
) {
    let keys: Vec<String> = want.keys().filter(|key| Attribute::path_of(table, key) == path).cloned().collect();
    for key in keys {
        put(want, &key, live.get(&key).cloned());
    }
}

fn check(want: &mut TargetGroup, live: &TargetGroup, field: &str) {
    let (w, l) = (&mut want.health_check, &live.health_check);
    match field {
        "enabled" => w.enabled = l.enabled,
        "protocol" => w.protocol = l.protocol,
        "port" => w.port = l.port,
        "path" => w.path.clone_from(&l.path),
        "interval" => w.interval = l.interval,
        "timeout" => w.timeout = l.timeout,
        "healthy_threshold" => w.healthy_threshold = l.healthy_threshold,
        "unhealthy_threshold" => w.unhealthy_threshold = l.unhealthy_threshold,
        "success_codes" => w.success_codes.clone_from(&l.success_codes),
        _ => {}
    }
}

fn rule(want: &mut Rule, live: &Rule, first: &str, rest: &str) {
    match first {
        "priority" => want.priority = live.priority,
        "when" => {
            let (Some(w), l) = (&mut want.when, live.when.clone().unwrap_or_default()) else { return };
            match rest {
                "host" => w.host = l.host,
                "host_regex" => w.host_regex = l.host_regex,
                "path" => w.path = l.path,
                "path_regex" => w.path_regex = l.path_regex,
                "method" => w.method = l.method,
                "header" => w.header = l.header,
                "header_regex" => w.header_regex = l.header_regex,
                "query" => w.query = l.query,
                "source_ip" => w.source_ip = l.source_ip,
                _ => {}
            }
        }
        "rewrite" => {
            let (Some(w), l) = (&mut want.rewrite, live.rewrite.clone().unwrap_or_default()) else { return };
            let Rewrite { path, host } = l;
            if rest == "host" { w.host = host } else { w.path = path }
        }
        _ => (want.action, want.authenticate) = (live.action.clone(), live.authenticate.clone()),
    }
}
