//! From a custom hash's text to what verifies a password, with every cap applied on the way.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::digest::Algorithm;
use super::{CustomHash, Encoded, Fault, InvalidCustomHash, MAX_TEXT_BYTES, Salt};
use crate::credential::hash::{AnyArgon2, HashError, Workspace};

/// bcrypt's cost: 2^14 rounds take about a second.
const MAX_BCRYPT_COST: u32 = 14;
/// PBKDF2: iterations times blocks of output, about a second.
const MAX_PBKDF2_WORK: u64 = 2_000_000;
/// scrypt: the memory of Argon2's cap, and the work of `N = 2^17, r = 8, p = 1`, which OWASP
/// recommends, spread over as little memory as that cap leaves.
const MAX_SCRYPT_MEMORY_BYTES: u64 = 64 * 1024 * 1024;
const MAX_SCRYPT_WORK: u64 = 1 << 20;
/// Below this, passwords begin to match by chance.
const MIN_OUTPUT_BYTES: usize = 8;
const MAX_OUTPUT_BYTES: usize = 256;

/// bcrypt reads no more of a password (and what made the hash did not either).
const BCRYPT_BYTES: usize = 72;

type Parsed<T> = Result<T, InvalidCustomHash>;

pub(super) struct Verifier {
    scheme: Scheme,
    salt: Salted,
    encoding: PasswordEncoding,
}

enum Scheme {
    Argon2(AnyArgon2),
    Bcrypt {
        cost: u32,
        salt: [u8; 16],
        output: Vec<u8>,
    },
    Digest(Algorithm, Vec<u8>),
    Hmac {
        algorithm: Algorithm,
        key: Vec<u8>,
        output: Vec<u8>,
    },
    Pbkdf2 {
        algorithm: Algorithm,
        rounds: u32,
        salt: Vec<u8>,
        output: Vec<u8>,
    },
    Scrypt {
        params: scrypt::Params,
        output: Vec<u8>,
    },
}

/// What is put before or behind the password.
#[derive(Default)]
struct Salted {
    prefix: Vec<u8>,
    suffix: Vec<u8>,
}

/// How the typed password became bytes.
enum PasswordEncoding {
    Utf8,
    Utf16Le,
    /// The low byte of each UTF-16 unit, as Node.js has it for `latin1`, `binary` and `ascii`.
    Latin1,
}

impl Verifier {
    pub(super) fn of(custom: &CustomHash) -> Parsed<Self> {
        let value = custom.hash.value.as_str();
        let salt_value = custom.salt.as_ref().map_or("", |salt| &salt.value);
        if value.len().max(salt_value.len()) > MAX_TEXT_BYTES {
            return Err(fault(Fault::Maximum, "hash.value", "it is too long"));
        }
        let salted =
            || -> Parsed<Salted> { custom.salt.as_ref().map_or(Ok(Salted::default()), salted) };
        let digest = custom.hash.digest.as_deref();
        let named = |name: &str| Algorithm::named(name).filter(|_| name != "sha");

        let (scheme, salt) = match custom.algorithm.as_str() {
            "argon2" => {
                expect_text(custom)?;
                forbid_salt(custom)?;
                let argon2 = AnyArgon2::parse(value).map_err(|_| {
                    let message = "not a PHC string of argon2i, argon2d or argon2id within 64 MiB, 10 passes and 4 lanes";
                    fault(Fault::Format, "hash.value", message)
                })?;
                (Scheme::Argon2(argon2), Salted::default())
            }
            "bcrypt" => {
                expect_text(custom)?;
                (bcrypt(value)?, salted()?)
            }
            "hmac" => {
                let algorithm = digest.and_then(named).ok_or_else(|| {
                    let message = "use md4, md5, ripemd160, sha1, sha224, sha256, sha384, sha512 or whirlpool";
                    fault(Fault::EnumMismatch, "hash.digest", message)
                })?;
                let key = custom
                    .hash
                    .key
                    .as_ref()
                    .ok_or_else(|| fault(Fault::InvalidType, "hash.key", "hmac needs a key"))?;
                let scheme = Scheme::Hmac {
                    algorithm,
                    key: decode(key, "hash.key")?,
                    output: output(custom, algorithm.output_bytes())?,
                };
                (scheme, salted()?)
            }
            "ldap" => {
                expect_text(custom)?;
                forbid_salt(custom)?;
                ldap(value)?
            }
            name @ ("md4" | "md5" | "sha1" | "sha256" | "sha512") => {
                let algorithm = Algorithm::named(name)
                    .ok_or_else(|| fault(Fault::EnumMismatch, "algorithm", "unknown"))?;
                let output = output(custom, algorithm.output_bytes())?;
                (Scheme::Digest(algorithm, output), salted()?)
            }
            "pbkdf2" => {
                expect_text(custom)?;
                forbid_salt(custom)?;
                (pbkdf2(value)?, Salted::default())
            }
            "scrypt" => {
                let salt = salted()?;
                (scrypt(custom)?, salt)
            }
            _ => {
                let message = "use argon2, bcrypt, hmac, ldap, md4, md5, sha1, sha256, sha512, pbkdf2 or scrypt";
                return Err(fault(Fault::EnumMismatch, "algorithm", message));
            }
        };
        let encoding = custom.password.as_ref().and_then(|p| p.encoding.as_deref());
        Ok(Self {
            scheme,
            salt,
            encoding: password_encoding(encoding.unwrap_or("utf8"))?,
        })
    }

