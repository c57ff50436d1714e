//! The 5xx rules: one file per cause, each a pure function from evidence to findings.

pub mod evidence;
pub mod finding;

pub use evidence::{Evidence, Need};
pub use finding::{Declaration, Evident, Finding, Fix, Severity};
