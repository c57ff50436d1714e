//! Rules and actions.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Export;
use super::attribute::tags;
use super::keys::{self, Claim, Keys};
use super::yaml::{Map, Node};
use crate::desired::{self, Level};
use crate::model::kind::{Action, Conditions, FixedResponse, Forward, Redirect, Rewrite, Rule, Substitution};
use crate::model::value::Protocol;
use crate::model::{Address, Id, Link};

impl Export<'_> {
    /// `rules:` of a listener in the order of their priorities.
    pub(super) fn rules(&mut self, listener: &Id, address: &Address, protocol: Option<Protocol>) -> Map {
        let mut live: Vec<(&Id, &Rule)> =
            self.snapshot.rules().filter(|(_, rule)| rule.listener.id() == Some(listener)).collect();
        live.sort_by_key(|(id, rule)| (rule.priority, *id));
        let mut taken = Keys::default();
        let mut own: BTreeMap<&Id, String> = BTreeMap::new();
        for (id, rule) in &live {
            if let Claim::Key(key) = keys::claim(&rule.tags, &self.stack, address)
                && let Some(key) = taken.take_exactly(key)
            {
                own.insert(id, key);
            }
        }
        let mut section = Map::default();
        for (id, rule) in live {
            let name = format!("the rule of {address} at priority {}", rule.priority.unwrap_or_default());
            let action = match self.expressible(rule, address) {
                Ok(action) => action,
                Err(why) => {
                    self.leave_out(&mut section, &format!("{name}: {why}"));
                    continue;
                }
            };
            let map = self.rule(rule, action);
            if let Err(why) = self.trial(&map, rule, protocol) {
                self.leave_out(&mut section, &format!("{name}: {why}"));
                continue;
            }
            let key = own.remove(id).unwrap_or_else(|| taken.take(&readable(rule)));
            section.put(&key, Node::Map(map));
        }
        section
    }

    /// The action of a rule that the language can express, or why it cannot.
    fn expressible<'r>(&self, rule: &'r Rule, listener: &Address) -> Result<&'r Action, String> {
        if let Claim::Foreign(why) = keys::claim(&rule.tags, &self.stack, listener) {
            return Err(why);
        }
        if !rule.beyond.is_empty() {
            let parts: Vec<&str> = rule.beyond.iter().map(String::as_str).collect();
            return Err(format!("this version cannot say {}", parts.join(", ")));
        }
        rule.action.as_ref().ok_or_else(|| "AWS did not say what it does".to_owned())
    }

    fn rule(&mut self, rule: &Rule, action: &Action) -> Map {
        let Rule { listener: _, priority, when, action: _, authenticate, rewrite, beyond: _, tags: live_tags } = rule;
        let mut map = Map::default();
        map.put_some("priority", priority.map(Node::plain));
        let when = when.clone().unwrap_or_default();
        for name in self.secrets.hidden_in(&when) {
            map.remark(&format!("the value of {name} is not written here: set the variable to what AWS has"));
        }
        map.put("when", Node::Map(self.secrets.when(&when)));
        if let Some(rewrite) = rewrite.as_ref().filter(|rewrite| !rewrite.is_empty()) {
            map.put("rewrite", Node::Map(rewritten(rewrite)));
        }
        if let Some((login, remark)) = self.secrets.login(authenticate.as_ref()) {
            remark.iter().for_each(|text| map.remark(text));
            map.put("authenticate", login);
        }
        let (key, node) = self.action(action);
        map.put(key, node);
        tags(&mut map, live_tags);
        map
    }

    /// Whether the language takes a rule as it would be written; else what it says.
    fn trial(&self, rule: &Map, spec: &Rule, protocol: Option<Protocol>) -> Result<(), String> {
        let under = |key: &str, map: Map| {
            let mut outer = Map::default();
            outer.put(key, Node::Map(map));
            outer
        };
        let existing = || {
            let mut map = Map::default();
            map.put("existing", Node::plain(true));
            map
        };
        let mut groups = Map::default();
        for key in spec.action.iter().flat_map(Action::groups).filter_map(|(link, _)| self.key(link)) {
            groups.put(key, Node::Map(existing()));
        }
        let mut listener = existing();
        listener.put_some("protocol", protocol.map(Node::plain));
        listener.put("rules", Node::Map(under("rule", rule.clone())));
        let mut listeners = Map::default();
        listeners.numbered(1, Node::Map(listener));
        let mut balancer = existing();
        balancer.put("listeners", Node::Map(listeners));
        let mut file = Map::default();
        for (key, value) in [("stack", "trial"), ("account", "000000000000"), ("region", "eu-west-1")] {
            file.put(key, Node::text(value));
        }
        file.put("version", Node::plain(1));
        file.put_map("target_groups", groups);
        file.put("load_balancers", Node::Map(under("trial", balancer)));
        let inputs = desired::Inputs {
            paths: vec![PathBuf::from("-")],
            stdin: Some(file.render().into_bytes()),
            variables: BTreeMap::new(),
            secrets: &|_, _| None,
            now: None,
        };
        match desired::load(&inputs) {
            Ok(_) => Ok(()),
            Err(problems) => {
                let first = problems.list.iter().find(|problem| problem.level == Level::Error);
                Err(first.map_or_else(|| "the language cannot say it".to_owned(), |p| p.message.clone()))
            }
        }
    }

    /// An action: its key and what stands under it.
    pub(super) fn action(&self, action: &Action) -> (&'static str, Node) {
        let node = match action {
            Action::Forward(forward) => self.forward(forward),
            Action::Redirect(redirect) => Node::Map(redirected(redirect)),
            Action::FixedResponse(FixedResponse { status, content_type, body }) => {
                let mut map = Map::flow();
                map.put("status", Node::plain(status));
                map.put_some("content_type", content_type.as_deref().map(Node::text));
                map.put_some("body", body.as_deref().map(Node::text));
                Node::Map(map)
            }
        };
        (action.key(), node)
    }

    fn forward(&self, forward: &Forward) -> Node {
        let Forward { to, stickiness, external: _ } = forward;
        let lone = to.first_key_value().filter(|_| to.len() == 1).map(|(group, _)| self.name(group));
        let to = match (lone, stickiness) {
            (Some(lone), None) => return lone,
            (Some(lone), Some(_)) => lone,
            (None, _) => {
                let mut named: Vec<(String, u16)> =
                    to.iter().map(|(link, weight)| (self.label(link), *weight)).collect();
                // the largest share first
                named.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
                let mut weights = Map::flow();
                for (name, weight) in named {
                    weights.put(&name, Node::plain(weight));
                }
                Node::Map(weights)
            }
        };
        let mut map = Map::flow();
        map.put("to", to);
        map.put_some("stickiness", stickiness.map(Node::seconds));
        Node::Map(map)
    }

    fn label(&self, link: &Link) -> String {
        let known = self.key(link).or_else(|| link.id().map(Id::as_str));
        known.map_or_else(|| link.to_string(), str::to_owned)
    }
}

