//! E806: a redirect leads back to itself.

use std::collections::BTreeSet;

use super::super::pattern::{hosts_meet, is_wild, meet};
use super::super::walk::{Circle, Walks};
use super::super::{Evidence, Finding, FixClass, Need, Rule, Severity, Situation, bounce};
use super::url;
use crate::model::kind::{Action, Conditions, Listener, Redirect};
use crate::model::{Address, Kind};

pub(in crate::rules) static RULE: Rule = Rule {
    code: "E806",
    name: "redirect-loop",
    severity: Severity::Critical,
    needs: &[],
    also: &[Need::Probe],
    summary: "a redirect leads back to itself",
    explain: EXPLAIN,
    bad: Situation {
        text: "port 443 redirects to HTTPS on port 443: to itself",
        desired: "
certificates:
  app: { domain: shop.example.com, validation: dns }
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      443:
        protocol: https
        ssl_policy: ELBSecurityPolicy-TLS13-1-2-2021-06
        certificate: app
        default: { redirect: { protocol: https, port: 443, status: 301 } }
",
        ..Situation::EMPTY
    },
    good: Situation {
        text: "port 80 redirects to HTTPS, port 443 serves",
        desired: "
certificates:
  app: { domain: shop.example.com, validation: dns }
target_groups:
  django:
    protocol: http
    port: 8000
    target_type: ip
    vpc: main
    targets: [\"10.0.1.10\"]
load_balancers:
  web:
    subnets: [subnet-a, subnet-b]
    security_groups: [sg-0123456789abcdef0]
    listeners:
      80:
        protocol: http
        default: { redirect: { protocol: https, port: 443, status: 301 } }
      443:
        protocol: https
        ssl_policy: ELBSecurityPolicy-TLS13-1-2-2021-06
        certificate: app
        default: { forward: django }
",
        ..Situation::EMPTY
    },
    fix: FixClass::Automatic,
    check,
};

const EXPLAIN: &str = "
A redirect that keeps protocol, host, port and path answers a request with its own URL. AWS refuses one that is made of
keywords only, but not one that spells them out: HTTPS on port 443, written on the listener of port 443, or a path that
the rule's own condition takes again. Listeners and rules that redirect to each other do the same in several steps.

What clients see: browsers stop after some 20 rounds and say that there were too many redirects; API clients report the
same or the bare 301. There is no 5xx, and nothing reaches the application. A 301 is remembered: browsers go on looping
for a while after it is mended.

How to tell: the rule takes each redirect, resolves its keywords for its listener, and looks whether the same action
takes the redirected request. Where that depends on what it cannot know (another site's host, a rule before it that may
take the request), it is silent. For circles over several listeners and rules it follows requests that each rule takes,
from redirect to redirect, until one comes round. A loop between a redirecting load balancer and an application that
redirects as well, for want of trust in X-Forwarded-Proto, is seen by a probe only. By hand: `curl -sI URL` shows a
Location equal to the URL.

How to mend it: set the action that the file declares. If the file itself loops, the redirect belongs on the listener of
port 80, and the one on 443 has to serve or answer. An application that redirects must believe X-Forwarded-Proto: Django's
SECURE_PROXY_SSL_HEADER, nginx's `if ($http_x_forwarded_proto = http)` around its redirect.

Sources: ELB user guide \"Listeners for your Application Load Balancers\" (redirect actions); API RedirectActionConfig.
";

fn check(evidence: &Evidence) -> Vec<Finding> {
    let mut found = Vec::new();
    for (address, listener) in evidence.listeners() {
        for (at, action) in evidence.actions_of(address) {
            if let Action::Redirect(redirect) = action {
                let way = Way { evidence, address, listener, at, redirect };
                found.extend(way.back().map(|loops| way.finding(&loops)));
            }
        }
    }
    found.extend(bounce::findings(evidence, &RULE));
    for (balancer, _) in evidence.load_balancers() {
        let redirects = |(listener, _): (&Address, &Listener)| {
            evidence.actions_of(listener).filter(|(_, action)| matches!(action, Action::Redirect(_))).count()
        };
        if evidence.listeners_of(balancer).map(redirects).sum::<usize>() > 1 {
            let known: BTreeSet<Address> = found.iter().map(|finding| finding.address.clone()).collect();
            let circles = Walks::over(evidence, balancer).circles().into_iter();
            let new = circles.filter(|circle| !circle.actions.iter().any(|action| known.contains(action)));
            found.extend(new.filter_map(|circle| round(evidence, &circle)));
        }
    }
    found
}

/// A circle of several redirects, told at the first of them.
fn round(evidence: &Evidence, circle: &Circle) -> Option<Finding> {
    let action_at = |at: &Address| {
        let default = evidence.listener(at).and_then(|listener| listener.default.as_ref());
        default.or_else(|| evidence.rule(at)?.action.as_ref())
    };
    let at = circle.actions.iter().min()?;
    let others: Vec<String> = circle.actions.iter().filter(|other| *other != at).map(ToString::to_string).collect();
    let finding = RULE
        .finding(Severity::High, at, key(at))
        .titled(format!("redirects in a circle with {}", others.join(" and ")))
        .detailed(format!(
            "A client that follows the redirects comes back to where it was, as with {}: browsers report too many \
             redirects, nothing reaches the application.",
            circle.request
        ));
    let finding = circle
        .actions
        .iter()
        .fold(finding, |finding, at| finding.evident(at, key(at), action_at(at).map(Action::shown)));
    Some(circle.actions.iter().fold(
        finding.mended_by("let one of these actions serve or answer, or lead to a place that none of the others takes"),
        |finding, at| match action_at(at) {
            Some(action) if finding.fix.declare.is_none() => mended(evidence, at, action, finding),
            _ => finding,
        },
    ))
}

/// Where an action stands in the language.
const fn key(at: &Address) -> &'static str {
    if matches!(at.kind, Kind::Listener) { "default" } else { "redirect" }
}

