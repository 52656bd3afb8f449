//! `/api/v2/rule-versions/…/{diff,compare,test}`: what a version would do, before it does.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::endpoint::{Answer, Call, Endpoint, Gives, Resource, Takes};
use super::fields::read;
use super::rule_versions::{document, named};
use super::shape::{Field, Shape};
use crate::admin::rules::compare::{self, MOST_EXCHANGES};
use crate::admin::rules::trial::{self, On};
use crate::http::error::management::Refused;
use crate::replay::Case;

/// Trying a version takes what deploying one takes: it runs code, on the tenant's values.
const TRY: &[&str] = &["update:rules"];

/// Recorded exchanges tell of users.
const SEE: &str = "read:exchanges";

/// How many exchanges are compared if nobody says.
const USUAL: u64 = 100;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/rule-versions/{rule}/{version}/diff/{other}",
        "Says what differs between two versions of a rule: source, imports, manifest",
        &["read:rules"],
        Gives::One(StatusCode::OK, &DIFFERENCE),
        |call| Box::pin(diff(call)),
    ),
    Endpoint::post(
        "/rule-versions/{rule}/{version}/compare/{other}",
        "Runs two versions on the newest recorded exchanges and says what the other would change; needs read:exchanges too",
        TRY,
        (
            Takes::Input(&COMPARISON),
            Gives::One(StatusCode::OK, &BEHAVIOUR),
        ),
        |call| Box::pin(compare(call)),
    )
    .or_empty(),
    Endpoint::post(
        "/rule-versions/{rule}/{version}/test",
        "Runs a version on an exchange, without any effect and without the network; on a recorded one it needs read:exchanges too",
        TRY,
        (Takes::Input(&TRIAL), Gives::One(StatusCode::OK, &TRIED)),
        |call| Box::pin(test(call)),
    )
    .or_empty(),
];

static DIFFERENCE: Resource = Resource {
    name: "RuleVersionDifference",
    fields: &[
        Field::output("from", Shape::Map, "The one version."),
        Field::output("to", Shape::Map, "The other version."),
        Field::output(
            "same",
            Shape::Flag,
            "Whether both are the same bytes with the same manifest.",
        ),
        Field::output(
            "source",
            Shape::Prose(1 << 20),
            "Of two scripts, what `diff -u` writes.",
        )
        .or_null(),
        Field::output(
            "component",
            Shape::Map,
            "Of two components: imports, exports and memory that differ.",
        )
        .or_null(),
        Field::output(
            "manifest",
            Shape::List(&Shape::Map, 100),
            "The members of the manifest that differ.",
        ),
    ],
};

static COMPARISON: Resource = Resource {
    name: "RuleComparison",
    fields: &[Field::input(
        "limit",
        Shape::Whole(1, MOST_EXCHANGES as i64),
        "How many exchanges, the newest first; 100 if not said.",
    )],
};

static BEHAVIOUR: Resource = Resource {
    name: "RuleBehaviour",
    fields: &[
        Field::output("from", Shape::Map, "The one version."),
        Field::output("to", Shape::Map, "The other version."),
        Field::output("exchanges", Shape::Whole(0, 1_000), "How many were run."),
        Field::output(
            "skipped",
            Shape::Whole(0, 1_000),
            "Exchanges of which a rule is not there any more.",
        ),
        Field::output(
            "complete",
            Shape::Flag,
            "Whether time sufficed for all that were asked for.",
        ),
        Field::output(
            "changed",
            Shape::List(&Shape::Map, 1_000),
            "Those that would end otherwise, or with other claims or scopes.",
        ),
        Field::output("newly", Shape::Map, "How many would newly end so."),
        Field::output(
            "claims",
            Shape::Map,
            "Claims gained, lost and altered, by name.",
        ),
        Field::output("scopes", Shape::Map, "Scopes gained, lost and altered."),
        Field::output(
            "fuel_before",
            Shape::Whole(0, i64::MAX),
            "Of the one, in all.",
        ),
        Field::output(
            "fuel_after",
            Shape::Whole(0, i64::MAX),
            "Of the other, in all.",
        ),
        Field::output(
            "most_fuel_after",
            Shape::Whole(0, i64::MAX),
            "The most of one exchange.",
        ),
        Field::output(
            "reproduced",
            Shape::Whole(0, 1_000),
            "Run with the very versions that ran then, and as recorded.",
        ),
        Field::output(
            "not_reproduced",
            Shape::List(&Shape::Text(100), 1_000),
            "Run with the very versions that ran then, and not as recorded.",
        ),
        Field::output(
            "without_output",
            Shape::Whole(0, 1_000),
            "Recorded without what came of them, because fields are redacted.",
        ),
    ],
};

