//! The lock: a tag on one resource of the stack that says which run works on it, and until when.
//!
//! It is advisory. AWS has no compare-and-set on tags, and what is read of them may lag; so a run writes its lock, waits
//! until it reads it, waits as long again for what others may have written meanwhile, and looks once more: of
//! two runs that wrote, the last one has it. What keeps two runs from mixing in any case is that each object is read
//! again just before it is written.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use crate::cloud::{CloudError, CloudErrorKind, Operation, Read, Write};
use crate::model::Link;
use crate::model::tag::LOCK_TAG;
use crate::plan::saved::Lockable;

/// How long a lock holds unless it is renewed.
const HOLDS: jiff::SignedDuration = jiff::SignedDuration::from_mins(15);
/// How often a lock is renewed; also how often its holder looks whether it still has it.
const RENEWED_EVERY: Duration = Duration::from_secs(300);
/// Another run may write so long after it has read that there is no lock.
const BETWEEN: Duration = Duration::from_millis(400);
/// So much later than another run's lock, and than twice the time that one took to show, ours may still show.
const OWN_MAY_FOLLOW: Duration = Duration::from_secs(2);
/// How often the tag is read while it lags.
const POLL: Duration = Duration::from_millis(200);
/// What is not seen after so long will not be.
const UNSEEN: Duration = Duration::from_secs(20);

/// A lock as its tag spells it: `USER@HOST RUN until TIME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// Who.
    pub owner: String,
    /// Which run.
    pub run: String,
    /// Until when.
    pub until: Timestamp,
}

/// What came of trying to take the lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is ours. The other one was there, and is no more: it had expired, or its run is dead.
    Ours(Option<Lock>),
    /// Somebody else has it.
    Theirs(Lock),
    /// It was written, and is not there: somebody was faster and has ended, or it cannot be read.
    Unseen,
}

impl Lock {
    /// A lock that begins now.
    pub fn new(owner: &str, run: &str, now: Timestamp) -> Self {
        // AWS takes these characters in a tag, and no others (API: Tag)
        let fits = |c: &char| c.is_ascii_alphanumeric() || "+-=._:/@".contains(*c);
        let owner: String = owner.chars().filter(fits).take(100).collect();
        Self { owner, run: run.to_owned(), until: now.saturating_add(HOLDS).unwrap_or(now) }
    }
    fn read(value: &str) -> Option<Self> {
        let mut words = value.split(' ');
        let (owner, run, word, until) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let until = until.parse().ok().filter(|_| word == "until")?;
        Some(Self { owner: owner.to_owned(), run: run.to_owned(), until })
    }
    fn tag(&self) -> String {
        let until = self.until.strftime("%Y-%m-%dT%H:%M:%SZ");
        format!("{} {} until {until}", self.owner, self.run)
    }
    fn is_same(&self, other: &Self) -> bool {
        self.run == other.run && self.owner == other.owner
    }
}

/// The lock that a resource bears. What is no lock of ours is none.
///
/// # Errors
/// It cannot be read.
pub async fn look<R: Read>(cloud: &R, on: &Lockable) -> Result<Option<Lock>, CloudError> {
    let seen = cloud.reread(on.kind, &on.id).await?;
    let tags = seen.found.get(&on.id).and_then(|live| live.spec.tags());
    Ok(tags.and_then(|tags| tags.get(LOCK_TAG)).and_then(|value| Lock::read(value)))
}

