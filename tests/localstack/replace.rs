//! What AWS cannot edit: target groups are replaced, the rest is refused, with the field, and nothing is written.

use super::stack::Stack;
use crate::support::account::proxy;
use crate::support::wait_for;

/// Address, path, and the edit of the file. `VPC` and `OTHER_VPC` stand for ids.
const CASES: [(&str, &str, &str, &str); 10] = [
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
    (
        "target_group/picky",
        "protocol_version",
        "    algorithm: weighted_random",
        "    protocol_version: http2\n    algorithm: weighted_random",
    ),
    (
        "target_group/picky",
        "vpc",
        "  picky:\n    protocol: http\n    port: 8000\n    target_type: ip\n    vpc: VPC",
        "  picky:\n    protocol: http\n    port: 8000\n    target_type: ip\n    vpc: OTHER_VPC",
    ),
    (
        "target_group/picky",
        "target_type",
        "  picky:\n    protocol: http\n    port: 8000\n    target_type: ip",
        "  picky:\n    protocol: http\n    port: 8000\n    target_type: instance",
    ),
    (
        "target_group/picky",
        "ip_address_type",
        "    algorithm: weighted_random",
        "    ip_address_type: ipv6\n    algorithm: weighted_random",
    ),
    (
        "target_group/picky",
        "target_control_port",
        "    algorithm: weighted_random",
        "    target_control_port: 3000\n    algorithm: weighted_random",
    ),
    ("load_balancer/web", "scheme", "scheme: internet-facing", "scheme: internal"),
    (
        "load_balancer/web",
        "customer_owned_ipv4_pool",
        "    idle_timeout: 60s",
        "    customer_owned_ipv4_pool: ipv4pool-coip-0123456789\n    idle_timeout: 60s",
    ),
    ("security_group/alb", "description", "description: shop front door", "description: shop back door"),
];

/// The fields that have a case here, as (kind, path).
pub fn fields() -> impl Iterator<Item = (&'static str, &'static str)> {
    CASES.into_iter().map(|(address, path, _, _)| (address.split('/').next().unwrap(), path))
}

#[test]
fn fields_that_cannot_be_edited_are_replaced_or_refused() {
    let stack = Stack::prepared();
    // a run waits as long as clients stick to a group that goes
    let original =
        stack.file().replace("stickiness: 10m }", "stickiness: 1s }").replace("stickiness: 5m }", "stickiness: 1s }");
    stack.account.write("desired/shop.yaml", &original);
    stack.apply();
    let other = wait_for(stack.account.ec2.create_vpc().cidr_block("10.8.0.0/16").send()).unwrap();
    let other = other.vpc.unwrap().vpc_id.unwrap();
    let proxy = proxy();
    for (address, path, from, to) in CASES {
        let ids = |text: &str| text.replace("OTHER_VPC", &other).replace("VPC", &stack.vpc);
        let (from, to) = (ids(from), ids(to));
        stack.edit(&from, &to);
        let plan = stack.plan();
        assert!(matches!(plan.code, 2 | 3), "{address} {path}: {}\n{}", plan.code, plan.all());
        let json = plan.json();
        let change = json["changes"].as_array().unwrap().iter().find(|c| c["address"] == address).cloned();
        let change = change.unwrap_or_else(|| panic!("{address} is not named\n{}", plan.all()));
        assert_eq!(change["action"], "replace", "{address} {path}");
        assert!(change["fields"].as_array().unwrap().iter().any(|f| f["path"] == path), "{path}: {change}");
        if address.starts_with("target_group/") {
            let apply = stack.account.run(&["apply", "--yes", "--settle", "0s"]);
            if address.ends_with("django") {
                assert_eq!(apply.code, 0, "{}", apply.all());
                stack.plan().exits(0);
            } else {
                // nobody of ours fills it: its owner comes first, unless AWS refuses what is asked for
                assert!(matches!(apply.code, 2 | 3 | 5), "{}", apply.all());
                assert!(apply.code == 5 || apply.stdout.contains("register targets with picky-"), "{}", apply.all());
            }
            stack.account.write("desired/shop.yaml", &original);
            stack.account.run(&["apply", "--yes", "--settle", "0s"]).exits(0);
            stack.plan().exits(0);
        } else {
            proxy.calm();
            let apply = stack.account.behind(&proxy).args(["apply", "--yes"]).run().exits(6);
            assert!(apply.stderr.contains(address) && apply.stderr.contains(path), "{}", apply.all());
            assert_eq!(proxy.writes(), Vec::<String>::new(), "{address} {path}");
            stack.account.write("desired/shop.yaml", &original);
        }
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
