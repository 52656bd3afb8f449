//! The query language of `GET /api/v2/users` (contract, section 7.6): the part of Lucene's that is
//! documented. Compared without regard to case in the e-mail address and the names only; a `*` may
//! stand at the end of a word of at least three characters.

use serde_json::Value;

use crate::admin::Error;

/// The longest query, and the deepest.
const MAX_BYTES: usize = 2_000;
const MAX_DEPTH: usize = 20;
/// The most words that one query compares.
const MAX_TERMS: usize = 100;

/// Fields that are compared without regard to case.
const CASELESS: [&str; 5] = ["email", "name", "given_name", "family_name", "nickname"];

/// A query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query(Node);

#[derive(Clone, Debug, PartialEq)]
enum Node {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    /// A field, or any field of those that are searched; and what it must be.
    Field(Option<String>, Wanted),
}

#[derive(Clone, Debug, PartialEq)]
enum Wanted {
    /// The value, or one of its elements.
    Is(String),
    /// A beginning of it.
    Begins(String),
    /// Anything at all.
    Exists,
    /// Between two, each end in or out; none is open.
    Between(Option<(String, bool)>, Option<(String, bool)>),
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let invalid = |reason: &str| Error::invalid("the query", reason);
        if text.len() > MAX_BYTES {
            return Err(invalid("it is longer than 2000 bytes"));
        }
        let tokens = tokens(text).map_err(|reason| invalid(&reason))?;
        if tokens
            .iter()
            .filter(|token| matches!(token, Token::Term(..)))
            .count()
            > MAX_TERMS
        {
            return Err(invalid("it compares more than 100 words"));
        }
        let mut reader = Reader {
            tokens: tokens.into_iter().peekable(),
            depth: 0,
        };
        let node = reader.any().map_err(|reason| invalid(&reason))?;
        match reader.tokens.next() {
            None => Ok(Self(node)),
            Some(_) => Err(invalid("a `)` closes nothing")),
        }
    }

    /// Whether a user, as the API shows it, is meant.
    pub fn takes(&self, user: &Value) -> bool {
        self.0.takes(user)
    }
}

impl Node {
    fn takes(&self, user: &Value) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.takes(user)),
            Self::Any(nodes) => nodes.iter().any(|node| node.takes(user)),
            Self::Not(node) => !node.takes(user),
            Self::Field(Some(name), wanted) => is(user, name, wanted),
            Self::Field(None, wanted) => {
                let everywhere = CASELESS
                    .iter()
                    .chain(&["user_id", "username", "phone_number"]);
                everywhere.into_iter().any(|name| is(user, name, wanted))
            }
        }
    }
}

fn is(user: &Value, name: &str, wanted: &Wanted) -> bool {
    let caseless = CASELESS.contains(&name);
    let path: Vec<&str> = name.split('.').collect();
    any(user, &path, &mut |value| wanted.takes(value, caseless))
}

/// Whether any value at a path is meant; an array stands for each of its elements.
fn any(value: &Value, path: &[&str], meant: &mut dyn FnMut(&Value) -> bool) -> bool {
    match (value, path) {
        (Value::Array(items), path) => items.iter().any(|item| any(item, path, meant)),
        (Value::Null, []) => false,
        (value, []) => meant(value),
        (Value::Object(members), [name, rest @ ..]) => members
            .get(*name)
            .is_some_and(|member| any(member, rest, meant)),
        _ => false,
    }
}

