//! The query of a management request: declared parameters only, each once, read by its shape; and
//! the two ways to ask for a page (contract, section 7.1).

use serde_json::{Map, Value};

use super::shape::{Field, Shape, Stage, check};
use crate::admin::page::Page;
use crate::http::error::management::Refused;

/// The most items of a page, and how many there are if nobody asks.
const MOST: i64 = 100;
const USUAL: usize = 50;

/// Contract, section 7.1: only so many can be reached by number. Behind them one asks by cursor.
const REACH: i64 = 1_000;

/// Pages by number.
pub(super) const PAGES: &[Field] = &[
    Field::input(
        "page",
        Shape::Whole(0, REACH),
        "Which page, counted from 0.",
    ),
    Field::input(
        "per_page",
        Shape::Whole(0, MOST),
        "How many items a page has; 50 if not said.",
    ),
    Field::input(
        "include_totals",
        Shape::Flag,
        "Whether to say how many there are in all.",
    ),
];

/// Pages by cursor.
pub(super) const CHECKPOINTS: &[Field] = &[
    Field::input("from", Shape::Text(2_000), "The `next` of the page before."),
    Field::input(
        "take",
        Shape::Whole(1, MOST),
        "How many items a page has; 50 if not said.",
    ),
];

/// Which members of each item.
pub(super) const PROJECTION: &[Field] = &[
    Field::input(
        "fields",
        Shape::Text(2_000),
        "Names of members, separated by commas.",
    ),
    Field::input(
        "include_fields",
        Shape::Flag,
        "Whether those are returned, or left out; true if not said.",
    ),
];

/// The parameters of a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(Map<String, Value>);

impl Query {
    /// Reads what stands behind the `?`.
    pub(super) fn parse(text: &str, declared: &[&[Field]]) -> Result<Self, Refused> {
        let refused =
            |what: String| Refused::invalid_query(format!("Query validation error: '{what}'."));
        let mut members = Map::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let known = declared
                .iter()
                .copied()
                .flatten()
                .find(|field| field.name == name);
            let shown: String = name.escape_debug().take(100).collect();
            let Some(field) = known else {
                return Err(refused(format!(
                    "Additional properties not allowed: {shown}"
                )));
            };
            let value = match (field.shape, value.as_ref()) {
                (Shape::Flag, "true") => true.into(),
                (Shape::Flag, "false") => false.into(),
                (Shape::Whole(..), digits) => match digits.parse::<i64>() {
                    Ok(number) => number.into(),
                    Err(_) => value.as_ref().into(),
                },
                (_, text) => text.into(),
            };
            if members.insert(name.into_owned(), value).is_some() {
                return Err(refused(format!("{shown} stands there twice")));
            }
        }
        for group in declared {
            let of_group = |name: &String| group.iter().any(|field| field.name == name);
            let some = members.iter().filter(|(name, _)| of_group(name));
            let some: Map<String, Value> = some
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            check(&some, group, Stage::Create)
                .map_err(|problem| Refused::invalid_query(problem.message("Query")))?;
        }
        Ok(Self(members))
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.0.get(name).and_then(Value::as_bool)
    }

    pub(super) fn number(&self, name: &str) -> Option<usize> {
        let number = self.0.get(name).and_then(Value::as_u64)?;
        usize::try_from(number).ok()
    }

    /// Which page is asked for.
    pub(super) fn page(&self) -> Result<Page, Refused> {
        let by_cursor = self.0.contains_key("from") || self.0.contains_key("take");
        // Some clients ask for totals whichever way they page.
        let by_number = self.0.contains_key("page") || self.0.contains_key("per_page");
        if by_cursor && by_number {
            let message = "Query validation error: 'pages are asked for by `page` and `per_page`, or by `from` and `take`, not both'.";
            return Err(Refused::invalid_query(message));
        }
        if by_cursor {
            return Ok(Page::Behind {
                cursor: self.text("from").map(str::to_owned),
                take: self.number("take").unwrap_or(USUAL),
            });
        }
        let take = self.number("per_page").unwrap_or(USUAL);
        Ok(Page::Offset {
            skip: self.number("page").unwrap_or(0).saturating_mul(take),
            take,
            total: self.flag("include_totals").unwrap_or(false),
        })
    }

    /// Takes members out of an item that were not asked for.
    pub(super) fn project(&self, item: &mut Value) {
        let (Some(names), Value::Object(members)) = (self.text("fields"), item) else {
            return;
        };
        let wanted = self.flag("include_fields").unwrap_or(true);
        members.retain(|member, _| names.split(',').any(|name| name.trim() == member) == wanted);
    }
}
