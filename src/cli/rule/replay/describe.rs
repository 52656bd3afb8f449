//! What a replay says to people.

use std::fmt::Write as _;

use crate::replay::{Ending, Names, Summary};

/// For people.
pub(super) fn describe(summary: &Summary, compared: bool) -> String {
    let mut text = format!("{} exchanges", summary.exchanges);
    // Writing to a string cannot fail.
    let _ = write!(text, "; {} reproduced to the byte", summary.reproduced);
    if summary.without_output > 0 {
        let _ = write!(
            text,
            ", {} were recorded without output",
            summary.without_output
        );
    }
    if !summary.not_reproduced.is_empty() {
        let shown: Vec<&str> = summary
            .not_reproduced
            .iter()
            .take(5)
            .map(String::as_str)
            .collect();
        let _ = write!(
            text,
            "; NOT reproduced: {} ({}); are all values of the configuration given with --set?",
            summary.not_reproduced.len(),
            shown.join(", ")
        );
    }
    text.push('\n');
    if !compared {
        return text;
    }
    let _ = writeln!(text, "{} would change", summary.changed.len());
    for (newly, count) in &summary.newly {
        let _ = writeln!(text, "  newly {newly}: {count}");
    }
    names(&summary.claims, "claim", &mut text);
    names(&summary.scopes, "scope", &mut text);
    let _ = writeln!(
        text,
        "  fuel in all: {} before, {} after; at most {} for one",
        summary.fuel_before, summary.fuel_after, summary.most_fuel_after
    );
    for changed in summary.changed.iter().take(20) {
        let _ = writeln!(
            text,
            "  {} {}: {} -> {}",
            changed.exchange,
            changed.subject,
            word(changed.before),
            word(changed.after)
        );
    }
    if summary.changed.len() > 20 {
        let _ = writeln!(
            text,
            "  and {} more; --json lists all",
            summary.changed.len() - 20
        );
    }
    text
}

fn names(all: &Names, what: &str, text: &mut String) {
    for (verb, names) in [
        ("gained", &all.gained),
        ("lost", &all.lost),
        ("altered", &all.altered),
    ] {
        for (name, count) in names {
            let _ = writeln!(
                text,
                "  {what} {verb}: {} ({count} times)",
                name.escape_debug()
            );
        }
    }
}

fn word(ending: Ending) -> &'static str {
    match ending {
        Ending::Allowed => "allowed",
        Ending::Denied => "denied",
        Ending::Faulted => "faulted",
        Ending::MfaRequired => "mfa_required",
    }
}
