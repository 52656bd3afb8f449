//! [`Violation`]: why a request was refused before any handler saw it, and the answer to it.

use http::StatusCode;

/// One reason to refuse a request. The text is shown to the client: it keeps to the characters that RFC 6749
/// section 5.2 allows in an `error_description`, and never repeats what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's text says what it is")]
pub enum Violation {
    #[error("a line of the request head ends in LF without CR")]
    BareLf,
    #[error("the request head holds a CR that does not end a line")]
    BareCr,
    #[error("the request head holds a control character")]
    ControlCharacter,
    #[error("the request head is larger than 16 KiB")]
    HeadTooLarge,
    #[error("the request has more than 64 header fields")]
    TooManyFields,
    #[error("the request line is not `method target version`, separated by single spaces")]
    RequestLine,
    #[error("the request method is not known to this server")]
    Method,
    #[error("the request target is not a path, an http or https URL, or `*` for OPTIONS")]
    Target,
    #[error("the HTTP version must be 1.1 or 1.0")]
    Version,
    #[error("a header field has no colon")]
    FieldWithoutColon,
    #[error("a header field has whitespace before its colon")]
    SpaceBeforeColon,
    #[error("a header field is continued on a second line")]
    FoldedField,
    #[error("a header field name is empty or holds a character that is not allowed there")]
    FieldName,
    #[error("the Host header field is missing")]
    HostMissing,
    #[error("the Host header field is repeated")]
    HostRepeated,
    #[error("the Host header field is not a host name with an optional port")]
    HostMalformed,
    #[error("the Host header field and the request target name different hosts")]
    HostDiffers,
    #[error("the Content-Length header field is repeated")]
    LengthRepeated,
    #[error("the Content-Length header field is not a decimal number")]
    LengthMalformed,
    #[error("the request body is too large")]
    BodyTooLarge,
    #[error("the Transfer-Encoding header field is repeated")]
    CodingRepeated,
    #[error("the only transfer coding this server reads is `chunked`")]
    CodingUnknown,
    #[error("an HTTP/1.0 request must not use Transfer-Encoding")]
    CodingInHttp10,
    #[error("the request has both Content-Length and Transfer-Encoding")]
    LengthAndCoding,
    #[error("the chunked body is malformed")]
    Chunk,
    #[error("the chunked body ends in trailer fields, which this server does not take")]
    Trailer,
    #[error("the request head is incomplete")]
    HeadIncomplete,
    #[error("the request took too long to arrive")]
    Timeout,
}

impl Violation {
    /// The status the client reads.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::BareLf
            | Self::BareCr
            | Self::ControlCharacter
            | Self::RequestLine
            | Self::Target
            | Self::FieldWithoutColon
            | Self::SpaceBeforeColon
            | Self::FoldedField
            | Self::FieldName
            | Self::HostMissing
            | Self::HostRepeated
            | Self::HostMalformed
            | Self::HostDiffers
            | Self::LengthRepeated
            | Self::LengthMalformed
            | Self::CodingRepeated
            | Self::CodingInHttp10
            | Self::LengthAndCoding
            | Self::Chunk
            | Self::Trailer
            | Self::HeadIncomplete => StatusCode::BAD_REQUEST,
            Self::HeadTooLarge | Self::TooManyFields => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            // RFC 9110 section 15.6.2 for the method, RFC 9112 section 6.1 for the coding.
            Self::Method | Self::CodingUnknown => StatusCode::NOT_IMPLEMENTED,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        }
    }

    /// The whole response, ready for the socket: hyper has not seen the request, so it cannot write it.
    #[must_use]
    pub fn response(self) -> Vec<u8> {
        raw_response(self.status(), "invalid_request", &self.to_string(), "")
    }
}

/// A complete response with an OAuth error as its JSON body, after which the connection closes.
///
/// `more_fields` are further header lines, each ended by CRLF.
pub(in crate::http) fn raw_response(
    status: StatusCode,
    error: &str,
    description: &str,
    more_fields: &str,
) -> Vec<u8> {
    let body = serde_json::json!({ "error": error, "error_description": description }).to_string();
    format!(
        "HTTP/1.1 {} {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         cache-control: no-store\r\npragma: no-cache\r\nconnection: close\r\n{more_fields}\r\n{body}",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        body.len(),
    )
    .into_bytes()
}
