//! Listeners with their default actions and rules.

use std::collections::BTreeMap;

use super::attribute::{Attributes, tags};
use super::yaml::{Map, Node};
use super::{Export, keys};
use crate::model::attribute::{Applies, LISTENER};
use crate::model::kind::{Listener, MutualAuthentication, Verify};
use crate::model::value::Protocol;
use crate::model::{Address, Id};

/// `mutual_authentication:`, unless it is AWS's default. Trust stores are named by ARN: their names are not read.
fn mutual(of: &MutualAuthentication) -> Option<Node> {
    match of {
        MutualAuthentication::Disabled => None,
        MutualAuthentication::Passthrough => Some(Node::plain("passthrough")),
        MutualAuthentication::Verify(Verify { trust_store, ignore_expiry, advertise_ca_names }) => {
            let mut map = Map::flow();
            map.put("verify", Node::text(trust_store.id()?.as_str()));
            map.put_some("ignore_expiry", ignore_expiry.filter(|yes| *yes).map(Node::plain));
            map.put_some("advertise_ca_names", advertise_ca_names.filter(|yes| *yes).map(Node::plain));
            Some(Node::Map(map))
        }
    }
}

impl Export<'_> {
    /// `listeners:` of a load balancer, by port.
    pub(super) fn listeners_of(&mut self, balancer: &Id, key: &str) -> Map {
        let mut section = Map::default();
        let ours: BTreeMap<u16, (&Id, &Listener)> = self
            .snapshot
            .listeners()
            .filter(|(_, listener)| listener.load_balancer.id() == Some(balancer))
            .map(|(id, listener)| (listener.port, (id, listener)))
            .collect();
        for (port, (id, spec)) in ours {
            let address = Address::listener(key, port);
            let map = self.listener(id, &address, spec);
            section.numbered(port, Node::Map(map));
        }
        section
    }

    fn listener(&mut self, id: &Id, address: &Address, spec: &Listener) -> Map {
        let Listener {
            load_balancer: _,
            port: _,
            protocol,
            ssl_policy,
            certificate,
            sni_certificates,
            mutual_authentication,
            default,
            authenticate,
            beyond,
            attributes,
            tags: live_tags,
        } = spec;
        let mut map = Map::default();
        if let Some(tool) = keys::controller(live_tags) {
            map.remark(&format!("{tool} reconciles it: no502 compares it and changes nothing"));
        }
        let https = *protocol == Some(Protocol::Https);
        let default = default.as_ref().filter(|_| beyond.is_empty());
        // the language wants these of a listener that it may have to create
        let whole = protocol.is_some() && default.is_some();
        if !whole || (https && (ssl_policy.is_none() || certificate.is_none())) {
            map.put("existing", Node::plain(true));
        }
        map.put_some("protocol", protocol.map(Node::plain));
        if https {
            map.put_some("ssl_policy", ssl_policy.as_deref().map(Node::text));
            map.put_some("certificate", certificate.as_ref().map(|link| self.name(link)));
            if let Some(others) = sni_certificates.as_ref().filter(|others| !others.is_empty()) {
                map.put("sni_certificates", Node::list(others.iter().map(|link| self.name(link))));
            }
            map.put_some("mutual_authentication", mutual_authentication.as_ref().and_then(mutual));
        }
        Attributes::new(LISTENER, attributes)
            .rest(&mut map, |applies| applies != Applies::Fixed && (https || applies != Applies::HttpsListener));
        match default {
            Some(action) => {
                let mut inner = Map::flow();
                if let Some((login, remark)) = self.secrets.login(authenticate.as_ref()) {
                    remark.iter().for_each(|text| map.remark(text));
                    inner.put("authenticate", login);
                }
                let (key, node) = self.action(action);
                inner.put(key, node);
                map.put("default", Node::Map(inner));
            }
            None => {
                let parts: Vec<&str> = beyond.iter().map(String::as_str).collect();
                let why = if parts.is_empty() { "AWS did not say it".to_owned() } else { parts.join(", ") };
                self.leave_out(&mut map, &format!("the default action of {address} ({why})"));
            }
        }
        tags(&mut map, live_tags);
        let rules = self.rules(id, address, *protocol);
        if rules.is_empty() {
            map.adopt_remarks(rules);
        } else {
            map.put_map("rules", rules);
        }
        map
    }
}
