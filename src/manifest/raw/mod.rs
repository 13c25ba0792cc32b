//! The kinds of files as they are written: one struct per kind, places kept, nothing checked yet.
//!
//! These types are also what the JSON Schemas are made of, so their doc comments are what an
//! editor shows.

pub mod intent;
pub mod inventory;

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use super::decode::Placed;

/// One text or several.
#[derive(Debug, Clone)]
pub enum OneOrMany {
    /// `key: text`.
    One(String),
    /// `key: [text, text]`.
    Many(Vec<Placed<String>>),
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a list of texts")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany::One(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMany, A::Error> {
                let mut many = Vec::new();
                while let Some(one) = list.next_element()? {
                    many.push(one);
                }
                Ok(OneOrMany::Many(many))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl OneOrMany {
    /// Returns the texts, each with its place; `outer` is the place of the value itself.
    pub fn each(outer: &Placed<Self>) -> Vec<Placed<String>> {
        match &outer.value {
            Self::One(text) => vec![outer.with(text.clone())],
            Self::Many(many) => many.clone(),
        }
    }
}

impl JsonSchema for OneOrMany {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "OneOrMany".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }]
        })
    }
}

/// A value of a parameter: text, a whole number, or `true` and `false`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar(pub crate::domain::param::Value);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use crate::domain::param::Value;

        struct Any;

        impl Visitor<'_> for Any {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, a whole number, or `true` or `false`")
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar(Value::Boolean(value)))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar(Value::Integer(value)))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Scalar, E> {
                Ok(Scalar(Value::String(value.to_owned())))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

impl JsonSchema for Scalar {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer", "boolean"] })
    }
}
