//! An AWS account for one test, with SDK clients that set its stage, and a folder for its files.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_elasticloadbalancingv2::config::{BehaviorVersion, Credentials, Region};
use serde_json::json;
use tempfile::TempDir;

use super::localstack::{self, control};
use super::program::{Program, Run};
use super::proxy::Proxy;

pub const REGION: &str = "eu-west-1";

/// An account that nothing else uses. On LocalStack the access key is the account.
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// Where the program runs.
    pub folder: TempDir,
    pub elb: aws_sdk_elasticloadbalancingv2::Client,
    pub ec2: aws_sdk_ec2::Client,
    pub acm: aws_sdk_acm::Client,
}

/// A client of one service for one account.
macro_rules! client {
    ($service:ident, $account:expr) => {{
        let config = $service::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new($account, "test", None, None, "suite"))
            .endpoint_url(localstack::endpoint());
        $service::Client::from_conf(config.build())
    }};
}

impl Account {
    /// An empty account; empty even if an earlier run of the suite had the same number.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self::named(&format!("{:08}{number:04}", std::process::id()))
    }

    /// This very account, emptied.
    pub fn named(id: &str) -> Self {
        let id = id.to_owned();
        control("POST", "/_no502/reset", &json!({ "account": id }));
        Self {
            elb: client!(aws_sdk_elasticloadbalancingv2, &id),
            ec2: client!(aws_sdk_ec2, &id),
            acm: client!(aws_sdk_acm, &id),
            folder: tempfile::tempdir().unwrap(),
            id,
        }
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The program with this account's credentials.
    pub fn program(&self) -> Program {
        Program::new(self.path())
            .env("AWS_ENDPOINT_URL", localstack::endpoint())
            .env("AWS_ACCESS_KEY_ID", &self.id)
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", REGION)
            // LocalStack is not AWS: there is no budget to share
            .args(["--max-rps", "500"])
    }

    /// Runs the program.
    pub fn run(&self, args: &[&str]) -> Run {
        self.program().args(args).run()
    }

    /// The program behind a proxy.
    pub fn behind(&self, proxy: &Proxy) -> Program {
        self.program().env("AWS_ENDPOINT_URL", proxy.endpoint())
    }

    /// Scripts the health of targets: `{ "10.0.1.10:8000": { "state": "healthy" } }`.
    pub fn script_health(&self, targets: &serde_json::Value) {
        control("PUT", "/_no502/health", &json!({ "account": self.id, "region": REGION, "targets": targets }));
    }
}

/// A proxy before LocalStack.
pub fn proxy() -> Proxy {
    Proxy::before(localstack::endpoint())
}

impl Drop for Account {
    fn drop(&mut self) {
        // a failed test leaves its account as it was, to be looked at
        if !std::thread::panicking() {
            control("POST", "/_no502/reset", &json!({ "account": self.id }));
        }
    }
}
