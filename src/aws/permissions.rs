//! The IAM actions behind the calls that this program makes, and the smallest policy that grants them.
//!
//! A call needs the action of its own name. The tables are written down, because no service says which calls a program
//! makes; a test makes all of them behind a proxy and expects that each is granted and that each grant is used. No
//! action here can be confined to some load balancers without `plan` losing sight of the rest: reading has no
//! resource-level permissions in ELB. Nothing here calls AWS.

use serde_json::{Value, json};

/// Actions of one service.
#[derive(Clone, Copy, Debug)]
pub struct Grants {
    /// The service's prefix in policies.
    pub service: &'static str,
    /// What every stack needs.
    pub always: &'static [&'static str],
    /// What some stacks need, and which.
    pub seldom: &'static [(&'static str, &'static str)],
}

/// What `plan`, `check`, `diagnose` and `export` call.
pub const READ: [Grants; 5] = [
    Grants {
        service: "elasticloadbalancing",
        always: &[
            "DescribeListenerAttributes",
            "DescribeListenerCertificates",
            "DescribeListeners",
            "DescribeLoadBalancerAttributes",
            "DescribeLoadBalancers",
            "DescribeRules",
            "DescribeTags",
            "DescribeTargetGroupAttributes",
            "DescribeTargetGroups",
            "DescribeTargetHealth",
        ],
        seldom: &[
            ("DescribeCapacityReservation", "where `minimum_capacity` is declared, and for `export`"),
            ("DescribeTrustStores", "where a trust store is named"),
        ],
    },
    Grants {
        service: "acm",
        always: &["DescribeCertificate", "ListCertificates", "ListTagsForCertificate"],
        seldom: &[],
    },
    Grants {
        service: "ec2",
        always: &[
            "DescribeNetworkAcls",
            "DescribeNetworkInterfaces",
            "DescribeRouteTables",
            "DescribeSecurityGroupRules",
            "DescribeSecurityGroups",
            "DescribeSubnets",
            "DescribeVpcs",
        ],
        seldom: &[
            ("DescribeTags", "where instances are targets"),
            ("GetManagedPrefixListEntries", "where a security group or a route names a prefix list"),
        ],
    },
    Grants { service: "tag", always: &["GetResources"], seldom: &[] },
    Grants { service: "cloudwatch", always: &[], seldom: &[("GetMetricData", "for `diagnose --metrics`")] },
];

/// What `apply`, `adopt`, `rollback` and `unlock` call besides.
pub const WRITE: [Grants; 3] = [
    Grants {
        service: "elasticloadbalancing",
        always: &[
            "AddListenerCertificates",
            "AddTags",
            "CreateListener",
            "CreateLoadBalancer",
            "CreateRule",
            "CreateTargetGroup",
            "DeleteListener",
            "DeleteLoadBalancer",
            "DeleteRule",
            "DeleteTargetGroup",
            "DeregisterTargets",
            "ModifyListener",
            "ModifyListenerAttributes",
            "ModifyLoadBalancerAttributes",
            "ModifyRule",
            "ModifyTargetGroup",
            "ModifyTargetGroupAttributes",
            "RegisterTargets",
            "RemoveListenerCertificates",
            "RemoveTags",
            "SetIpAddressType",
            "SetRulePriorities",
            "SetSecurityGroups",
            "SetSubnets",
        ],
        seldom: &[
            ("ModifyCapacityReservation", "where `minimum_capacity` is declared"),
            ("ModifyIpPools", "where `ipam_pool` is declared"),
        ],
    },
    Grants {
        service: "acm",
        always: &["AddTagsToCertificate", "ImportCertificate", "RemoveTagsFromCertificate", "RequestCertificate"],
        seldom: &[],
    },
    Grants {
        service: "ec2",
        always: &[
            "AuthorizeSecurityGroupEgress",
            "AuthorizeSecurityGroupIngress",
            "CreateSecurityGroup",
            "CreateTags",
            "DeleteSecurityGroup",
            "DeleteTags",
            "RevokeSecurityGroupEgress",
            "RevokeSecurityGroupIngress",
            "UpdateSecurityGroupRuleDescriptionsEgress",
            "UpdateSecurityGroupRuleDescriptionsIngress",
        ],
        seldom: &[],
    },
];

