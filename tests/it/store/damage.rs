//! What the embedded store does about files that are damaged, taken or foreign.

use std::fs;
use std::path::{Path, PathBuf};

use claimsmith::store::sled::Scrub;
use claimsmith::store::{Error, Store};

use super::{open, put, user, value};

/// A closed store that holds `count` small records and a large one.
async fn filled(dir: &Path, count: usize) {
    let store = open(dir).unwrap();
    for i in 0..count {
        store
            .commit(put(&i.to_string(), &[i as u8; 100]))
            .await
            .unwrap();
    }
    store.commit(put("large", &[7; 60_000])).await.unwrap();
}

fn refusal(dir: &Path) -> String {
    match open(dir) {
        Err(Error::Open(sentence)) => sentence,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it opened"),
    }
}

fn snapshot(dir: &Path) -> PathBuf {
    let names = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_snapshot = |path: &PathBuf| {
        path.file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("snap.")
    };
    names
        .into_iter()
        .find(is_snapshot)
        .expect("sled wrote a snapshot")
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_set_aside_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 50).await;
    for damage in 0..6 {
        // sled writes its snapshot when it opens a log that has grown.
        let store = open(dir.path()).unwrap();
        store.commit(put("round", &[damage])).await.unwrap();
        drop(store);
        drop(open(dir.path()).unwrap());
        let path = snapshot(dir.path());
        let length = fs::metadata(&path).unwrap().len() as usize;
        match damage {
            0 => fs::write(&path, b"").unwrap(),
            1 => fs::write(path.with_extension("FFFFFFFFFFFFFFFF.generating"), b"half").unwrap(),
            other => flip(&path, length * (other as usize - 2) / 4),
        }
        let store = open(dir.path()).unwrap();
        assert_eq!(value(&store, "49").await.unwrap(), Some(vec![49; 100]));
        assert_eq!(value(&store, "large").await.unwrap(), Some(vec![7; 60_000]));
        assert_eq!(value(&store, "round").await.unwrap(), Some(vec![damage]));
        drop(store);
        let aside = fs::read_dir(dir.path().join("quarantine")).unwrap().count();
        assert!(aside > 0, "what was damaged is kept for whoever asks why");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_never_becomes_another_value() {
    let origin = tempfile::tempdir().unwrap();
    filled(origin.path(), 200).await;
    let log = fs::read(origin.path().join("db")).unwrap();
    let used = log.iter().rposition(|byte| *byte != 0).unwrap();
    let (mut wrong, mut refused, mut noticed) = (0, 0, 0);
    for trial in 0..40 {
        let dir = tempfile::tempdir().unwrap();
        for name in ["conf", "format"] {
            fs::copy(origin.path().join(name), dir.path().join(name)).unwrap();
        }
        fs::create_dir(dir.path().join("blobs")).unwrap();
        fs::write(dir.path().join("db"), &log).unwrap();
        flip(&dir.path().join("db"), used * trial / 40 + trial * 7 % 13);
        let store = match open(dir.path()) {
            Ok(store) => store,
            Err(Error::Open(_)) => {
                refused += 1;
                continue;
            }
            Err(other) => panic!("{other:?}"),
        };
        for i in 0..200_usize {
            match store.get(&user(&i.to_string())).await {
                Ok(Some(entry)) => wrong += usize::from(entry.value != [i as u8; 100]),
                Ok(None) | Err(Error::Corrupt { .. }) => noticed += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(wrong, 0);
    println!("refused {refused} stores, noticed {noticed} records, of 40 and 8000");
}

/// Writes over a record behind the store's back, as a bug or a hand would.
fn tamper(dir: &Path, id: &str, mut change: impl FnMut(&mut Vec<u8>)) {
    let db = sled::Config::new()
        .path(dir)
        .segment_size(2 << 20)
        .open()
        .unwrap();
    let place = [&[0], user(id).as_bytes()].concat();
    let mut item = db.get(&place).unwrap().unwrap().to_vec();
    change(&mut item);
    db.insert(place, item).unwrap();
    db.flush().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_record_is_named_and_the_others_are_read() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 20).await;
    let mut of_another_key = Vec::new();
    tamper(dir.path(), "4", |item| of_another_key.clone_from(item));
    tamper(dir.path(), "0", |item| *item.last_mut().unwrap() ^= 1);
    tamper(dir.path(), "1", |item| item[3] ^= 1);
    tamper(dir.path(), "2", |item| item.truncate(10));
    tamper(dir.path(), "3", |item| item.clone_from(&of_another_key));

    let store = open(dir.path()).unwrap();
    for id in ["0", "1", "2", "3"] {
        let found = store.get(&user(id)).await;
        let Err(Error::Corrupt { key, .. }) = &found else {
            panic!("{id}: {found:?}");
        };
        assert_eq!(*key, user(id).to_string());
        // It does not pass for absent.
        let mut expecting = put(id, b"new");
        expecting.expect = vec![(user(id), None)];
        let refused = store.commit(expecting).await;
        assert!(
            matches!(refused, Err(Error::Corrupt { .. } | Error::Conflict)),
            "{refused:?}"
        );
    }
    assert_eq!(
        store.scrub(),
        Some(Scrub {
            records: 17,
            damaged: 4
        })
    );
    for id in ["0", "1", "2", "3"] {
        store.commit(put(id, b"new")).await.unwrap();
        assert_eq!(value(&store, id).await.unwrap(), Some(b"new".to_vec()));
    }
    assert_eq!(
        store.scrub(),
        Some(Scrub {
            records: 21,
            damaged: 0
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let shown = dir.path().display();
    assert_eq!(
        refusal(dir.path()),
        format!(
            "the data directory `{shown}` is in use by another process; \
             stop that server or choose another directory with --data"
        )
    );
    store.close();
    open(dir.path()).unwrap();
}

#[tokio::test]
async fn a_directory_of_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    fs::write(dir.path().join("format"), "claimsmith store 2\n").unwrap();
    let before = fs::read(dir.path().join("db")).unwrap();
    let sentence = refusal(dir.path());
    assert!(
        sentence.contains("is of a newer version of claimsmith"),
        "{sentence}"
    );
    assert_eq!(fs::read(dir.path().join("db")).unwrap(), before);
}

#[tokio::test]
async fn a_foreign_database_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("db"), "somebody's").unwrap();
    assert!(refusal(dir.path()).contains("a database that is not claimsmith's"));
    fs::write(dir.path().join("format"), "my format").unwrap();
    assert!(refusal(dir.path()).contains("a file `format` that is not claimsmith's"));
    assert_eq!(fs::read(dir.path().join("db")).unwrap(), b"somebody's");
    let file = dir.path().join("db");
    assert!(
        refusal(&file).contains("cannot be used"),
        "a file is no directory"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_cut_short_is_refused_or_read_but_never_panics() {
    let origin = tempfile::tempdir().unwrap();
    filled(origin.path(), 100).await;
    for tenth in 0..10 {
        let dir = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(origin.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
            }
        }
        let log = fs::OpenOptions::new()
            .write(true)
            .open(dir.path().join("db"))
            .unwrap();
        log.set_len(log.metadata().unwrap().len() * tenth / 10)
            .unwrap();
        match open(dir.path()) {
            Ok(store) => drop(store.scrub()),
            Err(error) => assert!(matches!(error, Error::Open(_)), "{error:?}"),
        }
    }
}
