//! What holds for every live view and every file.

use std::collections::{BTreeMap, BTreeSet};

use no502::cloud::{ApiCalls, Operation, Snapshot};
use no502::desired::Resolved;
use no502::diff::Verdict;
use no502::export::{Request, export};
use no502::model::kind::{Action, Authenticate, Direction, MutualAuthentication};
use no502::model::tag::ID_TAG;
use no502::model::value::Protocol;
use no502::model::{Address, Id, Spec};
use no502::plan::{Guard, Plan, Step};
use no502::report::{View, json};

use super::world::{after, planned, read, written};
use super::{STACK, account, zero};

/// The addresses that a plan leaves open, and says why; what lives in something that should go and stays, stays too.
fn open(plan: &Plan) -> BTreeSet<Address> {
    // a rehearsal refuses a plan whole, it leaves nothing of it open
    let refused = plan.refused.iter().filter(|r| r.guard != Guard::Rehearsal).filter_map(|r| r.address.clone());
    let said: BTreeSet<Address> = plan.held.iter().map(|h| h.address.clone()).chain(refused).collect();
    let deletes = plan.diff.changes.iter().filter(|change| change.verdict == Verdict::Delete);
    let leaving: BTreeSet<Address> = deletes.map(|change| change.address.clone()).collect();
    let stays = |address: &Address| said.contains(address) && leaving.contains(address);
    let within = leaving.iter().filter(|address| lineage(address).any(|above| stays(&above)));
    within.chain(&said).cloned().collect()
}

/// The rehearsal found nothing but what no order avoids; steps name earlier steps.
pub fn sound(plan: &Plan) {
    let lost: Vec<_> = plan.refused.iter().filter(|r| r.guard == Guard::Rehearsal).collect();
    let no_order = lost.iter().all(|r| r.because.starts_with("no order of the steps keeps every request"));
    assert!(no_order, "{lost:#?}");
    assert!(lost.is_empty() || zero::is_hopeless(plan), "there is an order: {lost:#?}\n{:#?}", names(plan));
    let mut earlier = BTreeSet::new();
    for step in &plan.steps {
        for wait in &step.after {
            assert!(
                earlier.contains(&wait.step),
                "{} waits for {} ({}), which is no earlier step\n{:#?}",
                step.id,
                wait.step,
                wait.why,
                names(plan)
            );
        }
        assert!(earlier.insert(step.id.clone()), "two steps are called {}", step.id);
    }
    for held in &plan.held {
        assert!(!held.because.is_empty(), "{held:?}");
    }
}

/// A choice among so many, the same for the same seed.
pub fn choices(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |among| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % among
    }
}

/// All steps, in an order that the edges allow, end where the files want to be: a second plan has nothing left but
/// what the first said it leaves open.
pub fn converges(desired: &Resolved, before: &Snapshot, plan: &Plan, seed: u64) -> (Snapshot, Plan) {
    let end = match after(before, &plan.steps, choices(seed)) {
        Ok(end) => end,
        Err((step, refusal)) => panic!("`{step}` is refused: {refusal}\n{:#?}", names(plan)),
    };
    let again = planned(desired, &end);
    sound(&again);
    let open = open(plan);
    for change in again.differences() {
        let address = &change.address;
        assert!(open.contains(address), "{address} differs still: {:?}\n{:#?}", change.verdict, names(plan));
    }
    let more: Vec<_> = again.steps.iter().map(|step| &step.id).collect();
    if !plan.held.is_empty() && again.held.len() < plan.held.len() {
        // what held something is gone: one more run closes it
        converges(desired, &end, &again, seed);
        return (end, again);
    }
    assert!(more.is_empty(), "a second plan has steps: {more:#?}\nafter {:#?}", names(plan));
    (end, again)
}

fn names(plan: &Plan) -> Vec<String> {
    let waits = |step: &Step| step.after.iter().map(|wait| wait.step.to_string()).collect::<Vec<_>>();
    plan.steps.iter().map(|step| format!("{} after {:?}", step.id, waits(step))).collect()
}

