//! Tags that say who owns a resource: ours, and those of other reconcilers.

/// The tag that says which stack and address a resource belongs to.
pub const ID_TAG: &str = "no502:id";
/// The tag that says what was last applied.
pub const APPLIED_TAG: &str = "no502:applied";
/// The tag that says which run works on the stack just now, and until when. Never a difference.
pub const LOCK_TAG: &str = "no502:lock";
/// Tags whose bearer is reconciled by another tool, and that tool's name.
pub const CONTROLLERS: [(&str, &str); 2] =
    [("elbv2.k8s.aws/cluster", "the AWS Load Balancer Controller"), ("aws:cloudformation:stack-id", "CloudFormation")];

/// Whether a tag is ours or AWS's own: nothing that is carried over from one resource to another.
pub fn is_reserved(key: &str) -> bool {
    key.starts_with("no502:") || key.starts_with("aws:")
}