static TRIAL: Resource = Resource {
    name: "RuleTrial",
    fields: &[
        Field::input(
            "exchange",
            Shape::Map,
            "An exchange, in the form of recordings; a usual one if neither is given.",
        ),
        Field::input(
            "exchange_id",
            Shape::Text(100),
            "A recorded exchange, instead.",
        ),
        Field::input(
            "chain",
            Shape::Flag,
            "Whether to run it in its place in the tenant's chain; alone if not said.",
        ),
        Field::input(
            "configuration",
            Shape::Map,
            "Values in the place of the tenant's; with an exchange given here.",
        ),
        Field::input(
            "fetches",
            Shape::List(&Shape::Map, 100),
            "What the network answers, in the form of recordings; with an exchange given here.",
        ),
    ],
};

static TRIED: Resource = Resource {
    name: "RuleTried",
    fields: &[
        Field::output("rule", Shape::Text(200), "The rule's name."),
        Field::output("version", Shape::Whole(1, u32::MAX as i64), "The version."),
        Field::output(
            "outcome",
            Shape::Word(&["allowed", "denied", "faulted", "mfa_required"]),
            "How it ended.",
        ),
        Field::output("denial", Shape::Map, "What the client would read.").or_null(),
        Field::output("before", Shape::Map, "The draft as it was."),
        Field::output("after", Shape::Map, "The draft as it would be signed.").or_null(),
        Field::output(
            "rules",
            Shape::List(&Shape::Map, 100),
            "What each rule did, in order: effects, logs, requests, fuel, memory, time.",
        ),
        Field::output(
            "provenance",
            Shape::List(&Shape::Map, 10_000),
            "Which version of which rule set what.",
        ),
    ],
};

async fn diff(call: Call) -> Result<Answer, Refused> {
    let (from, to) = (named(&call, 1).await?, named(&call, 2).await?);
    let difference = compare::sources(&call.server, &from, &to).await?;
    Ok(Answer::One(json!({
        "from": document(&from),
        "to": document(&to),
        "same": from.digest == to.digest && from.manifest == to.manifest,
        "source": difference.source,
        "component": difference.component,
        "manifest": difference.manifest,
    })))
}

async fn compare(call: Call) -> Result<Answer, Refused> {
    may_see_exchanges(&call)?;
    let (from, to) = (named(&call, 1).await?, named(&call, 2).await?);
    let most = call.body.get("limit").and_then(Value::as_u64);
    let most = usize::try_from(most.unwrap_or(USUAL)).unwrap_or(MOST_EXCHANGES);
    let (server, tenant) = (&call.server, &call.tenant.name);
    let behaviour = compare::behaviour(server, tenant, (&from, &to), most).await?;
    let mut answer = json!(behaviour);
    if let Some(members) = answer.as_object_mut() {
        members.insert("from".to_owned(), document(&from));
        members.insert("to".to_owned(), document(&to));
    }
    Ok(Answer::One(answer))
}

#[derive(Deserialize)]
struct Trial {
    exchange_id: Option<String>,
    #[serde(default)]
    chain: bool,
    #[serde(flatten)]
    given: Map<String, Value>,
}

async fn test(mut call: Call) -> Result<Answer, Refused> {
    let trial: Trial = read(std::mem::take(&mut call.body))?;
    let on = match trial.exchange_id {
        Some(id) => {
            may_see_exchanges(&call)?;
            if let Some((given, _)) = trial.given.iter().next() {
                let message = format!(
                    "Payload validation error: '`{given}` does not go with `exchange_id`'."
                );
                return Err(Refused::invalid_body(message));
            }
            On::Recorded(id)
        }
        None => {
            let mut given = trial.given;
            given.entry("exchange").or_insert_with(|| json!({}));
            On::Given(Box::new(read::<Case>(given)?))
        }
    };
    let version = named(&call, 1).await?;
    let (server, tenant) = (&call.server, &call.tenant.name);
    let tried = trial::run(server, tenant, &version, on, trial.chain).await?;
    Ok(Answer::One(json!({
        "rule": version.rule,
        "version": version.version,
        "outcome": tried.ending,
        "denial": tried.denial,
        "before": tried.before,
        "after": tried.after(),
        "rules": tried.report.rules,
        "provenance": tried.report.provenance,
    })))
}

fn may_see_exchanges(call: &Call) -> Result<(), Refused> {
    match call.caller.may(SEE) {
        true => Ok(()),
        false => Err(Refused::insufficient_scope(&[SEE])),
    }
}