/// Takes the lock. `is_dead` knows of runs whose lock means nothing any more.
///
/// # Errors
/// It cannot be read or written.
pub async fn take<W: Write>(
    cloud: &W,
    on: &Lockable,
    lock: &Lock,
    now: Timestamp,
    is_dead: impl Fn(&Lock) -> bool,
) -> Result<Taken, CloudError> {
    let before = look(cloud, on).await?;
    if let Some(other) = before.as_ref().filter(|other| other.until > now && !is_dead(other)) {
        return Ok(Taken::Theirs(other.clone()));
    }
    let start = Instant::now();
    write(cloud, on, lock).await?;
    let mut waited = false;
    // when another one's lock was seen first, which ours may still follow
    let mut overtaken: Option<Duration> = None;
    loop {
        match look(cloud, on).await? {
            Some(seen) if seen.is_same(lock) && waited => return Ok(Taken::Ours(before)),
            Some(seen) if seen.is_same(lock) => {
                // somebody who read before ours could be seen has written by then, and that can be seen by then
                let lag = start.elapsed();
                sleep(lag + lag / 4 + BETWEEN).await;
                waited = true;
            }
            seen if seen == before && !waited && overtaken.is_none() && start.elapsed() < UNSEEN => sleep(POLL).await,
            Some(other) if Some(&other) != before.as_ref() => {
                let first = *overtaken.get_or_insert(start.elapsed());
                // who gives up while its own is still on the way takes the lock from the other one too: nobody has it then
                if waited || start.elapsed() > first * 2 + OWN_MAY_FOLLOW {
                    return Ok(Taken::Theirs(other));
                }
                sleep(POLL).await;
            }
            Some(_) | None => return Ok(Taken::Unseen),
        }
    }
}

async fn write<W: Write>(cloud: &W, on: &Lockable, lock: &Lock) -> Result<(), CloudError> {
    let tags = [(LOCK_TAG.to_owned(), lock.tag())].into();
    let call = Operation::AddTags { resource: Link::Id(on.id.clone()), kind: on.kind, tags };
    cloud.execute(&call).await.map(drop)
}

/// Lets the lock hold on from now, if it is still ours; else says whose it is.
///
/// # Errors
/// It cannot be read or written.
pub async fn renew<W: Write>(
    cloud: &W,
    on: &Lockable,
    lock: &Lock,
    now: Timestamp,
) -> Result<Option<Lock>, CloudError> {
    match look(cloud, on).await? {
        Some(other) if !other.is_same(lock) => Ok(Some(other)),
        Some(_) | None => write(cloud, on, &Lock::new(&lock.owner, &lock.run, now)).await.map(|()| None),
    }
}

/// Renews the lock, again and again, for as long as this is polled. `tell` hears what comes of each time.
pub async fn keep<W: Write>(
    cloud: &W,
    on: &Lockable,
    lock: &Lock,
    now: impl Fn() -> Timestamp + Send,
    tell: impl Fn(Result<Option<Lock>, CloudError>) + Send,
) {
    loop {
        sleep(RENEWED_EVERY).await;
        tell(renew(cloud, on, lock, now()).await);
    }
}

/// Takes the tag away, if it is ours.
///
/// # Errors
/// It cannot be read or written.
pub async fn release<W: Write>(cloud: &W, on: &Lockable, lock: &Lock) -> Result<(), CloudError> {
    match look(cloud, on).await? {
        Some(other) if !other.is_same(lock) => Ok(()),
        Some(_) | None => match remove(cloud, on).await {
            // the run deleted what bore it
            Err(error) if error.kind == CloudErrorKind::NotFound => Ok(()),
            removed => removed,
        },
    }
}

/// Takes the tag away, whoever's it is.
///
/// # Errors
/// It cannot be written.
pub async fn remove<W: Write>(cloud: &W, on: &Lockable) -> Result<(), CloudError> {
    let keys = vec![LOCK_TAG.to_owned()];
    let call = Operation::RemoveTags { resource: Link::Id(on.id.clone()), kind: on.kind, keys };
    cloud.execute(&call).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_read_as_it_is_written() {
        let now: Timestamp = "2026-11-22T17:00:00Z".parse().unwrap();
        let lock = Lock::new("ali ce,@build-7", "20261122T170000Z-0011aabb", now);
        assert_eq!(lock.tag(), "alice@build-7 20261122T170000Z-0011aabb until 2026-11-22T17:15:00Z");
        assert_eq!(Lock::read(&lock.tag()), Some(lock));
        for none in ["", "somebody", "a b until then", "a b before 2026-11-22T17:15:00Z"] {
            assert_eq!(Lock::read(none), None, "{none}");
        }
    }
}
