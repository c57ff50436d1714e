//! Properties: random live views against random files, on the simulation.
//!
//! A case is an estate that is live, what others did to it, and another estate; the files want something between the
//! two. The same cases run each time; `NO502_PROPERTY_CASES` asks for more of them.

mod account;
mod edges;
mod estate;
mod files;
mod found;
mod groups;
mod laws;
mod order;
mod routing;
mod shadow;
mod strangers;
mod text;
pub mod world;
mod zero;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Once;

use no502::cloud::Snapshot;
use no502::plan::{Gate, Plan};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use estate::{Estate, estate};
use strangers::{Deed, deed};
use world::{after, check_health, planned, read, secrets};

/// How many cases run unless more are asked for.
const CASES: u32 = 2_000;
/// The stack under test.
const STACK: &str = "shop";
/// The cases are shared out, so that they run side by side.
const SHARES: u32 = 4;

#[derive(Clone, Debug)]
struct Case {
    live: Estate,
    other: Estate,
    /// What the files take from the other estate.
    picks: Vec<bool>,
    deeds: Vec<Deed>,
    healthy: Vec<bool>,
    seed: u64,
}

fn case() -> impl Strategy<Value = Case> {
    let picks = vec(prop::bool::weighted(0.4), 32);
    (estate(), estate(), picks, vec(deed(), 0..6), vec(any::<bool>(), 4), any::<u64>())
        .prop_map(|(live, other, picks, deeds, healthy, seed)| Case { live, other, picks, deeds, healthy, seed })
}

/// The live side: the estate as our own plan makes it, then what others did.
fn live(case: &Case) -> Snapshot {
    let desired = read(&case.live.file(STACK).written(), &secrets());
    let before = account::empty();
    let plan = planned(&desired, &before);
    laws::sound(&plan);
    assert!(plan.held.is_empty() && plan.refused.is_empty(), "{:#?} {:#?}", plan.held, plan.refused);
    let end = if case.seed.is_multiple_of(4) {
        laws::converges(&desired, &before, &plan, case.seed).0
    } else {
        after(&before, &plan.steps, laws::choices(case.seed)).unwrap_or_else(|why| panic!("refused: {why:?}"))
    };
    let mut live = case.deeds.iter().enumerate().fold(end, |live, (number, deed)| strangers::done(live, number, deed));
    check_health(&mut live, &case.healthy);
    live
}

