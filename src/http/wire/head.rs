//! [`HeadScanner`]: where a request head ends, how its body is framed, and whether both are beyond doubt.

use super::Violation;
use super::target::{self, Target};

/// The most bytes a request head may have, blank line included. Browsers and proxies agree on 8 KiB; a bearer token
/// with many scopes and a proxy's own fields fit twice.
pub const MAX_HEAD_BYTES: usize = 16 * 1024;

/// The most header fields a request may have. A browser behind two proxies sends about 30.
pub const MAX_FIELDS: usize = 64;

/// What a complete head says about where the request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes of the head, from the first to the blank line's LF.
    pub bytes: usize,
    /// How the body follows.
    pub body: Framing,
}

/// How many bytes of body follow a head (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Exactly so many bytes; 0 where the head names neither length nor coding.
    Length(u64),
    /// Chunks, up to the last one.
    Chunked,
}

/// Reads one request head as it arrives.
///
/// The verdict depends on the bytes alone, not on how they were cut into packets: every rule is decided at a fixed
/// byte. Each byte is looked at once, so a client that sends single bytes cannot make the server read twice.
#[derive(Debug, Default)]
pub struct HeadScanner {
    at: usize,
    line_start: usize,
    skipped_blank: bool,
    request: Option<RequestLine>,
    fields: Fields,
}

impl HeadScanner {
    /// Goes on reading. `received` begins with the head's first byte and holds all that came before, and perhaps more.
    ///
    /// `None` means that the head is not complete yet.
    ///
    /// # Errors
    ///
    /// The first [`Violation`], in the order of the bytes. The scanner must not be used afterwards.
    pub fn scan(&mut self, received: &[u8]) -> Result<Option<Head>, Violation> {
        while let Some(&byte) = received.get(self.at) {
            if self.at >= MAX_HEAD_BYTES {
                return Err(Violation::HeadTooLarge);
            }
            let line = received.get(self.line_start..self.at).unwrap_or_default();
            self.at += 1;
            match (line.split_last(), byte) {
                (Some((b'\r', line)), b'\n') => {
                    self.line_start = self.at;
                    if let Some(body) = self.end_line(line)? {
                        let bytes = self.at;
                        return Ok(Some(Head { bytes, body }));
                    }
                }
                (_, b'\n') => return Err(Violation::BareLf),
                (Some((b'\r', _)), _) => return Err(Violation::BareCr),
                (_, b'\r' | b'\t') => {}
                // Found at once rather than at the end of the line: a TLS handshake has none.
                (_, 0..=0x1f | 0x7f) => return Err(Violation::ControlCharacter),
                _ => {}
            }
        }
        Ok(None)
    }

    fn end_line(&mut self, line: &[u8]) -> Result<Option<Framing>, Violation> {
        match &self.request {
            // RFC 9112 section 2.2: "SHOULD ignore at least one empty line (CRLF) received prior to the request-line".
            None if line.is_empty() && !self.skipped_blank => self.skipped_blank = true,
            None => self.request = Some(RequestLine::parse(line)?),
            Some(request) if line.is_empty() => return self.fields.framing(request).map(Some),
            Some(_) => self.fields.add(line)?,
        }
        Ok(None)
    }
}

#[derive(Debug)]
struct RequestLine {
    http11: bool,
    /// The authority of a target in absolute form.
    authority: Option<String>,
}

impl RequestLine {
    fn parse(line: &[u8]) -> Result<Self, Violation> {
        let line = std::str::from_utf8(line).map_err(|_not_utf8| Violation::RequestLine)?;
        let parts: Vec<&str> = line.split(' ').collect();
        let [method, target, version] = parts.as_slice() else {
            return Err(Violation::RequestLine);
        };
        if method.is_empty() || !method.bytes().all(is_token_byte) {
            return Err(Violation::RequestLine);
        }
        let http11 = match version.as_bytes() {
            b"HTTP/1.1" => true,
            b"HTTP/1.0" => false,
            [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
                return Err(Violation::Version);
            }
            _ => return Err(Violation::RequestLine),
        };
        // TRACE echoes credentials back to scripts, CONNECT asks for a proxy. Other methods are the router's to judge.
        if matches!(*method, "TRACE" | "CONNECT") {
            return Err(Violation::Method);
        }
        let authority = match target::parse(target) {
            Some(Target::Path) => None,
            Some(Target::Asterisk) if *method == "OPTIONS" => None,
            Some(Target::Absolute { authority }) => Some(authority.to_owned()),
            Some(Target::Asterisk) | None => return Err(Violation::Target),
        };
        Ok(Self { http11, authority })
    }
}

