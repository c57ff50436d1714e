//! A small stack in canned answers: the calls of a fetch, and the gap that each failing read leaves.

use std::collections::BTreeMap;

use super::{Reply, connect, fault, ok, serve};
use crate::cloud::{Hidden, NeededFor, Read as _, Scope, Snapshot};
use crate::model::kind::{Action, Forward};
use crate::model::{Id, Kind, Link, Selectable, Selector};

const ELB: &str = "arn:aws:elasticloadbalancing:eu-west-1:000000000000";
const CERTIFICATE: &str = "arn:aws:acm:eu-west-1:000000000000:certificate/1";

fn lb() -> Id {
    Id(format!("{ELB}:loadbalancer/app/web/1"))
}
fn listener() -> Id {
    Id(format!("{ELB}:listener/app/web/1/2"))
}
fn group(name: &str) -> Id {
    Id(format!("{ELB}:targetgroup/{name}/1"))
}

/// The operation of a request: a form field, or a header of ACM.
fn operation(request: &str) -> &str {
    let after = |mark: &str| request.split(mark).nth(1).map(|rest| rest.split(['&', '\r']).next().unwrap_or(rest));
    after("Action=").or_else(|| after("CertificateManager.")).unwrap_or_default()
}

fn elb(name: &str) -> String {
    let (lb, listener) = (lb().0, listener().0);
    let zone = "<member><ZoneName>eu-west-1a</ZoneName><SubnetId>subnet-1</SubnetId></member>";
    let forward = format!(
        "<member><Type>forward</Type><TargetGroupArn>{}</TargetGroupArn><Order>1</Order></member>",
        group("a").0
    );
    let tg = |n: &str| {
        let check = "<HealthCheckPort>traffic-port</HealthCheckPort><Matcher><HttpCode>200</HttpCode></Matcher>";
        let what = "<TargetType>ip</TargetType><Protocol>HTTP</Protocol><Port>80</Port><VpcId>vpc-1</VpcId>";
        let names = format!("<TargetGroupArn>{}</TargetGroupArn><TargetGroupName>{n}</TargetGroupName>", group(n).0);
        format!("<member>{names}{what}{check}</member>")
    };
    match name {
        "DescribeLoadBalancers" => format!(
            "<LoadBalancers><member><LoadBalancerArn>{lb}</LoadBalancerArn><LoadBalancerName>web</LoadBalancerName>\
             <Type>application</Type><Scheme>internal</Scheme><AvailabilityZones>{zone}</AvailabilityZones>\
             <SecurityGroups><member>sg-1</member></SecurityGroups></member></LoadBalancers>"
        ),
        "DescribeTargetGroups" => format!("<TargetGroups>{}{}{}</TargetGroups>", tg("a"), tg("b"), tg("other")),
        "DescribeListeners" => format!(
            "<Listeners><member><ListenerArn>{listener}</ListenerArn><Port>443</Port><Protocol>HTTPS</Protocol>\
             <Certificates><member><CertificateArn>{CERTIFICATE}</CertificateArn></member></Certificates>\
             <DefaultActions>{forward}</DefaultActions></member></Listeners>"
        ),
        "DescribeRules" => format!(
            "<Rules><member><RuleArn>{ELB}:listener-rule/app/web/1/2/3</RuleArn><Priority>10</Priority>\
             <Actions>{forward}</Actions></member><member><RuleArn>d</RuleArn><Priority>default</Priority>\
             <IsDefault>true</IsDefault></member></Rules>"
        ),
        "DescribeListenerCertificates" => "<Certificates/>".into(),
        "DescribeTargetHealth" => "<TargetHealthDescriptions><member><Target><Id>10.0.0.1</Id><Port>80</Port></Target>\
             <TargetHealth><State>healthy</State></TargetHealth></member></TargetHealthDescriptions>"
            .into(),
        "DescribeTags" => "<TagDescriptions/>".into(),
        _ => "<Attributes><member><Key>k</Key><Value/></member></Attributes>".into(),
    }
}

