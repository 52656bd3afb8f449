//! The master key's file: made once, whole, for its owner only.

use std::fs;

use claimsmith::secret::Secret;
use claimsmith::token::{MasterKey, MasterKeyError, Sealed};

fn seals_alike(one: &MasterKey, other: &MasterKey) -> bool {
    let sealed = Sealed::seal(one, &["place"], b"x").unwrap();
    sealed.open(other, &["place"]).is_ok()
}

#[test]
fn the_file_is_made_once_and_read_ever_after() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    let made = MasterKey::load_or_create(&path).unwrap();
    let content = fs::read_to_string(&path).unwrap();
    let read = MasterKey::load_or_create(&path).unwrap();
    assert!(seals_alike(&made, &read));
    assert_eq!(fs::read_to_string(&path).unwrap(), content);
    // The draft is gone.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    // And its text may as well come from the environment.
    let from_env = MasterKey::from_env_text(&Secret::new(content)).unwrap();
    assert!(seals_alike(&made, &from_env));
}

#[test]
fn two_files_are_two_keys() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] =
        ["one", "two"].map(|name| MasterKey::load_or_create(&folder.path().join(name)).unwrap());
    assert!(!seals_alike(&one, &two));
}

#[test]
fn many_that_start_at_once_agree_on_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    let keys: Vec<_> = std::thread::scope(|scope| {
        let start = || scope.spawn(|| MasterKey::load_or_create(&path).unwrap());
        let threads: Vec<_> = (0..8).map(|_| start()).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(keys.iter().all(|key| seals_alike(&keys[0], key)));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_file_open_to_others_is_refused_with_the_command_that_helps() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    MasterKey::load_or_create(&path).unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for open in [0o640, 0o604, 0o660, 0o602] {
        fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
        let refused = MasterKey::load_or_create(&path).unwrap_err();
        assert!(matches!(refused, MasterKeyError::OpenToOthers(_)));
        let advice = format!("chmod 600 {}", path.display());
        assert!(refused.to_string().contains(&advice), "{refused}");
    }
}

#[test]
fn a_file_with_something_else_in_it_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    MasterKey::load_or_create(&path).unwrap();
    for content in ["", "hunter2", &"A".repeat(5000), "AAAA"] {
        fs::write(&path, content).unwrap();
        let refused = MasterKey::load_or_create(&path).unwrap_err();
        assert!(matches!(refused, MasterKeyError::Content(_)), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("master.key");
    let refused = MasterKey::load_or_create(&path).unwrap_err();
    assert!(refused.to_string().contains("missing"), "{refused}");
}

#[test]
fn the_environment_may_hold_base64_of_either_alphabet_or_hexadecimal() {
    let [hex, upper] =
        ["fb", "FB"].map(|byte| MasterKey::from_env_text(&Secret::new(byte.repeat(32))).unwrap());
    assert!(seals_alike(&hex, &upper));
    // 32 bytes of 0xfb.
    let base64 = "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s=";
    for text in [
        base64.to_owned(),
        base64.trim_end_matches('=').to_owned(),
        base64.replace('+', "-").replace('/', "_"),
        format!("  {base64}\n"),
    ] {
        let key = MasterKey::from_env_text(&Secret::new(text.clone())).unwrap();
        assert!(seals_alike(&hex, &key), "{text}");
    }
}

#[test]
fn a_text_of_another_length_is_no_key() {
    for text in [
        "",
        "hunter2",
        &"ab".repeat(31),
        &"ab".repeat(33),
        &"g".repeat(64),
        &"+f".repeat(32),
    ] {
        let refused = MasterKey::from_env_text(&Secret::new(text)).unwrap_err();
        assert!(matches!(refused, MasterKeyError::Text), "{text}");
        assert!(text.is_empty() || !refused.to_string().contains(text));
    }
}

#[test]
fn the_key_is_not_printed() {
    let key = MasterKey::from_env_text(&Secret::new("ab".repeat(32))).unwrap();
    assert_eq!(format!("{key:?}"), "[master key]");
}