/// How many cases had what, so that none of the laws is empty.
#[derive(Debug, Default)]
struct Seen(BTreeMap<&'static str, u32>);

impl Seen {
    fn count(&mut self, plan: &Plan) {
        let mut seen = |what, is: bool| *self.0.entry(what).or_default() += u32::from(is);
        let called = |name: &str| plan.steps.iter().any(|step| step.operation.name() == name);
        seen("nothing to do", plan.steps.is_empty());
        seen("held", !plan.held.is_empty());
        seen("refused", !plan.refused.is_empty());
        seen("unmanaged", !plan.diff.unmanaged.is_empty());
        let gates = || plan.steps.iter().flat_map(|step| step.gate.iter().chain(&step.before));
        seen("a group is replaced", !plan.diff.bound.replaced.is_empty());
        seen("targets must be healthy", gates().any(|gate| matches!(gate, Gate::TargetsHealthy { .. })));
        seen("requests under way must end", gates().any(|gate| matches!(gate, Gate::Drained { .. })));
        for name in CALLS {
            seen(name, called(name));
        }
    }
}

/// Plans that say that no order of their steps keeps every request: rare ones.
const LOSSY: &str = "plans that lose requests in every order";

/// The calls that some plans must hold.
const CALLS: &[&str] = &[
    "CreateSecurityGroup",
    "AuthorizeSecurityGroupIngress",
    "AuthorizeSecurityGroupEgress",
    "UpdateSecurityGroupRuleDescriptionsIngress",
    "ImportCertificate",
    "RequestCertificate",
    "CreateTargetGroup",
    "ModifyTargetGroup",
    "ModifyTargetGroupAttributes",
    "RegisterTargets",
    "DeregisterTargets",
    "CreateLoadBalancer",
    "ModifyLoadBalancerAttributes",
    "SetSecurityGroups",
    "SetSubnets",
    "SetIpAddressType",
    "CreateListener",
    "ModifyListener",
    "AddListenerCertificates",
    "ModifyListenerAttributes",
    "CreateRule",
    "ModifyRule",
    "SetRulePriorities",
    "AddTags",
    "RemoveListenerCertificates",
    "RevokeSecurityGroupIngress",
    "RevokeSecurityGroupEgress",
    "DeleteRule",
    "DeleteListener",
    "DeleteLoadBalancer",
    "DeleteTargetGroup",
    "DeleteSecurityGroup",
];

/// The costly laws are asked of every so many cases.
fn holds(case: &Case, seen: &RefCell<Seen>) {
    let before = live(case);
    let file = case.live.mixed(&case.other, &case.picks).file(STACK);
    let desired = read(&file.written(), &secrets());
    let plan = planned(&desired, &before);
    seen.borrow_mut().count(&plan);
    laws::sound(&plan);
    edges::known(&plan);
    *seen.borrow_mut().0.entry(LOSSY).or_default() += u32::from(zero::is_lossy(&plan));
    *seen.borrow_mut().0.entry("rules that nothing reaches").or_default() +=
        u32::try_from(shadow::holds(&before, &plan)).unwrap();
    let watched = zero::holds(&before, &plan, case.seed);
    *seen.borrow_mut().0.entry("requests that both sides serve").or_default() += u32::try_from(watched).unwrap();
    let (end, again) = laws::converges(&desired, &before, &plan, case.seed);
    laws::only_ours_moved(&before, &plan, &end, &again);
    let turned = read(&file.backwards().written(), &secrets());
    assert_eq!(laws::said(&planned(&turned, &before)), laws::said(&plan));
    if case.seed % 4 == 1 {
        assert_eq!(laws::document(&planned(&desired, &before), &desired), laws::document(&plan, &desired));
    }
    if case.seed.is_multiple_of(2) {
        laws::exports(&end, case.seed % 4 == 2);
    }
}

/// How many are asked for by a variable of the environment, else so many.
fn wanted(variable: &str, usual: u32) -> u32 {
    let said = std::env::var_os(variable).map(|value| value.to_string_lossy().into_owned());
    said.map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// One share of the cases; what fails is shrunk and shown as the two files and what happened between.
fn share(number: u32) {
    let cases = wanted("NO502_PROPERTY_CASES", CASES) / SHARES;
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 500, ..Config::default() };
    let seed = [u8::try_from(number).unwrap() + 1; 32];
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let seen = RefCell::default();
    let result = runner.run(&case(), |case| quietly(|| holds(&case, &seen)).map_err(TestCaseError::fail));
    if let Err(TestError::Fail(why, case)) = &result {
        let live = case.live.file(STACK).written();
        let wanted = case.live.mixed(&case.other, &case.picks).file(STACK).written();
        panic!("live:\n{live}\nthen {:#?}\nhealthy {:?}\nwanted:\n{wanted}\n{why}", case.deeds, case.healthy);
    }
    result.unwrap();
    let seen = seen.into_inner();
    let lossy = seen.0.get(LOSSY).copied().unwrap_or_default();
    assert!(lossy * 100 <= cases.max(100), "{lossy} of {cases} plans lose requests in every order");
    let never: Vec<_> =
        seen.0.iter().filter(|(what, count)| **count == 0 && **what != LOSSY).map(|(what, _)| what).collect();
    assert!(never.is_empty() || cases < CASES / SHARES, "no case has {never:?}: {seen:?}");
}

thread_local! { static QUIET: Cell<bool> = const { Cell::new(false) }; }

/// Runs something that may panic; its words come back instead of being printed, because shrinking tries many times.
pub fn quietly(work: impl FnOnce()) -> Result<(), String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                usual(panic);
            }
        }));
    });
    QUIET.set(true);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    QUIET.set(false);
    caught.map_err(|cause| {
        let text = cause.downcast_ref::<String>().map(String::as_str).or_else(|| cause.downcast_ref::<&str>().copied());
        text.unwrap_or("no words").to_owned()
    })
}

#[test]
fn a_first_share_of_plans_converges_and_leaves_others_alone() {
    share(0);
}

#[test]
fn a_second_share_of_plans_converges_and_leaves_others_alone() {
    share(1);
}

#[test]
fn a_third_share_of_plans_converges_and_leaves_others_alone() {
    share(2);
}

#[test]
fn a_fourth_share_of_plans_converges_and_leaves_others_alone() {
    share(3);
}
