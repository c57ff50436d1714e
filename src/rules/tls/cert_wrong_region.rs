//! E604: a certificate stands in another region than its load balancer.

use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation};
use super::stack;
use crate::model::Address;
use crate::model::kind::Origin;

const FIELD: &str = "arn";

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E604",
    name: "cert-wrong-region",
    severity: Severity::Critical,
    needs: &[Need::Desired],
    also: &[],
    summary: "a certificate stands in another region than its load balancer",
    explain: EXPLAIN,
    bad: Situation {
        text: "the certificate was made for CloudFront, in us-east-1; the load balancer is in eu-west-1",
        desired: stack!(
            r#"  app: { arn: "arn:aws:acm:us-east-1:000000000000:certificate/0a1b2c3d-0000-0000-0000-000000000000" }"#,
            "        certificate: app"
        ),
        ..Situation::EMPTY
    },
    good: Situation {
        text: "certificate and load balancer are in one region",
        desired: stack!(
            r#"  app: { arn: "arn:aws:acm:eu-west-1:000000000000:certificate/0a1b2c3d-0000-0000-0000-000000000000" }"#,
            "        certificate: app"
        ),
        ..Situation::EMPTY
    },
    fix: FixClass::Manual,
    check,
};

const EXPLAIN: &str = "
ACM is regional. A listener takes certificates of its own region only; those for CloudFront are in us-east-1, whatever
region the load balancer behind it is in.

What clients see: nothing, as long as the listener keeps the certificate it has. A new listener with such a certificate
cannot be created: AWS answers CertificateNotFound, and the port stays shut.

How to tell: the fourth part of the ARN is not the region of the file. Server certificates of IAM have no region and
are left out.

How to mend it: request or import the same names in the load balancer's region, and declare that ARN.

Sources: ELB user guide \"Create an HTTPS listener for your Application Load Balancer\"; ACM user guide \"Supported Regions\";
API CreateListener (CertificateNotFound).
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let certificates = evidence.desired.iter().flat_map(|desired| &desired.specs);
    certificates.filter_map(|(address, spec)| judge(evidence, address, spec.certificate()?.origin.as_ref()?)).collect()
}

fn judge(evidence: &Evidence, address: &Address, origin: &Origin) -> Option<Finding> {
    let Origin::Arn(arn) = origin else { return None };
    let here = evidence.desired?.region.as_str();
    let there = arn.as_str().split(':').nth(3).filter(|region| !region.is_empty() && *region != here)?;
    Some(
        RULE.finding(Severity::High, address, FIELD)
            .titled(format!("certificate {} is in {there}, the load balancer in {here}", address.name))
            .detailed("Clients see nothing yet: AWS refuses to attach it, so a new listener with it stays shut.")
            .evident(address, FIELD, arn)
            .mended_by(format!("request or import a certificate with the same names in {here}, and declare its ARN")),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, certificate};
    use super::*;
    use crate::model::Id;

    #[test]
    fn certificates_of_iam_have_no_region() {
        for (arn, found) in [
            ("arn:aws:acm:us-east-1:000000000000:certificate/1", 1),
            ("arn:aws:acm:eu-west-1:000000000000:certificate/1", 0),
            ("arn:aws:iam::000000000000:server-certificate/old", 0),
        ] {
            let mut world = World::seed();
            world.desired.region = "eu-west-1".to_owned();
            let spec = crate::model::kind::Certificate {
                origin: Some(Origin::Arn(Id(arn.to_owned()))),
                ..certificate(&["shop.example.com"])
            };
            world.desired.specs.insert(Address::certificate("app"), spec.into());
            assert_eq!(world.judge().len(), found, "{arn}");
        }
    }
}
