//! Hashes from elsewhere: known answers, what is refused, and the upgrade at the first login.

use std::net::IpAddr;

use claimsmith::clock::Timestamp;
use claimsmith::connection::Connection;
use claimsmith::credential::foreign::{CustomHash, Fault};
use claimsmith::credential::guard::Guard;
use claimsmith::credential::{
    AuthenticationError, HashSettings, Login, PasswordRecord, Passwords, PoolSettings, Rejection,
    StoredHash, canonical,
};
use claimsmith::secret::Secret;
use claimsmith::store::{Batch, Records};
use claimsmith::tenant::TenantName;
use claimsmith::user::{IdentifierRecord, User};
use serde_json::{Value, json};

use crate::support::memory::Memory;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const SET: Timestamp = Timestamp::from_millis(1_600_000_000_000);

struct House {
    records: Records,
    guard: Guard,
    passwords: Passwords,
    tenant: TenantName,
}

impl House {
    fn new() -> Self {
        let (_, records) = Memory::records();
        let cheap = HashSettings {
            memory_kib: 8,
            passes: 1,
            lanes: 1,
        };
        Self {
            guard: Guard::start(records.clone()),
            records,
            passwords: Passwords::start(cheap, PoolSettings::default()).unwrap(),
            tenant: TenantName::parse("acme").unwrap(),
        }
    }

    /// A user with this hash, who has this name.
    async fn add(&self, name: &str, hash: CustomHash) {
        let user = User {
            user_id: format!("auth0|{name}"),
            connection: "main".into(),
            ..User::default()
        };
        let owner = IdentifierRecord {
            user_id: user.user_id.clone(),
        };
        let password = PasswordRecord {
            hash: StoredHash::Imported(Box::new(hash)),
            set_at: SET,
        };
        let canonical = canonical(name).unwrap();
        let batch = Batch::durable()
            .insert(&["acme", &user.user_id], &user)
            .insert(&["acme", &user.user_id], &password)
            .insert(&["acme", "main", canonical.as_str()], &owner);
        self.records.commit(batch).await.unwrap();
    }

    async fn stored(&self, name: &str) -> PasswordRecord {
        let parts = ["acme", &format!("auth0|{name}")];
        self.records.get(&parts).await.unwrap().unwrap().record
    }

    async fn login(&self, name: &str, password: &str) -> Result<(), AuthenticationError> {
        let connection = Connection {
            name: "main".into(),
            ..Connection::default()
        };
        let login = Login {
            tenant: &self.tenant,
            connection: &connection,
            identifier: name,
            password: Secret::new(password),
            address: IpAddr::from([192, 0, 2, 1]),
        };
        let before = self.passwords.evaluations();
        let outcome = self
            .passwords
            .authenticate(&self.records, &self.guard, login, NOW)
            .await;
        let cost = self.passwords.evaluations() - before;
        assert_eq!(cost, 1, "{name}: Argon2 runs once, whatever the hash");
        outcome.map(drop)
    }
}

/// Verifies through a whole login, wrong first, and finds our own hash in the place of the other.
async fn check(cases: &[(Value, &str)]) {
    let house = House::new();
    for (number, (document, password)) in cases.iter().enumerate() {
        let name = format!("user{number}");
        let hash = CustomHash::parse(document).unwrap_or_else(|e| panic!("{document}: {e}"));
        house.add(&name, hash).await;
        let wrong = house.login(&name, &format!("{password}x")[1..]).await;
        assert!(
            matches!(
                wrong,
                Err(AuthenticationError::Rejected {
                    reason: Rejection::WrongPassword,
                    ..
                })
            ),
            "{document}: {wrong:?}"
        );
        assert!(matches!(
            house.stored(&name).await.hash,
            StoredHash::Imported(_)
        ));
        house
            .login(&name, password)
            .await
            .unwrap_or_else(|e| panic!("{document}: {e}"));
        let upgraded = house.stored(&name).await;
        assert!(matches!(upgraded.hash, StoredHash::Phc(_)), "{document}");
        assert_eq!(upgraded.set_at, SET, "the password itself did not change");
        house.login(&name, password).await.unwrap();
    }
}

fn text(algorithm: &str, value: &str) -> Value {
    json!({"algorithm": algorithm, "hash": {"value": value, "encoding": "utf8"}})
}

