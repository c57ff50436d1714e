//! One test binary: links once, shares one LocalStack.
//!
//! `architecture` reads the sources; `desired` and `offline` run the library on files and on a simulated cloud;
//! `probe` runs the program against small servers, `localstack` against a LocalStack that the suite starts by itself;
//! `support` is what they share.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic and may say why")]
#![allow(
    clippy::too_many_lines,
    clippy::wildcard_enum_match_arm,
    reason = "tables are long, and tests look at one variant"
)]

mod architecture;
mod ci;
mod cli;
mod desired;
mod localstack;
mod offline;
mod probe;
mod property;
mod report;
mod support;
