//! What a new password must be like (contract, section 7.5).

use serde::{Deserialize, Serialize};

/// The most characters of personal data that are compared; names are short.
const MIN_PERSONAL_CHARS: usize = 4;

/// The most words of a connection's own dictionary.
pub const MAX_DICTIONARY_WORDS: usize = 200;

/// The most former passwords that are remembered.
pub const MAX_HISTORY: u8 = 24;

/// Which kinds of characters a password must have.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// At least one character.
    None,
    /// A minimal length, and nothing else: what NIST SP 800-63B-4 asks for.
    #[default]
    Low,
    /// Lower case, upper case and digits too.
    Fair,
    /// Three of four kinds of characters.
    Good,
    /// The same, and no more than two identical characters in a row.
    Excellent,
}

/// A connection's rules for new passwords.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PasswordPolicy {
    /// Which kinds of characters.
    pub level: Level,
    /// How many characters, from the level `low` on. NIST SP 800-63B-4, section 3.1.1.2: 15 where
    /// the password is the only factor.
    pub min_length: usize,
    /// Whether easily guessed passwords are refused, by the estimate of zxcvbn.
    pub dictionary: bool,
    /// Further words that make a password easily guessed.
    pub dictionary_words: Vec<String>,
    /// Whether passwords with the user's own data in them are refused.
    pub no_personal_info: bool,
    /// How many former passwords are refused.
    pub history: u8,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            level: Level::default(),
            min_length: 15,
            dictionary: true,
            dictionary_words: Vec::new(),
            no_personal_info: true,
            history: 0,
        }
    }
}

/// Why a new password was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooWeak {
    /// Too short, or without the kinds of characters asked for.
    #[error("the password is too weak")]
    Strength(Vec<StrengthRule>),
    /// Easily guessed.
    #[error("the password is too common")]
    Dictionary,
    /// Made of the user's own data.
    #[error("the password is based on user information")]
    PersonalInfo,
    /// The user had it before.
    #[error("the password has previously been used")]
    History,
}

/// A rule, in the form in which SDKs show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StrengthRule {
    code: &'static str,
    message: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    format: Vec<serde_json::Value>,
    verified: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    items: Vec<KindOfCharacter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct KindOfCharacter {
    code: &'static str,
    message: &'static str,
    verified: bool,
}

impl PasswordPolicy {
    /// Checks everything but the history. `personal` is what the user calls itself.
    pub fn check(&self, password: &str, personal: &[&str]) -> Result<(), TooWeak> {
        let rules = self.strength(password);
        if rules.iter().any(|rule| !rule.verified) {
            return Err(TooWeak::Strength(rules));
        }
        if self.no_personal_info && contains_any(password, personal) {
            return Err(TooWeak::PersonalInfo);
        }
        let words = self.dictionary_words.iter().map(String::as_str);
        let inputs: Vec<&str> = words.chain(personal.iter().copied()).collect();
        // Fewer than 10^8 guesses: what zxcvbn calls somewhat guessable.
        if self.dictionary && zxcvbn::zxcvbn(password, &inputs).guesses_log10() < 8.0 {
            return Err(TooWeak::Dictionary);
        }
        Ok(())
    }

    fn strength(&self, password: &str) -> Vec<StrengthRule> {
        let length = if self.level == Level::None {
            1
        } else {
            self.min_length
        };
        let mut rules = vec![StrengthRule {
            code: "lengthAtLeast",
            message: "At least %d characters in length",
            format: vec![length.into()],
            // Each code point counts as one character (NIST SP 800-63B-4, section 3.1.1.2).
            verified: password.chars().count() >= length,
            items: Vec::new(),
        }];
        let kinds = kinds(password);
        match self.level {
            Level::None | Level::Low => {}
            Level::Fair => {
                let items: Vec<_> = kinds.into_iter().take(3).collect();
                rules.push(StrengthRule {
                    code: "shouldContain",
                    message: "Should contain:",
                    format: Vec::new(),
                    verified: items.iter().all(|kind| kind.verified),
                    items,
                });
            }
            Level::Good | Level::Excellent => rules.push(StrengthRule {
                code: "containsAtLeast",
                message: "Contain at least %d of the following %d types of characters:",
                format: vec![3.into(), 4.into()],
                verified: kinds.iter().filter(|kind| kind.verified).count() >= 3,
                items: kinds.to_vec(),
            }),
        }
        if self.level == Level::Excellent {
            rules.push(StrengthRule {
                code: "identicalChars",
                message: "No more than %d identical characters in a row (e.g., \"%s\" not allowed)",
                format: vec![2.into(), "aaa".into()],
                verified: !has_three_in_a_row(password),
                items: Vec::new(),
            });
        }
        rules
    }
}

