//! The stack that most tests start from: every kind of the language with every field declared, and the network and
//! certificate it stands on, made by SDK calls.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};
use serde_json::{Value, json};

use crate::support::account::Account;
use crate::support::program::Run;
use crate::support::wait_for;

/// What the stack stands on, by id.
pub struct Stack {
    pub account: Account,
    pub vpc: String,
    /// Two public subnets in two zones; a third one in a third zone is not used.
    pub subnets: Vec<String>,
    /// The group of the targets' interfaces: existing, only one rule of it is declared.
    pub app_group: String,
    /// An existing group that nothing uses.
    pub spare_group: String,
}

/// A certificate and its key, PEM.
#[derive(Clone)]
pub struct Pem {
    pub certificate: String,
    pub key: String,
}

/// A new self-signed certificate. Each has a serial number of its own, whose first digit in hexadecimal is a zero: it
/// is written with it by some and without it by others.
pub fn self_signed(names: &[&str]) -> Pem {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let mut serial = vec![0x0a];
    serial.extend(std::process::id().to_be_bytes());
    serial.extend(NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    params.serial_number = Some(rcgen::SerialNumber::from(serial));
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Pem { certificate: certificate.pem(), key: key.serialize_pem() }
}

/// A certificate authority, PEM.
pub fn authority(name: &str) -> String {
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
}

/// The names of the stack's certificate.
pub const NAMES: [&str; 2] = ["shop.example.com", "*.shop.example.com"];

/// The targets of the stack; each answers its health check and nothing else.
const TARGETS: [(&str, u16); 3] = [("10.0.1.10", 8000), ("10.0.2.10", 8001), ("10.0.1.30", 8000)];

fn shared_certificate() -> &'static Pem {
    static PEM: OnceLock<Pem> = OnceLock::new();
    PEM.get_or_init(|| self_signed(&NAMES))
}

fn named(kind: ResourceType, name: &str, tier: &str) -> TagSpecification {
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
    TagSpecification::builder().resource_type(kind).tags(tag("Name", name)).tags(tag("tier", tier)).build()
}

impl Stack {
    /// The network in a new account, and the files; nothing is applied yet.
    pub fn prepared() -> Self {
        let account = Account::new();
        let Network { vpc, subnets, app_group, spare_group } = wait_for(network(&account, &["app", "spare"]));
        let stack = Self { account, vpc, subnets, app_group, spare_group };
        let answers = |(id, port): (&str, u16)| {
            let script = json!({ "protocol": "HTTP", "port": port, "answers": { "/api/health/": 200, "*": 404 } });
            (format!("{id}:{port}"), script)
        };
        stack.account.script_health(&Value::Object(TARGETS.map(answers).into_iter().collect()));
        let pem = shared_certificate();
        stack.account.write("app.crt", &pem.certificate);
        stack.account.write("app.key", &pem.key);
        stack.account.write("desired/shop.yaml", stack.file());
        stack
    }

    /// The whole stack, applied: a plan finds nothing.
    pub fn applied() -> Self {
        let stack = Self::prepared();
        stack.apply();
        stack
    }

    /// The desired file.
    pub fn file(&self) -> String {
        let file = include_str!("stack.yaml").replace("ACCOUNT", &self.account.id);
        file.replace("APP_GROUP", &self.app_group).replace("VPC", &self.vpc)
    }

    /// The file with one line exchanged for another.
    #[track_caller]
    pub fn edit(&self, from: &str, to: &str) {
        let path = self.account.path().join("desired/shop.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(from).count(), 1, "`{from}` is not there once");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    #[track_caller]
    pub fn apply(&self) -> Run {
        self.account.run(&["apply", "--yes"]).exits(0)
    }

    /// The plan as JSON, and the exit code.
    #[track_caller]
    pub fn plan(&self) -> Run {
        self.account.run(&["plan", "--format", "json", "--detailed-exitcode"])
    }
}

/// The network alone, for files that name things by their tags.
pub fn named_network(account: &Account) {
    wait_for(network(account, &[]));
}

/// VPC, subnets, groups and interfaces, by their ids.
struct Network {
    vpc: String,
    subnets: Vec<String>,
    app_group: String,
    spare_group: String,
}

/// Leads the VPC's main route table to the internet: its subnets are public.
async fn internet(account: &Account, vpc: &str) {
    let ec2 = &account.ec2;
    let gateway = ec2.create_internet_gateway().send().await.unwrap().internet_gateway.unwrap();
    let gateway = gateway.internet_gateway_id.unwrap();
    ec2.attach_internet_gateway().internet_gateway_id(&gateway).vpc_id(vpc).send().await.unwrap();
    let filter = |name: &str, value: &str| aws_sdk_ec2::types::Filter::builder().name(name).values(value).build();
    let tables = ec2.describe_route_tables().filters(filter("vpc-id", vpc)).filters(filter("association.main", "true"));
    let main = tables.send().await.unwrap().route_tables()[0].route_table_id().unwrap().to_owned();
    let route = || ec2.create_route().route_table_id(&main).gateway_id(&gateway);
    route().destination_cidr_block("0.0.0.0/0").send().await.unwrap();
    route().destination_ipv6_cidr_block("::/0").send().await.unwrap();
}

/// Makes the network; interfaces for the targets only if there are groups to put them in.
async fn network(account: &Account, groups: &[&str]) -> Network {
    let ec2 = &account.ec2;
    let vpc = ec2
        .create_vpc()
        .cidr_block("10.0.0.0/16")
        .amazon_provided_ipv6_cidr_block(true)
        .tag_specifications(named(ResourceType::Vpc, "main", "all"));
    let vpc = vpc.send().await.unwrap().vpc.unwrap();
    let ipv6 = vpc.ipv6_cidr_block_association_set()[0].ipv6_cidr_block().unwrap().to_owned();
    let vpc = vpc.vpc_id.unwrap();
    internet(account, &vpc).await;
    let mut subnets = Vec::new();
    for (at, zone) in ["a", "b", "c"].into_iter().enumerate() {
        let tier = if zone == "c" { "spare" } else { "public" };
        let subnet = ec2
            .create_subnet()
            .vpc_id(&vpc)
            .cidr_block(format!("10.0.{}.0/24", at + 1))
            .ipv6_cidr_block(ipv6.replace("00::/56", &format!("0{at}::/64")))
            .availability_zone(format!("eu-west-1{zone}"))
            .tag_specifications(named(ResourceType::Subnet, &format!("public-{zone}"), tier));
        subnets.push(subnet.send().await.unwrap().subnet.unwrap().subnet_id.unwrap());
    }
    let mut ids = Vec::new();
    for name in groups {
        let group = ec2.create_security_group().vpc_id(&vpc).group_name(*name).description(*name);
        ids.push(group.send().await.unwrap().group_id.unwrap());
    }
    for (target, subnet) in TARGETS.iter().zip([0, 1, 0]).filter(|_| !ids.is_empty()) {
        let interface = ec2.create_network_interface().subnet_id(&subnets[subnet]).private_ip_address(target.0);
        interface.groups(&ids[0]).send().await.unwrap();
    }
    let mut ids = ids.into_iter();
    let (app_group, spare_group) = (ids.next().unwrap_or_default(), ids.next().unwrap_or_default());
    Network { vpc, subnets, app_group, spare_group }
}
