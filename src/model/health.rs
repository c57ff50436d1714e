//! Target health: AWS's states and reason codes, and what they say in words.
//!
//! Source: API `DescribeTargetHealth`; user guide "Health checks for Application Load Balancer target groups".

use serde::{Deserialize, Serialize};

use super::value::words;

words! {
    /// The state of a target (API: `TargetHealth.State`).
    HealthState {
        /// Being registered, or waiting for its first check.
        Initial = "initial" / "initial",
        /// In service.
        Healthy = "healthy" / "healthy",
        /// Failing its health checks.
        Unhealthy = "unhealthy" / "unhealthy",
        /// Not checked: its group is not in use, or its zone is not enabled.
        Unused = "unused" / "unused",
        /// Being deregistered; requests in flight may finish.
        Draining = "draining" / "draining",
        /// Health unknown; for Lambda targets without checks this is the normal state.
        Unavailable = "unavailable" / "unavailable",
    }
}

/// What AWS makes of the answers of a target beside its health checks (API: `AnomalyDetection`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anomaly {
    /// It answers worse than its neighbours.
    Found,
    /// It does, and gets fewer requests for it.
    Mitigated,
}

/// What AWS says of one target's health.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetHealth {
    /// The state; `None` for one this version does not know.
    pub state: Option<HealthState>,
    /// AWS's reason code, such as `Target.ResponseCodeMismatch`.
    pub reason: Option<String>,
    /// AWS's description; lists response codes in brackets for a code mismatch.
    pub description: Option<String>,
    /// What keeps requests from it whatever its health, such as `zonal_shift_active` (API:
    /// `AdministrativeOverride.State`); `None` for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overridden: Option<String>,
    /// What AWS makes of its answers; `None` where they are as they should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anomaly: Option<Anomaly>,
}

impl TargetHealth {
    /// The reason code in plain words.
    pub fn in_words(&self) -> &str {
        match self.reason.as_deref() {
            None => self.state.map_or("unknown", HealthState::as_str),
            Some("Elb.RegistrationInProgress") => "is being registered",
            Some("Elb.InitialHealthChecking") => "waits for its first health check",
            Some("Target.ResponseCodeMismatch") => "answers the health check with a code that is not a success code",
            Some("Target.Timeout") => "does not answer the health check in time",
            Some("Target.FailedHealthChecks") => {
                "refuses the health check's connection or answers it with no valid HTTP"
            }
            Some("Target.NotRegistered") => "is not registered",
            Some("Target.NotInUse") => "is not used: no listener forwards to its group, or its zone is not enabled",
            Some("Target.DeregistrationInProgress") => "is being deregistered",
            Some("Target.InvalidState") => "is a stopped or terminated instance",
            Some("Target.IpUnusable") => "has an address that belongs to a load balancer",
            Some("Target.HealthCheckDisabled") => "is not health-checked",
            Some("Elb.InternalError") => "has unknown health: an error inside the load balancer",
            Some(other) => other,
        }
    }

    /// The response codes of a `Target.ResponseCodeMismatch`, read from AWS's description
    /// (`Health checks failed with these codes: [404]`).
    pub fn codes(&self) -> Vec<u16> {
        if self.reason.as_deref() != Some("Target.ResponseCodeMismatch") {
            return Vec::new();
        }
        let text = self.description.as_deref().unwrap_or_default();
        let inside = text.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or("", |(codes, _)| codes);
        inside.split(',').filter_map(|code| code.trim().parse().ok()).collect()
    }

    /// Whether the state is `healthy`.
    pub fn is_healthy(&self) -> bool {
        self.state == Some(HealthState::Healthy)
    }
    /// Whether requests are sent to it without AWS failing open: healthy, or a function that is not checked.
    pub fn is_ready(&self) -> bool {
        let unchecked = matches!(self.reason.as_deref(), None | Some("Target.HealthCheckDisabled"));
        self.is_healthy() || (self.state == Some(HealthState::Unavailable) && unchecked)
    }
    /// Whether it is leaving.
    pub fn is_draining(&self) -> bool {
        self.state == Some(HealthState::Draining)
    }
    /// Whether AWS has yet to say.
    pub fn is_initial(&self) -> bool {
        self.state == Some(HealthState::Initial)
    }
    /// Whether the state is `unhealthy`.
    pub fn is_unhealthy(&self) -> bool {
        self.state == Some(HealthState::Unhealthy)
    }
}
