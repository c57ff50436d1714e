//! A proxy in front of any AWS endpoint that counts the calls and makes them fail on purpose.
//!
//! Each test has one of its own, on a port of its own. It knows AWS's wire formats and nothing of LocalStack, so it
//! works before AWS as well (`http` endpoints only: it does not end TLS).

mod fault;
mod shuffle;
mod throttle;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub use fault::{Fault, Hold, On};
pub use shuffle::Dice;
pub use throttle::Buckets;
pub use wire::Call;

use super::http::{self, Message, Side};
use super::{runtime, wait_for};

/// A running proxy; it ends with the value.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    server: JoinHandle<()>,
}

/// What all connections of a proxy share.
struct State {
    /// `host:port` of the endpoint.
    upstream: String,
    started: Instant,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    calls: Vec<Call>,
    under_way: usize,
    most_at_once: usize,
    throttled: u64,
    rules: Vec<fault::Rule>,
    buckets: Option<Buckets>,
}

impl Proxy {
    /// Starts one in front of an endpoint such as `http://127.0.0.1:4566`.
    pub fn before(endpoint: &str) -> Self {
        let upstream = endpoint.strip_prefix("http://").expect("an http endpoint").trim_end_matches('/').to_owned();
        let listener = wait_for(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { upstream, started: Instant::now(), inner: Mutex::default() });
        let shared = Arc::clone(&state);
        let server = runtime().spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, Arc::clone(&shared)));
            }
        });
        Self { address, state, server }
    }

    /// Its endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Begins a rule about an operation; `*` at the end matches any rest.
    pub fn on(&self, operation: &str) -> On<'_> {
        On::new(self, operation)
    }

    /// Begins a rule about the n-th call from now on that changes something.
    pub fn on_write(&self, n: u64) -> On<'_> {
        On::new(self, fault::WRITES).only(n)
    }

    /// Waits until no call is under way any more: the caller may be dead, its calls are not.
    pub fn settles(&self) {
        self.settles_to(0);
    }

    /// Waits until no more calls than these, which are held, are under way.
    pub fn settles_to(&self, held: usize) {
        let within = std::time::Duration::from_secs(60);
        super::eventually("the end of all calls", within, || {
            (self.state.inner.lock().unwrap().under_way <= held).then_some(())
        });
    }

    /// Throttles by these buckets from now on.
    pub fn throttle(&self, buckets: Buckets) {
        self.state.inner.lock().unwrap().buckets = Some(buckets);
    }

    /// Drops every rule, bucket and count.
    pub fn calm(&self) {
        *self.state.inner.lock().unwrap() = Inner::default();
    }

    /// Every call that arrived, refused ones too, in the order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.state.inner.lock().unwrap().calls.clone()
    }

    /// How often each operation was called.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for call in self.calls() {
            *counts.entry(call.operation).or_default() += 1;
        }
        counts
    }

    /// How often each operation was called by one account.
    pub fn counts_of(&self, account: &str) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for call in self.calls().into_iter().filter(|call| call.account == account) {
            *counts.entry(call.operation).or_default() += 1;
        }
        counts
    }

    /// How often one operation was called.
    pub fn count(&self, operation: &str) -> u64 {
        self.counts().get(operation).copied().unwrap_or(0)
    }

    /// The calls that changed something, or tried to; the stack's lock aside, which comes and goes with every run.
    pub fn writes(&self) -> Vec<String> {
        self.calls().into_iter().filter(|call| !call.is_read() && !call.is_lock()).map(|call| call.operation).collect()
    }

    /// How many calls the buckets refused.
    pub fn throttled(&self) -> u64 {
        self.state.inner.lock().unwrap().throttled
    }

    /// How many calls were under way at once, at most.
    pub fn most_at_once(&self) -> usize {
        self.state.inner.lock().unwrap().most_at_once
    }

    fn add(&self, rule: fault::Rule) {
        self.state.inner.lock().unwrap().rules.push(rule);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Serves one connection until either side ends it.
async fn serve(client: TcpStream, state: Arc<State>) {
    let (reader, mut writer) = client.into_split();
    let mut reader = BufReader::new(reader);
    while let Ok(Some(request)) = http::read(&mut reader, Side::Request).await {
        let Some(answer) = state.answer(request).await else { return };
        if writer.write_all(&answer.to_bytes(false)).await.is_err() {
            return;
        }
    }
}

impl State {
    /// The answer to a request; `None` if the connection is to be cut.
    async fn answer(self: &Arc<Self>, request: Message) -> Option<Message> {
        let Some(call) = Call::of(&request) else { return self.forward(&request).await };
        let (faults, free) = self.note(&call);
        let answer = self.meet(&call, &request, faults, free).await;
        let mut inner = self.inner.lock().unwrap();
        inner.under_way = inner.under_way.saturating_sub(1);
        answer
    }

    /// What becomes of a call under these faults.
    async fn meet(self: &Arc<Self>, call: &Call, request: &Message, faults: Vec<Fault>, free: bool) -> Option<Message> {
        if !free {
            let refusal = call.throttled();
            return Some(call.refuse(refusal.status, refusal.code, &refusal.message));
        }
        let (mut lost, mut seed) = (false, None);
        for fault in faults {
            match fault {
                Fault::Answer { status, code, message } => return Some(call.refuse(status, &code, &message)),
                Fault::Deny | Fault::Throttle => {
                    let refusal = if matches!(fault, Fault::Deny) { call.denied() } else { call.throttled() };
                    return Some(call.refuse(refusal.status, refusal.code, &refusal.message));
                }
                Fault::Late(time) => {
                    let (upstream, request) = (self.upstream.clone(), request.clone());
                    let state = Arc::clone(self);
                    state.inner.lock().unwrap().under_way += 1;
                    tokio::spawn(async move {
                        tokio::time::sleep(time).await;
                        forward(&upstream, &request).await;
                        state.inner.lock().unwrap().under_way -= 1;
                    });
                    return Some(call.accepted());
                }
                Fault::Malformed => return Some(call.malformed()),
                Fault::Drop => return None,
                Fault::Delay(time) => tokio::time::sleep(time).await,
                Fault::Hold(hold) => hold.pass().await,
                Fault::LoseAnswer => lost = true,
                Fault::Shuffle(by) => seed = Some(by),
            }
        }
        let mut answer = self.forward(request).await;
        if let (Some(seed), Some(answer)) = (seed, &mut answer) {
            answer.body = shuffle::shuffled(&String::from_utf8_lossy(&answer.body), seed).into_bytes();
        }
        if lost { None } else { answer }
    }

    /// Counts a call; which faults it meets, and whether the buckets let it through.
    fn note(&self, call: &Call) -> (Vec<Fault>, bool) {
        let mut inner = self.inner.lock().unwrap();
        inner.calls.push(call.clone());
        inner.under_way += 1;
        inner.most_at_once = inner.most_at_once.max(inner.under_way);
        let now = self.started.elapsed();
        let free = inner.buckets.as_mut().is_none_or(|buckets| buckets.take(call, now));
        inner.throttled += u64::from(!free);
        let faults = inner.rules.iter_mut().filter_map(|rule| rule.meet(call)).collect();
        (faults, free)
    }

    async fn forward(&self, request: &Message) -> Option<Message> {
        forward(&self.upstream, request).await
    }
}

async fn forward(upstream: &str, request: &Message) -> Option<Message> {
    let mut upstream = TcpStream::connect(upstream).await.ok()?;
    upstream.write_all(&request.to_bytes(true)).await.ok()?;
    http::read(&mut BufReader::new(upstream), Side::Response).await.ok()?
}
