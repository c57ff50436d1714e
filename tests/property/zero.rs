//! Never zero: in no state between, whatever order the edges allow, is a request lost that both the live view and the
//! files would serve.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Instant;

use no502::cloud::simulate::{Refusal, World, advance};
use no502::cloud::traffic::{Answer, Fits, Lost, Request, Roads, Scheme, Watch, outcome, witnesses};
use no502::cloud::{Operation, Snapshot};
use no502::model::kind::Conditions;
use no502::model::{Id, Link, Spec, StepId};
use no502::plan::{Guard, Plan, Step, arrive, pass};

use super::groups::Groups;
use super::laws::choices;
use super::world::{after, planned, read, secrets};

/// What goes wrong between.
#[derive(Debug)]
pub enum Wrong {
    /// AWS refuses a step.
    Refused(Box<Refusal>),
    /// A request gets worse than before and after.
    Lost(Box<Lost>),
    /// A redirect leads to where nobody answers yet.
    DeadEnd(String),
    /// Something is marked as in sync before it is.
    Marked,
    /// More rules on a load balancer than AWS takes.
    Crowded,
    /// A request goes where no target is known to be healthy, though before and after it does not.
    Unready(Box<Request>),
    /// A group is detached while its last requests are under way.
    Cut(Id),
    /// A gate waits for what cannot come.
    Stuck(String),
    /// A health check decides before it is proven.
    Unproven,
    /// A group that is there before and after is gone meanwhile.
    Missing(String),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "AWS refuses it: {refusal}"),
            Self::Lost(lost) => {
                let Lost { request, before, now, after } = &**lost;
                write!(f, "{request} gets {now}; before it gets {before}, in the end {after}")
            }
            Self::DeadEnd(to) => write!(f, "a redirect to {to} meets nobody"),
            Self::Marked => f.write_str("it marks what is not in sync"),
            Self::Crowded => f.write_str("more rules than AWS takes"),
            Self::Unready(request) => write!(f, "{request} goes to targets of which none is known to be healthy"),
            Self::Cut(group) => write!(f, "{group} is detached before its last requests have ended"),
            Self::Stuck(gate) => write!(f, "this never comes: {gate}"),
            Self::Unproven => f.write_str("a health check decides that nothing has proven"),
            Self::Missing(name) => write!(f, "{name} is gone, and comes back"),
        }
    }
}

/// A plan's start, its end, and how requests fare between.
pub struct Between<'p> {
    before: &'p Snapshot,
    pub steps: &'p [Step],
    end: Snapshot,
    watch: Watch,
    groups: Groups,
    /// Whether redirects are followed too, which takes its time.
    pub follows: bool,
}

/// How far a run has come.
struct Now {
    world: World,
    watch: Watch,
    groups: Groups,
}

impl<'p> Between<'p> {
    pub fn of(before: &'p Snapshot, plan: &'p Plan) -> Self {
        let mut world = World { snapshot: before.clone(), ..World::default() };
        let mut operations: Vec<Operation> = Vec::new();
        for step in &plan.steps {
            arrive(&mut world, step);
            operations.push(advance(&mut world, &step.id, &step.operation).unwrap());
            pass(&mut world, step);
        }
        let watch = Watch::over(before, &world.snapshot, &operations);
        let groups = Groups::of(before, &world.snapshot, &plan.steps);
        Self { before, steps: &plan.steps, end: world.snapshot, watch, groups, follows: false }
    }

    /// How many requests are watched.
    pub fn watched(&self) -> usize {
        self.watch.len()
    }

    /// What goes wrong first if these steps run, each chosen from those that need not wait.
    pub fn wrong(&self, steps: &[Step], mut choose: impl FnMut(&[&Step]) -> usize) -> Option<(String, Wrong)> {
        let world = World { snapshot: self.before.clone(), ..World::default() };
        let mut now = Now { world, watch: self.watch.clone(), groups: self.groups.clone() };
        let mut waiting: Vec<&Step> = steps.iter().collect();
        let mut done: BTreeSet<&str> = BTreeSet::new();
        while !waiting.is_empty() {
            let ready = |step: &&Step| step.after.iter().all(|a| done.contains(a.step.0.as_str()));
            let ready: Vec<&Step> = waiting.iter().copied().filter(ready).collect();
            assert!(!ready.is_empty(), "these wait for each other: {waiting:#?}");
            let step = ready[choose(&ready)];
            waiting.retain(|other| other.id != step.id);
            done.insert(step.id.0.as_str());
            if let Some(wrong) = self.step(&mut now, step) {
                return Some((step.id.to_string(), wrong));
            }
        }
        None
    }

