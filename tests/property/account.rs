//! The account that the estates live in: its network, what is there before anybody declares anything, and the files
//! of an imported certificate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::OnceLock;

use no502::cloud::{CertificateFacts, Facts, Snapshot, Subnet, Vpc};
use no502::model::kind::{Certificate, SecurityGroup};
use no502::model::value::KeyAlgorithm;
use no502::model::{Id, Link};

pub const NUMBER: &str = "000000000000";
pub const REGION: &str = "eu-west-1";
pub const VPC: &str = "vpc-0a1b2c3d";
/// A security group that nobody declares.
pub const DOOR: &str = "sg-0dddddddd1";
pub const PREFIX_LIST: &str = "pl-0123456789";
pub const CERTIFICATE: &str = "arn:aws:acm:eu-west-1:000000000000:certificate/legacy";
pub const FUNCTION: &str = "arn:aws:lambda:eu-west-1:000000000000:function:thumbs:live";

pub fn subnet(number: u8) -> String {
    format!("subnet-0a1b2c3{number}")
}

/// What is there before anybody declares anything.
pub fn empty() -> Snapshot {
    let mut snapshot = Snapshot::default();
    let vpc = Id(VPC.into());
    snapshot.vpcs.insert(vpc.clone(), Vpc::default());
    for (number, zone) in (0..3).zip(["a", "b", "c"]) {
        let found = Subnet {
            vpc: Some(vpc.clone()),
            zone: format!("{REGION}{zone}"),
            cidr: format!("10.0.{number}.0/24"),
            tags: BTreeMap::new(),
            ..Subnet::default()
        };
        snapshot.subnets.insert(Id(subnet(number)), found);
    }
    let door = SecurityGroup {
        name: "somebody's".into(),
        vpc: Some(Link::Id(vpc)),
        description: Some("not declared".into()),
        ingress: Some(Vec::new()),
        egress: Some(SecurityGroup::egress_of_new(false)),
        tags: BTreeMap::new(),
    };
    snapshot.insert(Id(DOOR.into()), door, Facts::None);
    let certificate = Certificate {
        domain: Some("legacy.example.com".into()),
        names: Some(BTreeSet::from(["legacy.example.com".to_owned()])),
        key_algorithm: Some(KeyAlgorithm::Rsa2048),
        ..Certificate::default()
    };
    let facts = CertificateFacts { status: "ISSUED".into(), ..CertificateFacts::default() };
    snapshot.insert(Id(CERTIFICATE.into()), certificate, Facts::Certificate(facts));
    snapshot
}

/// The path of the imported certificate's file, before or after it was renewed.
pub fn pem(renewed: bool) -> String {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("property");
        std::fs::create_dir_all(&folder).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        for (serial, name) in [(1_u64, "false.pem"), (2, "true.pem")] {
            let mut params = rcgen::CertificateParams::new(vec!["partner.example.org".to_owned()]).unwrap();
            params.serial_number = Some(serial.into());
            std::fs::write(folder.join(name), params.self_signed(&key).unwrap().pem()).unwrap();
        }
        folder
    });
    folder.join(format!("{renewed}.pem")).to_string_lossy().into_owned()
}
