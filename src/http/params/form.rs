//! `application/x-www-form-urlencoded`, without the leniency of the URL standard's own parser, which turns bad UTF-8
//! into U+FFFD and leaves broken escapes as they are.

use zeroize::Zeroizing;

use super::{Builder, Params, ParamsError};

pub(super) fn parse(body: &[u8]) -> Result<Params, ParamsError> {
    // No encoder leaves a brace as it is, and "missing parameter: grant_type" would send the reader the wrong way.
    if body.first() == Some(&b'{') {
        return Err(ParamsError::JsonAsForm);
    }
    let mut params = Builder::default();
    for pair in body.split(|&byte| byte == b'&') {
        // As in `a=1&&b=2&`: there is no parameter here, not even an empty one.
        if pair.is_empty() {
            continue;
        }
        let equals = pair.iter().position(|&byte| byte == b'=');
        let (raw_name, rest) = pair.split_at(equals.unwrap_or(pair.len()));
        let name =
            decode(raw_name).map_err(|fault| fault.of(&String::from_utf8_lossy(raw_name)))?;
        params.name(&name)?;
        let value = decode(rest.get(1..).unwrap_or_default()).map_err(|fault| fault.of(&name))?;
        params.text(name.to_string(), value)?;
    }
    Ok(params.finish())
}

/// Why form-encoded text cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum FormFault {
    Escape,
    NotUtf8,
}

impl FormFault {
    fn of(self, name: &str) -> ParamsError {
        match self {
            Self::Escape => ParamsError::escape(name),
            Self::NotUtf8 => ParamsError::not_utf8(name),
        }
    }
}

/// Decodes one name or value: `+` is a space, `%xx` a byte, and the bytes are UTF-8.
pub(in crate::http) fn decode(encoded: &[u8]) -> Result<Zeroizing<String>, FormFault> {
    // Never grows, so no half-finished copy of a password is left behind.
    let mut decoded = Zeroizing::new(Vec::with_capacity(encoded.len()));
    let mut bytes = encoded.iter().copied();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(hex_value).ok_or(FormFault::Escape);
                digit()? << 4 | digit()?
            }
            byte => byte,
        });
    }
    match String::from_utf8(std::mem::take(&mut *decoded)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => {
            let _wiped = Zeroizing::new(error.into_bytes());
            Err(FormFault::NotUtf8)
        }
    }
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
