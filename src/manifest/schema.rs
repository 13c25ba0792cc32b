//! JSON Schemas of every kind, for editors and for `tribune schema`.

use std::collections::BTreeMap;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

use super::raw::intent::RawIntent;
use super::raw::inventory::{
    RawBan, RawChannels, RawEnvironments, RawPerson, RawRoles, RawService,
};

/// Returns the schema of every kind by the kind's name, in order of name.
pub fn all() -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        ("ban", of::<RawBan>("Ban")),
        ("channels", of::<RawChannels>("Channels")),
        ("environments", of::<RawEnvironments>("Environments")),
        ("intent", of::<RawIntent>("Intent")),
        ("person", of::<RawPerson>("Person")),
        ("roles", of::<RawRoles>("Roles")),
        ("service", of::<RawService>("Service")),
    ])
}

/// Returns the text of a schema as it is committed below `docs/schema/`.
pub fn text(schema: &Value) -> String {
    let mut text = serde_json::to_string_pretty(schema).expect("a schema is plain JSON");
    text.push('\n');
    text
}

fn of<T: JsonSchema>(title: &str) -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Value::Object(top) = &mut schema {
        top.insert("title".to_owned(), Value::from(title));
        if let Some(Value::Object(version)) =
            top.get_mut("properties").and_then(|all| all.get_mut("version"))
        {
            version.insert("const".to_owned(), Value::from(1));
        }
    }
    schema
}
