//! What happens during a run, as values. The journal and the display are two observers of the same events.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cloud::{CloudError, Operation, Output};
use crate::model::{Address, Spec, StepId};
use crate::plan::Gate;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A call is about to be made.
    Begun {
        /// The step.
        step: StepId,
        /// What it is about.
        address: Address,
        /// The call, late values filled in; secrets are references.
        operation: Box<Operation>,
        /// The object as it was before the call, for kinds of change that have one.
        before: Option<Box<Spec>>,
    },
    /// The call returned.
    Done {
        /// The step.
        step: StepId,
        /// What it returned.
        output: Output,
    },
    /// AWS refused the call for a reason that passes; it is made again.
    Retried {
        /// The step.
        step: StepId,
        /// What AWS said.
        error: CloudError,
    },
    /// What the step takes away is gone already: there was nothing to call, or AWS said so.
    Gone {
        /// The step.
        step: StepId,
    },
    /// The call failed, or a gate did not open.
    Failed {
        /// The step.
        step: StepId,
        /// Why.
        why: Failure,
    },
    /// A gate waits.
    Waiting {
        /// The step whose gate it is.
        step: StepId,
        /// Which wait.
        gate: Gate,
        /// What it sees now, in words.
        sees: String,
        /// How much longer it waits at most.
        left: Duration,
    },
    /// A gate opened.
    Opened {
        /// The step whose gate it is.
        step: StepId,
    },
    /// Nothing more is started.
    Stopped {
        /// How the run ended.
        outcome: Outcome,
    },
}

/// Why a step failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Failure {
    /// AWS or the way to it.
    Call {
        /// The failed call.
        error: CloudError,
    },
    /// The object is not what the plan saw.
    Stale {
        /// Fields that moved, with the planned and the present value.
        moved: Vec<String>,
    },
    /// The gate ended in a state that cannot pass.
    GateFailed {
        /// What it saw.
        sees: String,
    },
    /// The gate waited too long.
    GateTimedOut {
        /// What it saw last.
        sees: String,
    },
    /// The user interrupted while the step waited; what its call did is recorded.
    Interrupted {
        /// What it waited for.
        sees: String,
    },
    /// An event could not be recorded; where it is the intent, the call was not made.
    NotRecorded {
        /// Why, and what that means for the call.
        message: String,
    },
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Every step ended well.
    Completed,
    /// A step failed; running again continues.
    Failed {
        /// The step.
        step: StepId,
        /// Why.
        why: Failure,
    },
    /// All that can be done is done; a certificate waits for its DNS record.
    AwaitingValidation {
        /// The step that requested the certificate.
        step: StepId,
        /// The records to create, in words.
        sees: String,
    },
    /// The user interrupted; calls in flight were finished.
    Interrupted,
}

/// Someone who is told what happens.
pub trait Observer: Send + Sync {
    /// Takes note of an event. `Begun` must be durable when this returns.
    ///
    /// # Errors
    /// The event could not be recorded; the call is then not made.
    fn observe(&self, event: &Event) -> std::io::Result<()>;
}
