//! What AWS cannot edit is refused, with the field, and nothing is written.

use super::stack::Stack;
use crate::support::account::proxy;

#[test]
fn fields_that_cannot_be_edited_are_refused() {
    let stack = Stack::applied();
    let original = std::fs::read_to_string(stack.account.path().join("desired/shop.yaml")).unwrap();
    let cases = [
        (
            "target_group/django",
            "port",
            "    port: 8000\n    target_type: ip\n    vpc: VPC\n    ip_address_type",
            "    port: 8001\n    target_type: ip\n    vpc: VPC\n    ip_address_type",
        ),
        (
            "target_group/django",
            "protocol",
            "    protocol: http\n    protocol_version: http1",
            "    protocol: https\n    protocol_version: http1",
        ),
        ("target_group/django", "protocol_version", "protocol_version: http1", "protocol_version: http2"),
        ("load_balancer/web", "scheme", "scheme: internet-facing", "scheme: internal"),
        ("security_group/alb", "description", "description: shop front door", "description: shop back door"),
    ];
    let proxy = proxy();
    for (address, path, from, to) in cases {
        let (from, to) = (from.replace("VPC", &stack.vpc), to.replace("VPC", &stack.vpc));
        stack.edit(&from, &to);
        let plan = stack.plan();
        assert!(matches!(plan.code, 2 | 3), "{address} {path}: {}\n{}", plan.code, plan.all());
        let json = plan.json();
        let change = json["changes"].as_array().unwrap().iter().find(|c| c["address"] == address).cloned();
        let change = change.unwrap_or_else(|| panic!("{address} is not named\n{}", plan.all()));
        assert_eq!(change["action"], "replace", "{address} {path}");
        assert!(change["fields"].as_array().unwrap().iter().any(|f| f["path"] == path), "{path}: {change}");
        proxy.calm();
        let apply = stack.account.behind(&proxy).args(["apply", "--yes"]).run().exits(6);
        assert!(apply.stderr.contains(address) && apply.stderr.contains(path), "{}", apply.all());
        assert_eq!(proxy.writes(), Vec::<String>::new(), "{address} {path}");
        stack.account.write("desired/shop.yaml", &original);
    }
    stack.plan().exits(0);
}

#[test]
fn no_terminal_to_ask_on_is_refused() {
    let stack = Stack::prepared();
    let proxy = proxy();
    stack.account.behind(&proxy).args(["apply"]).run().exits(6).says("--yes");
    assert_eq!(proxy.writes(), Vec::<String>::new());
}