    fn step(&self, now: &mut Now, step: &Step) -> Option<Wrong> {
        let Now { world, watch, groups } = now;
        if let Some(wrong) = groups.begins(self.before, world, step) {
            return Some(wrong);
        }
        arrive(world, step);
        match watch.step(world, &step.id, &step.operation) {
            Err(refusal) => return Some(Wrong::Refused(Box::new(refusal))),
            Ok(lost) => {
                if let Some(first) = lost.into_iter().next() {
                    return Some(Wrong::Lost(Box::new(first)));
                }
            }
        }
        if let Some(wrong) = groups.called(world, step) {
            return Some(wrong);
        }
        pass(world, step);
        if let Some(wrong) = groups.unready(world) {
            return Some(wrong);
        }
        if self.marks_too_early(world, step) {
            return Some(Wrong::Marked);
        }
        let most = [self.before, &self.end].map(|s| s.rules().count()).into_iter().max().unwrap_or(0).max(100);
        if matches!(step.operation, Operation::CreateRule { .. }) && world.snapshot.rules().count() > most {
            return Some(Wrong::Crowded);
        }
        self.follows.then(|| dead_end(&world.snapshot, &self.end).map(Wrong::DeadEnd)).flatten()
    }

    /// Whether something is marked that is not yet as it will be; of a group its targets count as well.
    fn marks_too_early(&self, world: &World, step: &Step) -> bool {
        let (true, Operation::AddTags { resource, .. }) = (step.stamp, &step.operation) else { return false };
        let id = match resource {
            Link::Step(step) => world.outputs[step].id.clone().unwrap(),
            link => link.id().unwrap().clone(),
        };
        let plain = |snapshot: &Snapshot| {
            let mut spec = snapshot.found.get(&id)?.spec.clone();
            spec.tags_mut().unwrap().retain(|key, _| !key.starts_with("no502:"));
            Some((spec, targets(snapshot, &id)))
        };
        plain(&world.snapshot) != plain(&self.end)
    }
}

fn targets(snapshot: &Snapshot, group: &Id) -> BTreeSet<String> {
    let of = snapshot.targets().filter(|(_, target)| target.target_group.id() == Some(group));
    of.map(|(_, target)| target.label()).collect()
}

/// A redirect to the same load balancer that meets nobody, or the wrong certificate, though in the end it will not.
fn dead_end(now: &Snapshot, end: &Snapshot) -> Option<String> {
    let roads = Roads::of(now);
    let all = roads.listeners().flat_map(|((balancer, port), _)| witnesses(&[(now, &roads)], balancer, *port));
    all.filter_map(|request| Some((followed(now, &request)?, followed(end, &request)?)))
        .find(|(now, end)| now.1 < end.1 && now.0 == end.0)
        .map(|(now, _)| now.0)
}

/// Where a redirect leads, if to the same load balancer, and how far a client comes there: 0 where nobody answers, 1 to
/// a certificate that does not fit.
fn followed(snapshot: &Snapshot, request: &Request) -> Option<(String, u8)> {
    let Answer::Redirect { to, .. } = outcome(snapshot, request).answer else { return None };
    let (scheme, rest) = to.split_once("://")?;
    let (authority, rest) = rest.split_once('/')?;
    let (host, port) = authority.split_once(':')?;
    let server_name = Some(host.to_owned());
    let next = Request {
        scheme: if scheme == "https" { Scheme::Https { server_name } } else { Scheme::Http },
        port: port.parse().ok()?,
        path: format!("/{}", rest.split('?').next().unwrap_or_default()),
        ..request.clone()
    };
    let there = (host == request.host).then(|| outcome(snapshot, &next))?;
    let answers = !matches!(there.answer, Answer::Refused | Answer::OtherProtocol);
    Some((to, u8::from(answers) + u8::from(answers && there.is_trusted() != Fits::No)))
}

/// The steps without the edges that have this reason, and each step that then waits for less.
pub fn without(steps: &[Step], why: &str) -> (Vec<Step>, Vec<String>) {
    let mut freed = Vec::new();
    let rest = steps.iter().map(|step| {
        let mut step = step.clone();
        step.after.retain(|after| after.why != why);
        if step.after.len() < steps.iter().find(|one| one.id == step.id).unwrap().after.len() {
            freed.push(step.id.to_string());
        }
        step
    });
    (rest.collect(), freed)
}

/// A step and all that it waits for.
fn ancestry(steps: &[Step], last: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::from([last.to_owned()]);
    // steps name earlier steps only
    for step in steps.iter().rev().filter(|step| step.stamp || !step.after.is_empty()) {
        if all.contains(step.id.0.as_str()) {
            all.extend(step.after.iter().map(|after| after.step.to_string()));
        }
    }
    all
}

/// What goes wrong without the edges of one reason, where each step that is freed runs as early as it may.
pub fn without_wrong(between: &Between<'_>, why: &str) -> Vec<Wrong> {
    let (steps, freed) = without(between.steps, why);
    let early = |last: &String| {
        let first = ancestry(&steps, last);
        let choose = |ready: &[&Step]| ready.iter().position(|step| first.contains(step.id.0.as_str())).unwrap_or(0);
        between.wrong(&steps, choose).map(|(_, wrong)| wrong)
    };
    freed.iter().filter_map(early).collect()
}

/// Whether the plan itself says that requests are lost on its way.
pub fn is_lossy(plan: &Plan) -> bool {
    plan.refused.iter().any(|refused| refused.guard == Guard::Rehearsal)
}

