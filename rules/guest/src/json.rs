//! The little JSON that these rules write.

/// The array of these strings, as JSON text (RFC 8259, section 7).
pub fn string_array<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::from("[");
    for item in items {
        if text.len() > 1 {
            text.push(',');
        }
        push_string(&mut text, item);
    }
    text.push(']');
    text
}

fn push_string(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\0'..='\x1f' => {
                text.push_str("\\u00");
                text.push(if character < '\x10' { '0' } else { '1' });
                text.push(char::from_digit(character as u32 % 16, 16).unwrap_or('0'));
            }
            _ => text.push(character),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::string_array;

    #[test]
    fn quotes_and_control_characters_are_escaped() {
        assert_eq!(string_array([]), "[]");
        assert_eq!(
            string_array(["a", "\"\\", "\0\n\x1f", "ü😀"]),
            r#"["a","\"\\","\u0000\u000a\u001f","ü😀"]"#
        );
    }
}
