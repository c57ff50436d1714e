//! The fake cloud: the simulation behind the port, with scripted faults. Offline tests run on it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use no502::cloud::simulate::{World, apply_to};
use no502::cloud::{
    ApiCalls, CloudError, CloudErrorKind, Facts, Identity, Operation, Output, Read, Scope, Snapshot, Write,
};
use no502::model::{HealthState, Id, Kind, Spec, StepId};
use tokio::time::Instant;

/// Rules of a load balancer unless AWS has raised its quota (API: quota `rules-per-application-load-balancer`); the
/// fake's stacks have one load balancer.
const RULES: usize = 100;

/// A cloud in memory.
#[derive(Default)]
pub struct Fake {
    state: Mutex<State>,
}

type Surprise = Box<dyn FnOnce(&mut Snapshot) + Send>;

#[derive(Default)]
struct State {
    world: World,
    calls: ApiCalls,
    written: Vec<Operation>,
    /// Errors for the coming writes, by operation name.
    failures: BTreeMap<&'static str, VecDeque<CloudError>>,
    /// What happens to the world just before a re-read, once.
    surprise: Option<Surprise>,
    counter: u32,
    /// How many writes still go well; the error of the one after them, and whether it takes effect all the same.
    ends: Option<(usize, CloudErrorKind, bool)>,
    /// Whether targets that are registered from now on fail their checks.
    sick: bool,
    /// Until when the targets of a group drain, by their labels.
    draining: BTreeMap<(Id, String), Instant>,
}

impl State {
    /// What has drained by now is gone.
    fn let_time_pass(&mut self) {
        let now = Instant::now();
        let (over, draining) = std::mem::take(&mut self.draining).into_iter().partition(|(_, until)| *until <= now);
        self.draining = draining;
        let over: BTreeMap<(Id, String), Instant> = over;
        for (group, labels) in &mut self.world.snapshot.leaving {
            labels.retain(|label| !over.contains_key(&(group.clone(), label.clone())));
        }
        self.world.snapshot.leaving.retain(|_, labels| !labels.is_empty());
    }

    /// What a call deregistered drains for as long as its group says.
    fn drain(&mut self) {
        for (group, labels) in &self.world.snapshot.leaving {
            let spec = self.world.snapshot.found.get(group).and_then(|live| live.spec.target_group());
            let delay = spec.and_then(|spec| spec.attributes.get("deregistration_delay.timeout_seconds"));
            let delay = delay.map_or(300, |delay| delay.parse().unwrap());
            for label in labels {
                let until = Instant::now() + Duration::from_secs(delay);
                self.draining.entry((group.clone(), label.clone())).or_insert(until);
            }
        }
    }
}

pub fn error(operation: &str, kind: CloudErrorKind) -> CloudError {
    CloudError { kind, operation: operation.to_owned(), code: None, message: "scripted".to_owned() }
}

impl Fake {
    /// A cloud that holds this.
    pub fn with(snapshot: Snapshot) -> Self {
        let fake = Self::default();
        fake.state.lock().unwrap().world.snapshot = snapshot;
        fake
    }
    /// Lets the next write of this operation fail.
    pub fn fail(&self, operation: &'static str, kind: CloudErrorKind) {
        self.state.lock().unwrap().failures.entry(operation).or_default().push_back(error(operation, kind));
    }
    /// Lets the next writes of this operation be refused with a code, so many times.
    pub fn refuse(&self, operation: &'static str, code: &str, times: usize) {
        let refusal = CloudError { code: Some(code.to_owned()), ..error(operation, CloudErrorKind::Refused) };
        let mut state = self.state.lock().unwrap();
        state.failures.entry(operation).or_default().extend(std::iter::repeat_n(refusal, times));
    }
    /// Lets the n-th write from now on, counted from zero, end with an error, with or without its effect.
    pub fn fail_at(&self, nth: usize, kind: CloudErrorKind, took_effect: bool) {
        self.state.lock().unwrap().ends = Some((nth, kind, took_effect));
    }
    /// Changes the world behind the caller's back, just before the next re-read.
    pub fn surprise(&self, change: impl FnOnce(&mut Snapshot) + Send + 'static) {
        self.state.lock().unwrap().surprise = Some(Box::new(change));
    }
    /// Targets that are registered from now on fail their health checks.
    pub fn stay_unhealthy(&self) {
        self.state.lock().unwrap().sick = true;
    }
    /// Changes the world.
    pub fn edit(&self, change: impl FnOnce(&mut Snapshot)) {
        change(&mut self.state.lock().unwrap().world.snapshot);
    }
    /// The writes so far.
    pub fn written(&self) -> Vec<Operation> {
        self.state.lock().unwrap().written.clone()
    }
    /// The names of the writes so far.
    pub fn names(&self) -> Vec<&'static str> {
        self.written().iter().map(Operation::name).collect()
    }
    /// The world as it is.
    pub fn snapshot(&self) -> Snapshot {
        let mut state = self.state.lock().unwrap();
        state.let_time_pass();
        state.world.snapshot.clone()
    }
}

