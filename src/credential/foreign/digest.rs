//! The digests that imported hashes are made with, by the names that other systems give them.

use hmac::{Hmac, Mac as _};
use md5::Digest as _;

/// A digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Md4,
    Md5,
    Ripemd160,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Whirlpool,
}

/// Does the same with the type of each digest.
macro_rules! with_type {
    ($algorithm:expr, $D:ident => $body:expr) => {
        match $algorithm {
            Algorithm::Md4 => {
                type $D = md4::Md4;
                $body
            }
            Algorithm::Md5 => {
                type $D = md5::Md5;
                $body
            }
            Algorithm::Ripemd160 => {
                type $D = ripemd::Ripemd160;
                $body
            }
            Algorithm::Sha1 => {
                type $D = sha1::Sha1;
                $body
            }
            Algorithm::Sha224 => {
                type $D = sha2::Sha224;
                $body
            }
            Algorithm::Sha256 => {
                type $D = sha2::Sha256;
                $body
            }
            Algorithm::Sha384 => {
                type $D = sha2::Sha384;
                $body
            }
            Algorithm::Sha512 => {
                type $D = sha2::Sha512;
                $body
            }
            Algorithm::Whirlpool => {
                type $D = whirlpool::Whirlpool;
                $body
            }
        }
    };
}

