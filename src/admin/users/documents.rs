//! The users of a file, one after the other: a JSON array, or one object a line. No more than one
//! of them is in memory.

use std::io::{self, BufRead};

/// The longest document of one user.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// Why no further document can be found. What came before is not affected.
#[derive(Debug, thiserror::Error)]
pub enum DocumentsError {
    /// It cannot be read.
    #[error("the file cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Something stands where a user should.
    #[error("user {number} does not begin with `{{`")]
    NotAnObject {
        /// Counted from 1.
        number: usize,
    },
    /// It has no end, or comes to it late.
    #[error("user {number} is cut short, or longer than 256 KiB")]
    Endless {
        /// Counted from 1.
        number: usize,
    },
}

/// An iterator over the texts of documents; what is in a text is its reader's business.
pub struct Documents<R> {
    source: R,
    number: usize,
    ended: bool,
}

impl<R: BufRead> Documents<R> {
    /// The documents of a file.
    pub fn new(source: R) -> Self {
        Self {
            source,
            number: 0,
            ended: false,
        }
    }

    /// What comes behind the last document.
    pub fn rest(&self) -> &R {
        &self.source
    }

    fn read(&mut self) -> Result<Option<Vec<u8>>, DocumentsError> {
        let Some(first) = self.skip_between()? else {
            return Ok(None);
        };
        self.number += 1;
        let number = self.number;
        if first != b'{' {
            return Err(DocumentsError::NotAnObject { number });
        }
        let (mut document, mut depth) = (Vec::new(), 0_usize);
        let (mut in_string, mut escaped) = (false, false);
        while let Some(byte) = self.byte()? {
            if document.len() == MAX_DOCUMENT_BYTES {
                break;
            }
            document.push(byte);
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                b'{' | b'[' if !in_string => depth += 1,
                b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return Ok(Some(document));
            }
        }
        Err(DocumentsError::Endless { number })
    }

    /// Skips white space, and the array around and the commas between users; the first byte of
    /// what comes then is left in the source.
    fn skip_between(&mut self) -> Result<Option<u8>, DocumentsError> {
        loop {
            let Some(byte) = self.source.fill_buf()?.first().copied() else {
                return Ok(None);
            };
            match byte {
                b'[' | b']' | b',' | b' ' | b'\t' | b'\r' | b'\n' => self.source.consume(1),
                other => return Ok(Some(other)),
            }
        }
    }

    fn byte(&mut self) -> Result<Option<u8>, DocumentsError> {
        let byte = self.source.fill_buf()?.first().copied();
        if byte.is_some() {
            self.source.consume(1);
        }
        Ok(byte)
    }
}

impl<R: BufRead> Iterator for Documents<R> {
    type Item = Result<Vec<u8>, DocumentsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.read().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> (Vec<String>, Option<String>) {
        let (mut texts, mut error) = (Vec::new(), None);
        for document in Documents::new(text.as_bytes()) {
            match document {
                Ok(document) => texts.push(String::from_utf8(document).unwrap()),
                Err(failed) => error = Some(failed.to_string()),
            }
        }
        (texts, error)
    }

    #[test]
    fn an_array_and_lines_hold_the_same_users() {
        let users = [
            r#"{"a":"}]\"{","b":[{}]}"#.to_owned(),
            r#"{"c":"\\"}"#.to_owned(),
        ];
        let expected = (users.to_vec(), None);
        for text in [
            format!("[{},{}]", users[0], users[1]),
            format!("\n [ {} ,\n {} ]\n", users[0], users[1]),
            format!("{}\n{}\n", users[0], users[1]),
            format!("{}{}", users[0], users[1]),
        ] {
            assert_eq!(all(&text), expected, "{text}");
        }
        assert_eq!(all(""), (Vec::new(), None));
        assert_eq!(all("[]"), (Vec::new(), None));
    }

    #[test]
    fn what_is_cut_short_or_endless_ends_the_file_and_not_what_came_before() {
        let (texts, error) = all(r#"[{"a":1},{"b":"#);
        assert_eq!((texts.len(), error.is_some()), (1, true));
        let (texts, error) = all(r#"{"a":1} 7 {"b":2}"#);
        assert_eq!(texts.len(), 1);
        assert_eq!(error.unwrap(), "user 2 does not begin with `{`");
        let endless = format!("{{}}{{\"a\":\"{}\"}}", "x".repeat(MAX_DOCUMENT_BYTES));
        assert_eq!(all(&endless).0.len(), 1);
    }
}
