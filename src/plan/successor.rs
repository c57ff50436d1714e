//! Replacing a target group that cannot be edited: a successor with all its settings and targets.
//!
//! How requests move over to it is `shift`, how the old one goes is `retire`.

use std::collections::BTreeMap;

use serde_json::json;

use super::build::Builder;
use crate::cloud::{Facts, Operation};
use crate::diff::ownership::{self, Owner};
use crate::model::attribute::TARGET_GROUP;
use crate::model::kind::{Target, TargetGroup};
use crate::model::tag::{ID_TAG, is_reserved};
use crate::model::value::ProtocolVersion;
use crate::model::{Address, Kind, Spec};

/// Why a group cannot be replaced at all, if so.
pub(super) fn impossible(b: &Builder<'_>, address: &Address) -> Option<String> {
    let old = b.bound.replaced.get(address)?;
    let Facts::TargetGroup { load_balancers } = &b.bound.live.get(old)?.facts else { return None };
    let unseen = load_balancers.iter().find(|id| !b.bound.names.contains_key(*id))?;
    Some(format!(
        "it must be replaced, and the load balancer {}, which no file mentions, uses it: declare that one too, with `existing: true`",
        unseen.short()
    ))
}

/// The steps that create it, and mark the old one as ours, so that a replacement that is stopped is finished later.
pub(super) fn create(b: &mut Builder<'_>, address: &Address) {
    let Some((old, live)) = replaced(b, address) else { return };
    let Some(spec) = spec(b, address) else { return };
    let why = format!("AWS cannot edit it: {} takes its place", spec.name);
    let ours = ownership::owner(&live.tags, &b.desired.stack) == Owner::Ours(address.to_string());
    if !ours {
        let tags = BTreeMap::from([(ID_TAG.to_owned(), ownership::id_tag(&b.desired.stack, address))]);
        let call = Operation::AddTags { resource: b.link(&old), kind: Kind::TargetGroup, tags };
        b.push(&old, call, "so that it is known as the old one if this is stopped half-way");
    }
    b.create_target_group(address, spec, &why);
}

/// The group that is there, and its address.
fn replaced(b: &Builder<'_>, address: &Address) -> Option<(Address, TargetGroup)> {
    let old = b.bound.replaced.get(address)?;
    let live = b.bound.live.get(old)?.spec.target_group()?;
    Some((old.clone(), live.clone()))
}

/// What is created: as declared, and otherwise like the old one.
pub(super) fn spec(b: &Builder<'_>, address: &Address) -> Option<TargetGroup> {
    let (_, live) = replaced(b, address)?;
    let want = b.bound.want.get(address)?.target_group()?;
    let Spec::TargetGroup(mut spec) = b.ready(address, &like(want, &live).into()) else { return None };
    let digits = ownership::short_hash(&fixed(&spec));
    if b.basis.target_groups().any(|(_, group)| group.name == want.name) {
        spec.name = TargetGroup::successor_name(&want.name, &digits);
    }
    Some(*spec)
}

/// What cannot be edited.
fn fixed(group: &TargetGroup) -> String {
    let TargetGroup {
        target_type, protocol, protocol_version, port, vpc, ip_address_type, target_control_port, ..
    } = group;
    json!([target_type, protocol, protocol_version, port, vpc, ip_address_type, target_control_port]).to_string()
}

/// The declared group with what the files leave alone taken from the live one, where it still makes sense.
fn like(want: &TargetGroup, live: &TargetGroup) -> TargetGroup {
    let mut tags = live.tags.clone();
    tags.retain(|key, _| !is_reserved(key));
    tags.extend(want.tags.clone());
    if want.target_type.is_some_and(|of| Some(of) != live.target_type) {
        return TargetGroup { tags, ..want.clone() };
    }
    let mut like = want.clone().over(live);
    let is_grpc = |group: &TargetGroup| group.protocol_version == Some(ProtocolVersion::Grpc);
    if is_grpc(&like) != is_grpc(live) {
        // the check of one says nothing to the other: other paths, other codes
        like.health_check.path.clone_from(&want.health_check.path);
        like.health_check.success_codes.clone_from(&want.health_check.success_codes);
    }
    if like.protocol != live.protocol
        && want.health_check.protocol.is_none()
        && live.health_check.protocol == live.protocol
    {
        like.health_check.protocol = like.protocol;
    }
    let is_default = |key: &str, value: &str| TARGET_GROUP.iter().any(|of| of.key == key && of.default == Some(value));
    like.attributes.retain(|key, value| want.attributes.contains_key(key) || !is_default(key, value));
    TargetGroup { tags, ..like }
}

/// The targets that it begins with: the declared ones; none where somebody else fills it.
pub(super) fn targets(b: &Builder<'_>, address: &Address) -> Vec<Target> {
    let declared = b.bound.want.iter().filter(|(target, _)| target.parent().as_ref() == Some(address));
    let targets = declared.filter_map(|(_, spec)| spec.target());
    targets.map(|target| target.clone().map_links(&mut |link| b.known(link))).collect()
}