    pub(super) fn verify(&self, workspace: &mut Workspace, typed: &str) -> Result<bool, HashError> {
        let password = self.encoding.encode(typed);
        let message = || {
            let Salted { prefix, suffix } = &self.salt;
            Zeroizing::new([prefix.as_slice(), &password, suffix].concat())
        };
        let equal = |computed: &[u8], stored: &[u8]| bool::from(computed.ct_eq(stored));
        match &self.scheme {
            Scheme::Argon2(argon2) => argon2.verify(workspace, &password),
            Scheme::Bcrypt { cost, salt, output } => {
                let mut message = message();
                message.truncate(BCRYPT_BYTES);
                // The terminating zero of C counts, if there is room for it.
                if message.len() < BCRYPT_BYTES {
                    message.push(0);
                }
                let computed = bcrypt::bcrypt(*cost, *salt, &message);
                Ok(computed
                    .get(..23)
                    .is_some_and(|computed| equal(computed, output)))
            }
            Scheme::Digest(algorithm, output) => Ok(equal(&algorithm.digest(&message()), output)),
            Scheme::Hmac {
                algorithm,
                key,
                output,
            } => Ok(equal(&algorithm.hmac(key, &message()), output)),
            Scheme::Pbkdf2 {
                algorithm,
                rounds,
                salt,
                output,
            } => {
                let mut computed = vec![0; output.len()];
                algorithm.pbkdf2(&password, salt, *rounds, &mut computed);
                Ok(equal(&computed, output))
            }
            Scheme::Scrypt { params, output } => {
                // Here the salt is the function's own argument, not a part of the password.
                let salt = [self.salt.prefix.as_slice(), &self.salt.suffix].concat();
                let mut computed = vec![0; output.len()];
                scrypt::scrypt(&password, &salt, params, &mut computed)
                    .map_err(|error| HashError::Failed(error.to_string()))?;
                Ok(equal(&computed, output))
            }
        }
    }
}

impl PasswordEncoding {
    fn encode(&self, typed: &str) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Self::Utf8 => typed.as_bytes().to_vec(),
            Self::Utf16Le => typed.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Latin1 => {
                let low = |unit: u16| unit.to_le_bytes().into_iter().next();
                typed.encode_utf16().filter_map(low).collect()
            }
        })
    }
}

fn fault(fault: Fault, path: &'static str, message: &'static str) -> InvalidCustomHash {
    InvalidCustomHash::new(fault, path, message)
}

fn password_encoding(name: &str) -> Parsed<PasswordEncoding> {
    match name {
        "utf8" => Ok(PasswordEncoding::Utf8),
        "utf16le" | "ucs2" => Ok(PasswordEncoding::Utf16Le),
        "ascii" | "latin1" | "binary" => Ok(PasswordEncoding::Latin1),
        _ => {
            let message = "use ascii, utf8, utf16le, ucs2, latin1 or binary";
            Err(fault(Fault::EnumMismatch, "password.encoding", message))
        }
    }
}

fn salted(salt: &Salt) -> Parsed<Salted> {
    let encoded = Encoded {
        value: salt.value.clone(),
        encoding: salt.encoding.clone(),
    };
    let bytes = decode(&encoded, "salt")?;
    match salt.position.as_deref().unwrap_or("prefix") {
        "prefix" => Ok(Salted {
            prefix: bytes,
            suffix: Vec::new(),
        }),
        "suffix" => Ok(Salted {
            prefix: Vec::new(),
            suffix: bytes,
        }),
        _ => {
            let message = "use prefix or suffix";
            Err(fault(Fault::EnumMismatch, "salt.position", message))
        }
    }
}

fn forbid_salt(custom: &CustomHash) -> Parsed<()> {
    match custom.salt {
        None => Ok(()),
        Some(_) => Err(fault(
            Fault::NotPassed,
            "salt",
            "the hash itself holds the salt",
        )),
    }
}