/// What the header fields say about framing and host; all others are hyper's business.
#[derive(Debug, Default)]
struct Fields {
    count: usize,
    host: Option<String>,
    length: Option<u64>,
    chunked: bool,
}

impl Fields {
    fn add(&mut self, line: &[u8]) -> Result<(), Violation> {
        self.count += 1;
        if self.count > MAX_FIELDS {
            return Err(Violation::TooManyFields);
        }
        // RFC 9112 section 5.2: "A server that receives an obs-fold … MUST either reject the message …".
        if matches!(line.first(), Some(b' ' | b'\t')) {
            return Err(Violation::FoldedField);
        }
        let Some(colon) = line.iter().position(|&byte| byte == b':') else {
            return Err(Violation::FieldWithoutColon);
        };
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        // RFC 9112 section 5.1: "A server MUST reject … any received request message that contains whitespace between
        // a header field name and colon".
        if matches!(name.last(), Some(b' ' | b'\t')) {
            return Err(Violation::SpaceBeforeColon);
        }
        if name.is_empty() || !name.iter().copied().all(is_token_byte) {
            return Err(Violation::FieldName);
        }
        if name.eq_ignore_ascii_case(b"host") {
            self.set_host(value)
        } else if name.eq_ignore_ascii_case(b"content-length") {
            self.set_length(value)
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.set_coding(value)
        } else {
            Ok(())
        }
    }

    fn set_host(&mut self, value: &[u8]) -> Result<(), Violation> {
        if self.host.is_some() {
            return Err(Violation::HostRepeated);
        }
        self.host = std::str::from_utf8(value)
            .ok()
            .filter(|host| target::is_authority(host))
            .map(str::to_owned);
        match self.host {
            Some(_) => Ok(()),
            None => Err(Violation::HostMalformed),
        }
    }

    /// RFC 9110 section 8.6 allows a recipient to fold `4, 4` into one; refusing is the other choice it gives.
    fn set_length(&mut self, value: &[u8]) -> Result<(), Violation> {
        if self.length.is_some() {
            return Err(Violation::LengthRepeated);
        }
        // `u64::from_str` alone would take `+4`. 18 digits cannot overflow, here or in another reader's i64.
        if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
            return Err(Violation::LengthMalformed);
        }
        let length = value
            .iter()
            .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        self.length = Some(length);
        Ok(())
    }

    fn set_coding(&mut self, value: &[u8]) -> Result<(), Violation> {
        if self.chunked {
            return Err(Violation::CodingRepeated);
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Violation::CodingUnknown);
        }
        self.chunked = true;
        Ok(())
    }

    /// The rules that need the whole head.
    fn framing(&self, request: &RequestLine) -> Result<Framing, Violation> {
        // RFC 9112 section 3.2: a 400 "to any HTTP/1.1 request message that lacks a Host header field".
        if request.http11 && self.host.is_none() {
            return Err(Violation::HostMissing);
        }
        // Section 3.2.2 lets the target win over Host. A proxy that routed by the other one would reach a different
        // tenant, so they must agree.
        if let (Some(authority), Some(host)) = (&request.authority, &self.host)
            && !authority.eq_ignore_ascii_case(host)
        {
            return Err(Violation::HostDiffers);
        }
        // Section 6.1: Transfer-Encoding in HTTP/1.0 means the framing is faulty; with Content-Length beside it, it
        // "ought to be handled as an error".
        match (self.chunked, self.length) {
            (true, _) if !request.http11 => Err(Violation::CodingInHttp10),
            (true, Some(_)) => Err(Violation::LengthAndCoding),
            (true, None) => Ok(Framing::Chunked),
            (false, length) => Ok(Framing::Length(length.unwrap_or(0))),
        }
    }
}

/// `tchar` of RFC 9110 section 5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
