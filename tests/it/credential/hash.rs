//! Stored hashes: what is accepted from elsewhere, and what must never reach Argon2.

use claimsmith::credential::{HashSettings, InvalidHash, InvalidSettings, Phc};

fn phc(memory: u64, passes: u64, lanes: u64) -> String {
    format!(
        "$argon2id$v=19$m={memory},t={passes},p={lanes}$c29tZXNhbHQ$\
         CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
    )
}

#[test]
fn the_default_is_what_owasp_recommends() {
    let settings = HashSettings::default();
    assert_eq!(
        (settings.memory_kib, settings.passes, settings.lanes),
        (19_456, 2, 1)
    );
    settings.check().unwrap();
}

#[test]
fn a_cost_at_the_cap_is_accepted() {
    Phc::parse(&phc(65_536, 10, 4)).unwrap();
    Phc::parse(&phc(8, 1, 1)).unwrap();
}

#[test]
fn a_cost_beyond_the_cap_is_refused_before_any_work() {
    for (memory, passes, lanes) in [
        (4_194_304, 1, 1),
        (65_537, 1, 1),
        (4096, 4000, 1),
        (4096, 11, 1),
        (4096, 1, 5),
        (7, 1, 1),
        (31, 1, 4),
        (4096, 0, 1),
        (4096, 1, 0),
    ] {
        let refused = Phc::parse(&phc(memory, passes, lanes)).unwrap_err();
        assert!(
            matches!(refused, InvalidHash::Cost(InvalidSettings(_))),
            "m={memory} t={passes} p={lanes}: {refused:?}"
        );
    }
}

#[test]
fn only_a_whole_hash_of_argon2id_version_19_is_accepted() {
    let good = phc(4096, 3, 1);
    for bad in [
        String::new(),
        "hunter2".to_owned(),
        good.replace("argon2id", "argon2i"),
        good.replace("argon2id", "argon2d"),
        good.replace("argon2id", "scrypt"),
        good.replace("v=19", "v=16"),
        good.replace("$v=19", ""),
        good.replace(",p=1", ""),
        good.replace(",p=1", ",p=1,keyid=Zm9v"),
        good.replace("m=4096", "m=4096,m=4096"),
        good.replace("m=4096", "m=99999999999"),
        good.replace("m=4096", "m=-1"),
        good.replace("c29tZXNhbHQ$", ""),
        good.replace(
            "$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "",
        ),
        format!("{good}{}", "A".repeat(300)),
        good.replace("c29tZXNhbHQ", "c29t*XNhbHQ"),
    ] {
        let refused = Phc::parse(&bad).unwrap_err();
        assert_eq!(refused, InvalidHash::Format, "{bad}");
    }
    for short in [
        good.replace("c29tZXNhbHQ", "c29tZQ"),
        good.replace(
            "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "CTFhFdXPJO1aFaMa",
        ),
    ] {
        assert_eq!(
            Phc::parse(&short).unwrap_err(),
            InvalidHash::Length,
            "{short}"
        );
    }
}

#[test]
fn other_settings_ask_for_a_rehash_and_the_same_do_not() {
    let settings = HashSettings {
        memory_kib: 4096,
        passes: 3,
        lanes: 1,
    };
    assert!(
        !Phc::parse(&phc(4096, 3, 1))
            .unwrap()
            .needs_rehash(&settings)
    );
    assert!(
        Phc::parse(&phc(4096, 2, 1))
            .unwrap()
            .needs_rehash(&settings)
    );
    assert!(
        Phc::parse(&phc(4096, 3, 1))
            .unwrap()
            .needs_rehash(&HashSettings::default())
    );
}

#[test]
fn a_hash_is_not_printed() {
    let phc = Phc::parse(&phc(4096, 3, 1)).unwrap();
    assert_eq!(format!("{phc:?}"), "[hash]");
}
