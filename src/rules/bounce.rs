//! A redirect that only a probe sees: the target sends a request that came over https to https again.
//!
//! A part of E806, whose own file judges the listeners' redirects.

use super::probed::{One, Probed};
use super::setting::Setting;
use super::{Evidence, Finding, Rule, Severity};
use crate::model::value::Protocol;
use crate::probe::observation::Exchange;

const FIELD: &str = "backend";

/// The groups whose targets redirect a request to the address that it came from.
pub(super) fn findings(evidence: &Evidence, rule: &Rule) -> Vec<Finding> {
    Probed::all(evidence).filter_map(|group| judge(&group, rule)).collect()
}

/// The address at which the client asked, if it is sent there again.
fn round(exchange: &Exchange) -> Option<String> {
    let answer = exchange.answer().filter(|answer| (300..400).contains(&answer.status))?;
    let scheme = exchange.forwarded_proto?;
    let (host, path) = (exchange.host.to_ascii_lowercase(), &exchange.path);
    let to = answer.location.as_deref()?;
    let to = match (to.starts_with("//"), to.starts_with('/')) {
        (true, _) => format!("{scheme}:{to}"),
        (false, true) => format!("{scheme}://{host}{to}"),
        (false, false) => to.to_owned(),
    };
    let rest = to.get(scheme.as_str().len()..).filter(|_| to.to_ascii_lowercase().starts_with(scheme.as_str()))?;
    let rest = rest.strip_prefix("://")?;
    let (there, way) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let default = if scheme == Protocol::Https { ":443" } else { ":80" };
    let there = there.strip_suffix(default).unwrap_or(there);
    // without a public name the target's own port is asked for, which a redirect rightly leaves out
    let same = there.eq_ignore_ascii_case(&host) || host.rsplit_once(':').is_some_and(|(name, _)| name == there);
    (same && way == path).then(|| format!("{scheme}://{host}{path}"))
}

fn judge(group: &Probed, rule: &Rule) -> Option<Finding> {
    let back = |one: &One<'_>| one.saw.request.as_ref().and_then(round);
    let ones = group.those(|one| back(one).is_some());
    let url = back(ones.first()?)?;
    let value = |one: &One<'_>| one.saw.request.as_ref().map(Exchange::in_words);
    Some(
        group
            .finding(rule, group.of_requests(Severity::Critical), FIELD, &ones, "probe.request", value)
            .titled(format!("{} redirect{} {url} to itself", group.who(&ones), if ones.len() == 1 { "s" } else { "" }))
            .detailed(
                "Clients see an endless redirect: the request came over https, the target takes it for http because it \
                 does not believe X-Forwarded-Proto, and sends it to https again.",
            )
            .mended_by(format!(
                "let the application believe X-Forwarded-Proto; {}",
                Setting::ForwardedProto.of(group.server())
            )),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::World;

    #[test]
    fn a_target_that_does_not_believe_the_forwarded_protocol_loops() {
        let redirected = |to: &str, proto: &str| {
            let mut world = World::seed();
            world.saw(&format!(
                r#"{{ "health_checks": [{{ "outcome": {{ "answer": {{ "status": 200 }} }} }}],
                "request": {{ "host": "shop.example.com", "path": "/", "forwarded_proto": "{proto}",
                "outcome": {{ "answer": {{ "status": 301, "location": "{to}" }} }} }} }}"#
            ));
            world.judge()
        };
        let found = redirected("https://shop.example.com/", "https");
        assert_eq!(found.first().unwrap().rule, "E806");
        assert_eq!(found.first().unwrap().title, "targets redirect https://shop.example.com/ to itself");
        assert_eq!(redirected("https://shop.example.com:443/", "https").len(), 1);
        for same in ["/", "https://SHOP.example.com", "//shop.example.com/", "https://shop.example.com"] {
            assert_eq!(redirected(same, "https").len(), 1, "{same}");
        }
        assert!(redirected("https://shop.example.com:8443/", "https").is_empty());
        assert!(redirected("https://shop.example.com/", "http").is_empty(), "that is what it is for");
        assert!(redirected("/start", "https").is_empty());
    }
}