/// For schemes whose hash is text.
fn expect_text(custom: &CustomHash) -> Parsed<()> {
    match custom.hash.encoding.as_deref() {
        None | Some("utf8") => Ok(()),
        Some(_) => Err(fault(Fault::EnumMismatch, "hash.encoding", "use utf8")),
    }
}

/// The hash itself, in hexadecimal or base64, of the length it must have.
fn output(custom: &CustomHash, expected: usize) -> Parsed<Vec<u8>> {
    let value = custom.hash.value.as_str();
    let bytes = match custom.hash.encoding.as_deref() {
        Some("hex") => from_hex(value),
        Some("base64") => from_base64(value),
        _ => {
            return Err(fault(
                Fault::EnumMismatch,
                "hash.encoding",
                "use hex or base64",
            ));
        }
    };
    bytes
        .filter(|bytes| bytes.len() == expected)
        .ok_or_else(|| {
            fault(
                Fault::Format,
                "hash.value",
                "it is malformed or of another length",
            )
        })
}

/// A salt or a key, which may be text as well.
fn decode(encoded: &Encoded, path: &'static str) -> Parsed<Vec<u8>> {
    let malformed = || fault(Fault::Format, path, "it is malformed");
    if encoded.value.len() > MAX_TEXT_BYTES {
        return Err(fault(Fault::Maximum, path, "it is too long"));
    }
    match encoded.encoding.as_deref().unwrap_or("utf8") {
        "utf8" => Ok(encoded.value.as_bytes().to_vec()),
        "hex" => from_hex(&encoded.value).ok_or_else(malformed),
        "base64" => from_base64(&encoded.value).ok_or_else(malformed),
        _ => Err(fault(Fault::EnumMismatch, path, "use utf8, hex or base64")),
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| u8::try_from(digit.to_digit(16)?).ok())
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    let pairs = digits.chunks_exact(2);
    Some(
        pairs
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect(),
    )
}

/// Either alphabet, padded or not.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let any_padding =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let standard = text.replace('-', "+").replace('_', "/");
    GeneralPurpose::new(&alphabet::STANDARD, any_padding)
        .decode(standard)
        .ok()
}

/// `$2a$`, `$2b$` or `$2y$`, the cost in two digits, 22 characters of salt and 31 of hash.
fn bcrypt(text: &str) -> Parsed<Scheme> {
    let malformed = || {
        let message = "not a bcrypt hash that begins with $2a$, $2b$ or $2y$";
        fault(Fault::Format, "hash.value", message)
    };
    let rest = ["$2a$", "$2b$", "$2y$"]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix));
    let (cost, rest) = rest
        .and_then(|rest| rest.split_once('$'))
        .ok_or_else(malformed)?;
    let two_digits = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
    let cost: u32 = cost
        .parse()
        .ok()
        .filter(|_| two_digits)
        .ok_or_else(malformed)?;
    if cost > MAX_BCRYPT_COST {
        let message = "a cost above 14 is not verified here";
        return Err(fault(Fault::Maximum, "hash.value", message));
    }
    if cost < 4 || rest.len() != 53 {
        return Err(malformed());
    }
    let alphabet = GeneralPurpose::new(
        &alphabet::BCRYPT,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::RequireNone)
            // Some implementations leave bits in the last character that say nothing.
            .with_decode_allow_trailing_bits(true),
    );
    let decode = |part: Option<&str>| part.and_then(|part| alphabet.decode(part).ok());
    let salt = decode(rest.get(..22)).and_then(|salt| salt.try_into().ok());
    let output = decode(rest.get(22..)).filter(|output| output.len() == 23);
    match (salt, output) {
        (Some(salt), Some(output)) => Ok(Scheme::Bcrypt { cost, salt, output }),
        _ => Err(malformed()),
    }
}

/// RFC 2307's `{SCHEME}base64`, with the salt behind the digest where the scheme begins with `S`.
fn ldap(text: &str) -> Parsed<(Scheme, Salted)> {
    let malformed = |message| fault(Fault::Format, "hash.value", message);
    let message = "use {MD5}, {SMD5}, {SHA}, {SSHA}, {SHA256}, {SSHA256} and the like";
    let (scheme, value) = text
        .strip_prefix('{')
        .and_then(|rest| rest.split_once('}'))
        .ok_or_else(|| malformed(message))?;
    let (name, is_salted) = match scheme.to_ascii_lowercase() {
        name if name.starts_with("ssha") || name == "smd5" => {
            (name.get(1..).unwrap_or_default().to_owned(), true)
        }
        name => (name, false),
    };
    let algorithm = Some(name.replace("sha-", "sha"))
        .filter(|name| name == "md5" || name.starts_with("sha"))
        .and_then(|name| Algorithm::named(&name))
        .ok_or_else(|| malformed(message))?;
    let wrong = "the value is not base64 of a digest of this scheme";
    let mut output = from_base64(value).ok_or_else(|| malformed(wrong))?;
    let length = algorithm.output_bytes();
    if output.len() < length || (output.len() > length) != is_salted {
        return Err(malformed(wrong));
    }
    let suffix = output.split_off(length);
    let salt = Salted {
        prefix: Vec::new(),
        suffix,
    };
    Ok((Scheme::Digest(algorithm, output), salt))
}

