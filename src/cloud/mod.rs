//! The port to AWS: what can be read, what can be written, and a pure simulation of both.
//!
//! `aws` implements the traits with the SDK; tests implement them on [`simulate`]. `Read` cannot write,
//! so a command that holds only a `Read` is read-only by construction.

pub mod error;
pub mod metric;
pub mod network;
pub mod operation;
pub mod path;
pub mod scope;
pub mod simulate;
pub mod snapshot;
pub mod traffic;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use serde::{Deserialize, Serialize};

pub use error::{CloudError, CloudErrorKind};
pub use network::Network;
pub use operation::{ListenerEdit, Operation, Output};
pub use scope::Scope;
pub use snapshot::{
    CertificateFacts, Facts, Gap, GroupRule, Hidden, Interface, ListenerFacts, Live, LoadBalancerFacts, NeededFor,
    Proof, Snapshot, Subnet, Vpc,
};

use crate::model::{Id, Kind, Spec};

/// Who is calling, and where (API: sts `GetCallerIdentity`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The account, 12 digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// The caller's ARN.
    pub arn: String,
}

/// How many calls were made, by API operation. Retries count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiCalls {
    /// Calls by operation.
    pub by_operation: BTreeMap<String, u64>,
}

impl ApiCalls {
    /// All calls together.
    pub fn total(&self) -> u64 {
        self.by_operation.values().sum()
    }
}

/// Reading AWS.
pub trait Read: Sync {
    /// Who is calling.
    ///
    /// # Errors
    /// Fatal ones only: without an identity nothing else will work.
    fn identity(&self) -> impl Future<Output = Result<Identity, CloudError>> + Send;

    /// The names of every Application Load Balancer of the account and region.
    ///
    /// # Errors
    /// The failed call.
    fn load_balancer_names(&self) -> impl Future<Output = Result<BTreeSet<String>, CloudError>> + Send;

    /// Reads all that the scope names. A read that fails becomes a gap.
    ///
    /// # Errors
    /// Fatal failures only, such as refused credentials or an endpoint that cannot be reached.
    fn fetch(&self, scope: &Scope) -> impl Future<Output = Result<Snapshot, CloudError>> + Send;

    /// Reads one resource again; `None` if it is gone.
    ///
    /// For a target group the answer also holds its targets; for the other kinds just the resource.
    ///
    /// # Errors
    /// The failed call.
    fn reread(&self, kind: Kind, id: &Id) -> impl Future<Output = Result<Snapshot, CloudError>> + Send;

    /// What has the name or the place already that a new load balancer, target group or listener would get: AWS answers
    /// a create that is like what is there with what is there.
    ///
    /// # Errors
    /// The failed call.
    fn taken(&self, spec: &Spec) -> impl Future<Output = Result<Option<Id>, CloudError>> + Send;

    /// The calls made so far.
    fn api_calls(&self) -> ApiCalls;
}

/// Changing AWS.
pub trait Write: Read {
    /// Makes one call. All links of the operation are known ids by now.
    ///
    /// # Errors
    /// The failed call; the kind says whether it may have had an effect.
    fn execute(&self, operation: &Operation) -> impl Future<Output = Result<Output, CloudError>> + Send;
}
