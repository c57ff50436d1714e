//! What good files mean.

use std::path::PathBuf;

use no502::desired::{Inputs, load};
use no502::model::{Address, FieldPath};

use super::{lines, secrets};

#[test]
fn the_example_is_good_and_every_field_has_its_place() {
    let inputs =
        Inputs { paths: vec![PathBuf::from("desired")], stdin: None, variables: Default::default(), secrets: &secrets };
    let (resolved, warnings) = load(&inputs).unwrap_or_else(|p| panic!("{:#?}", lines(&p)));
    assert_eq!(lines(&warnings), Vec::<String>::new());
    let place = |address: &str, path: &str| {
        resolved.place(&address.parse().unwrap(), &FieldPath::from(path)).unwrap().to_string()
    };
    assert_eq!(place("target_group/django", "health_check.path"), "desired/shop.yaml:40:7");
    assert_eq!(place("listener/web:80", "default.redirect.host"), "desired/shop.yaml:84:20");
    assert!(resolved.specs.contains_key(&Address::target("django", "10.0.1.10", Some(8000))));
}
