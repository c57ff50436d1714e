//! Malformed files: what is said about them, and where.

use super::{HEAD, said};

#[test]
fn every_error_of_a_file_is_said_at_its_place() {
    let text = format!("{HEAD}target_groups:\n  a:\n    protocl: http\n    port: 99999\n");
    let said = said(&text);
    assert!(said[0].starts_with("6:3 error: target group `a` needs `protocol`"), "{said:#?}");
}