impl Read for Fake {
    async fn identity(&self) -> Result<Identity, CloudError> {
        Ok(identity())
    }
    async fn load_balancer_names(&self) -> Result<BTreeSet<String>, CloudError> {
        Ok(self.snapshot().load_balancers().map(|(_, lb)| lb.name.clone()).collect())
    }
    async fn fetch(&self, _scope: &Scope) -> Result<Snapshot, CloudError> {
        Ok(self.snapshot())
    }
    async fn reread(&self, _kind: Kind, _id: &Id) -> Result<Snapshot, CloudError> {
        let mut state = self.state.lock().unwrap();
        if let Some(change) = state.surprise.take() {
            change(&mut state.world.snapshot);
        }
        state.let_time_pass();
        let seen = state.world.snapshot.clone();
        let state = &mut *state;
        // targets become healthy once somebody has looked
        for live in state.world.snapshot.found.values_mut() {
            if let Facts::Target(health) = &mut live.facts
                && health.state == Some(HealthState::Initial)
            {
                health.state = Some(if state.sick { HealthState::Unhealthy } else { HealthState::Healthy });
                health.reason = None;
            }
        }
        Ok(seen)
    }
    async fn taken(&self, spec: &Spec) -> Result<Option<Id>, CloudError> {
        let same = |other: &Spec| match (spec, other) {
            (Spec::LoadBalancer(a), Spec::LoadBalancer(b)) => a.name == b.name,
            (Spec::TargetGroup(a), Spec::TargetGroup(b)) => a.name == b.name,
            (Spec::Listener(a), Spec::Listener(b)) => a.load_balancer == b.load_balancer && a.port == b.port,
            _ => false,
        };
        let snapshot = self.snapshot();
        Ok(snapshot.found.iter().find(|(_, live)| same(&live.spec)).map(|(id, _)| id.clone()))
    }
    fn api_calls(&self) -> ApiCalls {
        self.state.lock().unwrap().calls.clone()
    }
}

impl Write for Fake {
    async fn execute(&self, operation: &Operation) -> Result<Output, CloudError> {
        let mut state = self.state.lock().unwrap();
        let name = operation.name();
        if let Some(failure) = state.failures.get_mut(name).and_then(VecDeque::pop_front) {
            return Err(failure);
        }
        let lost = match state.ends.take() {
            Some((0, kind, false)) => return Err(error(name, kind)),
            Some((0, kind, true)) => Some(kind),
            Some((left, kind, took_effect)) => {
                state.ends = Some((left - 1, kind, took_effect));
                None
            }
            None => None,
        };
        if let Operation::CreateRule { .. } = operation
            && state.world.snapshot.rules().count() >= RULES
        {
            let refusal = error(name, CloudErrorKind::Refused);
            return Err(CloudError { code: Some("TooManyRules".to_owned()), ..refusal });
        }
        state.counter += 1;
        let step = StepId(format!("call {}", state.counter));
        let output = apply_to(&mut state.world, &step, operation).map_err(|refusal| {
            let message = refusal.to_string();
            let missing = message.split(':').next().is_some_and(|code| code.ends_with("NotFound"));
            let kind = if missing { CloudErrorKind::NotFound } else { CloudErrorKind::Refused };
            CloudError { message, ..error(name, kind) }
        })?;
        state.drain();
        state.written.push(operation.clone());
        lost.map_or(Ok(output), |kind| Err(error(name, kind)))
    }
}

/// Who the fake says is calling.
pub fn identity() -> Identity {
    Identity {
        account: "000000000000".into(),
        region: "eu-west-1".into(),
        arn: "arn:aws:iam::000000000000:user/test".into(),
    }
}
