//! One file for each command: wiring only.

pub mod accepted;
pub mod adopt;
pub mod apply;
pub mod asking;
pub mod check;
pub mod diagnose;
pub mod explain;
pub mod export;
pub mod locked;
pub mod named;
pub mod plan;
pub mod print;
pub mod probe;
pub mod rollback;
pub mod run;
pub mod runs;
pub mod saved;
pub mod show;
pub mod unlock;
pub mod validate;
