//! Takes out of an event what its tenant does not want to be written.

use serde_json::Value;

use super::{EventType, LogEvent, Personal};
use crate::rule_host::fetch::FetchError;
use crate::rule_host::{Outcome, Report};
use crate::user::User;

/// Takes it out, and every text of rules that contains it: a rule may have written an address into its log.
pub(super) fn redact(event: &mut LogEvent, chosen: &[Personal], user: Option<&User>) {
    let mut marked = Vec::new();
    for personal in chosen {
        match personal {
            Personal::Ip => {
                marked.push(std::mem::take(&mut event.ip));
                marked.extend(event.client_ip.take());
            }
            Personal::UserAgent => marked.extend(event.user_agent.take()),
            Personal::UserName => {
                event.anonymous = true;
                marked.extend(user.into_iter().flat_map(names_of));
            }
            Personal::ClaimValues => {
                if let Some(report) = &mut event.rules {
                    report.drop_values();
                }
            }
            Personal::RuleTexts => drop_texts(event),
        }
    }
    // One and two letters are everywhere, and tell nothing.
    marked.retain(|text| text.chars().count() > 2);
    blank(event, &marked);
}

fn names_of(user: &User) -> Vec<String> {
    let names = [
        &user.email,
        &user.username,
        &user.phone_number,
        &user.name,
        &user.nickname,
        &user.given_name,
        &user.family_name,
    ];
    names.into_iter().flatten().cloned().collect()
}

fn drop_texts(event: &mut LogEvent) {
    let mut spoke = event.event_type == EventType::ActionFailed;
    if let Some(report) = &mut event.rules {
        report.drop_lines();
        for rule in &mut report.rules {
            match &mut rule.outcome {
                Outcome::Allowed => continue,
                Outcome::Denied(denial) => denial.description.clear(),
                Outcome::Faulted { detail, .. } => detail.clear(),
            }
            spoke = true;
        }
    }
    // It says what the rule said.
    if spoke {
        event.description = None;
    }
}

/// Blanks every text that contains one of these.
fn blank(event: &mut LogEvent, marked: &[String]) {
    if marked.is_empty() {
        return;
    }
    let says = |text: &str| marked.iter().any(|marked| text.contains(marked.as_str()));
    if event.description.as_deref().is_some_and(says) {
        event.description = None;
    }
    if let Some(request) = &mut event.request
        && says(&request.path)
    {
        request.path.clear();
    }
    if let Some(report) = &mut event.rules {
        blank_report(report, &says);
    }
}

/// What is said in it, and not what holds it together: somebody may have the name of a kind of outcome.
fn blank_report(report: &mut Report, says: &impl Fn(&str) -> bool) {
    let blank = |text: &mut String| {
        if says(text) {
            text.clear();
        }
    };
    for rule in &mut report.rules {
        match &mut rule.outcome {
            Outcome::Allowed => {}
            Outcome::Denied(denial) => blank(&mut denial.description),
            Outcome::Faulted { detail, .. } => blank(detail),
        }
        for effect in &mut rule.effects {
            effect.name.iter_mut().for_each(blank);
            effect.refused.iter_mut().for_each(blank);
            if let Some(value) = &mut effect.value {
                blank_texts(value, says);
            }
        }
        for line in &mut rule.logs {
            blank(&mut line.message);
        }
        for fetch in &mut rule.fetches {
            blank(&mut fetch.url);
            if let Some(FetchError::Unreachable(why)) = &mut fetch.error {
                blank(why);
            }
        }
    }
    for set in &mut report.provenance {
        blank(&mut set.name);
    }
}

fn blank_texts(value: &mut Value, says: &impl Fn(&str) -> bool) {
    match value {
        Value::String(text) if says(text) => text.clear(),
        Value::Array(items) => items.iter_mut().for_each(|item| blank_texts(item, says)),
        Value::Object(members) => {
            members.retain(|name, _| !says(name));
            members
                .values_mut()
                .for_each(|member| blank_texts(member, says));
        }
        _ => {}
    }
}
