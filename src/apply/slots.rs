//! How many calls may be in flight. A step that waits at a gate makes none: it gives its slot back meanwhile, so that
//! what has nothing to do with it goes on.

use std::sync::Arc;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// All of them.
pub(super) struct Slots {
    calls: Arc<Semaphore>,
    given_back: Arc<Notify>,
}

/// The right to make a call.
pub(super) struct Slot {
    permit: Option<OwnedSemaphorePermit>,
    calls: Arc<Semaphore>,
    given_back: Arc<Notify>,
}

impl Slots {
    pub(super) fn new(calls: usize) -> Self {
        Self { calls: Arc::new(Semaphore::new(calls)), given_back: Arc::default() }
    }
    /// One that is free now.
    pub(super) fn free(&self) -> Option<Slot> {
        let permit = Arc::clone(&self.calls).try_acquire_owned().ok()?;
        let (calls, given_back) = (Arc::clone(&self.calls), Arc::clone(&self.given_back));
        Some(Slot { permit: Some(permit), calls, given_back })
    }
    /// Ends once one was given back.
    pub(super) async fn given_back(&self) {
        self.given_back.notified().await;
    }
}

impl Slot {
    /// There was nothing to do with it: nobody needs to hear of it.
    pub(super) fn unused(mut self) {
        self.permit = None;
    }
    /// No call is made for a while.
    pub(super) fn give_back(&mut self) {
        if self.permit.take().is_some() {
            self.given_back.notify_one();
        }
    }
    /// Waits until it is there again.
    pub(super) async fn take_again(&mut self) {
        if self.permit.is_none() {
            self.permit = Arc::clone(&self.calls).acquire_owned().await.ok();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.give_back();
    }
}
