//! What can be made to go wrong, and with which calls.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::Proxy;
use super::wire::Call;
use crate::support::wait_for;

/// What happens to a call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The service refuses it, in its own format; it has no effect.
    Answer { status: u16, code: String, message: String },
    /// The caller lacks the permission, in the service's own words; it has no effect.
    Deny,
    /// The caller asks too often, in the service's own words; it has no effect.
    Throttle,
    /// A success that cannot be parsed; it has no effect.
    Malformed,
    /// The connection ends before the endpoint has seen it.
    Drop,
    /// It takes its effect, but the answer is lost.
    LoseAnswer,
    /// It is answered at once and takes its effect later, as if what is read of it lagged.
    Late(Duration),
    /// The lists of its answer come in another order, by a seed.
    Shuffle(u64),
    /// It is late.
    Delay(Duration),
    /// It waits at the proxy until the test lets it go.
    Hold(Hold),
}

/// A call that waits at the proxy.
#[derive(Clone, Debug)]
pub struct Hold {
    arrived: Arc<Semaphore>,
    released: Arc<Semaphore>,
}

impl Hold {
    pub fn new() -> Self {
        Self { arrived: Arc::new(Semaphore::new(0)), released: Arc::new(Semaphore::new(0)) }
    }
    /// Waits until a call has arrived; `false` if none did in time.
    pub fn arrived(&self, within: Duration) -> bool {
        wait_for(async { tokio::time::timeout(within, self.arrived.acquire()).await }).is_ok_and(|permit| {
            permit.unwrap().forget();
            true
        })
    }
    /// Lets it go on, and every later one.
    pub fn release(&self) {
        self.released.close();
    }
    pub(super) async fn pass(&self) {
        self.arrived.add_permits(1);
        // closed means released; nobody adds permits
        let _ = self.released.acquire().await;
    }
}

/// Which of the calls that match a rule meet its fault.
#[derive(Clone, Copy, Debug)]
enum Which {
    All,
    Only(u64),
    First(u64),
    From(u64),
    Every(u64, u64),
}

/// A fault and the calls that it is for.
pub(super) struct Rule {
    operation: String,
    holding: Option<String>,
    which: Which,
    seen: u64,
    fault: Fault,
}

impl Rule {
    /// Counts a call if it matches; the fault if it is one of those meant.
    pub(super) fn meet(&mut self, call: &Call) -> Option<Fault> {
        let named = match self.operation.as_str() {
            WRITES => !call.is_read() && !call.is_lock(),
            _ => self.names(call),
        };
        if !named || self.holding.as_ref().is_some_and(|text| !call.body.contains(text)) {
            return None;
        }
        self.seen += 1;
        let meant = match self.which {
            Which::All => true,
            Which::Only(n) => self.seen == n,
            Which::First(n) => self.seen <= n,
            Which::From(n) => self.seen >= n,
            Which::Every(n, rest) => self.seen % n == rest % n,
        };
        meant.then(|| self.fault.clone())
    }
    fn names(&self, call: &Call) -> bool {
        match self.operation.strip_suffix('*') {
            Some(beginning) => call.operation.starts_with(beginning),
            None => call.operation == self.operation,
        }
    }
}

/// Stands for every operation that changes something.
pub(super) const WRITES: &str = "(writes)";

/// A rule in the making: `proxy.on("ModifyRule").only(2).deny()`.
#[must_use]
pub struct On<'a> {
    proxy: &'a Proxy,
    operation: String,
    holding: Option<String>,
    which: Which,
}

impl<'a> On<'a> {
    pub(super) fn new(proxy: &'a Proxy, operation: &str) -> Self {
        Self { proxy, operation: operation.to_owned(), holding: None, which: Which::All }
    }
    /// Only calls whose body contains this text, as it is on the wire.
    pub fn holding(self, text: &str) -> Self {
        Self { holding: Some(text.to_owned()), ..self }
    }
    /// Only the n-th call from now on, counted from one.
    pub fn only(self, n: u64) -> Self {
        Self { which: Which::Only(n), ..self }
    }
    /// Only the first n calls from now on.
    pub fn first(self, n: u64) -> Self {
        Self { which: Which::First(n), ..self }
    }
    /// The n-th call from now on and every later one.
    pub fn from(self, n: u64) -> Self {
        Self { which: Which::From(n), ..self }
    }
    /// One call in n, beginning somewhere.
    pub fn every(self, n: u64, from: u64) -> Self {
        Self { which: Which::Every(n, from), ..self }
    }
    /// Refuse it.
    pub fn answer(self, status: u16, code: &str, message: &str) {
        let (code, message) = (code.to_owned(), message.to_owned());
        self.meets(Fault::Answer { status, code, message });
    }
    /// Deny it.
    pub fn deny(self) {
        self.meets(Fault::Deny);
    }
    /// Throttle it.
    pub fn throttle(self) {
        self.meets(Fault::Throttle);
    }
    /// Any fault.
    pub fn meets(self, fault: Fault) {
        let Self { proxy, operation, holding, which } = self;
        proxy.add(Rule { operation, holding, which, seen: 0, fault });
    }
}
