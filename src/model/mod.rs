//! Plain data: what a load balancer, a listener, a rule, a target group, a certificate and a
//! security group *are*, and how two descriptions of one differ. No I/O, no async, no AWS SDK.
//!
//! # Glossary
//! - **desired / live**: what the files say / what AWS has.
//! - **spec**: the fields of one resource, on either side. `None` is *undeclared*.
//! - **address**: a resource's name in the files, `listener/web:443`. **id**: its name on AWS.
//! - **link**: how a spec names another resource, before or after it is known.
//! - **declared over live**: the effective state, which the 5xx rules judge.

pub mod address;
pub mod attribute;
pub mod change;
pub mod health;
pub mod ip_protocol;
pub mod kind;
pub mod link;
pub mod secret;
pub mod shell;
pub mod span;
pub mod tag;
pub mod traffic;
pub mod value;

pub use address::{Address, BadAddress, Kind};
pub use change::{Comparer, FieldChange, Mutability, Undeclared, UndeclaredFields};
pub use health::{Anomaly, HealthState, TargetHealth};
pub use kind::Spec;
pub use link::{Id, Link, Selectable, Selector, StepId};
pub use secret::{Fingerprint, SecretRef, Text, WriteOnly};
pub use span::{FieldPath, Place, SourceFile, Sources, Span};
