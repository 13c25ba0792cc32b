//! The chain: each row's hash is over its entry and the hash of the row before.
//!
//! The hash of a row is the SHA-256 of this text, without a line feed at its end:
//!
//! ```text
//! {"entry":{…},"previous":"<64 hexadecimal digits>","seq":<number>,"v":1}
//! ```
//!
//! It is canonical JSON ([`canonical_json`]), so `jq -cjS .row | sha256sum` on a line of the audit
//! file checks a row. Rows are verified by the text they are stored as, never by what Tribune
//! would write for them today: a later version may know more fields.

use serde::{Deserialize, Serialize};

use super::{Entry, Row};
use crate::domain::canonical::canonical_json;
use crate::domain::digest::Digest;

/// The hash that the first row names as the one before it.
pub fn genesis() -> Digest {
    Digest::try_from("0".repeat(64)).expect("64 zeros are a digest")
}

/// Returns `entry` in its place after `previous`.
pub fn chain(previous: Option<&Row>, entry: Entry) -> Row {
    let (seq, before) = previous.map_or((1, genesis()), |row| (row.seq + 1, row.hash));
    let hash = hash_of(seq, &before, &canonical_json(&entry));
    Row { seq, previous: before, entry, hash }
}

fn hash_of(seq: u64, previous: &Digest, entry: &str) -> Digest {
    Digest::of(hashed_text(seq, previous, entry).as_bytes())
}

fn hashed_text(seq: u64, previous: &Digest, entry: &str) -> String {
    format!(r#"{{"entry":{entry},"previous":"{previous}","seq":{seq},"v":1}}"#)
}

/// A row as it is stored: its entry is text, and nothing of it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRow {
    /// Its place.
    pub seq: u64,
    /// What it says is the hash of the row before.
    pub previous: Digest,
    /// The canonical JSON of its entry.
    pub entry: String,
    /// What it says is its hash.
    pub hash: Digest,
}

impl StoredRow {
    /// Returns the line of the audit file for this row, without its line feed.
    pub fn line(&self) -> String {
        let text = hashed_text(self.seq, &self.previous, &self.entry);
        format!(r#"{{"hash":"{}","row":{text}}}"#, self.hash)
    }

    /// Reads a line of the audit file.
    pub fn from_line(line: &str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Line {
            hash: Digest,
            row: Inner,
        }
        #[derive(Deserialize)]
        struct Inner {
            entry: serde_json::Value,
            previous: Digest,
            seq: u64,
        }
        let Line { hash, row } = serde_json::from_str(line)?;
        let entry = canonical_json(&row.entry);
        Ok(Self { seq: row.seq, previous: row.previous, entry, hash })
    }
}

impl From<&Row> for StoredRow {
    fn from(row: &Row) -> Self {
        Self {
            seq: row.seq,
            previous: row.previous,
            entry: canonical_json(&row.entry),
            hash: row.hash,
        }
    }
}

/// The last row of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Its place.
    pub seq: u64,
    /// Its hash.
    pub hash: Digest,
    /// How many rows there are up to it.
    pub count: u64,
}

impl From<&Row> for Head {
    fn from(row: &Row) -> Self {
        Self { seq: row.seq, hash: row.hash, count: row.seq }
    }
}

/// What is wrong with a chain: the first thing that is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A row's hash does not fit what the row says.
    #[error("row {seq} was changed: its hash does not fit its content")]
    Changed {
        /// Which row.
        seq: u64,
    },
    /// A row fits itself, and the next row names another hash for it.
    #[error("row {seq} was replaced: row {} names another hash for it", seq + 1)]
    Replaced {
        /// Which row.
        seq: u64,
    },
    /// Rows are missing.
    #[error("{count} {} missing after row {after}", if *count == 1 { "row is" } else { "rows are" })]
    Missing {
        /// After which row; 0: at the beginning.
        after: u64,
        /// How many.
        count: u64,
    },
    /// Rows were pruned, and nothing vouches for the row that is the first now.
    #[error(
        "rows before row {seq} were pruned, and no checkpoint that is believed vouches for it: name a file that has it with --checkpoint"
    )]
    Unvouched {
        /// Which row.
        seq: u64,
    },
    /// A row stands where it does not belong.
    #[error("row {seq} stands after row {after}: rows were reordered")]
    Reordered {
        /// Which row.
        seq: u64,
        /// The row it stands behind.
        after: u64,
    },
    /// The chain fits itself, and a witness outside it knows another row.
    #[error(
        "row {seq} is not the one that {witness} tells of: it or a row before it was changed and the chain computed anew"
    )]
    Recomputed {
        /// Which row.
        seq: u64,
        /// Who knows better, in words.
        witness: String,
    },
}

/// Checks a chain row by row, so that a long one needs no memory.
#[derive(Debug, Clone, Default)]
pub struct Verifier {
    last: Option<(u64, Digest)>,
    begins: Begins,
}

/// Where a chain begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Begins {
    /// With row 1.
    #[default]
    AtOne,
    /// Anywhere: whoever checks it asks whether that may be.
    Anywhere,
}

impl Verifier {
    /// Returns one that takes any row as the first: rows before may have been pruned, which the
    /// caller looks into.
    pub fn from_anywhere() -> Self {
        Self { last: None, begins: Begins::Anywhere }
    }

