//! Values that know where they stand.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::super::yaml::At;

/// The struct name by which [`Placed`] asks the deserializer for places.
pub(super) const PLACED: &str = "$tribune::Placed";

/// A value with its place and that of its key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where the value begins.
    pub at: At,
    /// Where its key stands; the same as `at` in a list.
    pub key_at: At,
}

impl<T> Placed<T> {
    /// Puts another value at the same place.
    pub fn with<U>(&self, value: U) -> Placed<U> {
        Placed { value, at: self.at, key_at: self.key_at }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Placed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Parts<T> {
            type Value = Placed<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value with its place")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<Placed<T>, A::Error> {
                let at = |both: u64| At { line: (both >> 32) as u32, column: both as u32 };
                let own = at(parts.next_value()?);
                let key = at(parts.next_value()?);
                Ok(Placed { value: parts.next_value()?, at: own, key_at: key })
            }
        }

        deserializer.deserialize_struct(PLACED, &[], Parts(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Placed<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