/// The finding with the way out that the files show, if they say something else.
fn mended(evidence: &Evidence, at: &Address, action: &Action, finding: Finding) -> Finding {
    let declared = evidence.declared(at);
    let declared =
        declared.and_then(|s| s.listener().map_or_else(|| s.rule()?.action.as_ref(), |l| l.default.as_ref()));
    let Some(want) = declared.filter(|want| *want != action) else { return finding };
    let default = at.kind == Kind::Listener;
    // the difference is cited under the declared action's own key
    let field = if default { "default" } else { want.key() };
    let finding = if default { finding } else { finding.evident(at, field, ()) };
    let value = want.shown();
    let value = if default { Some(&value) } else { value.get(field) };
    finding.mended_by("set the action that the file declares").declaring(at, field, value)
}

/// A redirect and where it stands.
struct Way<'e> {
    evidence: &'e Evidence<'e>,
    address: &'e Address,
    listener: &'e Listener,
    /// The listener itself for its default, else the rule.
    at: &'e Address,
    redirect: &'e Redirect,
}

/// How a redirect leads back.
enum Back<'e> {
    /// At once.
    Itself,
    /// Over the default of another listener.
    Over(&'e Address),
}

impl<'e> Way<'e> {
    fn back(&self) -> Option<Back<'e>> {
        let there = lands(self.evidence, self.listener, self.redirect)?;
        if there == self.address {
            return self.taken_again().then_some(Back::Itself);
        }
        // two listeners: only where the other one does nothing but redirect back, host and path kept
        let keeps = |r: &Redirect| r.host == "#{host}" && r.path == "/#{path}";
        let other = self.evidence.listener(there)?;
        match &other.default {
            Some(Action::Redirect(back)) if keeps(self.redirect) && keeps(back) => {
                let alone = self.evidence.rules_of(there).is_empty();
                let home = lands(self.evidence, other, back) == Some(self.address);
                (alone && home).then_some(Back::Over(there))
            }
            _ => None,
        }
    }

    fn conditions(&self) -> Conditions {
        let rule = self.evidence.rule(self.at);
        rule.and_then(|rule| rule.when.clone()).unwrap_or_default()
    }

    /// Whether the action takes the redirected request, provably.
    fn taken_again(&self) -> bool {
        let (Redirect { host, path, query, .. }, when) = (self.redirect, self.conditions());
        let host_again = match host.as_str() {
            "#{host}" => true,
            template if template.contains("#{") => false,
            // whether a name leads here at all is known only where the rule itself lists it
            literal => when.host.iter().any(|pattern| hosts_meet(pattern, literal)),
        };
        let path_again = match path.as_str() {
            "/#{path}" => true,
            template if template.contains("#{") => template_again(template, &when),
            literal => everywhere(&when) || when.path.iter().any(|pattern| meet(pattern, literal)),
        };
        let query_again = query == "#{query}" || when.query.is_empty();
        host_again && path_again && query_again && !self.taken_before()
    }

    /// Whether a rule before this action may take the redirected request, though not the first one.
    fn taken_before(&self) -> bool {
        let Redirect { host, path, query, .. } = self.redirect;
        let (host_kept, path_kept) = (host == "#{host}", path == "/#{path}");
        if host_kept && path_kept && query == "#{query}" {
            return false;
        }
        let before = self.evidence.rules_of(self.address).into_iter().take_while(|(at, _)| *at != self.at);
        let mut may = before.map(|(_, rule)| rule.when.clone().unwrap_or_default());
        may.any(|when| {
            let host_fits = host_kept || when.host.is_empty() || when.host.iter().any(|p| hosts_meet(p, host));
            let literal = !path.contains("#{");
            let path_fits = path_kept || !literal || when.path.is_empty() || when.path.iter().any(|p| meet(p, path));
            host_fits && path_fits
        })
    }

    fn finding(&self, back: &Back) -> Finding {
        let (default, field) = (self.at.kind == Kind::Listener, key(self.at));
        let alone = default && self.evidence.rules_of(self.address).is_empty();
        let severity = if alone { Severity::Critical } else { Severity::High };
        let to = url(self.redirect);
        let title = match back {
            Back::Itself => format!("redirects to itself: {to}"),
            Back::Over(other) => format!("redirects to {to}, and {} redirects back", other.name),
        };
        let action = Action::Redirect(self.redirect.clone());
        let mut finding = RULE
            .finding(severity, self.at, field)
            .titled(title)
            .detailed(
                "Clients are sent round in circles: browsers report too many redirects, nothing reaches the application.",
            )
            .evident(self.at, field, action.shown());
        if let Back::Over(other) = back {
            finding = finding.evident(
                other,
                "default",
                self.evidence.listener(other).and_then(|l| l.default.clone()).map(|a| a.shown()),
            );
        }
        let finding = finding.mended_by("let this action serve or answer; the redirect to HTTPS belongs on port 80");
        mended(self.evidence, self.at, &action, finding)
    }
}

