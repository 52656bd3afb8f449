//! Sealed values open under their key, in their place, unchanged, and nowhere else.

use claimsmith::secret::Secret;
use claimsmith::token::{MasterKey, SealError, Sealed};
use proptest::prelude::*;

const PLACE: [&str; 3] = ["signing-key", "acme", "k1"];

fn master(byte: &str) -> MasterKey {
    MasterKey::from_env_text(&Secret::new(byte.repeat(32))).unwrap()
}

fn text(sealed: &Sealed) -> String {
    serde_json::to_value(sealed)
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned()
}

fn sealed(text: &str) -> Sealed {
    serde_json::from_value(text.into()).unwrap()
}

#[test]
fn a_sealed_value_opens_in_its_place_and_shows_nothing() {
    let value = Sealed::seal(&master("a1"), &PLACE, b"attack at dawn").unwrap();
    assert_eq!(
        &**value.open(&master("a1"), &PLACE).unwrap(),
        b"attack at dawn"
    );
    assert!(text(&value).starts_with("v1."));
    assert!(!text(&value).contains("attack"));
}

#[test]
fn the_same_value_is_sealed_differently_each_time() {
    let [one, two] = [0; 2].map(|_| Sealed::seal(&master("a1"), &PLACE, b"x").unwrap());
    assert_ne!(one, two);
}

#[test]
fn a_value_in_another_place_does_not_open() {
    let value = Sealed::seal(&master("a1"), &PLACE, b"x").unwrap();
    for place in [
        &["signing-key", "acme", "k2"][..],
        &["signing-key", "evil", "k1"],
        &["configuration", "acme", "k1"],
        &["signing-key", "acmek1"],
        &["signing-key", "acme", "k1", ""],
        &["signing-keyacme", "", "k1"],
        &[],
    ] {
        let refused = value.open(&master("a1"), place).unwrap_err();
        assert!(
            matches!(refused, SealError::Refused),
            "{place:?}: {refused}"
        );
    }
}

#[test]
fn another_master_key_is_named_as_the_cause() {
    let value = Sealed::seal(&master("a1"), &PLACE, b"x").unwrap();
    let refused = value.open(&master("a2"), &PLACE).unwrap_err();
    assert!(matches!(refused, SealError::OtherKey));
    assert!(
        refused
            .to_string()
            .starts_with("sealed under another master key")
    );
}

#[test]
fn every_changed_character_is_noticed() {
    let good = text(&Sealed::seal(&master("a1"), &PLACE, b"attack at dawn").unwrap());
    for position in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        let opened = sealed(&changed).open(&master("a1"), &PLACE);
        assert!(opened.is_err(), "position {position} of {good}");
    }
    for end in 0..good.len() {
        assert!(
            sealed(&good[..end]).open(&master("a1"), &PLACE).is_err(),
            "cut at {end}"
        );
    }
}

#[test]
fn another_form_is_told_from_a_damaged_value() {
    let open = |text: &str| sealed(text).open(&master("a1"), &PLACE).unwrap_err();
    assert!(matches!(open("v2.x.y"), SealError::Version(version) if version == "v2"));
    assert!(matches!(open("hunter2"), SealError::Form));
    assert!(matches!(open(""), SealError::Form));
}

proptest! {
    #[test]
    fn whatever_is_sealed_opens_to_itself(
        plain in proptest::collection::vec(any::<u8>(), 0..300),
        place in proptest::collection::vec("\\PC{0,8}", 0..4),
        other in proptest::collection::vec("\\PC{0,8}", 0..4),
    ) {
        let place: Vec<&str> = place.iter().map(String::as_str).collect();
        let other: Vec<&str> = other.iter().map(String::as_str).collect();
        let value = Sealed::seal(&master("a1"), &place, &plain).unwrap();
        prop_assert_eq!(&*value.open(&master("a1"), &place).unwrap(), &plain);
        prop_assert_eq!(value.open(&master("a1"), &other).is_ok(), place == other);
    }
}