/// What AWS does in the caller's name because of a call above. No such call is ever seen, so each has its source.
pub const ON_BEHALF: [(&str, &str); 5] = [
    // Cognito user pools as an action: "the caller needs cognito-idp:DescribeUserPoolClient" (ELB user guide, authenticate users)
    ("cognito-idp:DescribeUserPoolClient", "for logins with Cognito"),
    // ELB creates its role with the first load balancer (ELB user guide, service-linked roles)
    ("iam:CreateServiceLinkedRole", FIRST),
    // until that role is there, CreateLoadBalancer looks these up in the caller's name (kubernetes-sigs/
    // aws-load-balancer-controller issue 748, terraform-aws-modules/terraform-aws-eks issue 900)
    ("ec2:DescribeAccountAttributes", FIRST),
    ("ec2:DescribeAddresses", FIRST),
    ("ec2:DescribeInternetGateways", FIRST),
];
const FIRST: &str = "for the first load balancer of an account";

/// Which commands a policy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// Those that only read.
    Reading,
    /// All of them.
    Writing,
}

/// The actions of a table, `service:Action`.
pub fn actions(grants: &[Grants]) -> Vec<String> {
    let of = |g: &Grants| {
        let names = g.always.iter().copied().chain(g.seldom.iter().map(|(action, _)| *action));
        names.map(|name| format!("{}:{name}", g.service)).collect::<Vec<_>>()
    };
    let mut all: Vec<String> = grants.iter().flat_map(of).collect();
    all.sort();
    all
}

/// The policy document. `sts:GetCallerIdentity` needs no grant.
pub fn policy(what: For) -> Value {
    let statement =
        |sid: &str, actions: &[String]| json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": "*" });
    let mut statements = vec![statement("Read", &actions(&READ))];
    if what == For::Writing {
        statements.push(statement("Write", &actions(&WRITE)));
        let [(cognito, _), (role, _), network @ ..] = ON_BEHALF;
        statements.push(statement("LoginsWithCognito", &[cognito.to_owned()]));
        let mut first = statement("FirstLoadBalancer", &[role.to_owned()]);
        first["Condition"] = json!({ "StringEquals": { "iam:AWSServiceName": "elasticloadbalancing.amazonaws.com" } });
        statements.push(first);
        let network = network.map(|(action, _)| action.to_owned());
        statements.push(statement("FirstLoadBalancerNetwork", &network));
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// The tables for the README.
pub fn table() -> String {
    let row = |verb: &str, g: &Grants| {
        let seldom = g.seldom.iter().map(|(action, when)| format!("{action} {when}"));
        let always = (!g.always.is_empty()).then(|| g.always.join(", "));
        let all: Vec<String> = always.into_iter().chain(seldom).collect();
        format!("| {verb} | {} | {} |\n", g.service, all.join("; "))
    };
    let rows = READ.iter().map(|g| row("read", g)).chain(WRITE.iter().map(|g| row("write", g)));
    let behalf = ON_BEHALF.iter().map(|(action, when)| {
        let (service, name) = action.split_once(':').unwrap_or(("", action));
        format!("| write | {service} | {name} {when} |\n")
    });
    format!("| | service | actions |\n|---|---|---|\n{}", rows.chain(behalf).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_action_is_granted_twice_and_reading_writes_nothing() {
        let (read, write) = (actions(&READ), actions(&WRITE));
        let all: std::collections::BTreeSet<&String> = read.iter().chain(&write).collect();
        assert_eq!(all.len(), read.len() + write.len());
        let verb = |action: &str| action.split(':').nth(1).unwrap().to_owned();
        let reads = |action: &String| ["Describe", "Get", "List"].iter().any(|word| verb(action).starts_with(word));
        assert!(read.iter().all(reads) && !write.iter().any(reads));
        assert_eq!(policy(For::Reading)["Statement"].as_array().unwrap().len(), 1);
        // without a condition: that one is about the role alone
        let writing = policy(For::Writing);
        let network = writing["Statement"].as_array().unwrap().iter().find(|s| s["Sid"] == "FirstLoadBalancerNetwork");
        let granted = ["ec2:DescribeAccountAttributes", "ec2:DescribeAddresses", "ec2:DescribeInternetGateways"];
        assert_eq!((&network.unwrap()["Action"], &network.unwrap()["Condition"]), (&json!(granted), &Value::Null));
    }
}