fn kinds(password: &str) -> [KindOfCharacter; 4] {
    let kind = |code, message, is: fn(char) -> bool| KindOfCharacter {
        code,
        message,
        verified: password.chars().any(is),
    };
    [
        kind("lowerCase", "lower case letters (a-z)", |c| {
            c.is_ascii_lowercase()
        }),
        kind("upperCase", "upper case letters (A-Z)", |c| {
            c.is_ascii_uppercase()
        }),
        kind("numbers", "numbers (i.e. 0-9)", |c| c.is_ascii_digit()),
        kind(
            "specialCharacters",
            "special characters (e.g. !@#$%^&*)",
            |c| "!@#$%^&*".contains(c),
        ),
    ]
}

fn has_three_in_a_row(password: &str) -> bool {
    let (mut before, mut run) = (None, 0);
    for c in password.chars() {
        run = if before == Some(c) { run + 1 } else { 1 };
        before = Some(c);
        if run == 3 {
            return true;
        }
    }
    false
}

/// The parts of an address count each for themselves.
fn contains_any(password: &str, personal: &[&str]) -> bool {
    let password = password.to_lowercase();
    personal
        .iter()
        .flat_map(|data| data.split(['@', ' ']))
        .map(str::to_lowercase)
        .filter(|part| part.chars().count() >= MIN_PERSONAL_CHARS)
        .any(|part| password.contains(&part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(level: Level, min_length: usize) -> PasswordPolicy {
        PasswordPolicy {
            level,
            min_length,
            dictionary: false,
            no_personal_info: false,
            ..PasswordPolicy::default()
        }
    }

    #[test]
    fn each_level_asks_for_what_is_documented() {
        for (level, weak, strong) in [
            (Level::None, "", "x"),
            (Level::Low, "abcdefg", "abcdefgh"),
            (Level::Fair, "abcdefgH", "abcdefH1"),
            (Level::Fair, "ABCDEF!1", "abcdefH1"),
            (Level::Good, "abcdefgH", "abcdefH1"),
            (Level::Good, "abcdefg!", "abcdef!1"),
            (Level::Good, "abcdeH~~", "abcdeH!~"),
            (Level::Excellent, "aaabcdH1", "aabbcdH1"),
        ] {
            let policy = at(level, 8);
            assert!(policy.check(weak, &[]).is_err(), "{level:?} {weak}");
            assert_eq!(policy.check(strong, &[]), Ok(()), "{level:?} {strong}");
        }
        // Four bytes each, one character each.
        assert_eq!(
            at(Level::Low, 15).check(&"\u{1f511}".repeat(15), &[]),
            Ok(())
        );
        assert!(
            at(Level::Low, 15)
                .check(&"\u{1f511}".repeat(14), &[])
                .is_err()
        );
    }

    #[test]
    fn the_default_refuses_what_is_common_or_personal() {
        let policy = PasswordPolicy::default();
        for common in [
            "passwordpassword",
            "qwertyuiopasdfg",
            "aaaaaaaaaaaaaaaaaaaa",
        ] {
            assert_eq!(
                policy.check(common, &[]),
                Err(TooWeak::Dictionary),
                "{common}"
            );
        }
        let personal = ["ada.lovelace@acme.example"];
        for own in ["ADA.LOVELACE and more", "xx acme.example xx"] {
            assert_eq!(
                policy.check(own, &personal),
                Err(TooWeak::PersonalInfo),
                "{own}"
            );
        }
        assert_eq!(policy.check("plinth umbrage kazoo 9", &personal), Ok(()));
        let words = PasswordPolicy {
            dictionary_words: vec!["claimsmithclaimsmith".into()],
            ..policy
        };
        assert_eq!(
            words.check("claimsmithclaimsmith", &[]),
            Err(TooWeak::Dictionary)
        );
    }
}
