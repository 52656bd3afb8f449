//! Colours. They are always written; [`super::output`] takes them out where nobody sees them.

use anstyle::{AnsiColor, Style};

/// For what is well.
pub(super) const GREEN: Style = AnsiColor::Green.on_default();
/// For what is not.
pub(super) const RED: Style = AnsiColor::Red.on_default();
/// For what deserves a look.
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
/// For headings.
pub(super) const BOLD: Style = Style::new().bold();
/// For what matters less.
pub(super) const DIM: Style = Style::new().dimmed();

/// `text` in a style.
pub(super) fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}
