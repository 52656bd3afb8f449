//! Several byte strings in one, each behind its length: 32 bits, big end first.

/// Exactly `N` of them, or an error.
pub(super) fn split<const N: usize>(bytes: &[u8]) -> Result<[&[u8]; N], String> {
    let mut parts = [&[][..]; N];
    let mut rest = bytes;
    for part in &mut parts {
        let (length, after) = rest.split_first_chunk::<4>().ok_or_else(malformed)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| malformed())?;
        (*part, rest) = after.split_at_checked(length).ok_or_else(malformed)?;
    }
    if rest.is_empty() {
        Ok(parts)
    } else {
        Err(malformed())
    }
}

fn malformed() -> String {
    "the bytes are not what this operation takes".into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_put_together_comes_apart(a in any::<Vec<u8>>(), b in any::<Vec<u8>>()) {
            let mut bytes = Vec::new();
            for part in [&a, &b] {
                bytes.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
                bytes.extend(part);
            }
            prop_assert_eq!(split::<2>(&bytes).unwrap(), [a.as_slice(), b.as_slice()]);
            prop_assert!(split::<3>(&bytes).is_err());
            bytes.push(0);
            prop_assert!(split::<2>(&bytes).is_err());
        }
    }
}
