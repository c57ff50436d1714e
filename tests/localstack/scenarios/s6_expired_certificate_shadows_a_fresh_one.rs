//! S6: the listener's default certificate is fresh, and clients get an expired one: it is in the list for the same name,
//! and the list comes first.

use std::time::Duration;

use serde_json::json;

use super::super::fields::live::blob;
use super::super::stack::{NAMES, self_signed};
use super::{APPLY, BASE, Scene, edited, in_order};
use crate::support::account::REGION;
use crate::support::localstack::control;
use crate::support::proxy::{Fault, Hold};
use crate::support::wait_for;

const FRESH: &str = "        certificate: app\n        sni_certificates: [ fresh ]\n";

/// The file: another fresh certificate in the list, and nothing else there.
fn file() -> String {
    let text = edited(BASE, "        certificate: app\n", FRESH);
    let text = edited(&text, "    idle_timeout: 60s\n", "    idle_timeout: 60s\n    exclusive: [ sni_certificates ]\n");
    let import =
        "\n  fresh: { import: { certificate: ../fresh.crt, private_key: { file: ../fresh.key } } }\nsecurity_groups:";
    edited(&text, "\nsecurity_groups:", import)
}

pub(super) fn begin() -> Scene {
    let scene = Scene::of(BASE);
    let account = &scene.stack.account;
    let fresh = self_signed(&["fresh.example.com"]);
    account.write("fresh.crt", &fresh.certificate);
    account.write("fresh.key", &fresh.key);
    let old = self_signed(&NAMES);
    let import = account.acm.import_certificate().certificate(blob(&old.certificate)).private_key(blob(&old.key));
    let old = wait_for(import.send()).unwrap().certificate_arn.unwrap();
    let live = scene.live();
    let entry = aws_sdk_elasticloadbalancingv2::types::Certificate::builder().certificate_arn(&old).build();
    let call = account.elb.add_listener_certificates().listener_arn(&live.listeners[&443]).certificates(entry);
    wait_for(call.send()).unwrap();
    let expired =
        json!({ "account": account.id, "region": REGION, "certificate": old, "not_after": "2026-01-01T00:00:00Z" });
    control("PUT", "/_no502/certificates", &expired);
    scene.write(&file());
    scene
}

/// The certificates of the listener's list, the default one aside.
fn listed(scene: &Scene) -> usize {
    let live = scene.live();
    let call = scene.stack.account.elb.describe_listener_certificates().listener_arn(&live.listeners[&443]);
    wait_for(call.send()).unwrap().certificates().iter().filter(|one| one.is_default() == Some(false)).count()
}

#[test]
fn the_new_certificate_is_there_before_the_expired_one_leaves() {
    let scene = begin();
    assert_eq!(listed(&scene), 1);
    scene.fires(&[("E606", "listener/web:443"), ("E607", "listener/web:443")]).exits(3);
    scene.proxy.calm();
    let hold = Hold::new();
    scene.proxy.on("RemoveListenerCertificates").meets(Fault::Hold(hold.clone()));
    let running = scene.stack.account.behind(&scene.proxy).args(APPLY).start();
    assert!(hold.arrived(Duration::from_secs(120)), "the expired one does not leave");
    assert_eq!(listed(&scene), 2, "the fresh one is there");
    hold.release();
    running.end().exits(0);
    in_order(&scene.writes(), &["ImportCertificate", "AddListenerCertificates", "RemoveListenerCertificates"]);
    assert_eq!(listed(&scene), 1);
    scene.is_mended();
}

/// ACM has issued the certificate, and for half a minute load balancers do not know of it.
#[test]
fn a_certificate_that_is_too_new_is_tried_again_and_the_journal_says_so() {
    let scene = begin();
    scene.proxy.calm();
    let message =
        "The certificate must have a fully-qualified domain name, a supported signature, and a supported key size.";
    scene.proxy.on("AddListenerCertificates").first(3).answer(400, "UnsupportedCertificate", message);
    let apply = scene.stack.account.behind(&scene.proxy).args(APPLY).run().exits(0);
    assert!(
        apply.stderr.contains("trying again") && apply.stderr.contains("UnsupportedCertificate"),
        "{}",
        apply.all()
    );
    let writes: Vec<_> = ["ImportCertificate"].into_iter().chain(["AddListenerCertificates"; 4]).collect();
    in_order(&scene.writes(), &[&writes[..], &["RemoveListenerCertificates"]].concat());
    let runs = scene.stack.account.run(&["runs", "--format", "json"]).exits(0).json();
    let steps = runs["runs"][0]["steps"].as_array().unwrap();
    let step = |name: &str| steps.iter().find(|step| step["operation"] == name).unwrap_or_else(|| panic!("{steps:#?}"));
    assert_eq!(
        (&step("AddListenerCertificates")["retries"], &step("AddListenerCertificates")["end"]),
        (&3.into(), &"done".into())
    );
    assert_eq!(step("RemoveListenerCertificates")["retries"], 0);
    scene.is_mended();
}

/// It stays refused: the expired one is not taken away either.
#[test]
fn a_certificate_that_stays_refused_stops_the_run_with_the_old_one_in_place() {
    let scene = begin();
    scene.proxy.calm();
    scene.proxy.on("AddListenerCertificates").answer(400, "CertificateNotFound", "Certificate not found");
    let args = ["apply", "--yes", "--gate-timeout", "3s"];
    let apply = scene.stack.account.behind(&scene.proxy).args(args).run().exits(5);
    assert!(
        apply.stdout.contains("CertificateNotFound") && apply.stdout.contains("tried again for 3"),
        "{}",
        apply.all()
    );
    assert!(!scene.writes().contains(&"RemoveListenerCertificates".to_owned()));
    assert!(scene.proxy.count("AddListenerCertificates") > 2);
    assert_eq!(listed(&scene), 1, "the old one is still there");
    // another refusal is one at once
    scene.proxy.calm();
    scene.proxy.on("AddListenerCertificates").answer(400, "TooManyCertificates", "You have reached the limit");
    scene.stack.account.behind(&scene.proxy).args(args).run().exits(5);
    assert_eq!(scene.proxy.count("AddListenerCertificates"), 1);
    scene.apply().exits(0);
    scene.is_mended();
}
