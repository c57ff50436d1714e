//! Where a redirect leads: its keywords filled in.
//!
//! The URL always names its port. Source: user guide "Redirect actions"; "Troubleshoot your Application Load
//! Balancers" (507: a URL of more than 8 K).

use super::forward::Cause;
use super::outcome::Answer;
use super::request::Request;
use crate::model::kind::Redirect;

const LONGEST: usize = 8 * 1024;

pub(super) fn answer(redirect: &Redirect, request: &Request) -> Answer {
    let Redirect { protocol, host, port, path, query, status } = redirect;
    let filled = |template: &str| {
        // one pass, so that what a client sends is never read as a keyword
        let mut out = String::new();
        let mut rest = template;
        while let Some(at) = rest.find("#{") {
            out.push_str(&rest[..at]);
            let keyword = rest[at..].split_inclusive('}').next().unwrap_or_default();
            match keyword {
                "#{protocol}" => out.push_str(request.scheme.as_str()),
                "#{host}" => out.push_str(&request.host),
                "#{port}" => out.push_str(&request.port.to_string()),
                "#{path}" => out.push_str(request.path.strip_prefix('/').unwrap_or(&request.path)),
                "#{query}" => out.push_str(&request.query),
                other => out.push_str(other),
            }
            rest = &rest[at + keyword.len()..];
        }
        out.push_str(rest);
        out
    };
    let query = filled(query);
    let mut to =
        format!("{}://{}:{}{}", filled(protocol).to_ascii_lowercase(), filled(host), filled(port), filled(path));
    if !query.is_empty() {
        to.push('?');
        to.push_str(&query);
    }
    if to.len() > LONGEST { Answer::Error(Cause::LongRedirect) } else { Answer::Redirect { status: *status, to } }
}