/// The listener of the same load balancer that a redirect leads to, if its protocol and port are one's.
fn lands<'e>(evidence: &'e Evidence, from: &Listener, redirect: &Redirect) -> Option<&'e Address> {
    let protocol = match redirect.protocol.as_str() {
        "#{protocol}" => from.protocol?.aws(),
        literal => literal,
    };
    let port = match redirect.port.as_str() {
        "#{port}" => from.port,
        literal => literal.parse().ok()?,
    };
    let mut there = evidence.listeners_of(from.load_balancer.address()?);
    let fits = |l: &Listener| l.port == port && l.protocol.is_some_and(|p| p.aws().eq_ignore_ascii_case(protocol));
    there.find(|(_, listener)| fits(listener)).map(|(address, _)| address)
}

/// Whether a path template such as `/old/v2/#{path}` fits the condition again, whatever the path.
fn template_again(template: &str, when: &Conditions) -> bool {
    let head = template.split("#{").next().unwrap_or_default();
    let takes = |pattern: &String| pattern.strip_suffix('*').is_some_and(|p| !is_wild(p) && head.starts_with(p));
    everywhere(when) || when.path.iter().any(takes)
}

/// Whether the conditions take every path.
fn everywhere(when: &Conditions) -> bool {
    when.path.is_empty() && when.path_regex.is_empty()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{World, redirect, rule, to};
    use super::*;
    use crate::model::kind::Rule;

    fn with(protocol: &str, host: &str, port: &str, path: &str) -> Redirect {
        Redirect { host: host.to_owned(), path: path.to_owned(), ..redirect(protocol, port) }
    }

    fn loops(world: &World) -> bool {
        world.judge().iter().any(|finding| finding.rule == "E806")
    }

    #[test]
    fn a_default_loops_if_nothing_changes() {
        for (protocol, host, port, path, looping) in [
            ("HTTPS", "#{host}", "443", "/#{path}", true),
            ("#{protocol}", "#{host}", "#{port}", "/#{path}", true),
            ("HTTPS", "#{host}", "443", "/home", true),
            ("HTTPS", "#{host}", "8443", "/#{path}", false),
            ("HTTPS", "www.example.com", "443", "/#{path}", false),
            ("HTTPS", "www.#{host}", "443", "/#{path}", false),
            // the other listener redirects back
            ("HTTP", "#{host}", "80", "/#{path}", true),
        ] {
            let mut world = World::seed();
            world.listener(443).default = Some(Action::Redirect(with(protocol, host, port, path)));
            assert_eq!(loops(&world), looping, "{protocol}://{host}:{port}{path}");
        }
        // port 80 to 443 without a listener on 443 is no loop
        let mut world = World::seed();
        world.live.remove(&"listener/web:443".parse().unwrap());
        assert!(!loops(&world));
    }

    #[test]
    fn a_rule_loops_if_its_own_condition_takes_the_new_path() {
        for (host, path, to_host, to_path, looping) in [
            ("", "/old/*", "#{host}", "/new/#{path}", false),
            ("", "/old/*", "#{host}", "/old/v2/#{path}", true),
            ("", "/old/*", "#{host}", "/old/index", true),
            ("", "/old/*", "#{host}", "/new", false),
            ("a.example.com", "", "b.example.com", "/#{path}", false),
            ("*.example.com", "", "b.example.com", "/#{path}", true),
        ] {
            let mut world = World::seed();
            world.with_rule("r", rule(host, path, Action::Redirect(with("HTTPS", to_host, "443", to_path))));
            assert_eq!(loops(&world), looping, "{host}{path} to {to_host}{to_path}");
        }
    }

    #[test]
    fn a_rule_before_it_may_break_the_loop() {
        let mut world = World::seed();
        let mut first = rule("", "/old/index", to("django"));
        first.priority = Some(1);
        world.with_rule("first", first);
        world.with_rule("r", rule("", "/old/*", Action::Redirect(with("HTTPS", "#{host}", "443", "/old/index"))));
        assert!(!loops(&world));
    }

    #[test]
    fn circles_over_several_rules_and_listeners_are_walked() {
        let old = |to: &str| with("#{protocol}", "#{host}", "#{port}", to);
        for (first, second, circle) in [
            (old("/b"), old("/a"), true),
            (old("/b"), old("/c"), false),
            // over port 80, whose default leads to HTTPS again
            (with("HTTP", "#{host}", "80", "/b"), old("/a"), true),
            (with("HTTPS", "www.example.org", "443", "/b"), old("/a"), false),
            // it grows and never comes back to itself; nobody takes it either
            (old("/b/#{path}"), old("/a"), false),
        ] {
            let mut world = World::seed();
            let put = |priority, path: &str, to: &Redirect| Rule {
                priority: Some(priority),
                ..rule("", path, Action::Redirect(to.clone()))
            };
            world.with_rule("a", put(1, "/a", &first));
            world.with_rule("b", put(2, "/b", &second));
            assert_eq!(loops(&world), circle, "{first:?} {second:?}");
            if circle {
                let finding = world.judge().into_iter().find(|finding| finding.rule == "E806").unwrap();
                assert_eq!(finding.severity, Severity::High, "{finding:#?}");
                assert!(finding.evidence.len() > 1 && finding.title.contains("circle"), "{finding:#?}");
            }
        }
    }

    #[test]
    fn drift_into_a_loop_is_mended_by_the_files_action() {
        let mut world = World::seed();
        world.listener(443).default = Some(Action::Redirect(redirect("HTTPS", "443")));
        let found = world.judge();
        let finding = found.iter().find(|f| f.rule == "E806").unwrap();
        assert_eq!(finding.severity, Severity::Critical);
        assert_eq!(finding.fix.declare.as_ref().unwrap().value, serde_json::json!({ "forward": "django" }));
        assert_eq!(found.len(), 2, "E805 says that it is drift");
    }
}
