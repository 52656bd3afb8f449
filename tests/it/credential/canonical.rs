//! Which spellings are one identifier, which are two, and which are none.

use claimsmith::credential::{InvalidIdentifier, MAX_IDENTIFIER_BYTES, canonical};
use proptest::prelude::*;

#[track_caller]
fn same(one: &str, other: &str) {
    assert_eq!(canonical(one).unwrap(), canonical(other).unwrap());
}

#[track_caller]
fn different(one: &str, other: &str) {
    assert_ne!(canonical(one).unwrap(), canonical(other).unwrap());
}

#[test]
fn case_width_and_compatibility_forms_are_folded() {
    same("Alice", "alice");
    same("ＡＬＩＣＥ", "alice");
    same("alice＠example．com", "alice@example.com");
    // The Kelvin sign, the long s, the ligature, the Angstrom sign.
    same("\u{212a}", "k");
    same("\u{17f}am", "sam");
    same("\u{fb01}n", "fin");
    same("\u{212b}", "\u{e5}");
    // Composed and decomposed.
    same("ren\u{e9}", "rene\u{301}");
    same("STRA\u{1e9e}E", "stra\u{df}e");
}

#[test]
fn letters_that_some_language_tells_apart_stay_apart() {
    different("stra\u{df}e", "strasse");
    different("\u{131}rma", "irma");
    different("\u{130}rma", "irma");
    different("\u{3c3}", "\u{3c2}");
    // Look-alikes of other scripts: Cyrillic a, Greek omicron.
    different("\u{430}lice", "alice");
    different("b\u{3bf}b", "bob");
}

#[test]
fn an_email_address_passes_as_it_is_its_case_folded() {
    let address = "First.Last+tag_x-1@Sub.Example.COM";
    assert_eq!(
        canonical(address).unwrap().as_str(),
        "first.last+tag_x-1@sub.example.com"
    );
    let odd = "!#$%&'*+/=?^_`{|}~-@[192.0.2.1]";
    assert_eq!(canonical(odd).unwrap().as_str(), odd);
}

#[test]
fn spellings_of_a_domain_are_not_resolved() {
    different("a@b\u{fc}cher.example", "a@xn--bcher-kva.example");
    different("a@example.com.", "a@example.com");
}

#[test]
fn what_nobody_sees_is_refused() {
    for (text, bad) in [
        ("al\u{200d}ice", 0x200d),
        ("al\u{200c}ice", 0x200c),
        // After a virama RFC 8264 would allow it.
        ("\u{915}\u{94d}\u{200d}\u{937}", 0x200d),
        ("al\u{200b}ice", 0x200b),
        ("al\u{ad}ice", 0xad),
        ("\u{feff}alice", 0xfeff),
        ("al\u{202e}ice", 0x202e),
        ("al\u{2066}ice", 0x2066),
        ("alice\u{fe0f}", 0xfe0f),
        ("alice\u{e0041}", 0xe0041),
    ] {
        assert_eq!(
            canonical(text),
            Err(InvalidIdentifier::Character(bad)),
            "{text:?}"
        );
    }
}

#[test]
fn spaces_controls_and_unassigned_characters_are_refused() {
    for text in [
        " alice",
        "alice ",
        "al ice",
        "alice\t",
        "alice\n",
        "\0",
        "alice\0",
        "\u{7f}",
        "\u{85}",
        "alice\u{a0}",
        "alice\u{3000}",
        "\u{378}",
        "\u{e000}",
        "\u{fdd0}",
        "\u{10ffff}",
        "a\u{1f511}",
    ] {
        assert!(
            matches!(canonical(text), Err(InvalidIdentifier::Character(_))),
            "{text:?}: {:?}",
            canonical(text)
        );
    }
}

#[test]
fn text_of_two_directions_is_refused() {
    assert!(canonical("\u{5d0}\u{5d1}").is_ok());
    assert_eq!(canonical("\u{5d0}bc"), Err(InvalidIdentifier::Direction));
}

#[test]
fn nothing_is_no_identifier() {
    assert_eq!(canonical(""), Err(InvalidIdentifier::Empty));
}

#[test]
fn a_length_at_the_limit_is_accepted_and_beyond_it_refused() {
    let longest = "a".repeat(MAX_IDENTIFIER_BYTES);
    assert_eq!(canonical(&longest).unwrap().as_str(), longest);
    assert_eq!(
        canonical(&format!("{longest}a")),
        Err(InvalidIdentifier::TooLong)
    );
    // What grows beyond the limit while it is folded.
    let growing = "\u{fb03}".repeat(MAX_IDENTIFIER_BYTES / 3);
    assert!(canonical(&growing).is_ok());
    let growing = "\u{130}".repeat(MAX_IDENTIFIER_BYTES / 2);
    assert_eq!(canonical(&growing), Err(InvalidIdentifier::TooLong));
}

#[test]
fn every_character_is_refused_or_has_a_stable_form() {
    let mut accepted = 0_u32;
    for c in '\0'..=char::MAX {
        // In front of it, so that what combines has something to combine with.
        for text in [c.to_string(), format!("a{c}")] {
            if let Ok(once) = canonical(&text) {
                accepted += 1;
                assert_eq!(
                    canonical(once.as_str()).as_ref(),
                    Ok(&once),
                    "U+{:04X}",
                    u32::from(c)
                );
            }
        }
    }
    assert!(accepted > 100_000, "only {accepted} were accepted");
}

proptest! {
    #[test]
    fn the_canonical_form_is_its_own_canonical_form(text in "\\PC{1,40}") {
        if let Ok(once) = canonical(&text) {
            prop_assert_eq!(canonical(once.as_str()).unwrap(), once);
        }
    }

    #[test]
    fn ascii_is_only_folded(text in "[!-~]{1,64}") {
        let form = canonical(&text).unwrap();
        prop_assert_eq!(form.as_str(), text.to_ascii_lowercase());
    }

    #[test]
    fn any_text_is_handled(text in any::<String>()) {
        let _ = canonical(&text);
    }
}