fn answer(request: &str) -> Reply {
    let name = operation(request);
    let json = |text: &str| Reply::Http(200, text.to_owned());
    let ec2 = |inner: &str| Reply::Http(200, format!("<{name}Response>{inner}</{name}Response>"));
    match name {
        "ListCertificates" => json(&format!(
            r#"{{"CertificateSummaryList":[{{"CertificateArn":"{CERTIFICATE}","DomainName":"shop.example.com"}}]}}"#
        )),
        "DescribeCertificate" => json(&format!(
            r#"{{"Certificate":{{"CertificateArn":"{CERTIFICATE}","DomainName":"shop.example.com","Status":"ISSUED"}}}}"#
        )),
        "ListTagsForCertificate" => json(r#"{"Tags":[]}"#),
        "DescribeSecurityGroups" => {
            ec2("<securityGroupInfo><item><groupId>sg-1</groupId><groupName>alb</groupName><ipPermissions><item>\
             <ipProtocol>tcp</ipProtocol><fromPort>80</fromPort><toPort>80</toPort><prefixListIds><item><prefixListId>\
             pl-1</prefixListId></item></prefixListIds></item></ipPermissions></item></securityGroupInfo>")
        }
        "DescribeSubnets" => ec2("<subnetSet><item><subnetId>subnet-1</subnetId></item></subnetSet>"),
        "DescribeVpcs" => ec2(
            "<vpcSet><item><vpcId>vpc-1</vpcId><tagSet><item><key>Name</key><value>main</value></item></tagSet></item></vpcSet>",
        ),
        "DescribeNetworkInterfaces" => {
            ec2("<networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId><vpcId>vpc-1</vpcId>\
             <groupSet><item><groupId>sg-1</groupId></item></groupSet><privateIpAddressesSet><item>\
             <privateIpAddress>10.0.0.1</privateIpAddress></item></privateIpAddressesSet></item></networkInterfaceSet>")
        }
        "DescribeNetworkAcls" => ec2(
            "<networkAclSet><item><networkAclId>acl-1</networkAclId><associationSet><item><subnetId>subnet-1</subnetId>\
             </item></associationSet><entrySet><item><ruleNumber>100</ruleNumber><protocol>-1</protocol><ruleAction>allow\
             </ruleAction><egress>true</egress><cidrBlock>0.0.0.0/0</cidrBlock></item></entrySet></item></networkAclSet>",
        ),
        "DescribeRouteTables" => ec2(
            "<routeTableSet><item><routeTableId>rtb-1</routeTableId><vpcId>vpc-1</vpcId><associationSet><item><main>true\
             </main></item></associationSet><routeSet><item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock>\
             <gatewayId>local</gatewayId><state>active</state></item></routeSet></item></routeTableSet>",
        ),
        "GetManagedPrefixListEntries" => ec2("<entrySet><item><cidr>10.0.0.0/24</cidr></item></entrySet>"),
        _ => ok(name, &elb(name)),
    }
}

fn scope() -> Scope {
    let names = |list: &[&str]| list.iter().map(|&n| n.to_owned()).collect();
    let tags = BTreeMap::from([("Name".to_owned(), "main".to_owned())]);
    Scope {
        load_balancers: names(&["web", "absent"]),
        target_groups: names(&["a", "b"]),
        membership: names(&["a"]),
        certificate_domains: names(&["shop.example.com"]),
        security_group_ids: [Id("sg-1".into())].into(),
        selectors: [Selector { what: Selectable::Vpc, tags }].into(),
        network: true,
        ..Scope::default()
    }
}

async fn fetch(denied: &'static str) -> (Snapshot, BTreeMap<String, u64>) {
    let script = move |request: &str| match operation(request) {
        name if name == denied && request.contains("CertificateManager") => {
            Reply::Http(400, r#"{"__type":"AccessDeniedException","message":"not authorized"}"#.into())
        }
        name if name == denied => fault(403, "AccessDenied", "not authorized"),
        _ => answer(request),
    };
    let aws = connect(&serve(script).await).await;
    (aws.fetch(&scope()).await.unwrap(), aws.api_calls().by_operation)
}

#[tokio::test]
async fn a_fetch_makes_the_fewest_calls() {
    let (snapshot, calls) = fetch("").await;
    assert_eq!(snapshot.gaps, []);
    assert_eq!(snapshot.found.len(), 9, "web, listener, rule, two groups, a target in each, certificate, sg-1");
    let forward = Action::Forward(Forward::to_one(Link::Id(group("a"))));
    assert!(snapshot.rules().all(|(_, rule)| rule.action.as_ref() == Some(&forward)));
    assert_eq!(snapshot.interfaces.map(|all| all.len()), Some(1));
    assert_eq!((snapshot.subnets.len(), snapshot.vpcs.len()), (1, 1));
    let network = &snapshot.network;
    let tables = network.tables.as_ref().unwrap();
    assert_eq!(tables.networks(&Id("vpc-1".into())), ["10.0.0.0/16".parse::<ipnet::IpNet>().unwrap()]);
    assert_eq!(network.acls.as_ref().unwrap().of_subnet, [(Id("subnet-1".into()), Id("acl-1".into()))].into());
    assert_eq!(network.lists["pl-1"], ["10.0.0.0/24".parse::<ipnet::IpNet>().unwrap()]);
    let twice = ["DescribeTargetGroupAttributes", "DescribeTargetHealth"];
    let expected = |name: &str| if twice.contains(&name) { 2 } else { 1 };
    assert!(calls.iter().all(|(name, n)| *n == expected(name)), "{calls:?}");
    assert_eq!(calls.values().sum::<u64>(), 22, "{calls:?}");
}

#[tokio::test]
async fn each_denied_read_leaves_its_gap() {
    use NeededFor::{Diff, Rules};
    let certificate = Id(CERTIFICATE.into());
    let cases = [
        ("DescribeLoadBalancers", vec![(Hidden::Kind(Kind::LoadBalancer), Diff)]),
        ("DescribeTargetGroups", vec![(Hidden::Kind(Kind::TargetGroup), Diff)]),
        ("ListCertificates", vec![(Hidden::Kind(Kind::Certificate), Diff)]),
        ("DescribeVpcs", vec![(Hidden::Lookups, Diff)]),
        ("DescribeListeners", vec![(Hidden::Children(lb(), Kind::Listener), Diff)]),
        ("DescribeLoadBalancerAttributes", vec![(Hidden::Resource(lb()), Diff)]),
        (
            "DescribeTargetGroupAttributes",
            vec![(Hidden::Resource(group("a")), Diff), (Hidden::Resource(group("b")), Diff)],
        ),
        (
            "DescribeTargetHealth",
            vec![
                (Hidden::Children(group("a"), Kind::Target), Diff),
                (Hidden::Children(group("b"), Kind::Target), Rules),
            ],
        ),
        ("DescribeSubnets", vec![(Hidden::Lookups, Rules)]),
        ("DescribeRules", vec![(Hidden::Children(listener(), Kind::Rule), Diff)]),
        ("DescribeListenerAttributes", vec![(Hidden::Resource(listener()), Diff)]),
        ("DescribeListenerCertificates", vec![(Hidden::Children(listener(), Kind::Certificate), Rules)]),
        ("DescribeNetworkInterfaces", vec![(Hidden::Interfaces, Rules)]),
        ("DescribeNetworkAcls", vec![(Hidden::Acls, Rules)]),
        ("DescribeRouteTables", vec![(Hidden::Routes, Rules)]),
        ("GetManagedPrefixListEntries", vec![(Hidden::PrefixLists, Rules)]),
        ("DescribeCertificate", vec![(Hidden::Kind(Kind::Certificate), Diff)]),
        ("ListTagsForCertificate", vec![(Hidden::Resource(certificate), Diff)]),
        ("DescribeSecurityGroups", vec![(Hidden::Kind(Kind::SecurityGroup), Diff)]),
    ];
    for (denied, expected) in cases {
        let (snapshot, calls) = fetch(denied).await;
        let gaps: Vec<_> = snapshot.gaps.iter().map(|gap| (gap.hidden.clone(), gap.needed_for)).collect();
        assert_eq!(gaps, expected, "{denied}");
        assert!(calls.contains_key(denied), "{denied}");
    }
    let (snapshot, _) = fetch("DescribeTags").await;
    assert_eq!(snapshot.incomplete().count(), 5, "web, listener, rule, two groups");
}

/// The tags of the listener's certificate, whose first name is one that no file begins with.
async fn tags_of_another_first_name(others: &'static str) -> (Option<String>, u64) {
    let script = move |request: &str| match operation(request) {
        "ListCertificates" => Reply::Http(200, r#"{"CertificateSummaryList":[]}"#.into()),
        "DescribeCertificate" => {
            let names =
                format!(r#""DomainName":"www.example.com","SubjectAlternativeNames":["www.example.com"{others}]"#);
            let found = format!(r#"{{"CertificateArn":"{CERTIFICATE}",{names},"Status":"ISSUED"}}"#);
            Reply::Http(200, format!(r#"{{"Certificate":{found}}}"#))
        }
        "ListTagsForCertificate" => {
            Reply::Http(200, r#"{"Tags":[{"Key":"no502:id","Value":"shop:certificate/app"}]}"#.into())
        }
        _ => answer(request),
    };
    let aws = connect(&serve(script).await).await;
    let snapshot = aws.fetch(&scope()).await.unwrap();
    let spec = snapshot.found[&Id(CERTIFICATE.into())].spec.clone();
    let calls = aws.api_calls().by_operation.get("ListTagsForCertificate").copied().unwrap_or_default();
    (spec.tags().and_then(|tags| tags.get("no502:id")).cloned(), calls)
}

#[tokio::test]
async fn an_attached_certificate_is_known_by_its_tags_whichever_of_its_names_comes_first() {
    let (tag, calls) = tags_of_another_first_name(r#","Shop.Example.com""#).await;
    assert_eq!((tag.as_deref(), calls), (Some("shop:certificate/app"), 1));
    assert_eq!(tags_of_another_first_name("").await, (None, 0), "no file can mean it");
}
