//! no502: a declarative reconciler for AWS Application Load Balancers.
//!
//! It reads what an operator declares, reads what AWS has, says which differences make clients see 5xx, and
//! closes them in an order that drops no request. One sentence decides most questions: **the plan is data,
//! it is complete, and apply makes no choices.**
//!
//! # Floors
//! A module imports only from floors below it; neighbours on one floor never import each other. A test
//! (`tests/architecture`) fails on any other edge.
//!
//! ```text
//!  7  cli                        the only place that prints, prompts, exits, reads the environment
//!  6  report                     pure renderers: text, JSON
//!  5  apply  diagnose  aws       aws: SDK types are born and die here; only cli names it
//!  4  plan
//!  3  diff         rules       export
//!  2  desired      cloud       probe       cloud: the port (traits, snapshot, operations, simulation), what becomes
//!                                           of a request; probe: what targets do on the wire
//!  1  model                      plain data: std, serde, and pure value crates
//! ```
//!
//! # Flow
//! ```text
//! YAML ─desired::load→ Resolved ─┐                             ┌─ findings  (rules::judge: Evidence → Finding)
//!                                ├─ diff::compare → Diff ─ plan::plan → Plan (rehearsed) ─ report ─ apply::run → journal
//! AWS ─cloud::Read::fetch→ Snapshot{found, gaps} ───────┘
//! ```
//! Files, AWS and the state after a plan are all described in the same spec types ([`model::kind`]); the same
//! rules judge all three, and the risk of a difference is what the rules say before and not after.
//!
//! # Reading order
//! [`model::kind::target_group`] → [`cloud::operation`] → `plan/build.rs` → `apply/engine.rs` → one rule in
//! `rules/` → `tests/offline/`.
//!
//! # Adding things
//! - a rule: one file in `rules/`, two lines in its group's list.
//! - a field: add it to its spec; the build then breaks in `compare` and `over` (what it takes to change it), in
//!   `desired/kind` and in `aws/<kind>` (both directions).
//! - a kind: `model/kind/x.rs`, `aws/x.rs`, `desired/kind/x.rs`; the compiler names the matches to extend.
pub mod apply;
pub mod aws;
pub mod cli;
pub mod cloud;
pub mod desired;
pub mod diagnose;
pub mod diff;
pub mod export;
pub mod model;
pub mod plan;
pub mod probe;
pub mod report;
pub mod rules;
