//! Where every field of every resource stands in the files.
//!
//! A large estate has a million fields, but few different paths and few fields in each resource: each
//! path is kept once, and the fields of a resource lie in one piece.

use std::collections::{BTreeMap, HashMap};

use crate::model::{Address, Span};

/// The places of all declared fields; the root path is the resource's key.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    /// The number of each path.
    paths: HashMap<Box<str>, u32>,
    /// Where in `fields` a resource's are.
    resources: BTreeMap<Address, usize>,
    /// The numbers and places of each resource's fields; of several with one number the first counts.
    fields: Vec<Vec<(u32, Span)>>,
    /// The resource of the last call: what is read in a row is of one resource.
    last: Option<(Address, usize)>,
}

impl Origins {
    /// Writes down where a field stands; where it was first said stays.
    pub(super) fn insert(&mut self, address: &Address, path: &str, at: Span) {
        let path = self.number(path);
        let resource = match &self.last {
            Some((last, resource)) if last == address => *resource,
            _ => self.resource(address),
        };
        if let Some(fields) = self.fields.get_mut(resource)
            && fields.last() != Some(&(path, at))
        {
            fields.push((path, at));
        }
    }

    /// Where exactly this field stands.
    pub fn get(&self, address: &Address, path: &str) -> Option<Span> {
        let number = *self.paths.get(path)?;
        let fields = self.fields.get(*self.resources.get(address)?)?;
        fields.iter().find(|(path, _)| *path == number).map(|(_, at)| *at)
    }

    fn number(&mut self, path: &str) -> u32 {
        if let Some(number) = self.paths.get(path) {
            return *number;
        }
        let number = u32::try_from(self.paths.len()).unwrap_or(u32::MAX);
        self.paths.insert(path.into(), number);
        number
    }

    fn resource(&mut self, address: &Address) -> usize {
        let next = self.fields.len();
        let resource = *self.resources.entry(address.clone()).or_insert(next);
        if resource == next {
            self.fields.push(Vec::new());
        }
        self.last = Some((address.clone(), resource));
        resource
    }
}
