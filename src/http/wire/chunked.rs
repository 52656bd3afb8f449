//! [`ChunkScanner`]: where a chunked body ends (RFC 9112 section 7.1), read without leniency.

use super::Violation;

/// The most bytes of chunk extensions in one body. Nobody sends any; section 7.1.1 asks for a limit.
const MAX_EXTENSION_BYTES: usize = 256;

/// The most hexadecimal digits of a chunk size: 28 bits, far more than any body this server takes.
const MAX_SIZE_DIGITS: usize = 7;

/// Follows the framing of one chunked body, byte by byte, whatever pieces it arrives in.
///
/// Extensions are read over, as section 7.1.1 asks; trailer fields are refused, since a reader that merged them into
/// the head would see other fields than this server.
#[derive(Debug, Default)]
pub struct ChunkScanner {
    state: State,
    extension_bytes: usize,
}

#[derive(Debug)]
enum State {
    Size { size: u64, digits: usize },
    Extension { size: u64 },
    SizeEnd { size: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    LastCr,
    LastLf,
    Done,
}

impl Default for State {
    fn default() -> Self {
        Self::Size { size: 0, digits: 0 }
    }
}

impl ChunkScanner {
    /// Takes the next bytes of the connection and answers how many of them belong to the body.
    ///
    /// # Errors
    ///
    /// [`Violation::Chunk`] or [`Violation::Trailer`]. The scanner must not be used afterwards.
    pub fn scan(&mut self, bytes: &[u8]) -> Result<usize, Violation> {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty())
            && !self.is_done()
        {
            taken += self.step(rest)?;
        }
        Ok(taken)
    }

    /// Whether the body's last byte has been seen.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Takes one byte of framing, or as much chunk data as there is; answers how many bytes that was.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, Violation> {
        let Some(&byte) = bytes.first() else {
            return Ok(0);
        };
        let mut taken = 1;
        self.state = match (&self.state, byte) {
            (&State::Size { size, digits }, _) if byte.is_ascii_hexdigit() => {
                if digits == MAX_SIZE_DIGITS {
                    return Err(Violation::Chunk);
                }
                let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
                let (size, digits) = (size * 16 + digit, digits + 1);
                State::Size { size, digits }
            }
            (&State::Size { size, digits: 1.. }, b'\r') => State::SizeEnd { size },
            (&State::Size { size, digits: 1.. }, b';') => State::Extension { size },
            (&State::Extension { size }, b'\r') => State::SizeEnd { size },
            (&State::Extension { size }, b'\t' | b' '..=b'~' | 0x80..) => {
                self.extension_bytes += 1;
                if self.extension_bytes > MAX_EXTENSION_BYTES {
                    return Err(Violation::Chunk);
                }
                State::Extension { size }
            }
            (State::SizeEnd { size: 0 }, b'\n') => State::LastCr,
            (&State::SizeEnd { size }, b'\n') => State::Data { left: size },
            (&State::Data { left }, _) => {
                taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                match left.saturating_sub(taken as u64) {
                    0 => State::DataCr,
                    left => State::Data { left },
                }
            }
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::default(),
            (State::LastCr, b'\r') => State::LastLf,
            (State::LastCr, _) => return Err(Violation::Trailer),
            (State::LastLf, b'\n') => State::Done,
            _ => return Err(Violation::Chunk),
        };
        Ok(taken)
    }
}
