//! The two media types a request may have.

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::ParamsError;

/// The request's Content-Type, `None` if it has none: the argument of [`super::Params::parse`].
///
/// # Errors
///
/// [`ParamsError::ContentTypeRepeated`] if there are two, since readers disagree on which one counts;
/// [`ParamsError::ContentType`] if it is not ASCII.
pub fn content_type(headers: &HeaderMap) -> Result<Option<&str>, ParamsError> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(ParamsError::ContentTypeRepeated);
    }
    first
        .map(|value| {
            value
                .to_str()
                .map_err(|_not_ascii| ParamsError::ContentType)
        })
        .transpose()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaType {
    Form,
    Json,
}

impl MediaType {
    pub(super) fn parse(content_type: Option<&str>) -> Result<Self, ParamsError> {
        let mut parts = content_type.unwrap_or_default().split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default();
        let media_type = if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Self::Form
        } else if essence.eq_ignore_ascii_case("application/json") {
            Self::Json
        } else {
            return Err(ParamsError::ContentType);
        };
        let utf8 = |part: &str| {
            ["charset=utf-8", "charset=\"utf-8\""]
                .iter()
                .any(|known| part.eq_ignore_ascii_case(known))
        };
        // RFC 9110 section 5.6.6 allows a `;` with nothing after it.
        let mut parts = parts.filter(|part| !part.is_empty());
        match (parts.next(), parts.next()) {
            (None, _) => Ok(media_type),
            (Some(charset), None) if utf8(charset) => Ok(media_type),
            _ => Err(ParamsError::ContentType),
        }
    }
}
