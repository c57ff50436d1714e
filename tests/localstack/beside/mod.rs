//! Side by side: other stacks, tools and controllers keep what is theirs, and the plan says why.

mod feeders;
mod stacks;
mod terraform;

use serde_json::Value;

use crate::support::program::Run;

/// The unmanaged things of a plan, each with what it does.
fn unmanaged(plan: &Run) -> Vec<String> {
    let plan = plan.json();
    let one = |u: &Value| format!("{} {}", u["address"].as_str().unwrap(), u["what"].as_str().unwrap_or_default());
    plan["unmanaged"].as_array().unwrap().iter().map(one).collect()
}

/// The guards that refuse a plan, each with the reason.
fn refusals(plan: &Run) -> Vec<String> {
    let plan = plan.json();
    let one = |r: &Value| format!("{} {}", r["guard"].as_str().unwrap(), r["because"].as_str().unwrap());
    plan["refused"].as_array().unwrap().iter().map(one).collect()
}
