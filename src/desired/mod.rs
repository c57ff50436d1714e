//! The desired-state language: YAML files in, [`Resolved`] out, with every problem of a run and its place.

pub mod problem;
pub mod resolved;

pub use problem::{Level, Problem, Problems};
pub use resolved::{Backend, Limit, Limits, Resolved};