/// What no file mentions, and what others own, is as it was, byte for byte; of the rest only what is declared moved.
pub fn only_ours_moved(before: &Snapshot, plan: &Plan, end: &Snapshot, again: &Plan) {
    let (old, new) = (written(before), written(end));
    let bound = &plan.diff.bound;
    let open = open(plan);
    let deleted = |address: &Address| {
        let change = plan.diff.changes.iter().find(|change| change.address == *address);
        change.is_some_and(|change| change.verdict == Verdict::Delete) && !open.contains(address)
    };
    // what lives in something goes with it
    let leaves = |address: &Address| lineage(address).any(|above| deleted(&above));
    for (id, text) in &old {
        let address = &bound.names[id];
        let declared = bound.want.contains_key(address);
        if leaves(address) {
            assert!(!new.contains_key(id), "{address} is still there\n{:#?}", names(plan));
        } else if bound.superseded.contains_key(address) {
            // what takes its place is judged instead; it was marked at most
            assert!(new.contains_key(id), "{address} is gone\n{:#?}", names(plan));
        } else if open.contains(address) || !(declared || bound.unwanted.contains_key(address)) {
            assert_eq!(new.get(id), Some(text), "{address} ({id}) is not ours to change\n{:#?}", names(plan));
        } else {
            let kept = bound.kept(address).unwrap();
            let expected = plain(bound.want.get(address).map_or(kept.clone(), |want| want.clone().over(&kept)));
            let found = plain(again.diff.bound.live[address].spec.clone());
            let [found, expected] = [found, expected].map(|spec| without_attributes_of_the_protocol(spec, &kept));
            assert_eq!(found, expected, "{address}\n{:#?}", names(plan));
        }
    }
    for (address, id) in &again.diff.bound.ids {
        // a group that somebody else fills stays attached by a rule of its own until that is done; the plan says so
        let staged = address.leaf().starts_with("@stage-") && plan.held.iter().any(|held| held.address == *address);
        let new = bound.want.contains_key(address) || staged;
        assert!(old.contains_key(id) || new, "{address} appeared, which no file mentions");
    }
}

/// Where a listener changes its protocol, AWS itself gives and takes the attributes of HTTPS.
fn without_attributes_of_the_protocol(spec: Spec, before: &Spec) -> Spec {
    match (spec, before) {
        (Spec::Listener(mut listener), Spec::Listener(was)) if listener.protocol != was.protocol => {
            listener.attributes.retain(|key, value| was.attributes.get(key).is_some_and(|old| old != value));
            Spec::Listener(listener)
        }
        (spec, _) => spec,
    }
}

fn lineage(address: &Address) -> impl Iterator<Item = Address> {
    std::iter::successors(Some(address.clone()), Address::parent)
}

/// A spec without what means nothing: the order of sets, our own tags, and what has no live side.
fn plain(mut spec: Spec) -> Spec {
    if let Some(tags) = spec.tags_mut() {
        tags.retain(|key, _| !key.starts_with("no502:"));
    }
    let action = |action: &mut Option<Action>| {
        if let Some(Action::Forward(forward)) = action {
            forward.external = false;
        }
    };
    let login = |login: &mut Option<Authenticate>| {
        let said = login.take().unwrap_or(Authenticate::None);
        *login = Some(said.kept().with_defaults());
    };
    match &mut spec {
        Spec::SecurityGroup(group) => {
            for direction in Direction::ALL {
                group.rules_mut(direction).iter_mut().for_each(|rules| rules.sort());
            }
        }
        Spec::Certificate(certificate) => certificate.origin = None,
        Spec::Listener(listener) => {
            action(&mut listener.default);
            login(&mut listener.authenticate);
            if listener.protocol == Some(Protocol::Http) {
                (listener.ssl_policy, listener.certificate, listener.sni_certificates) = (None, None, None);
                listener.mutual_authentication = None;
            } else {
                listener.mutual_authentication.get_or_insert(MutualAuthentication::Disabled);
            }
            // without certificates by server name there is nothing to list
            let sni = listener.sni_certificates.get_or_insert_default();
            sni.sort();
        }
        Spec::Rule(rule) => {
            action(&mut rule.action);
            login(&mut rule.authenticate);
            // host names are not case-sensitive: what differs in nothing else stays as it is written
            if let Some(when) = &mut rule.when {
                when.host = when.host.iter().map(|host| host.to_ascii_lowercase()).collect();
            }
            let rewrite = rule.rewrite.get_or_insert_default();
            rewrite.path.get_or_insert_default();
            rewrite.host.get_or_insert_default();
        }
        Spec::TargetGroup(_) | Spec::Target(_) | Spec::LoadBalancer(_) => {}
    }
    spec
}