/// `$pbkdf2-<digest>$i=…,l=…$salt$hash`; without parameters, Auth0's defaults.
fn pbkdf2(text: &str) -> Parsed<Scheme> {
    let malformed = |message| fault(Fault::Format, "hash.value", message);
    let form = "not of the form $pbkdf2-DIGEST$i=ITERATIONS,l=LENGTH$SALT$HASH";
    let mut parts: Vec<&str> = text.split('$').collect();
    if parts.len() == 4 {
        parts.insert(2, "");
    }
    let &["", name, params, salt, hash] = parts.as_slice() else {
        return Err(malformed(form));
    };
    let algorithm = name
        .strip_prefix("pbkdf2-")
        .and_then(Algorithm::of_openssl)
        .ok_or_else(|| malformed("the digest is none that is known here"))?;
    let (mut rounds, mut length) = (100_000, 64);
    for param in params.split(',').filter(|param| !param.is_empty()) {
        let (name, value) = param.split_once('=').ok_or_else(|| malformed(form))?;
        let value: u32 = value.parse().map_err(|_| malformed(form))?;
        match name {
            "i" => rounds = value,
            "l" => length = value,
            _ => return Err(malformed(form)),
        }
    }
    let (Some(salt), Some(output)) = (from_base64(salt), from_base64(hash)) else {
        return Err(malformed(form));
    };
    let fits = usize::try_from(length).is_ok_and(|length| length == output.len());
    if !fits || !(MIN_OUTPUT_BYTES..=MAX_OUTPUT_BYTES).contains(&output.len()) {
        return Err(malformed(
            "the hash is not of the length that `l` says, or of an unusual one",
        ));
    }
    let blocks = output.len().div_ceil(algorithm.output_bytes());
    if rounds == 0 || u64::from(rounds).saturating_mul(blocks as u64) > MAX_PBKDF2_WORK {
        let message = "more than 2,000,000 iterations (times blocks of output) are not done here";
        return Err(fault(Fault::Maximum, "hash.value", message));
    }
    Ok(Scheme::Pbkdf2 {
        algorithm,
        rounds,
        salt,
        output,
    })
}

fn scrypt(custom: &CustomHash) -> Parsed<Scheme> {
    let cost = custom.cost.unwrap_or(16_384);
    let (r, p) = (
        custom.block_size.unwrap_or(8),
        custom.parallelization.unwrap_or(1),
    );
    let keylen = custom
        .keylen
        .and_then(|length| usize::try_from(length).ok());
    let keylen = keylen
        .filter(|length| (MIN_OUTPUT_BYTES..=MAX_OUTPUT_BYTES).contains(length))
        .ok_or_else(|| fault(Fault::InvalidType, "keylen", "scrypt needs one of 8 to 256"))?;
    if !cost.is_power_of_two() || cost < 2 || r == 0 || p == 0 {
        let message = "the cost is no power of two, or another number is zero";
        return Err(fault(Fault::Minimum, "cost", message));
    }
    let [n, wide_r, wide_p] = [cost, r, p].map(u64::from);
    let block = wide_r.saturating_mul(128);
    let memory = block.saturating_mul(n.max(wide_p));
    let work = n.saturating_mul(wide_r).saturating_mul(wide_p);
    if memory > MAX_SCRYPT_MEMORY_BYTES || work > MAX_SCRYPT_WORK {
        let message = "more than 64 MiB or a million blocks are not used for one password";
        return Err(fault(Fault::Maximum, "cost", message));
    }
    let log_n = u8::try_from(cost.trailing_zeros()).unwrap_or(u8::MAX);
    let params =
        scrypt::Params::new(log_n, r, p, scrypt::Params::RECOMMENDED_LEN).map_err(|_| {
            fault(
                Fault::Maximum,
                "cost",
                "scrypt cannot run with these numbers",
            )
        })?;
    Ok(Scheme::Scrypt {
        params,
        output: output(custom, keylen)?,
    })
}
