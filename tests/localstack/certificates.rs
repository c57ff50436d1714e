//! Certificates that cannot be used: one that failed is asked for again, and one that ACM issued takes no import.

use serde_json::json;

use super::stack::{NAMES, Stack};
use crate::support::account::REGION;
use crate::support::localstack::control;
use crate::support::wait_for;

const IMPORT: &str = "  app: { import: { certificate: ../app.crt, private_key: { file: ../app.key } } }";

/// Lets ACM say this of a certificate, by its ARN or by the name it is for.
fn says(stack: &Stack, certificate: &str, status: &str) {
    let failure = (status == "FAILED").then_some("CAA_ERROR");
    let body = json!({ "account": stack.account.id, "region": REGION, "certificate": certificate, "status": status, "failure_reason": failure });
    control("PUT", "/_no502/certificates", &body);
}

/// The ARNs of all certificates.
fn arns(stack: &Stack) -> Vec<String> {
    let keys = aws_sdk_acm::types::Filters::builder().key_types("EC_prime256v1".into()).key_types("RSA_2048".into());
    let list = wait_for(stack.account.acm.list_certificates().includes(keys.build()).send()).unwrap();
    list.certificate_summary_list().iter().filter_map(|one| one.certificate_arn().map(str::to_owned)).collect()
}

#[test]
fn one_that_failed_is_asked_for_again() {
    let stack = Stack::prepared();
    stack.edit(IMPORT, "  app: { domain: shop.example.com }");
    let waits = ["apply", "--yes", "--gate-timeout", "1s"];
    stack.account.run(&waits).exits(2);
    let [failed] = <[String; 1]>::try_from(arns(&stack)).unwrap();
    says(&stack, &failed, "FAILED");
    // the load balancer is there by now, and its listeners are not
    stack.account.run(&waits).exits(3);
    let mut all = arns(&stack);
    all.retain(|arn| *arn != failed);
    let [again] = <[String; 1]>::try_from(all).unwrap();
    says(&stack, &again, "ISSUED");
    stack.apply();
    stack.plan().exits(0);
    assert_eq!(arns(&stack).len(), 2, "asked for once again, not with every run");
}

#[test]
fn an_import_leaves_alone_what_acm_issued() {
    let stack = Stack::prepared();
    let names = format!("domain: {}, alternative_names: [\"{}\"]", NAMES[0], NAMES[1]);
    stack.edit(IMPORT, &format!("  app: {{ {names}, key_algorithm: EC_prime256v1 }}"));
    says(&stack, NAMES[0], "ISSUED");
    stack.apply();
    let [issued] = <[String; 1]>::try_from(arns(&stack)).unwrap();
    let desired = stack.account.path().join("desired/shop.yaml");
    std::fs::write(desired, stack.file()).unwrap();
    stack.apply();
    stack.plan().exits(0);
    let all = arns(&stack);
    assert!(all.len() == 2 && all.contains(&issued), "{all:?}");
}
