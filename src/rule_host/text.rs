//! Text out of a guest, made fit to be read by people: bounded, and with nothing in it that moves
//! a cursor, hides a character or turns the direction of writing.

use std::fmt::Write as _;

/// Stands at the end of a text that was cut.
const CUT: &str = "…";

/// `text` in at most `bytes` bytes, every deceptive character escaped.
pub(crate) fn printable(text: &str, bytes: usize) -> String {
    let mut out = String::with_capacity(text.len().min(bytes));
    for c in text.chars() {
        let before = out.len();
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if deceives(c) => {
                // Writing to a string cannot fail.
                let _ = write!(out, "{}", c.escape_unicode());
            }
            c => out.push(c),
        }
        if out.len() > bytes {
            out.truncate(before);
            return cut(out, bytes);
        }
    }
    out
}

/// `text` in at most `chars` characters, every deceptive character left out.
pub(super) fn plain(text: &str, chars: usize) -> String {
    text.chars()
        .map(|c| if c.is_ascii_whitespace() { ' ' } else { c })
        .filter(|c| !deceives(*c))
        .take(chars)
        .collect()
}

/// Control characters (terminal escapes among them), marks that turn the direction of writing
/// ("Trojan source"), and characters that show nothing.
pub(super) fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Makes room for the mark and sets it.
fn cut(mut text: String, bytes: usize) -> String {
    while text.len().saturating_add(CUT.len()) > bytes && text.pop().is_some() {}
    text.push_str(CUT);
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn terminal_escapes_and_bidi_marks_are_shown_not_obeyed() {
        assert_eq!(
            printable("a\u{1b}[2Jb\u{202e}c\nd", 100),
            "a\\u{1b}[2Jb\\u{202e}c\\nd"
        );
    }

    #[test]
    fn a_text_of_exactly_the_limit_is_whole_and_one_more_is_cut() {
        assert_eq!(printable("abcdef", 6), "abcdef");
        assert_eq!(printable("abcdefg", 6), "abc…");
    }

    #[test]
    fn a_denials_description_loses_its_control_characters() {
        assert_eq!(plain("no\u{0}\u{7}\nway", 100), "no way");
        assert_eq!(plain("abcdef", 3), "abc");
    }

    proptest! {
        #[test]
        fn nothing_printable_exceeds_its_limit_or_deceives(text in any::<String>(), bytes in 3_usize..64) {
            let shown = printable(&text, bytes);
            prop_assert!(shown.len() <= bytes);
            prop_assert!(!shown.chars().any(deceives));
        }
    }
}
