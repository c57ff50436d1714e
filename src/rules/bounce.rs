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
    let url = format!("{scheme}://{}{}", exchange.host.to_ascii_lowercase(), exchange.path);
    let to = answer.location.as_deref()?;
    let absolute = if to.starts_with('/') { format!("{scheme}://{}{to}", exchange.host) } else { to.to_owned() };
    let default = if scheme == Protocol::Https { ":443/" } else { ":80/" };
    (absolute.replacen(default, "/", 1).eq_ignore_ascii_case(&url)).then_some(url)
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
                "let the application believe X-Forwarded-Proto{}",
                Setting::ForwardedProto.named(group.server(), 0)
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
        assert_eq!(redirected("/", "https").len(), 1);
        assert!(redirected("https://shop.example.com/", "http").is_empty(), "that is what it is for");
        assert!(redirected("/start", "https").is_empty());
    }
}
