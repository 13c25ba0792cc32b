//! A tree of YAML as a source that serde reads from, every error placed.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::super::yaml::{At, Entry, Node, Yaml};
use super::DecodeError;
use super::placed::PLACED;

/// A node as serde's source.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) node: &'a Node,
    pub(super) key_at: At,
}

impl<'a> Cursor<'a> {
    fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let result = match &self.node.value {
            Yaml::Null => visitor.visit_unit(),
            Yaml::Bool(value) => visitor.visit_bool(*value),
            Yaml::Integer(value) => match i64::try_from(*value) {
                Ok(value) => visitor.visit_i64(value),
                Err(_) => Err(de::Error::custom(format!("the number {value} is out of reach"))),
            },
            Yaml::Float(value) => visitor.visit_f64(*value),
            Yaml::Text(value) => visitor.visit_str(value),
            Yaml::List(list) => visitor.visit_seq(List { list, next: 0 }),
            Yaml::Map(map) => visitor.visit_map(Map { map, next: 0 }),
        };
        result.map_err(|error| error.placed(self.node.at))
    }
}

impl<'de> Deserializer<'de> for Cursor<'_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.visit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_some(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if name == PLACED {
            return visitor.visit_map(PlacedParts { cursor: self, part: 0 });
        }
        self.visit(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match &self.node.value {
            Yaml::Text(text) => {
                visitor.visit_enum(Word(text)).map_err(|error| error.placed(self.node.at))
            }
            _ => self.visit(WantsText).map(|never| match never {}),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}

/// Refuses whatever is not text.
struct WantsText;

impl Visitor<'_> for WantsText {
    type Value = std::convert::Infallible;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }
}

/// A word as the name of an enum's variant.
struct Word<'a>(&'a str);

impl<'de> EnumAccess<'de> for Word<'_> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self), DecodeError> {
        let text: StrDeserializer<'_, DecodeError> = self.0.into_deserializer();
        Ok((seed.deserialize(text)?, self))
    }
}

impl<'de> VariantAccess<'de> for Word<'_> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(
        self,
        _seed: S,
    ) -> Result<S::Value, DecodeError> {
        Err(de::Error::custom("a word cannot hold a value"))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        _visitor: V,
    ) -> Result<V::Value, DecodeError> {
        Err(de::Error::custom("a word cannot hold a value"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, DecodeError> {
        Err(de::Error::custom("a word cannot hold a value"))
    }
}

struct List<'a> {
    list: &'a [Node],
    next: usize,
}

impl<'de> SeqAccess<'de> for List<'_> {
    type Error = DecodeError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DecodeError> {
        let Some(node) = self.list.get(self.next) else { return Ok(None) };
        let index = self.next;
        self.next += 1;
        seed.deserialize(Cursor { node, key_at: node.at })
            .map(Some)
            .map_err(|error| error.placed(node.at).below(index, format!("[{index}]")))
    }
}

struct Map<'a> {
    map: &'a [Entry],
    next: usize,
}

impl<'de> MapAccess<'de> for Map<'_> {
    type Error = DecodeError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DecodeError> {
        let Some(entry) = self.map.get(self.next) else { return Ok(None) };
        self.next += 1;
        let text: StrDeserializer<'_, DecodeError> = entry.key.as_str().into_deserializer();
        seed.deserialize(text)
            .map(Some)
            .map_err(|error| error.placed(entry.key_at).below(self.next - 1, &entry.key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, DecodeError> {
        let index = self.next - 1;
        let entry = &self.map[index];
        seed.deserialize(Cursor { node: &entry.value, key_at: entry.key_at })
            .map_err(|error| error.placed(entry.value.at).below(index, &entry.key))
    }
}

/// What a [`Placed`] is made of.
struct PlacedParts<'a> {
    cursor: Cursor<'a>,
    part: usize,
}

impl<'de> MapAccess<'de> for PlacedParts<'_> {
    type Error = DecodeError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        _seed: S,
    ) -> Result<Option<S::Value>, DecodeError> {
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, DecodeError> {
        let at = |at: At| u64::from(at.line) << 32 | u64::from(at.column);
        self.part += 1;
        match self.part {
            1 => seed.deserialize(at(self.cursor.node.at).into_deserializer()),
            2 => seed.deserialize(at(self.cursor.key_at).into_deserializer()),
            _ => seed.deserialize(self.cursor),
        }
    }
}
