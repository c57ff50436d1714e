//! The `no502` program.
fn main() {}