impl Algorithm {
    /// By the name that `hmac`, `ldap` and the plain digests use.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "md4" => Self::Md4,
            "md5" => Self::Md5,
            "ripemd160" => Self::Ripemd160,
            "sha1" | "sha" => Self::Sha1,
            "sha224" => Self::Sha224,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            "whirlpool" => Self::Whirlpool,
            _ => return None,
        })
    }

    /// By any of the names that OpenSSL's list of digests has for it: `sha256`, `RSA-SHA256`,
    /// `sha256WithRSAEncryption` are one. MDC-2, the only other digest of that list, is not there.
    pub(super) fn of_openssl(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let name = name.strip_prefix("rsa-").unwrap_or(&name);
        let name = name.strip_prefix("ssl3-").unwrap_or(name);
        let name = name.strip_suffix("withrsaencryption").unwrap_or(name);
        let name = name.strip_suffix("withrsa").unwrap_or(name);
        match name {
            "ripemd" | "rmd160" => Some(Self::Ripemd160),
            "sha1-2" => Some(Self::Sha1),
            "sha" => None,
            name => Self::named(name),
        }
    }

    /// The length of its output, in bytes.
    pub(super) fn output_bytes(self) -> usize {
        with_type!(self, D => <D as md5::Digest>::output_size())
    }

    pub(super) fn digest(self, message: &[u8]) -> Vec<u8> {
        with_type!(self, D => D::digest(message).to_vec())
    }

    /// RFC 2104.
    pub(super) fn hmac(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        with_type!(self, D => match Hmac::<D>::new_from_slice(key) {
            Ok(mut hmac) => {
                hmac.update(message);
                hmac.finalize().into_bytes().to_vec()
            }
            // HMAC takes keys of any length; nothing matches an empty output.
            Err(_) => Vec::new(),
        })
    }

    /// RFC 8018, section 5.2.
    pub(super) fn pbkdf2(self, password: &[u8], salt: &[u8], rounds: u32, output: &mut [u8]) {
        with_type!(self, D => pbkdf2::pbkdf2_hmac::<D>(password, salt, rounds, output));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// RFC 1320, A.5; RFC 1321, A.5; FIPS 180-4's examples; the RIPEMD-160 paper; ISO/IEC 10118-3.
    #[test]
    fn the_digest_of_abc_is_that_of_each_specification() {
        for (algorithm, expected) in [
            (Algorithm::Md4, "a448017aaf21d8525fc10ae87aa6729d"),
            (Algorithm::Md5, "900150983cd24fb0d6963f7d28e17f72"),
            (
                Algorithm::Ripemd160,
                "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc",
            ),
            (Algorithm::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                Algorithm::Sha224,
                "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
            ),
            (
                Algorithm::Sha256,
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                Algorithm::Sha384,
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
            ),
            (
                Algorithm::Sha512,
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
            (
                Algorithm::Whirlpool,
                "4e2448a4c6f486bb16b6562c73b4020bf3043e3a731bce721ae1b303d97e6d4c7181eebdb6c57e277d0e34957114cbd6c797fc9d95d8b582d225292076d4eef5",
            ),
        ] {
            let digest = algorithm.digest(b"abc");
            assert_eq!(hex(&digest), expected, "{algorithm:?}");
            assert_eq!(digest.len(), algorithm.output_bytes());
        }
    }

    /// RFC 2202, test case 2; RFC 4231, test case 2; RFC 2286, test case 2.
    #[test]
    fn hmac_gives_the_answers_of_rfc_2202_rfc_2286_and_rfc_4231() {
        for (algorithm, expected) in [
            (Algorithm::Md5, "750c783e6ab0b503eaa86e310a5db738"),
            (Algorithm::Sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (
                Algorithm::Ripemd160,
                "dda6c0213a485a9e24f4742064a7f033b43c4069",
            ),
            (
                Algorithm::Sha224,
                "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
            ),
            (
                Algorithm::Sha256,
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                Algorithm::Sha384,
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
            ),
            (
                Algorithm::Sha512,
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            ),
        ] {
            let hmac = algorithm.hmac(b"Jefe", b"what do ya want for nothing?");
            assert_eq!(hex(&hmac), expected, "{algorithm:?}");
        }
    }

    /// RFC 6070, all but the test of 16,777,216 rounds; RFC 7914, section 11.
    #[test]
    fn pbkdf2_gives_the_answers_of_rfc_6070_and_rfc_7914() {
        let check = |algorithm: Algorithm, password: &str, salt: &str, rounds, expected: &str| {
            let mut output = vec![0; expected.len() / 2];
            algorithm.pbkdf2(password.as_bytes(), salt.as_bytes(), rounds, &mut output);
            assert_eq!(hex(&output), expected, "{algorithm:?} {rounds}");
        };
        let sha1 = Algorithm::Sha1;
        check(
            sha1,
            "password",
            "salt",
            1,
            "0c60c80f961f0e71f3a9b524af6012062fe037a6",
        );
        check(
            sha1,
            "password",
            "salt",
            2,
            "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957",
        );
        check(
            sha1,
            "password",
            "salt",
            4096,
            "4b007901b765489abead49d926f721d065a429c1",
        );
        check(
            sha1,
            "passwordPASSWORDpassword",
            "saltSALTsaltSALTsaltSALTsaltSALTsalt",
            4096,
            "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038",
        );
        check(
            sha1,
            "pass\0word",
            "sa\0lt",
            4096,
            "56fa6aa75548099dcc37d7f03425e0c3",
        );
        check(
            Algorithm::Sha256,
            "passwd",
            "salt",
            1,
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783",
        );
    }

    /// The names that OpenSSL lists.
    #[test]
    fn every_name_of_openssl_s_list_is_known_but_those_of_mdc2() {
        for name in [
            "RSA-MD4",
            "RSA-MD5",
            "RSA-RIPEMD160",
            "RSA-SHA1",
            "RSA-SHA1-2",
            "RSA-SHA224",
            "RSA-SHA256",
            "RSA-SHA384",
            "RSA-SHA512",
            "md4",
            "md4WithRSAEncryption",
            "md5",
            "md5WithRSAEncryption",
            "ripemd",
            "ripemd160",
            "ripemd160WithRSA",
            "rmd160",
            "sha1",
            "sha1WithRSAEncryption",
            "sha224",
            "sha224WithRSAEncryption",
            "sha256",
            "sha256WithRSAEncryption",
            "sha384",
            "sha384WithRSAEncryption",
            "sha512",
            "sha512WithRSAEncryption",
            "ssl3-md5",
            "ssl3-sha1",
            "whirlpool",
        ] {
            assert!(Algorithm::of_openssl(name).is_some(), "{name}");
        }
        for name in [
            "RSA-MDC2",
            "mdc2",
            "mdc2WithRSA",
            "",
            "sha",
            "sha3-256",
            "none",
        ] {
            assert_eq!(Algorithm::of_openssl(name), None, "{name}");
        }
    }
}
