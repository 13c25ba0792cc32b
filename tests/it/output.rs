//! The output cleaner on arbitrary bytes.

use std::sync::Arc;

use tribune::domain::invisible::is_invisible;
use tribune::redact::{Cleaner, Redactor};

use crate::bytes::holds_for_bytes;

/// Returns what comes out when `bytes` come in pieces of `size`.
fn cleaned(redactor: &Arc<Redactor>, bytes: &[u8], size: usize) -> String {
    let mut cleaner = Cleaner::new(Arc::clone(redactor));
    let mut text: String = bytes.chunks(size).map(|piece| cleaner.push(piece)).collect();
    text.push_str(&cleaner.finish());
    text
}

#[test]
fn any_bytes_in_any_pieces_give_the_same_visible_text_without_secrets() {
    let redactor = Redactor::new([("horse", "correct-horse")]).expect("a usable secret");
    let redactor = Arc::new(redactor);
    holds_for_bytes("output", |bytes| {
        let whole = cleaned(&redactor, bytes, bytes.len().max(1));
        for size in [1, 2, 3, 7] {
            assert_eq!(cleaned(&redactor, bytes, size), whole, "in pieces of {size}");
        }
        let visible = |c: char| matches!(c, '\n' | '\t') || !is_invisible(c);
        assert!(whole.chars().all(visible), "{whole:?}");
        assert!(!whole.contains("correct-horse"), "{whole:?}");
    });
}
