//! Laws of the encoding of keys. A broken one would let a tenant read or write another's records.

use claimsmith::store::{Key, KeyRange, Table};
use proptest::collection::vec;
use proptest::prelude::*;

const TABLES: [Table; 4] = [Table::Tenant, Table::User, Table::BlobPart, Table::Meta];

/// Parts with many of the bytes that the encoding treats specially.
fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        vec(
            prop_oneof![Just('\0'), Just('\u{1}'), Just('\u{2}'), Just('a')],
            0..4
        )
        .prop_map(String::from_iter),
        any::<String>(),
    ]
}

fn parts() -> impl Strategy<Value = Vec<String>> {
    vec(part(), 0..4)
}

fn key(table: usize, parts: &[String]) -> Key {
    Key::new(
        TABLES[table],
        &parts.iter().map(String::as_str).collect::<Vec<_>>(),
    )
}

fn range(table: usize, parts: &[String]) -> KeyRange {
    KeyRange::prefix(
        TABLES[table],
        &parts.iter().map(String::as_str).collect::<Vec<_>>(),
    )
}

fn contains(range: &KeyRange, key: &Key) -> bool {
    *key >= range.start && range.end.as_ref().is_none_or(|end| key < end)
}

proptest! {
    #[test]
    fn keys_are_ordered_and_equal_as_their_tables_and_parts_are(
        (a_table, a) in (0..TABLES.len(), parts()),
        (b_table, b) in (0..TABLES.len(), parts()),
    ) {
        let by_parts = (TABLES[a_table] as u8, &a).cmp(&(TABLES[b_table] as u8, &b));
        prop_assert_eq!(key(a_table, &a).cmp(&key(b_table, &b)), by_parts);
    }

    #[test]
    fn a_key_gives_back_its_parts(table in 0..TABLES.len(), parts in parts()) {
        let key = key(table, &parts);
        for (index, part) in parts.iter().enumerate() {
            let found = key.part(index);
            prop_assert_eq!(found.as_ref(), Some(part));
        }
        prop_assert_eq!(key.part(parts.len()), None);
        prop_assert_eq!(Key::from_bytes(key.as_bytes()), key);
    }

    #[test]
    fn a_range_holds_exactly_the_keys_that_begin_with_its_parts(
        (range_table, first) in (0..TABLES.len(), parts()),
        (key_table, rest) in (0..TABLES.len(), parts()),
        nested in any::<bool>(),
    ) {
        let parts = if nested { [first.clone(), rest].concat() } else { rest };
        let key_table = if nested { range_table } else { key_table };
        let belongs = range_table == key_table && parts.starts_with(&first);
        prop_assert_eq!(contains(&range(range_table, &first), &key(key_table, &parts)), belongs);
    }

    #[test]
    fn behind_a_key_is_everything_greater(first in parts(), a in parts(), b in parts()) {
        let [a, b] = [a, b].map(|rest| key(1, &[first.clone(), rest].concat()));
        let rest = range(1, &first).behind(&a);
        prop_assert_eq!(contains(&rest, &b), b > a);
    }

    #[test]
    fn any_bytes_can_be_looked_at(bytes in vec(any::<u8>(), 0..40), index in 0..4_usize) {
        let key = Key::from_bytes(bytes);
        let _ = (key.part(index), key.to_string());
    }
}