/// Everything a plan says, but for places in files.
pub fn said(plan: &Plan) -> String {
    let changes: Vec<String> = plan.diff.changes.iter().map(|change| format!("{change:?}")).collect();
    let unmanaged: Vec<String> = plan.diff.unmanaged.iter().map(|one| format!("{one:?}")).collect();
    let refused: Vec<&str> = plan.refused.iter().map(|r| r.because.as_str()).collect();
    let steps = serde_json::to_string(&plan.steps).unwrap();
    format!("{steps}\n{:?}\n{refused:?}\n{changes:?}\n{unmanaged:?}\n{:?}", plan.held, plan.now.findings)
}

/// The JSON document of a plan.
pub fn document(plan: &Plan, desired: &Resolved) -> String {
    let calls = ApiCalls::default();
    let view = View { command: "plan", plan, desired, api_calls: &calls, paths: "" };
    serde_json::to_string(&json::plan(&view, None)).unwrap()
}

/// What is live can be exported; that file plans empty, and the next export is the same, once it is adopted as well.
pub fn exports(snapshot: &Snapshot, adopt: bool) {
    let request = Request {
        load_balancers: snapshot.load_balancers().map(|(_, lb)| lb.name.clone()).collect(),
        account: account::NUMBER.into(),
        region: account::REGION.into(),
        stack: Some(STACK.into()),
    };
    if request.load_balancers.is_empty() {
        return;
    }
    let exported = export(snapshot, &request);
    let desired = read(&exported.text, &exported.secrets);
    let plan = planned(&desired, snapshot);
    sound(&plan);
    let differences: Vec<_> = plan.differences().collect();
    assert!(differences.is_empty(), "{}\n{differences:#?}", exported.text);
    assert_eq!(export(snapshot, &request).text, exported.text);
    let stamps = plan.steps.iter().all(|step| step.stamp);
    assert!(stamps, "{}\n{:#?}", exported.text, names(&plan));
    let disowns = plan.steps.iter().any(|step| matches!(step.operation, Operation::RemoveTags { .. }));
    assert!(!disowns, "{}\n{:#?}", exported.text, names(&plan));
    if adopt {
        let (adopted, _) = converges(&desired, snapshot, &plan, 0);
        assert_eq!(export(&adopted, &request).text, exported.text);
        let (before, after) = (owners(snapshot), owners(&adopted));
        let lost: Vec<_> = before.iter().filter(|(id, owner)| after.get(*id) != Some(*owner)).collect();
        assert!(lost.is_empty(), "{}\nthese have another owner now: {lost:#?}", exported.text);
    }
}

/// The stack of everything that bears the tag of one, rules of security groups included.
fn owners(snapshot: &Snapshot) -> BTreeMap<&Id, String> {
    let stack = |tags: &BTreeMap<String, String>| Some(tags.get(ID_TAG)?.split_once(':')?.0.to_owned());
    let resources = snapshot.found.iter().filter_map(|(id, live)| Some((id, stack(live.spec.tags()?)?)));
    let rules = snapshot.found.values().flat_map(|live| live.facts.group_rules());
    resources.chain(rules.filter_map(|rule| Some((&rule.id, rule.stack.clone()?)))).collect()
}