/// Whether something goes wrong in each of many orders, those included that only the loss of requests forbids.
pub fn is_hopeless(plan: &Plan) -> bool {
    let between = Between::of(&plan.basis, plan);
    let mut steps = plan.steps.clone();
    for step in &mut steps {
        let places = matches!(step.operation, Operation::SetRulePriorities { .. });
        let tried =
            |why: &str| why.starts_with("in another order") || (places && why.starts_with("one write at a time"));
        step.after.retain(|after| !tried(&after.why));
    }
    let mut choose = choices(7);
    (0..100).all(|_| between.wrong(&steps, |ready| choose(ready.len())).is_some())
}

/// In several orders that the edges allow, no request is lost; returns how many were watched. A plan that says that it
/// loses some is not judged here.
pub fn holds(before: &Snapshot, plan: &Plan, seed: u64) -> usize {
    let between = Between::of(before, plan);
    if plan.steps.len() < 2 || is_lossy(plan) {
        return 0;
    }
    let mut some = choices(seed ^ 0x5eed);
    let mut others = choices(seed.rotate_left(17));
    let wrong = between
        .wrong(&plan.steps, |ready| some(ready.len()))
        .or_else(|| between.wrong(&plan.steps, |ready| others(ready.len())))
        .or_else(|| between.wrong(&plan.steps, |ready| ready.len() - 1));
    if let Some((step, wrong)) = wrong {
        let steps: Vec<String> = plan.steps.iter().map(|step| format!("{} {:?}", step.id, step.after)).collect();
        panic!("after `{step}`: {wrong}\n{steps:#?}");
    }
    between.watched()
}

/// The certificate that covers a name.
pub fn certificate_mut<'s>(snapshot: &'s mut Snapshot, name: &str) -> &'s mut no502::cloud::Live {
    let covers = |spec: &Spec| spec.certificate().is_some_and(|one| one.covers(name));
    snapshot.found.values_mut().find(|live| covers(&live.spec)).unwrap()
}

/// So many load balancers with one listener, four rules, one group and three targets each, and a plan's operations
/// that turn every rule to another path.
fn large(balancers: usize) -> (Snapshot, Vec<(StepId, Operation)>) {
    let rules = ["a", "b", "c", "d"];
    let file = "version: 1\nstack: shop\naccount: \"000000000000\"\nregion: eu-west-1\ntarget_groups:\n  \
        g: { target_type: ip, protocol: http, port: 80, vpc: vpc-0a1b2c3d, targets: [10.0.1.10, 10.0.1.11, 10.0.1.12] }\n\
        load_balancers:\n  web:\n    subnets: [subnet-0a1b2c30, subnet-0a1b2c31]\n    listeners:\n      80:\n        \
        protocol: http\n        default: { forward: g }\n        rules:\n";
    let rule = |name: &&str| format!("          {name}: {{ when: {{ path: /{name}/* }}, forward: g }}\n");
    let file = format!("{file}{}", rules.iter().map(rule).collect::<String>());
    let before = super::account::empty();
    let plan = planned(&read(&file, &secrets()), &before);
    let one = after(&before, &plan.steps, |_| 0).unwrap();
    let mut all = before;
    let mut operations = Vec::new();
    for number in 0..balancers {
        let other = |id: &Id| {
            let of_ours = id.as_str().starts_with("arn:aws:elasticloadbalancing:simulated");
            if of_ours { Id(id.as_str().replace("simulated", &format!("simulated-{number}"))) } else { id.clone() }
        };
        for (id, live) in one.found.iter().filter(|(id, _)| other(id) != **id) {
            let spec =
                live.spec.clone().map_links(&mut |link| link.id().map_or(link.clone(), |id| Link::Id(other(id))));
            if let Spec::Rule(rule) = &spec {
                let when = Some(Conditions { method: ["GET".to_owned()].into(), ..rule.when.clone().unwrap() });
                let rule = Link::Id(other(id));
                let call = Operation::ModifyRule { rule, when, action: None, authenticate: None, rewrite: None };
                operations.push((StepId(format!("{number} {id}")), call));
            }
            all.insert(other(id), spec, live.facts.clone());
        }
    }
    (all, operations)
}

#[test]
fn ten_thousand_resources_are_watched_in_seconds() {
    let (before, operations) = large(1_000);
    assert!(before.found.len() >= 10_000 && operations.len() == 4_000);
    let begun = Instant::now();
    let mut world = World { snapshot: before.clone(), ..World::default() };
    let resolved: Vec<Operation> =
        operations.iter().map(|(step, operation)| advance(&mut world, step, operation).unwrap()).collect();
    let mut watch = Watch::over(&before, &world.snapshot, &resolved);
    let mut world = World { snapshot: before.clone(), ..World::default() };
    let lost: usize =
        operations.iter().map(|(step, operation)| watch.step(&mut world, step, operation).unwrap().len()).sum();
    let took = begun.elapsed();
    println!("{} requests through {} steps in {took:?}", watch.len(), operations.len());
    assert!(watch.len() >= 1_000 * 8, "{}", watch.len());
    assert_eq!(lost, 0);
    // measured 4 to 8 s on two cores, 30 s on busy ones; to try all requests after each step would take hours
    assert!(took.as_secs() < 300, "{took:?}");
}
