//! Canonical JSON: one value, one text, so that a hash of it can be checked by anybody.
//!
//! Keys are sorted at every depth, there is no white space, and everything else is as serde_json
//! writes it. For the values Tribune hashes, `jq -cS .` gives the same text.

use serde::Serialize;

/// Returns the canonical JSON of a value.
pub fn canonical_json<T: Serialize>(value: &T) -> String {
    let mut value = serde_json::to_value(value).expect("plain data with text keys serialises");
    // Another crate may switch on serde_json's `preserve_order`, so sorting is done here.
    value.sort_all_objects();
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn order_of_keys_never_matters() {
        let one: Value = serde_json::from_str(r#"{"b":[{"z":1,"a":2}],"a":null}"#).unwrap();
        let other: Value = serde_json::from_str(r#"{ "a": null, "b": [{"a":2,"z":1}] }"#).unwrap();
        assert_eq!(canonical_json(&one), r#"{"a":null,"b":[{"a":2,"z":1}]}"#);
        assert_eq!(canonical_json(&one), canonical_json(&other));
    }
}