/// `rewrite:`, the parts that rewrite something.
fn rewritten(rewrite: &Rewrite) -> Map {
    let Rewrite { path, host } = rewrite;
    let mut map = Map::flow();
    for (key, list) in [("path", path), ("host", host)] {
        let one = |substitution: &Substitution| {
            let mut map = Map::flow();
            map.put("match", Node::text(&substitution.pattern));
            map.put("replace", Node::text(&substitution.replace));
            Node::Map(map)
        };
        if let Some(list) = list.as_ref().filter(|list| !list.is_empty()) {
            map.put(key, Node::list(list.iter().map(one)));
        }
    }
    map
}

/// Only the parts that change something.
fn redirected(redirect: &Redirect) -> Map {
    let Redirect { protocol, host, port, path, query, status } = redirect;
    let same = Redirect::identity(*status);
    let mut map = Map::flow();
    if *protocol != same.protocol {
        let word = Protocol::from_aws(protocol).map_or(protocol.as_str(), |p| p.as_str());
        map.put("protocol", Node::text(word));
    }
    if *host != same.host {
        map.put("host", Node::text(host));
    }
    if *port != same.port {
        map.put("port", port.parse::<u16>().map_or_else(|_| Node::text(port), Node::plain));
    }
    if *path != same.path {
        map.put("path", Node::text(path));
    }
    if *query != same.query {
        map.put("query", Node::text(query));
    }
    map.put("status", Node::plain(status));
    map
}

/// What people would call the rule: its path, else its host, else its place.
fn readable(rule: &Rule) -> String {
    let place = || format!("rule-{}", rule.priority.unwrap_or_default());
    let Some(Conditions { host, path, .. }) = &rule.when else { return place() };
    let telling = |text: &&String| text.chars().any(|c| c.is_ascii_alphanumeric());
    let word = path.iter().find(telling).or_else(|| host.iter().find(telling));
    word.map_or_else(place, |word| keys::slug(word.trim_start_matches("*.")))
}
