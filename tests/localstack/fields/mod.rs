//! Every field of every kind, changed out of band alone: the plan names exactly that address and path with its risk,
//! `apply` mends it, and the plan after that is empty. Each group of cases has a stack of its own.

mod around;
mod complete;
pub mod extra;
mod listener;
pub mod live;
mod load_balancer;
mod login;
mod more;
mod rule;
mod specs;
mod target_group;

use std::collections::BTreeSet;

use serde_json::Value;

use super::stack::Stack;
use crate::support::program::Run;
use live::Live;

/// One change out of band, and what the plan must say of it.
struct Case {
    /// The difference: `address path`, or `address action` for what is created or deleted.
    expected: Vec<String>,
    /// The rules that call it a risk; none: clients do not notice.
    rules: &'static [&'static str],
    /// Who moved.
    cause: &'static str,
    change: Box<dyn Fn(&Live)>,
}

/// A change of one field.
fn field(address: &str, path: &str, change: impl Fn(&Live) + 'static) -> Case {
    fields(&[format!("{address} {path}")], change)
}

/// A change that shows at several places.
fn fields(expected: &[impl AsRef<str>], change: impl Fn(&Live) + 'static) -> Case {
    let expected = expected.iter().map(|s| s.as_ref().to_owned()).collect();
    Case { expected, rules: &[], cause: "drift", change: Box::new(change) }
}

impl Case {
    /// The same change, which these rules call a risk.
    fn risky(self, rules: &'static [&'static str]) -> Self {
        Self { rules, ..self }
    }

    /// The same change of something that is only used and so bears no mark of ours.
    fn unmarked(self) -> Self {
        Self { cause: "unadopted", ..self }
    }
}

/// Runs the cases one after another on one stack. That one is mended shows in the plan of the next, which names its own
/// difference alone, and in the last plan, which names none.
fn run(cases: Vec<Case>) {
    run_on(&Stack::applied(), cases);
}

/// The same on a stack that declares more.
fn run_on(stack: &Stack, cases: Vec<Case>) {
    let live = Live::of(stack);
    clean(stack).unwrap();
    let total = cases.len();
    let mut failures = Vec::new();
    for case in cases {
        if let Err(why) = mends(stack, &live, &case) {
            failures.push(format!("{}: {why}", case.expected.join(", ")));
            if clean(stack).is_err() {
                failures.push("the rest was not tried, because the stack is not as it was".to_owned());
                break;
            }
        }
    }
    clean(stack).unwrap();
    assert!(failures.is_empty(), "{} failures in {total} cases:\n\n{}\n", failures.len(), failures.join("\n\n"));
}

fn mends(stack: &Stack, live: &Live, case: &Case) -> Result<(), String> {
    (case.change)(live);
    let plan = stack.plan();
    let told = told(stack, case);
    let mended = mend(stack).and(told);
    let (seen, rules) = differences(&plan, case.cause)?;
    let expected: BTreeSet<String> = case.expected.iter().cloned().collect();
    if seen != expected {
        return Err(format!("the plan names {seen:?}"));
    }
    let rules_expected: BTreeSet<String> = case.rules.iter().map(|rule| (*rule).to_owned()).collect();
    if rules != rules_expected {
        return Err(format!("its rules are {rules:?}, not {rules_expected:?}"));
    }
    let code = if rules.is_empty() { 2 } else { 3 };
    if plan.code != code {
        return Err(format!("the plan ends with {}, not {code}", plan.code));
    }
    mended
}

/// Each report of a check names each difference.
fn told(stack: &Stack, case: &Case) -> Result<(), String> {
    let files = ["json", "markdown", "sarif", "junit", "github"].map(|format| format!("{format}=told.{format}"));
    let args = files.iter().flat_map(|file| ["--report", file]);
    let check = stack.account.program().args(["-v", "check", "--fail-on", "any"]).args(args).run();
    if !matches!(check.code, 2 | 3) {
        return Err(format!("check ends with {}\n{}", check.code, check.all()));
    }
    let read =
        |file: &String| std::fs::read_to_string(stack.account.path().join(file.split_once('=').unwrap().1)).unwrap();
    let mut texts: Vec<(String, String)> = files.iter().map(|file| (file.clone(), read(file))).collect();
    texts.push(("text".to_owned(), check.stdout));
    for expected in &case.expected {
        let (address, what) = expected.split_once(' ').unwrap();
        // what comes or goes as a whole is said in words
        let path = if matches!(what, "create" | "delete" | "replace") { "" } else { what };
        let missing = |(_, text): &&(String, String)| !(text.contains(address) && text.contains(path));
        if let Some((format, text)) = texts.iter().find(missing) {
            return Err(format!("{format} does not name {expected}\n{text}"));
        }
    }
    Ok(())
}

fn mend(stack: &Stack) -> Result<(), String> {
    let apply = stack.account.run(&["apply", "--yes"]);
    match apply.code {
        0 => Ok(()),
        code => Err(format!("apply ends with {code}\n{}", apply.all())),
    }
}

/// Nothing differs, and all was seen.
fn clean(stack: &Stack) -> Result<(), String> {
    let plan = stack.plan();
    let (seen, _) = differences(&plan, "none")?;
    match plan.code {
        0 if seen.is_empty() => Ok(()),
        code => Err(format!("a plan that should be empty ends with {code} and names {seen:?}\n{}", plan.stderr)),
    }
}

/// Every difference of a plan, and the rules that call one of them a risk. All must have one cause.
fn differences(plan: &Run, cause: &str) -> Result<(BTreeSet<String>, BTreeSet<String>), String> {
    let json: Value = serde_json::from_str(&plan.stdout).map_err(|cause| format!("{cause}\n{}", plan.all()))?;
    if json["complete"] != true {
        return Err(format!("the view is not complete: {}", json["gaps"]));
    }
    let (mut seen, mut rules) = (BTreeSet::new(), BTreeSet::new());
    for change in json["changes"].as_array().into_iter().flatten().filter(|c| c["action"] != "none") {
        let address = text(&change["address"]);
        if change["cause"] != cause {
            return Err(format!("{address}: its cause is {}, not {cause}", change["cause"]));
        }
        let fields = change["fields"].as_array().cloned().unwrap_or_default();
        if fields.is_empty() {
            seen.insert(format!("{address} {}", text(&change["action"])));
        }
        for field in fields {
            seen.insert(format!("{address} {}", text(&field["path"])));
            let cited: Vec<String> = field["rules"].as_array().into_iter().flatten().map(text).collect();
            if (field["risk"] == "5xx") == cited.is_empty() {
                return Err(format!("{address}: risk {} by the rules {cited:?}", field["risk"]));
            }
        }
        let cited: Vec<String> = change["rules"].as_array().into_iter().flatten().map(text).collect();
        if (change["risk"] == "5xx") == cited.is_empty() {
            return Err(format!("{address}: risk {} by the rules {cited:?}", change["risk"]));
        }
        rules.extend(cited);
    }
    Ok((seen, rules))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
