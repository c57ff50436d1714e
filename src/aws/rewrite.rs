//! Rewrites: the SDK's transforms ⇄ our one [`Rewrite`].

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::types as sdk;

use crate::model::kind::{Rewrite, Substitution};

/// Reads a rule's transforms; what cannot be expressed is named in `beyond`.
pub(super) fn from_sdk(transforms: Vec<sdk::RuleTransform>, beyond: &mut BTreeSet<String>) -> Rewrite {
    let (mut path, mut host) = (Vec::new(), Vec::new());
    for transform in transforms {
        let kind = transform.r#type.as_ref().map(sdk::TransformTypeEnum::as_str).unwrap_or_default();
        let (list, rewrites) = match kind {
            "url-rewrite" => (&mut path, transform.url_rewrite_config.and_then(|c| c.rewrites)),
            "host-header-rewrite" => (&mut host, transform.host_header_rewrite_config.and_then(|c| c.rewrites)),
            _ => {
                beyond.insert("rewrite".to_owned());
                continue;
            }
        };
        for rewrite in rewrites.unwrap_or_default() {
            match (rewrite.regex, rewrite.replace) {
                (Some(pattern), Some(replace)) => list.push(Substitution { pattern, replace }),
                _ => {
                    beyond.insert("rewrite".to_owned());
                }
            }
        }
    }
    Rewrite { path: Some(path), host: Some(host) }
}

/// The transforms that say it; `None` if nothing is rewritten.
pub(super) fn to_sdk(rewrite: &Rewrite) -> Option<Vec<sdk::RuleTransform>> {
    let Rewrite { path, host } = rewrite;
    let list = |list: &Option<Vec<Substitution>>| {
        let one = |s: &Substitution| sdk::RewriteConfig::builder().regex(&s.pattern).replace(&s.replace).build();
        list.as_ref().filter(|list| !list.is_empty()).map(|list| list.iter().map(one).collect::<Vec<_>>())
    };
    let path = list(path).map(|rewrites| {
        let config = sdk::UrlRewriteConfig::builder().set_rewrites(Some(rewrites)).build();
        let kind = sdk::TransformTypeEnum::UrlRewrite;
        sdk::RuleTransform::builder().r#type(kind).url_rewrite_config(config).build()
    });
    let host = list(host).map(|rewrites| {
        let config = sdk::HostHeaderRewriteConfig::builder().set_rewrites(Some(rewrites)).build();
        let kind = sdk::TransformTypeEnum::HostHeaderRewrite;
        sdk::RuleTransform::builder().r#type(kind).host_header_rewrite_config(config).build()
    });
    let all: Vec<_> = path.into_iter().chain(host).collect();
    (!all.is_empty()).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let one = |pattern: &str, replace: &str| {
            Some(vec![Substitution { pattern: pattern.to_owned(), replace: replace.to_owned() }])
        };
        for rewrite in [
            Rewrite { path: one("^/admin/(.*)", "/$1"), host: Some(Vec::new()) },
            Rewrite { path: Some(Vec::new()), host: one("^www\\.(.*)", "$1") },
            Rewrite { path: Some(Vec::new()), host: Some(Vec::new()) },
        ] {
            let mut beyond = BTreeSet::new();
            assert_eq!(from_sdk(to_sdk(&rewrite).unwrap_or_default(), &mut beyond), rewrite);
            assert!(beyond.is_empty());
        }
    }
}
