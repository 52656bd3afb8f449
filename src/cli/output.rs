//! What a verb prints: one JSON document, or text for people.

use std::io::Write;

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use serde_json::Value;

use super::ExitCode;

/// The result of a verb, in both forms.
pub(super) struct Output {
    json: Value,
    text: String,
    code: ExitCode,
}

impl Output {
    pub(super) fn new(document: impl Serialize, text: impl Into<String>) -> Self {
        Self {
            // Everything printed is made of strings, numbers and maps with text keys.
            json: serde_json::to_value(document).unwrap_or_default(),
            text: text.into(),
            code: ExitCode::Success,
        }
    }

    /// Nothing more to say: the verb printed for itself.
    pub(super) fn silent(code: ExitCode) -> Self {
        Self {
            json: Value::Null,
            text: String::new(),
            code,
        }
    }

    /// Ends with another code than success.
    pub(super) fn with_code(mut self, code: ExitCode) -> Self {
        self.code = code;
        self
    }

    pub(super) fn print(self, json: bool) -> ExitCode {
        let text = match (json, &self.json) {
            (true, Value::Null) => String::new(),
            (true, document) => format!("{document:#}\n"),
            (false, _) if self.text.is_empty() || self.text.ends_with('\n') => self.text,
            (false, _) => format!("{}\n", self.text),
        };
        // A reader that closed the pipe (`| head`) has seen what it wanted.
        // Colours go to terminals only, and not if `NO_COLOR` is set.
        drop(anstream::stdout().write_all(text.as_bytes()));
        self.code
    }
}

/// A plain table that fits the terminal.
pub(super) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    for row in rows {
        table.add_row(row);
    }
    table.trim_fmt()
}

/// The word that a choice has on the command line.
pub(super) fn word(choice: impl clap::ValueEnum) -> String {
    choice
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}
