//! JSON objects out of what is borrowed, so that a login copies no claim just to write it down.

use serde::{Serialize, Serializer};
use serde_json::Value;

/// What a member of an object is.
pub(super) enum Member<'a> {
    Null,
    Flag(bool),
    Number(u64),
    Text(&'a str),
    Written(String),
    Texts(&'a [String]),
    Names(Vec<&'a str>),
    Value(&'a Value),
    Object(Object<'a>),
    Objects(Vec<Object<'a>>),
}

/// Members in order.
#[derive(Default)]
pub(super) struct Object<'a>(Vec<(&'a str, Member<'a>)>);

impl<'a> Object<'a> {
    pub(super) fn with(mut self, name: &'a str, member: impl Into<Member<'a>>) -> Self {
        self.0.push((name, member.into()));
        self
    }

    /// With it, if it is there.
    pub(super) fn with_some(self, name: &'a str, member: Option<impl Into<Member<'a>>>) -> Self {
        match member {
            Some(member) => self.with(name, member),
            None => self,
        }
    }

    /// In the place of what had the name before, if anything had.
    pub(super) fn set(&mut self, name: &'a str, member: impl Into<Member<'a>>) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = member.into(),
            None => self.0.push((name, member.into())),
        }
    }

    pub(super) fn set_some(&mut self, name: &'a str, member: Option<impl Into<Member<'a>>>) {
        if let Some(member) = member {
            self.set(name, member);
        }
    }
}

impl<'a> FromIterator<(&'a str, Member<'a>)> for Object<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a str, Member<'a>)>>(members: I) -> Self {
        Self(members.into_iter().collect())
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, member)| (name, member)))
    }
}

impl Serialize for Member<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Written(text) => serializer.serialize_str(text),
            Self::Texts(texts) => texts.serialize(serializer),
            Self::Names(names) => names.serialize(serializer),
            Self::Value(value) => value.serialize(serializer),
            Self::Object(object) => object.serialize(serializer),
            Self::Objects(objects) => objects.serialize(serializer),
        }
    }
}

impl From<bool> for Member<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<u64> for Member<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<&'a str> for Member<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Member<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl From<String> for Member<'_> {
    fn from(text: String) -> Self {
        Self::Written(text)
    }
}

impl<'a> From<&'a Vec<String>> for Member<'a> {
    fn from(texts: &'a Vec<String>) -> Self {
        Self::Texts(texts)
    }
}

impl<'a> From<&'a Value> for Member<'a> {
    fn from(value: &'a Value) -> Self {
        Self::Value(value)
    }
}

impl<'a> From<Object<'a>> for Member<'a> {
    fn from(object: Object<'a>) -> Self {
        Self::Object(object)
    }
}

impl<'a> From<Vec<Object<'a>>> for Member<'a> {
    fn from(objects: Vec<Object<'a>>) -> Self {
        Self::Objects(objects)
    }
}