    /// Takes the next row as it is stored.
    pub fn feed(&mut self, row: &StoredRow) -> Result<(), Broken> {
        let (last, hash) = match (self.last, self.begins) {
            (Some(last), _) => last,
            (None, Begins::Anywhere) if row.seq > 1 => (row.seq - 1, row.previous),
            (None, Begins::Anywhere | Begins::AtOne) => (0, genesis()),
        };
        if row.seq <= last {
            return Err(Broken::Reordered { seq: row.seq, after: last });
        }
        if row.seq > last + 1 {
            return Err(Broken::Missing { after: last, count: row.seq - last - 1 });
        }
        if hash_of(row.seq, &row.previous, &row.entry) != row.hash {
            return Err(Broken::Changed { seq: row.seq });
        }
        if row.previous != hash {
            // Row 1 has nobody before it that could have been replaced.
            return Err(match last {
                0 => Broken::Changed { seq: row.seq },
                seq => Broken::Replaced { seq },
            });
        }
        self.last = Some((row.seq, row.hash));
        Ok(())
    }

    /// Returns the last row that was taken.
    pub fn head(&self) -> Option<Head> {
        self.last.map(|(seq, hash)| Head { seq, hash, count: seq })
    }
}

/// Checks a whole chain; an empty one has no head and is not broken.
pub fn verify<'a>(rows: impl IntoIterator<Item = &'a StoredRow>) -> Result<Option<Head>, Broken> {
    let mut verifier = Verifier::default();
    for row in rows {
        verifier.feed(row)?;
    }
    Ok(verifier.head())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::Event;
    use jiff::Timestamp;

    fn rows(count: u64) -> Vec<StoredRow> {
        let mut last: Option<Row> = None;
        (1..=count)
            .map(|number| {
                let row = chain(
                    last.as_ref(),
                    Entry {
                        at: Timestamp::from_millisecond(number as i64 * 1000).unwrap(),
                        actor: None,
                        event: Event::RequestMade,
                        request: None,
                        revision: None,
                        detail: serde_json::json!({ "z": number, "a": "é\n\"" }),
                    },
                );
                last = Some(row.clone());
                StoredRow::from(&row)
            })
            .collect()
    }

    #[test]
    fn an_untouched_chain_verifies_up_to_its_head() {
        let rows = rows(5);
        let head = verify(&rows).unwrap().unwrap();
        assert_eq!((head.seq, head.count, head.hash), (5, 5, rows[4].hash));
        assert_eq!(verify(&[]), Ok(None));
    }

    #[test]
    fn the_hash_is_the_sha256_of_the_documented_text() {
        let row = &rows(1)[0];
        let zeros = "0".repeat(64);
        let text = format!(
            r#"{{"entry":{{"actor":null,"at":1000,"detail":{{"a":"é\n\"","z":1}},"event":"request.made","request":null,"revision":null}},"previous":"{zeros}","seq":1,"v":1}}"#
        );
        assert_eq!(row.hash, Digest::of(text.as_bytes()));
        assert_eq!(row.line(), format!(r#"{{"hash":"{}","row":{text}}}"#, row.hash));
    }

    #[test]
    fn a_line_of_the_audit_file_reads_back_as_the_same_row() {
        for row in rows(3) {
            assert_eq!(StoredRow::from_line(&row.line()).unwrap(), row);
        }
    }

    #[test]
    fn the_first_changed_row_is_named() {
        let mut rows = rows(5);
        rows[2].entry = rows[2].entry.replace("\"z\":3", "\"z\":4");
        rows[4].entry = rows[4].entry.replace("\"z\":5", "\"z\":4");
        assert_eq!(verify(&rows), Err(Broken::Changed { seq: 3 }));
    }

    #[test]
    fn a_changed_row_with_a_fitting_hash_is_named_too() {
        let mut rows = rows(5);
        rows[2].entry = rows[2].entry.replace("\"z\":3", "\"z\":4");
        rows[2].hash = hash_of(3, &rows[2].previous, &rows[2].entry);
        assert_eq!(verify(&rows), Err(Broken::Replaced { seq: 3 }));
    }

    #[test]
    fn removed_rows_are_counted() {
        let all = rows(6);
        let gap: Vec<_> = all.iter().filter(|row| ![3, 4].contains(&row.seq)).cloned().collect();
        assert_eq!(verify(&gap), Err(Broken::Missing { after: 2, count: 2 }));
        assert_eq!(verify(&all[1..]), Err(Broken::Missing { after: 0, count: 1 }));
    }

    #[test]
    fn reordered_rows_are_named() {
        let mut rows = rows(4);
        rows.swap(1, 2);
        assert_eq!(verify(&rows), Err(Broken::Missing { after: 1, count: 1 }));
        let mut rows = self::rows(4);
        rows[3].seq = 2;
        assert_eq!(verify(&rows), Err(Broken::Reordered { seq: 2, after: 3 }));
    }

    #[test]
    fn every_single_change_of_a_row_shows() {
        let rows = rows(3);
        let others: [fn(&mut StoredRow); 4] = [
            |row| row.seq += 7,
            |row| row.previous = Digest::of(b"other"),
            |row| row.hash = Digest::of(b"other"),
            |row| row.entry = row.entry.replace("request.made", "run.start"),
        ];
        for index in 0..rows.len() {
            for change in others {
                let mut rows = rows.clone();
                change(&mut rows[index]);
                verify(&rows).unwrap_err();
            }
        }
    }
}
