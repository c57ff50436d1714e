//! AWS: the port (`cloud::Read`, `cloud::Write`) on the AWS SDK. SDK types are born and die here.
//!
//! - [`Aws::connect`] finds credentials and region by the SDK's whole default chain.
//! - `call` and `budget` are the one way out: tokens, counts, retries. `error` sorts failures.
//! - `fetch` and `reread` read, `metrics` too; `execute` writes; one file per kind turns SDK shapes into specs and
//!   back, and undoes what the server adds to what was written.
//!
//! What it does not do: decide. It reads what a [`Scope`] names and makes the calls it is given.
//!
//! Logging: at `trace` the SDK prints requests whole. A log filter must never let the targets `aws_*`
//! and `hyper*` pass below `info`.

mod action;
mod authenticate;
mod budget;
mod call;
mod certificate;
mod delete;
mod endpoint;
mod error;
mod execute;
mod fetch;
mod listener;
mod load_balancer;
mod metrics;
mod mutual_authentication;
mod network;
mod owned;
pub mod permissions;
mod reread;
mod rewrite;
mod rule;
mod security_group;
mod session;
mod surroundings;
mod tags;
mod target_group;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::cloud::metric::{Question, Span};
use crate::cloud::{ApiCalls, CloudError, Identity, Operation, Output, Read, Scope, Snapshot, Write};
use crate::model::{Id, Kind, SecretRef, Spec};
use session::Session;
use tokio::sync::watch;

/// Resolves a secret to its value, just before it is sent. The error says why it cannot.
pub type Resolver = Arc<dyn Fn(&SecretRef) -> Result<String, String> + Send + Sync>;

/// An access key. Its secret is never printed.
#[derive(Clone)]
pub struct AccessKey {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// How to reach AWS. Everything left out comes from the SDK's default chain: environment, profiles,
/// SSO, web identity, container and instance roles.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The profile of the shared configuration files.
    pub profile: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// An endpoint for every service; service-specific endpoints of the environment are honoured
    /// without it.
    pub endpoint_url: Option<String>,
    /// An access key to use instead of what the chain finds: for programs that hold one themselves.
    pub access_key: Option<AccessKey>,
    /// A role to assume with the credentials found.
    pub assume_role: Option<String>,
    /// The external id that the role's trust policy asks for.
    pub external_id: Option<String>,
    /// ELB calls per second; 8 unless said. Above that, the limits of all other calls grow alike.
    pub max_rps: Option<f64>,
    /// Seed of the retries' jitter.
    pub seed: u64,
}

/// A connection to one account and region of AWS.
#[derive(Clone)]
pub struct Aws {
    session: Arc<Session>,
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("region", &self.session.region).finish_non_exhaustive()
    }
}

impl Aws {
    /// Finds configuration and credentials. Makes no call to the services yet.
    ///
    /// # Errors
    /// `Refused`, if no region is configured.
    pub async fn connect(options: Options, secrets: Resolver) -> Result<Self, CloudError> {
        Ok(Self { session: Arc::new(Session::connect(options, secrets).await?) })
    }

    /// From now on, waits for another attempt end when this turns true. Calls in flight are not touched.
    pub fn heed(&self, stop: watch::Receiver<bool>) {
        self.session.heed(stop);
    }

    /// The answers of CloudWatch to questions, in their order; `None` where it has no value.
    ///
    /// # Errors
    /// The failed call.
    pub async fn metrics(&self, questions: &[Question], span: Span) -> Result<Vec<Option<f64>>, CloudError> {
        self.session.metrics(questions, span).await
    }

    /// The region that calls go to.
    pub fn region(&self) -> &str {
        &self.session.region
    }
}

impl Read for Aws {
    async fn identity(&self) -> Result<Identity, CloudError> {
        self.session.identity().await
    }

    async fn load_balancer_names(&self) -> Result<BTreeSet<String>, CloudError> {
        let found = self.session.list_load_balancers().await?;
        Ok(found.into_iter().filter_map(load_balancer::application_name).collect())
    }

    async fn fetch(&self, scope: &Scope) -> Result<Snapshot, CloudError> {
        fetch::fetch(&self.session, scope).await
    }

    async fn reread(&self, kind: Kind, id: &Id) -> Result<Snapshot, CloudError> {
        reread::reread(&self.session, kind, id).await
    }

    async fn taken(&self, spec: &Spec) -> Result<Option<Id>, CloudError> {
        reread::taken(&self.session, spec).await
    }

    fn api_calls(&self) -> ApiCalls {
        self.session.calls.counts()
    }
}

impl Write for Aws {
    async fn execute(&self, operation: &Operation) -> Result<Output, CloudError> {
        execute::execute(&self.session, operation).await
    }
}
