//! What becomes of a request, in values and in words, and how well it is served.

use std::fmt;

use super::condition::Fits;
use super::forward::{Cause, Destination, Ends};
use super::handshake::Handshake;
use crate::model::Id;

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The listener that takes the connection.
    pub listener: Option<Id>,
    /// What a client that speaks TLS is shown.
    pub handshake: Option<Handshake>,
    /// The rule that decides; `None` for the listener's default, or where none is reached.
    pub rule: Option<Id>,
    /// What a client without a session or token meets before the answer.
    pub login: Option<Entry>,
    /// How it ends, for those who may pass.
    pub answer: Answer,
}

/// What a login asks of a client without a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It is sent to the provider.
    SentToLogin,
    /// It gets 401.
    Denied,
    /// It may pass.
    Allowed,
    /// It must bear a valid token, else it gets 401.
    Token,
}

/// How a request ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing listens there: the connection is refused.
    Refused,
    /// Security groups drop the connection.
    Dropped,
    /// The listener speaks TLS and the client does not, or the other way round.
    OtherProtocol,
    /// A redirect to this URL.
    Redirect {
        /// 301 or 302.
        status: u16,
        /// Where to.
        to: String,
    },
    /// A fixed response with this status.
    Fixed(u16),
    /// To one of these groups, by weight; at least one of them takes it.
    Forward(Vec<Destination>),
    /// The load balancer itself answers 5xx.
    Error(Cause),
    /// It cannot be told, for this reason.
    Unknown(String),
}

/// How well a request is served: what it gets, then how many of its kind get it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worth {
    class: Class,
    /// In thousandths: of several groups some may be dead.
    share: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Lost,
    TurnedAway,
    Answered,
    Served,
}

impl Worth {
    /// Whether it is at least as good in both respects.
    pub fn at_least(self, other: Self) -> bool {
        self.class >= other.class && self.share >= other.share
    }
    /// Whether clients get anything but an error.
    pub fn is_served(self) -> bool {
        self.class > Class::Lost && self.share > 0
    }
    /// The worse of two, in each respect.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        Self { class: self.class.min(other.class), share: self.share.min(other.share) }
    }
}

impl Outcome {
    pub(super) const fn of(answer: Answer) -> Self {
        Self { listener: None, handshake: None, rule: None, login: None, answer }
    }

    /// How well the request is served, the handshake aside; `None` if it cannot be told.
    pub fn worth(&self) -> Option<Worth> {
        let whole = |class| Some(Worth { class, share: 1000 });
        match &self.answer {
            Answer::Unknown(_) => None,
            Answer::Refused | Answer::Dropped | Answer::OtherProtocol | Answer::Error(_) => {
                Some(Worth { class: Class::Lost, share: 0 })
            }
            Answer::Fixed(500..) => Some(Worth { class: Class::Lost, share: 0 }),
            Answer::Fixed(400..) => whole(Class::TurnedAway),
            Answer::Fixed(_) | Answer::Redirect { .. } => whole(Class::Answered),
            Answer::Forward(list) => {
                let dead = |one: &&Destination| matches!(one.ends, Ends::Error(_));
                if list.iter().any(|one| one.ends == Ends::CannotTell) {
                    return None;
                }
                let sum =
                    |list: &mut dyn Iterator<Item = &Destination>| list.map(|one| u32::from(one.weight)).sum::<u32>();
                let (all, lost) = (sum(&mut list.iter()), sum(&mut list.iter().filter(dead)));
                let share = ((all - lost) * 1000).checked_div(all).unwrap_or(0);
                Some(Worth { class: Class::Served, share })
            }
        }
    }

    /// Whether a client that checks certificates gets through the handshake; plain clients do.
    pub fn is_trusted(&self) -> Fits {
        self.handshake.as_ref().map_or(Fits::Yes, |handshake| handshake.fits)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_trusted() == Fits::No {
            f.write_str("a certificate that does not fit, then ")?;
        }
        match self.login {
            Some(Entry::SentToLogin) => f.write_str("a login, then ")?,
            Some(Entry::Denied) => f.write_str("401 without a session, else ")?,
            Some(Entry::Token) => f.write_str("401 without a token, else ")?,
            Some(Entry::Allowed) | None => {}
        }
        match &self.answer {
            Answer::Refused => f.write_str("a refused connection: nothing listens on the port"),
            Answer::Dropped => f.write_str("no connection: the security groups of the load balancer drop it"),
            Answer::OtherProtocol => f.write_str("no answer it understands: the listener speaks the other protocol"),
            Answer::Redirect { status, to } => write!(f, "{status} to {to}"),
            Answer::Fixed(status) => write!(f, "a fixed {status}"),
            Answer::Error(cause) => write!(f, "{}: {}", cause.status(), cause.in_words()),
            Answer::Unknown(because) => write!(f, "something unknown: {because}"),
            Answer::Forward(list) => {
                for (index, one) in list.iter().enumerate() {
                    f.write_str(if index > 0 { ", " } else { "" })?;
                    match &one.ends {
                        Ends::Error(cause) => {
                            write!(f, "{}: {} ({})", cause.status(), cause.in_words(), one.group.short())?;
                        }
                        Ends::CannotTell => write!(f, "{}, whose targets are not known", one.group.short())?,
                        Ends::FailsOpen(_) => write!(f, "{} (fails open)", one.group.short())?,
                        Ends::Ready(_) | Ends::Function(_) => write!(f, "{}", one.group.short())?,
                    }
                }
                Ok(())
            }
        }
    }
}