/// Openwall's test vectors for crypt_blowfish; the last two are cut off behind 72 bytes.
#[tokio::test]
async fn bcrypt() {
    let long = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let longer = format!("{long}chars after 72 are ignored");
    let of_long = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
    let value = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    check(&[
        (text("bcrypt", value), "U*U"),
        (text("bcrypt", &value.replace("$2a$", "$2b$")), "U*U"),
        (text("bcrypt", &value.replace("$2a$", "$2y$")), "U*U"),
        (
            text(
                "bcrypt",
                "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK",
            ),
            "U*U*",
        ),
        (
            text(
                "bcrypt",
                "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a",
            ),
            "U*U*U",
        ),
        (text("bcrypt", of_long), long),
        (text("bcrypt", of_long), &longer),
        // The salt counts towards the 72 bytes.
        (
            json!({"algorithm": "bcrypt", "hash": {"value": of_long},
                   "salt": {"value": &long[..10]}}),
            &format!("{}whatever", &long[10..]),
        ),
        (
            json!({"algorithm": "bcrypt", "hash": {"value": value},
                   "salt": {"value": "U", "position": "suffix"}}),
            "U*",
        ),
    ])
    .await;
}

/// From the reference implementation's test suite (the first), and made with the reference
/// implementation.
#[tokio::test]
async fn argon2() {
    check(&[
        (text("argon2", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA"), "password"),
        (text("argon2", "$argon2d$v=19$m=256,t=2,p=1$c29tZXNhbHQ$JcTui6RIBUtJ78gE5Hi52CO+H5vS6Z9R1uxAB6OhUB8"), "password"),
        (text("argon2", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8"), "password"),
        (text("argon2", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"), "password"),
        (text("argon2", "$argon2i$v=16$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY"), "password"),
        (text("argon2", "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY"), "password"),
    ])
    .await;
}

/// RFC 1320, RFC 1321 and FIPS 180-4: `abc`, cut into password and salt in every way.
#[tokio::test]
async fn plain_digests_with_a_salt_before_or_behind() {
    let plain = |algorithm: &str, hex: &str, salt: Value| json!({"algorithm": algorithm, "hash": {"value": hex, "encoding": "hex"}, "salt": salt});
    let sha512 = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
    let mut cases = Vec::new();
    for (algorithm, hex) in [
        ("md4", "a448017aaf21d8525fc10ae87aa6729d"),
        ("md5", "900150983cd24fb0d6963f7d28e17f72"),
        ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "sha256",
            "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
        ),
        ("sha512", sha512),
    ] {
        cases.push((plain(algorithm, hex, Value::Null), "abc"));
        cases.push((plain(algorithm, hex, json!({"value": "a"})), "bc"));
        let hex_salt = json!({"value": "61", "encoding": "hex", "position": "prefix"});
        cases.push((plain(algorithm, hex, hex_salt), "bc"));
        let suffix = json!({"value": "Yw==", "encoding": "base64", "position": "suffix"});
        cases.push((plain(algorithm, hex, suffix), "ab"));
    }
    for value in [
        "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0=",
        "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
        "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0",
    ] {
        let hash = json!({"value": value, "encoding": "base64"});
        cases.push((json!({"algorithm": "sha256", "hash": hash}), "abc"));
    }
    check(&cases).await;
}

/// MS-NLMP, section 4.2.2.1.2 is MD4 of UTF-16; the others were made with Python.
#[tokio::test]
async fn the_typed_password_is_transcoded() {
    let encoded = |algorithm: &str, hex: &str, encoding: &str| {
        json!({"algorithm": algorithm, "hash": {"value": hex, "encoding": "hex"},
               "password": {"encoding": encoding}})
    };
    let nt = "a4f49c406510bdcab6824ee7c30fd852";
    let latin1 = "3b34938a3fb0612eb0b36a0441a2016b";
    let utf16 = "1b99085f59a6225c3f44069a507ccebf";
    check(&[
        (encoded("md4", nt, "utf16le"), "Password"),
        (encoded("md4", nt, "ucs2"), "Password"),
        (encoded("md5", latin1, "latin1"), "ren\u{e9}"),
        (encoded("md5", latin1, "binary"), "ren\u{e9}"),
        (encoded("md5", utf16, "utf16le"), "ren\u{e9}"),
        (
            encoded("md5", "900150983cd24fb0d6963f7d28e17f72", "ascii"),
            "abc",
        ),
        (
            encoded("md5", "900150983cd24fb0d6963f7d28e17f72", "utf8"),
            "abc",
        ),
    ])
    .await;
}

/// RFC 4231 and RFC 2202, test case 2 of each.
#[tokio::test]
async fn hmac() {
    let hmac = |digest: &str, hex: &str, key: Value| {
        let hash = json!({"value": hex, "encoding": "hex", "digest": digest, "key": key});
        json!({"algorithm": "hmac", "hash": hash})
    };
    let message = "what do ya want for nothing?";
    let sha256 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    check(&[
        (hmac("sha256", sha256, json!({"value": "Jefe"})), message),
        (
            hmac(
                "sha256",
                sha256,
                json!({"value": "4a656665", "encoding": "hex"}),
            ),
            message,
        ),
        (
            hmac(
                "sha256",
                sha256,
                json!({"value": "SmVmZQ==", "encoding": "base64"}),
            ),
            message,
        ),
        (
            hmac(
                "md5",
                "750c783e6ab0b503eaa86e310a5db738",
                json!({"value": "Jefe"}),
            ),
            message,
        ),
        (
            hmac(
                "sha1",
                "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
                json!({"value": "Jefe"}),
            ),
            message,
        ),
    ])
    .await;
}

/// RFC 2307's form; the values were made with Python's hashlib, the salt is `saltsalt`.
#[tokio::test]
async fn ldap() {
    let cases = [
        "{MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ==",
        "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
        "{SHA256}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=",
        "{SHA512}vSsar3708Jvp9Szi2NWZZ02Bqp1qRCFpbcTZPdBhnWgs5WtNZKnvCXdhztmeD2cmW192CF5bDufKRpayrW/isg==",
        "{SMD5}VAfQ6nCkaw9o3u+x706wnXNhbHRzYWx0",
        "{SSHA}1G904nLkTkGWjKNnQuB/hpWXC/hzYWx0c2FsdA==",
        "{ssha}1G904nLkTkGWjKNnQuB/hpWXC/hzYWx0c2FsdA==",
        "{SSHA224}NG5BPRVhPyakiASbxZ6zV4UkBj4iDg8epSx8W3NhbHRzYWx0",
        "{SSHA256}oBmrdHcA6OZEkkCLeXh71YAerbvhXz1qqwjrPsXmEtNzYWx0c2FsdA==",
        "{SSHA384}xZjeLqA5S5k50pfYWOduoMpyOadNQ2hKzVUikzLgZ/JSGpE4X/aVRUUuwOH25+Urc2FsdHNhbHQ=",
        "{SSHA512}aCu7JRc+kLsuEmFs1zTY+AiP7DSGnjjG+dH28Dp+E5usqoAixeTPihKqZmkWal4mUfp63tqvCAkFV1LKTDFH6XNhbHRzYWx0",
    ];
    check(&cases.map(|value| (text("ldap", value), "secret"))).await;
}

/// RFC 6070 (the fourth), RFC 7914, section 11 (the first of its), and Auth0's defaults made with
/// Python's hashlib.
#[tokio::test]
async fn pbkdf2() {
    let rfc_6070 = "$i=4096,l=20$c2FsdA$SwB5AbdlSJq+rUnZJvch0GWkKcE";
    check(&[
        (text("pbkdf2", &format!("$pbkdf2-sha1{rfc_6070}")), "password"),
        (text("pbkdf2", &format!("$pbkdf2-RSA-SHA1-2{rfc_6070}")), "password"),
        (text("pbkdf2", &format!("$pbkdf2-ssl3-sha1{rfc_6070}")), "password"),
        (
            text("pbkdf2", "$pbkdf2-sha256$i=1,l=64$c2FsdA$VawEblbjCJ/sFpHCJUS2BflBhSFt3gRl5oudV8INrLxJypzM8Xm2RZkWZLOdd+8xfHG4RbHjC9UJESBB06GXgw"),
            "passwd",
        ),
        (
            text("pbkdf2", "$pbkdf2-sha512WithRSAEncryption$c2FsdA$N0XkgsbgreNdoQE555cVf0pdpmna19XaiO+H5HRxzEftlBx61hjoJzBPCD+HB/ErfP3V9Im3gvEMwmnjwI1Zrg"),
            "secret",
        ),
    ])
    .await;
}

/// RFC 7914, section 12: the second and the third.
#[tokio::test]
async fn scrypt() {
    check(&[
        (
            json!({"algorithm": "scrypt", "keylen": 64, "cost": 1024, "blockSize": 8, "parallelization": 16,
                   "salt": {"value": "NaCl"},
                   "hash": {"encoding": "hex", "value": "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"}}),
            "password",
        ),
        (
            json!({"algorithm": "scrypt", "keylen": 64,
                   "salt": {"value": "536f6469756d43686c6f72696465", "encoding": "hex"},
                   "hash": {"encoding": "hex", "value": "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"}}),
            "pleaseletmein",
        ),
    ])
    .await;
}

fn refused(document: &Value) -> (Fault, &'static str) {
    let invalid = CustomHash::parse(document).expect_err(&document.to_string());
    assert!(!invalid.to_string().contains("SECRET"), "{invalid}");
    (invalid.fault, invalid.path)
}

/// One password must not cost more than about a second, whoever chose the numbers.
#[test]
fn a_hash_that_asks_for_too_much_work_is_refused() {
    let hash = json!({"encoding": "hex", "value": "00".repeat(64)});
    let scrypt = |cost: u32, r: u32, p: u32| {
        json!({"algorithm": "scrypt", "keylen": 64, "cost": cost, "blockSize": r,
               "parallelization": p, "hash": hash})
    };
    for (cost, r, p) in [
        (1 << 17, 8, 1),
        (1 << 30, 8, 1),
        (16_384, 8, 16),
        (16_384, 1 << 20, 1),
        (2, 1, u32::MAX),
        (1 << 31, u32::MAX, u32::MAX),
    ] {
        assert_eq!(
            refused(&scrypt(cost, r, p)).0,
            Fault::Maximum,
            "{cost} {r} {p}"
        );
    }
    for (cost, r, p) in [
        (0, 8, 1),
        (1, 8, 1),
        (1000, 8, 1),
        (1024, 0, 1),
        (1024, 8, 0),
    ] {
        assert_eq!(
            refused(&scrypt(cost, r, p)).0,
            Fault::Minimum,
            "{cost} {r} {p}"
        );
    }
    CustomHash::parse(&scrypt(1 << 16, 8, 2)).unwrap();

    let bcrypt =
        |cost: &str| format!("$2b${cost}$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW");
    for cost in ["15", "31", "99"] {
        assert_eq!(refused(&text("bcrypt", &bcrypt(cost))).0, Fault::Maximum);
    }
    CustomHash::bcrypt(&bcrypt("14")).unwrap();
    let output = "A".repeat(43);
    for iterations in ["2000001", "4294967295"] {
        let value = format!("$pbkdf2-sha256$i={iterations},l=32$c2FsdA${output}");
        assert_eq!(refused(&text("pbkdf2", &value)).0, Fault::Maximum);
    }
    let value = format!("$pbkdf2-md5$i=1000001,l=32$c2FsdA${output}");
    assert_eq!(
        refused(&text("pbkdf2", &value)).0,
        Fault::Maximum,
        "two blocks"
    );
    for params in ["m=4194304,t=1,p=1", "m=4096,t=4000,p=1", "m=4096,t=1,p=99"] {
        let value = format!(
            "$argon2id$v=19${params}$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
        );
        assert_eq!(refused(&text("argon2", &value)).0, Fault::Format);
    }
    let long = json!({"algorithm": "md5", "hash": {"value": "00".repeat(4000), "encoding": "hex"}});
    assert_eq!(refused(&long).0, Fault::Maximum);
    let long = json!({"algorithm": "md5", "hash": {"value": "00".repeat(16), "encoding": "hex"},
                      "salt": {"value": "x".repeat(4000)}});
    assert_eq!(refused(&long).0, Fault::Maximum);
}

#[test]
fn what_is_no_hash_of_its_kind_is_refused_and_not_quoted() {
    let good = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    for value in [
        "",
        "SECRET",
        "$2$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$sha1$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        &good[..59],
        &format!("{good}A"),
        &good.replace("$05$", "$5$"),
        &good.replace("$05$", "$03$"),
        &good.replace("$05$", "$+5$"),
        &good.replace("YPO9", "Y\u{e9}O"),
        &good.replace("YPO9", "Y=O9"),
    ] {
        assert_eq!(
            refused(&text("bcrypt", value)),
            (Fault::Format, "hash.value"),
            "{value}"
        );
    }
    for value in [
        "{CRYPT}SECRET",
        "{SSHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
        "SHA}x",
        "{SHA}x",
        "{}",
        "{SHA}1G904nLkTkGWjKNnQuB/hpWXC/hzYWx0c2FsdA==",
        "{SHA3}AAAA",
        "{S",
    ] {
        assert_eq!(refused(&text("ldap", value)).0, Fault::Format, "{value}");
    }
    for value in [
        "$pbkdf2-sha256$i=0,l=8$c2FsdA$AAAAAAAAAAA",
        "$pbkdf2-sha256$i=1,l=4$c2FsdA$AAAAAA",
        "$pbkdf2-mdc2$i=1,l=8$c2FsdA$AAAAAAAAAAA",
        "$pbkdf2-sha256$i=1,l=9$c2FsdA$AAAAAAAAAAA",
        "$pbkdf2-sha256$i=1,x=8$c2FsdA$AAAAAAAAAAA",
        "$pbkdf2-sha256",
        "$$$$",
        "",
    ] {
        let fault = refused(&text("pbkdf2", value)).0;
        assert!(matches!(fault, Fault::Format | Fault::Maximum), "{value}");
    }
    let md5 = "900150983cd24fb0d6963f7d28e17f72";
    for (document, expected) in [
        (
            json!({"algorithm": "rot13", "hash": {"value": "SECRET"}}),
            (Fault::EnumMismatch, "algorithm"),
        ),
        (
            json!({"algorithm": "sha", "hash": {"value": "SECRET"}}),
            (Fault::EnumMismatch, "algorithm"),
        ),
        (
            json!({"algorithm": "md5", "hash": {"value": md5, "encoding": "utf8"}}),
            (Fault::EnumMismatch, "hash.encoding"),
        ),
        (
            json!({"algorithm": "md5", "hash": {"value": md5}}),
            (Fault::EnumMismatch, "hash.encoding"),
        ),
        (
            json!({"algorithm": "md5", "hash": {"value": &md5[1..], "encoding": "hex"}}),
            (Fault::Format, "hash.value"),
        ),
        (
            json!({"algorithm": "sha1", "hash": {"value": md5, "encoding": "hex"}}),
            (Fault::Format, "hash.value"),
        ),
        (
            json!({"algorithm": "md5", "hash": {"value": md5, "encoding": "hex"}, "salt": {"value": "g", "encoding": "hex"}}),
            (Fault::Format, "salt"),
        ),
        (
            json!({"algorithm": "md5", "hash": {"value": md5, "encoding": "hex"}, "salt": {"value": "g", "position": "middle"}}),
            (Fault::EnumMismatch, "salt.position"),
        ),
        (
            json!({"algorithm": "md5", "hash": {"value": md5, "encoding": "hex"}, "password": {"encoding": "ebcdic"}}),
            (Fault::EnumMismatch, "password.encoding"),
        ),
        (
            json!({"algorithm": "hmac", "hash": {"value": md5, "encoding": "hex", "digest": "md5"}}),
            (Fault::InvalidType, "hash.key"),
        ),
        (
            json!({"algorithm": "hmac", "hash": {"value": md5, "encoding": "hex", "key": {"value": "k"}}}),
            (Fault::EnumMismatch, "hash.digest"),
        ),
        (
            json!({"algorithm": "scrypt", "hash": {"value": md5, "encoding": "hex"}}),
            (Fault::InvalidType, "keylen"),
        ),
        (
            json!({"algorithm": "ldap", "hash": {"value": "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="}, "salt": {"value": "s"}}),
            (Fault::NotPassed, "salt"),
        ),
        (
            json!({"algorithm": "md5", "hash": "SECRET"}),
            (Fault::InvalidType, ""),
        ),
        (
            json!({"algorithm": "md5", "hash": {"value": "SECRET", "extra": 1}}),
            (Fault::InvalidType, ""),
        ),
        (
            json!({"hash": {"value": "SECRET"}}),
            (Fault::InvalidType, ""),
        ),
        (json!(["SECRET"]), (Fault::InvalidType, "")),
        (json!("SECRET"), (Fault::InvalidType, "")),
    ] {
        assert_eq!(refused(&document), expected, "{document}");
    }
}

/// As a record would read that was stored before a cap was lowered, or that somebody tampered with.
#[tokio::test]
async fn a_stored_hash_beyond_the_caps_is_not_verified_either() {
    let house = House::new();
    let value = "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    let hash: CustomHash = serde_json::from_value(text("bcrypt", value)).unwrap();
    assert!(!format!("{hash:?}").contains("CCCC"));
    house.add("bomb", hash).await;
    let outcome = house.login("bomb", "U*U").await;
    assert!(matches!(
        outcome,
        Err(AuthenticationError::Rejected {
            reason: Rejection::UnusableHash(_),
            ..
        })
    ));
}
