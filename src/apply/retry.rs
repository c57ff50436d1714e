//! A certificate that ACM has issued moments ago is refused by load balancers for about half a minute: the step is
//! tried again until it is taken.
//!
//! This is the one refusal that is repeated. What is safe to repeat because AWS did not look at it (throttling, a lost
//! connection) is repeated within a call, by `aws`; everything else is a failure at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::event::Failure;
use super::{Event, Observer, Settings, gate};
use crate::cloud::{CloudError, Facts, Operation, Output, Write};
use crate::model::{Id, Kind, Link, StepId};

/// ELB has been seen to refuse certificates for 20 to 30 seconds (hashicorp/terraform-provider-aws, issue 41789).
const LONGEST: Duration = Duration::from_secs(60);

/// Makes a step's call, again while its certificate is too new.
pub(super) async fn execute<W: Write>(
    cloud: &W,
    (step, operation): (&StepId, &Operation),
    settings: &Settings,
    observer: &Arc<dyn Observer>,
    interrupted: impl Future<Output = ()>,
) -> Result<Output, Failure> {
    let longest = LONGEST.min(settings.gate_timeout);
    let start = Instant::now();
    let mut tried_again = false;
    tokio::pin!(interrupted);
    loop {
        let error = match cloud.execute(operation).await {
            Ok(output) => return Ok(output),
            Err(error) => error,
        };
        let Some(certificate) = attached(operation).filter(|_| error.refuses_certificate()) else {
            return Err(Failure::Call { error });
        };
        if start.elapsed() + settings.poll > longest {
            return Err(Failure::Call { error: given_up(error, tried_again.then_some(longest)) });
        }
        if !tried_again && !is_issued(cloud, certificate).await {
            return Err(Failure::Call { error });
        }
        tried_again = true;
        let sees = error.to_string();
        gate::record(observer, &Event::Retried { step: step.clone(), error })?;
        tokio::select! {
            () = sleep(settings.poll) => {}
            () = &mut interrupted => return Err(Failure::Interrupted { sees }),
        }
    }
}

/// The certificate that a call gives to a listener.
#[expect(clippy::wildcard_enum_match_arm, reason = "only these give one")]
fn attached(operation: &Operation) -> Option<&Id> {
    let link = match operation {
        Operation::CreateListener { spec } => spec.certificate.as_ref(),
        Operation::ModifyListener { edit, .. } => edit.certificate.as_ref(),
        Operation::AddListenerCertificate { certificate, .. } => Some(certificate),
        _ => None,
    };
    link.and_then(Link::id)
}

/// Whether ACM says that the certificate is issued: then ELB only has not heard of it yet.
async fn is_issued<W: Write>(cloud: &W, certificate: &Id) -> bool {
    let seen = cloud.reread(Kind::Certificate, certificate).await.ok();
    let live = seen.and_then(|mut seen| seen.found.remove(certificate));
    live.is_some_and(|live| matches!(live.facts, Facts::Certificate(facts) if facts.status == "ISSUED"))
}

fn given_up(mut error: CloudError, tried_for: Option<Duration>) -> CloudError {
    if let Some(tried_for) = tried_for {
        let for_so_long = format!("tried again for {} s, since ACM says that it is issued", tried_for.as_secs());
        error.message = format!("{}; {for_so_long}", error.message);
    }
    error
}
