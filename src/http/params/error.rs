//! [`ParamsError`]: what is wrong with a request's parameters.

use super::MAX_NAME_BYTES;

/// Why the parameters were refused.
///
/// The texts may be shown to the client and logged: they hold no value, and of a name only printable ASCII, cut short,
/// without the quote and the backslash that RFC 6749 section 5.2 keeps out of an `error_description`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// The content type is missing, not one of the two, or has a parameter other than `charset=utf-8`.
    #[error(
        "the Content-Type must be `application/x-www-form-urlencoded` or `application/json`, in UTF-8"
    )]
    ContentType,
    /// Two Content-Type fields.
    #[error("the Content-Type header field is repeated")]
    ContentTypeRepeated,
    /// More than [`super::MAX_PARAMS`].
    #[error("the request has more than {} parameters", super::MAX_PARAMS)]
    TooMany,
    /// A value without a name.
    #[error("a parameter has no name")]
    NameEmpty,
    /// A name longer than [`MAX_NAME_BYTES`].
    #[error("a parameter name is longer than {MAX_NAME_BYTES} bytes")]
    NameTooLong,
    /// The name twice (RFC 6749 section 3.2).
    #[error("parameter `{name}` is repeated")]
    Repeated {
        /// The name, fit to be shown.
        name: String,
    },
    /// A `%` that begins no escape.
    #[error("parameter `{name}` holds a `%` that is not followed by two hexadecimal digits")]
    Escape {
        /// The name, fit to be shown.
        name: String,
    },
    /// Not UTF-8 once decoded.
    #[error("parameter `{name}` is not valid UTF-8")]
    NotUtf8 {
        /// The name, fit to be shown.
        name: String,
    },
    /// NUL, a line break, a tab or the like.
    #[error("parameter `{name}` holds a control character")]
    Control {
        /// The name, fit to be shown.
        name: String,
    },
    /// An array or an object where text is wanted.
    #[error("parameter `{name}` must be a string")]
    NotText {
        /// The name, fit to be shown.
        name: String,
    },
    /// The catalogue's own text, with the code `invalid_scope`.
    #[error("Scope must be an array or a string")]
    ScopeNotText,
    /// To be answered with the code `invalid_scope` too.
    #[error("parameter `scope` holds a character that no scope may have")]
    ScopeCharacter,
    /// JSON sent as a form.
    #[error("the body is JSON, but the Content-Type says `application/x-www-form-urlencoded`")]
    JsonAsForm,
    /// JSON, but an array, a string, or nothing at all; or no JSON.
    #[error("the body must be one JSON object")]
    NotAnObject,
    /// Deeper than 32 levels.
    #[error("the body is nested deeper than {} levels", super::json::MAX_DEPTH)]
    TooDeep,
    /// Not JSON.
    #[error("the body is not valid JSON at line {line}, column {column}")]
    Json {
        /// From 1.
        line: usize,
        /// From 1, in bytes.
        column: usize,
    },
}

impl ParamsError {
    pub(super) fn repeated(name: &str) -> Self {
        let name = presentable(name);
        Self::Repeated { name }
    }

    pub(super) fn escape(name: &str) -> Self {
        let name = presentable(name);
        Self::Escape { name }
    }

    pub(super) fn not_utf8(name: &str) -> Self {
        let name = presentable(name);
        Self::NotUtf8 { name }
    }

    pub(super) fn control(name: &str) -> Self {
        let name = presentable(name);
        Self::Control { name }
    }

    pub(super) fn not_text(name: &str) -> Self {
        let name = presentable(name);
        Self::NotText { name }
    }
}

/// A name that may be repeated to whoever sent it, and to a terminal that shows the log.
fn presentable(name: &str) -> String {
    name.chars()
        .map(|char| match char {
            '"' | '\\' | '`' => '?',
            ' '..='~' => char,
            _ => '?',
        })
        .take(40)
        .collect()
}