impl Wanted {
    fn takes(&self, value: &Value, caseless: bool) -> bool {
        let fold = |text: &str| match caseless {
            true => text.to_lowercase(),
            false => text.to_owned(),
        };
        let text = match value {
            Value::String(text) => fold(text),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            _ => return matches!(self, Self::Exists),
        };
        match self {
            Self::Exists => true,
            Self::Is(wanted) => text == fold(wanted),
            Self::Begins(wanted) => text.starts_with(&fold(wanted)),
            Self::Between(from, to) => {
                let order = |end: &str| match (value.as_f64(), end.parse::<f64>()) {
                    (Some(value), Ok(end)) => value.total_cmp(&end),
                    _ => text.as_str().cmp(fold(end).as_str()),
                };
                let above = |(end, within): &(String, bool)| {
                    order(end).is_gt() || (*within && order(end).is_eq())
                };
                let below = |(end, within): &(String, bool)| {
                    order(end).is_lt() || (*within && order(end).is_eq())
                };
                from.as_ref().is_none_or(above) && to.as_ref().is_none_or(below)
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    /// `field:`
    Field(String),
    /// A word, and whether it stood in quotes.
    Term(String, bool),
    /// `[a TO b}`
    Range(Wanted),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut all = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&first) = chars.peek() {
        match first {
            c if c.is_whitespace() => drop(chars.next()),
            '(' => {
                chars.next();
                all.push(Token::Open);
            }
            ')' => {
                chars.next();
                all.push(Token::Close);
            }
            '-' | '!' => {
                chars.next();
                all.push(Token::Not);
            }
            '+' => drop(chars.next()),
            '[' | '{' => all.push(Token::Range(range(&mut chars)?)),
            '"' => all.push(Token::Term(quoted(&mut chars)?, true)),
            _ => all.push(word(&mut chars)?),
        }
    }
    Ok(all)
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn quoted(chars: &mut Chars<'_>) -> Result<String, String> {
    chars.next();
    let mut text = String::new();
    while let Some(c) = chars.next() {
        match c {
            '"' => return Ok(text),
            '\\' => text.extend(chars.next()),
            c => text.push(c),
        }
    }
    Err("a `\"` is not closed".to_owned())
}

fn word(chars: &mut Chars<'_>) -> Result<Token, String> {
    let mut text = String::new();
    while let Some(&c) = chars.peek() {
        match c {
            c if c.is_whitespace() || matches!(c, '(' | ')' | '"') => break,
            ':' => {
                chars.next();
                return Ok(Token::Field(text));
            }
            '\\' => {
                chars.next();
                text.extend(chars.next());
            }
            c => {
                chars.next();
                text.push(c);
            }
        }
    }
    Ok(match text.as_str() {
        "AND" | "&&" => Token::And,
        "OR" | "||" => Token::Or,
        "NOT" => Token::Not,
        _ => Token::Term(text, false),
    })
}

fn range(chars: &mut Chars<'_>) -> Result<Wanted, String> {
    let from_within = chars.next() == Some('[');
    let mut text = String::new();
    for c in chars.by_ref() {
        if c == ']' || c == '}' {
            let ends = text.split_once(" TO ");
            let (from, to) = ends.ok_or("a range is `[a TO b]`")?;
            let end = |end: &str, within| {
                let end = end.trim().trim_matches('"');
                (end != "*").then(|| (end.to_owned(), within))
            };
            return Ok(Wanted::Between(end(from, from_within), end(to, c == ']')));
        }
        text.push(c);
    }
    Err("a range is not closed".to_owned())
}

struct Reader {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    depth: usize,
}

impl Reader {
    fn deeper(&mut self) -> Result<(), String> {
        self.depth += 1;
        match self.depth > MAX_DEPTH {
            false => Ok(()),
            true => Err("it nests too deep".to_owned()),
        }
    }

    fn any(&mut self) -> Result<Node, String> {
        self.deeper()?;
        let mut nodes = vec![self.all()?];
        while self.tokens.next_if_eq(&Token::Or).is_some() {
            nodes.push(self.all()?);
        }
        self.depth -= 1;
        Ok(Node::Any(nodes))
    }

    /// Two that stand beside each other are both wanted.
    fn all(&mut self) -> Result<Node, String> {
        let mut nodes = vec![self.one()?];
        loop {
            self.tokens.next_if_eq(&Token::And);
            match self.tokens.peek() {
                None | Some(Token::Or | Token::Close) => return Ok(Node::All(nodes)),
                Some(_) => nodes.push(self.one()?),
            }
        }
    }

    fn one(&mut self) -> Result<Node, String> {
        match self.tokens.next() {
            Some(Token::Not) => {
                self.deeper()?;
                let node = self.one()?;
                self.depth -= 1;
                Ok(Node::Not(Box::new(node)))
            }
            Some(Token::Open) => {
                let node = self.any()?;
                match self.tokens.next() {
                    Some(Token::Close) => Ok(node),
                    _ => Err("a `(` is not closed".to_owned()),
                }
            }
            Some(Token::Term(text, quoted)) => Ok(Node::Field(None, term(text, quoted)?)),
            Some(Token::Field(name)) => self.field(name),
            Some(Token::Range(_)) => Err("a range needs a field".to_owned()),
            Some(Token::And | Token::Or | Token::Close) | None => {
                Err("something is missing beside an operator".to_owned())
            }
        }
    }

    fn field(&mut self, name: String) -> Result<Node, String> {
        match self.tokens.next() {
            Some(Token::Term(field, _)) if name == "_exists_" => {
                Ok(Node::Field(Some(field), Wanted::Exists))
            }
            Some(Token::Term(text, quoted)) => Ok(Node::Field(Some(name), term(text, quoted)?)),
            Some(Token::Range(wanted)) => Ok(Node::Field(Some(name), wanted)),
            // `field:(a OR b)`
            Some(Token::Open) => {
                let node = self.any()?;
                match self.tokens.next() {
                    Some(Token::Close) => Ok(within(node, &name)),
                    _ => Err("a `(` is not closed".to_owned()),
                }
            }
            _ => Err("a field has no value".to_owned()),
        }
    }
}

/// What stands in brackets behind a field is about that field.
fn within(node: Node, field: &str) -> Node {
    let each = |nodes: Vec<Node>| nodes.into_iter().map(|node| within(node, field)).collect();
    match node {
        Node::All(nodes) => Node::All(each(nodes)),
        Node::Any(nodes) => Node::Any(each(nodes)),
        Node::Not(node) => Node::Not(Box::new(within(*node, field))),
        Node::Field(None, wanted) => Node::Field(Some(field.to_owned()), wanted),
        named => named,
    }
}

fn term(text: String, quoted: bool) -> Result<Wanted, String> {
    if quoted {
        return Ok(Wanted::Is(text));
    }
    match text.strip_suffix('*') {
        _ if text == "*" => Ok(Wanted::Exists),
        _ if text.starts_with('*') => Err("a `*` may not stand at the beginning".to_owned()),
        Some(start) if start.contains('*') => Err("a `*` may stand at the end only".to_owned()),
        Some(start) if start.chars().count() < 3 => {
            Err("a `*` needs three characters before it".to_owned())
        }
        Some(start) => Ok(Wanted::Begins(start.to_owned())),
        None if text.contains('*') => Err("a `*` may stand at the end only".to_owned()),
        None => Ok(Wanted::Is(text)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(query: &str, expected: bool) {
        let user = json!({
            "user_id": "auth0|1", "email": "Ada@Example.com", "name": "Ada Lovelace",
            "username": "Ada", "blocked": true, "logins_count": 12,
            "created_at": "2026-03-01T10:00:00.000Z",
            "app_metadata": { "plan": "Gold", "tags": ["a", "b"], "seats": 3 },
            "identities": [{ "connection": "staff", "provider": "auth0" }],
        });
        let found = Query::parse(query).map(|query| query.takes(&user));
        assert_eq!(
            found.map_err(|error| error.to_string()),
            Ok(expected),
            "{query}"
        );
    }

    #[test]
    fn fields_are_compared_whole_and_by_their_beginning() {
        for (query, expected) in [
            (r#"email:"ada@example.com""#, true),
            ("email:ada@example.com", true),
            ("email:ADA*", true),
            ("email:lovelace*", false),
            (r#"name:"ada lovelace""#, true),
            ("name:ada", false),
            ("username:ada", false),
            ("username:Ada", true),
            ("blocked:true", true),
            ("app_metadata.plan:Gold", true),
            ("app_metadata.plan:gold", false),
            ("app_metadata.tags:b", true),
            ("identities.connection:staff", true),
            ("_exists_:app_metadata.seats", true),
            ("_exists_:user_metadata", false),
            ("app_metadata.plan:*", true),
            ("user_id:auth0|1", true),
            (r#"user_id:"auth0|1""#, true),
            ("ada@example.com", true),
            ("strange:x", false),
        ] {
            check(query, expected);
        }
    }

    #[test]
    fn operators_ranges_and_brackets() {
        for (query, expected) in [
            ("blocked:true AND username:Ada", true),
            ("blocked:true username:Bob", false),
            ("blocked:false OR username:Ada", true),
            ("NOT blocked:false", true),
            ("-blocked:true", false),
            ("blocked:true AND NOT (username:Bob OR username:Ada)", false),
            ("username:(Bob OR Ada)", true),
            ("logins_count:[10 TO 20]", true),
            ("logins_count:{12 TO *]", false),
            ("logins_count:[9 TO 12}", false),
            ("created_at:[2026-01-01 TO 2026-12-31]", true),
            ("created_at:[* TO 2026-01-01]", false),
        ] {
            check(query, expected);
        }
    }

    #[test]
    fn what_is_no_query_is_refused_with_the_reason() {
        for query in [
            "",
            "email:",
            "(a",
            "a)",
            "AND",
            "a OR",
            "\"a",
            "email:*ada",
            "email:a*",
            "email:a*b",
            "logins_count:[1 2]",
            "logins_count:[1 TO 2",
            "[1 TO 2]",
        ] {
            assert!(Query::parse(query).is_err(), "{query}");
        }
        assert!(Query::parse(&"(".repeat(500)).is_err());
        assert!(Query::parse(&"-".repeat(1_999)).is_err());
        assert!(Query::parse(&"a ".repeat(101)).is_err());
    }
}
