//! One test binary: links once, shares one LocalStack.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic and may say why")]

mod desired;
mod offline;
mod report;
mod support;
