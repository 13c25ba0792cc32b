//! The chat grammar on arbitrary bytes.

use std::collections::BTreeMap;

use tribune::domain::command::{Command, Vocabulary, parse};
use tribune::domain::intent::{Alias, AliasWord};

use crate::bytes::holds_for_bytes;

#[test]
fn any_bytes_give_a_command_nothing_or_an_error_with_a_hint() {
    let literal = |word: &str| AliasWord::Literal(word.to_owned());
    let service = AliasWord::Param("service".parse().expect("a parameter name"));
    let alias = Alias(vec![literal("restart"), service, literal("on"), AliasWord::Target]);
    let words = Vocabulary {
        intents: BTreeMap::from([("restart-service".parse().expect("a name"), vec![alias])]),
        people: ["ada".parse().expect("a name")].into(),
        mentions: BTreeMap::new(),
        bot: vec!["@tribune".to_owned()],
    };
    holds_for_bytes("grammar", |bytes| {
        let text = String::from_utf8_lossy(bytes);
        match parse(&text, &words) {
            Ok(Some(Command::Ask(ask))) => {
                let again = parse(&ask.to_string(), &words);
                assert_eq!(again, Ok(Some(Command::Ask(ask))), "canonical text of {text:?}");
            }
            Ok(_) => {}
            Err(error) => {
                assert!(!error.hint().is_empty(), "{error:?}");
                assert!(!error.to_string().contains('\n'), "{error:?}");
            }
        }
    });
}
