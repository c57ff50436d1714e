//! no502: a declarative reconciler for AWS Application Load Balancers.
pub mod apply;
pub mod aws;
pub mod cli;
pub mod cloud;
pub mod desired;
pub mod diff;
pub mod model;
pub mod plan;
pub mod report;
pub mod rules;
