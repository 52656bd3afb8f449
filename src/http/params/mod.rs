//! [`Params`]: the parameters of a POST body, form or JSON, read once and strictly.
//!
//! Both media types become one ordered list, so that no endpoint knows which one came. Refused here, for every
//! endpoint: a name given twice (RFC 6749 section 3.2; readers disagree on which one counts), bytes that are not UTF-8
//! (replacement characters would make two passwords one), control characters, and anything without a bound.

mod error;
mod form;
mod json;
mod media_type;

use std::fmt;

use zeroize::Zeroizing;

pub use self::error::ParamsError;
pub(super) use self::form::{FormFault, decode as decode_form};
use self::media_type::MediaType;
pub use self::media_type::content_type;
use crate::secret::Secret;

/// The most parameters a request may have; the richest grant has about fifteen.
pub const MAX_PARAMS: usize = 100;

/// The longest parameter name, in bytes.
pub const MAX_NAME_BYTES: usize = 100;

/// The parameters of one request, in the order they came, each name once.
///
/// Values are wiped when dropped, since any of them may be a password.
#[derive(Default)]
pub struct Params {
    entries: Vec<(String, ParamValue)>,
}

/// What a parameter holds. An empty or null one is omitted (RFC 6749 section 3.2) and never gets here.
enum ParamValue {
    Text(Zeroizing<String>),
    /// A JSON number or boolean, as it was written.
    Literal(Zeroizing<String>),
    /// A JSON array of strings.
    List(Vec<Zeroizing<String>>),
    /// Any other JSON value: allowed where nobody reads it.
    Other,
}

impl Params {
    /// Reads a body. `content_type` is the field's value, as [`content_type`] finds it.
    ///
    /// # Errors
    ///
    /// A [`ParamsError`] that says what is wrong, and with which parameter.
    pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Self, ParamsError> {
        match MediaType::parse(content_type)? {
            MediaType::Form => form::parse(body),
            MediaType::Json => json::parse(body),
        }
    }

    /// The text of a parameter, `None` if it is absent. A JSON number or boolean counts as its text.
    ///
    /// # Errors
    ///
    /// [`ParamsError::NotText`] if it is an array or an object.
    pub fn get(&self, name: &str) -> Result<Option<&str>, ParamsError> {
        match self.find(name) {
            None => Ok(None),
            Some(ParamValue::Text(text) | ParamValue::Literal(text)) => Ok(Some(text)),
            Some(ParamValue::List(_) | ParamValue::Other) => Err(ParamsError::not_text(name)),
        }
    }

    /// Moves a parameter out: afterwards it is in the returned [`Secret`] and nowhere else in here.
    ///
    /// The bytes the request arrived in were hyper's, and are not wiped.
    ///
    /// # Errors
    ///
    /// [`ParamsError::NotText`] if it is an array or an object.
    pub fn take_secret(&mut self, name: &str) -> Result<Option<Secret>, ParamsError> {
        let Some(index) = self.entries.iter().position(|(known, _)| known == name) else {
            return Ok(None);
        };
        match self.entries.remove(index).1 {
            ParamValue::Text(mut text) | ParamValue::Literal(mut text) => {
                Ok(Some(Secret::new(std::mem::take(&mut *text))))
            }
            ParamValue::List(_) | ParamValue::Other => Err(ParamsError::not_text(name)),
        }
    }

    /// The scopes asked for, in order, each once; `None` if there is no `scope`. An array's elements may hold several.
    ///
    /// # Errors
    ///
    /// [`ParamsError::ScopeNotText`] if it is neither a string nor an array of strings;
    /// [`ParamsError::ScopeCharacter`] if a scope leaves the alphabet of RFC 6749 section 3.3.
    pub fn scope(&self) -> Result<Option<Vec<String>>, ParamsError> {
        let given = match self.find("scope") {
            None => return Ok(None),
            Some(ParamValue::Text(text)) => std::slice::from_ref(text),
            Some(ParamValue::List(list)) => list,
            Some(ParamValue::Literal(_) | ParamValue::Other) => {
                return Err(ParamsError::ScopeNotText);
            }
        };
        let mut scopes: Vec<String> = Vec::new();
        for scope in given.iter().flat_map(|text| text.split(' ')) {
            if !scope
                .bytes()
                .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
            {
                return Err(ParamsError::ScopeCharacter);
            }
            if !scope.is_empty() && !scopes.iter().any(|known| known == scope) {
                scopes.push(scope.to_owned());
            }
        }
        Ok(Some(scopes))
    }

    /// The names of all parameters that are present, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_str())
    }

    /// What is left, as text, in order: take the secrets out first. Arrays and objects are dropped.
    #[must_use]
    pub fn into_public(self) -> Vec<(String, String)> {
        self.entries
            .into_iter()
            .filter_map(|(name, value)| match value {
                ParamValue::Text(mut text) | ParamValue::Literal(mut text) => {
                    Some((name, std::mem::take(&mut *text)))
                }
                ParamValue::List(_) | ParamValue::Other => None,
            })
            .collect()
    }

    fn find(&self, name: &str) -> Option<&ParamValue> {
        self.entries
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }
}

impl fmt::Debug for Params {
    /// Names only: a value may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// Gathers parameters and applies the rules that are the same for both media types.
#[derive(Default)]
struct Builder {
    params: Params,
    /// Every name seen, those with an empty value included: a name given twice is an error even so.
    seen: Vec<String>,
}

impl Builder {
    /// Registers a name, which must be new.
    fn name(&mut self, name: &str) -> Result<(), ParamsError> {
        if name.is_empty() {
            return Err(ParamsError::NameEmpty);
        }
        if name.len() > MAX_NAME_BYTES {
            return Err(ParamsError::NameTooLong);
        }
        check_text(name, name)?;
        if self.seen.iter().any(|known| known == name) {
            return Err(ParamsError::repeated(name));
        }
        if self.seen.len() == MAX_PARAMS {
            return Err(ParamsError::TooMany);
        }
        self.seen.push(name.to_owned());
        Ok(())
    }

    fn push(&mut self, name: String, value: ParamValue) {
        self.params.entries.push((name, value));
    }

    fn text(&mut self, name: String, text: Zeroizing<String>) -> Result<(), ParamsError> {
        check_text(&name, &text)?;
        if !text.is_empty() {
            self.push(name, ParamValue::Text(text));
        }
        Ok(())
    }

    fn finish(self) -> Params {
        self.params
    }
}

/// Control characters end up in logs, headers and C strings, where they mean something else.
fn check_text(name: &str, text: &str) -> Result<(), ParamsError> {
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(ParamsError::control(name));
    }
    Ok(())
}
