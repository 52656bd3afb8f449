//! The results as JUnit XML, for continuous integration.

use std::fmt::Write as _;
use std::path::Path;

use quick_xml::escape::escape;

use super::{CaseResult, Results};
use crate::cli::rule::CliError;
use crate::rule_host::printable;

/// The most of one text, in bytes.
const TEXT_BYTES: usize = 10_000;

/// Writes all results to a file.
pub(super) fn write(path: &Path, results: &[Results]) -> Result<(), CliError> {
    let failed = |error| CliError::failure(format!("cannot write `{}`: {error}", path.display()));
    std::fs::write(path, document(results)).map_err(failed)
}

fn document(results: &[Results]) -> String {
    let all = || results.iter().flat_map(|suite| &suite.cases);
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    // Writing to a string cannot fail.
    let _ = writeln!(
        xml,
        "<testsuites name=\"claimsmith rule test\" {}>",
        counts(all())
    );
    for suite in results {
        let name = text(&suite.name);
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{name}\" {}>",
            counts(suite.cases.iter())
        );
        for case in &suite.cases {
            let seconds = case.duration.as_secs_f64();
            let title = text(&case.name);
            let _ = writeln!(
                xml,
                "    <testcase name=\"{title}\" classname=\"{name}\" time=\"{seconds:.6}\">"
            );
            if let Some(first) = case.differences.first() {
                let lines: Vec<String> = case.differences.iter().map(|line| text(line)).collect();
                let _ = writeln!(
                    xml,
                    "      <failure message=\"{}\">{}</failure>",
                    text(first),
                    lines.join("\n")
                );
            }
            xml.push_str("    </testcase>\n");
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn counts<'r>(cases: impl Iterator<Item = &'r CaseResult>) -> String {
    let (mut tests, mut failures) = (0, 0);
    for case in cases {
        tests += 1;
        failures += usize::from(!case.passed());
    }
    format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\"")
}

/// XML has no form at all for most control characters, so those are shown escaped.
fn text(text: &str) -> String {
    escape(printable(text, TEXT_BYTES)).into_owned()
}
