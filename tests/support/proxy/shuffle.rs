//! The same answer with its lists in another order: AWS promises none.
//!
//! Lists are the `member` elements of the query protocol, the `item` elements of EC2, and the arrays of JSON. Nothing
//! but their order changes.

use serde_json::Value;

/// A small generator of numbers (xorshift), so that a seed is all it takes to see a failure again.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }
    /// A number below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound.max(1)
    }
    /// Puts a list in another order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at + 1));
        }
    }
}

/// The body with every list in another order.
pub fn shuffled(body: &str, seed: u64) -> String {
    let mut dice = Dice::new(seed);
    match serde_json::from_str::<Value>(body) {
        Ok(mut value) => {
            arrays(&mut value, &mut dice);
            value.to_string()
        }
        Err(_) => elements(body, &mut dice),
    }
}

fn arrays(value: &mut Value, dice: &mut Dice) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(|item| arrays(item, dice));
            dice.shuffle(items);
        }
        Value::Object(map) => map.values_mut().for_each(|value| arrays(value, dice)),
        _ => {}
    }
}

/// XML with each run of neighbouring `member` or `item` elements in another order, inside out.
fn elements(xml: &str, dice: &mut Dice) -> String {
    let mut out = String::with_capacity(xml.len());
    let mut rest = xml;
    while let Some((before, name)) = first(rest) {
        out.push_str(&rest[..before]);
        rest = &rest[before..];
        let mut run: Vec<String> = Vec::new();
        // what stands between them is white space
        while rest.trim_start().starts_with(&format!("<{name}>")) {
            rest = rest.trim_start();
            let end = closing(rest, name);
            let (open, close) = (name.len() + 2, name.len() + 3);
            let inner = elements(&rest[open..end - close], dice);
            run.push(format!("<{name}>{inner}</{name}>"));
            rest = &rest[end..];
        }
        dice.shuffle(&mut run);
        out.extend(run);
    }
    out + rest
}

/// Where the first list begins, and what its elements are called.
fn first(xml: &str) -> Option<(usize, &'static str)> {
    let found = ["member", "item"].into_iter().filter_map(|name| Some((xml.find(&format!("<{name}>"))?, name)));
    found.min()
}

/// Where the element that a text begins with ends.
fn closing(xml: &str, name: &str) -> usize {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        let next_close = at + xml[at..].find(&close).expect("an element that ends");
        match xml[at..next_close].find(&open) {
            Some(next_open) => {
                depth += 1;
                at += next_open + open.len();
            }
            None => {
                depth -= 1;
                at = next_close + close.len();
            }
        }
        if depth == 0 {
            return at;
        }
    }
}

#[test]
fn only_the_order_changes() {
    let xml = "<A><L><member><M><item>1</item><item>2</item></M></member>\n<member>b</member></L><X>x</X></A>";
    let all: std::collections::BTreeSet<String> = (0..50).map(|seed| shuffled(xml, seed)).collect();
    let one = "<A><L><member>b</member><member><M><item>2</item><item>1</item></M></member></L><X>x</X></A>";
    assert!(all.len() == 4 && all.contains(one), "{all:#?}");
    let json: std::collections::BTreeSet<String> = (0..50).map(|seed| shuffled(r#"{"a":[1,2,[3,4]]}"#, seed)).collect();
    assert_eq!(json.len(), 12);
}
