//! The audit log read from outside: listed, exported, verified. Read-only; a daemon may run.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use sqlx::sqlite::SqlitePool;

use super::ledger::PublicKey;
use super::sqlite::{OpenError, audit, open_read_only};
use crate::domain::audit::Row;
use crate::domain::audit::chain::{Broken, Head, StoredRow, Verifier};
use crate::domain::audit::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::domain::audit::prune::{Told, check_beginning};
pub use crate::domain::audit::report::{Finding, Report};
use crate::ports::audit_check::{AuditCheck, AuditCheckError};
use crate::ports::store::{AuditFilter, StoreError};

/// Why the audit log could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be read.
    #[error("failed to read {}: {error}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// The audit log of a store.
pub struct AuditLog {
    store: SqlitePool,
}

impl AuditLog {
    /// Opens the audit log of the store in a file.
    pub async fn open(store: &Path) -> Result<Self, AuditError> {
        Ok(Self { store: open_read_only(store).await? })
    }

    /// Lists rows, oldest first.
    pub async fn list(&self, filter: &AuditFilter) -> Result<Vec<Row>, AuditError> {
        Ok(audit::list(&self.store, filter).await?)
    }

    /// Gives every row as a line of the audit file, without its line feed, oldest first.
    pub async fn export(
        &self,
        mut line: impl FnMut(&str) -> io::Result<()>,
    ) -> Result<(), AuditError> {
        let written = audit::scan(&self.store, |_, row| match row {
            Some(row) => line(&row.line()),
            None => Ok(()),
        });
        let output = PathBuf::from("the output");
        written.await?.map_err(|error| AuditError::File { path: output, error })
    }
}

/// What to verify, and against what.
#[derive(Debug, Clone)]
pub struct Witnesses {
    /// The store.
    pub store: PathBuf,
    /// The audit file, if there is one.
    pub rows: Option<PathBuf>,
    /// Files with checkpoint lines, such as a copy from the operations channel.
    pub checkpoints: Vec<PathBuf>,
    /// What the checkpoints must be signed with; without it none is believed.
    pub key: Option<PublicKey>,
}

/// Verifies the audit log of a store.
///
/// Files are read up to where they end now, before the store is looked at, so that a daemon that
/// writes meanwhile is never taken for one that lost rows.
pub async fn verify_store(witnesses: &Witnesses) -> Result<Report, AuditError> {
    let mut report = Report::default();
    let checkpoints = read_checkpoints(witnesses, &mut report)?;
    let mut file = RowsFile::open(witnesses.rows.as_deref(), &mut report)?;
    let store = open_read_only(&witnesses.store).await?;
    let mut check = ChainCheck::new();
    let scanned = audit::scan(&store, |seq, row| -> Result<(), AuditError> {
        let Some(row) = row else {
            check.found(Broken::Changed { seq });
            return Ok(());
        };
        check.feed(&row);
        for checkpoint in &checkpoints {
            check.note(checkpoint.check(&row));
        }
        if let Some(line) = file.row(row.seq)? {
            report.compared += 1;
            check.note(agrees(&line, &row));
        }
        Ok(())
    });
    scanned.await??;
    store.close().await;
    check.finish(&checkpoints, &mut file)?;
    file.check_beginning(&check.told, &checkpoints);
    report.notes.extend(check.told.iter().map(note));
    report.findings.splice(0..0, check.broken.map(Finding::Chain));
    report.findings.extend(file.broken.map(Finding::RowsFile));
    report.head = check.head;
    report.pruned = check.first.map_or(0, |first| first.saturating_sub(1));
    let agreeing =
        |checkpoint: &&Checkpoint| check.believed.is_none_or(|up| checkpoint.head.seq <= up);
    report.checkpoints = checkpoints.iter().filter(agreeing).count();
    report.last_checkpoint =
        checkpoints.iter().filter(agreeing).max_by_key(|checkpoint| checkpoint.head.seq).copied();
    Ok(report)
}

/// The store's own audit log and the witnesses that settings name, for the running daemon.
#[derive(Debug, Clone)]
pub struct OwnCheck {
    /// The store.
    pub store: PathBuf,
    /// The audit file.
    pub rows: PathBuf,
    /// The checkpoint file.
    pub checkpoints: PathBuf,
    /// The key that checkpoints are signed with; its public half stands beside it.
    pub key: PathBuf,
}

#[async_trait]
impl AuditCheck for OwnCheck {
    async fn verify(&self) -> Result<Report, AuditCheckError> {
        let failed = |error: &dyn Display| AuditCheckError(error.to_string());
        let key = PublicKey::beside(&self.key).map_err(|error| failed(&error))?;
        let witnesses = Witnesses {
            store: self.store.clone(),
            rows: Some(self.rows.clone()),
            checkpoints: vec![self.checkpoints.clone()],
            key: Some(key),
        };
        // Hashing every row takes its time: not on a thread that answers people.
        let runtime = tokio::runtime::Handle::current();
        let work = move || runtime.block_on(verify_store(&witnesses));
        let done = tokio::task::spawn_blocking(work).await.map_err(|error| failed(&error))?;
        done.map_err(|error| failed(&error))
    }
}

/// Says whether the audit file and the store have the same row.
fn agrees(line: &StoredRow, row: &StoredRow) -> Result<(), Broken> {
    match line.hash == row.hash {
        true => Ok(()),
        false => Err(Broken::Recomputed { seq: row.seq, witness: "the audit file".to_owned() }),
    }
}

/// Says in words what was pruned, when, by whom and why.
fn note(told: &Told) -> String {
    let by = told.by.as_ref().map_or("tribune, by its retention".to_owned(), ToString::to_string);
    format!(
        "{} rows before row {} were pruned at {} by {by}: {}",
        told.prune.rows, told.prune.up_to, told.at, told.prune.reason
    )
}

/// The first thing that is wrong with the chain, and where it begins and ends.
struct ChainCheck {
    verifier: Verifier,
    first: Option<u64>,
    /// Rows that tell of a prune.
    told: Vec<Told>,
    broken: Option<Broken>,
    head: Option<Head>,
    /// Where the first thing is wrong: what lies before is believed.
    believed: Option<u64>,
}

impl ChainCheck {
    fn new() -> Self {
        Self {
            verifier: Verifier::from_anywhere(),
            first: None,
            told: Vec::new(),
            broken: None,
            head: None,
            believed: None,
        }
    }

    fn feed(&mut self, row: &StoredRow) {
        self.first.get_or_insert(row.seq);
        self.told.extend(Told::of(row));
        if self.broken.is_none()
            && let Err(broken) = self.verifier.feed(row)
        {
            self.found(broken);
        }
        self.head = Some(Head { seq: row.seq, hash: row.hash, count: row.seq });
    }

    fn note(&mut self, result: Result<(), Broken>) {
        if let Err(broken) = result {
            self.found(broken);
        }
    }

    /// Keeps the first.
    fn found(&mut self, broken: Broken) {
        if self.broken.is_none() {
            let seq = match &broken {
                Broken::Changed { seq }
                | Broken::Replaced { seq }
                | Broken::Reordered { seq, .. }
                | Broken::Recomputed { seq, .. } => seq.saturating_sub(1),
                Broken::Missing { after, .. } => *after,
                Broken::Unvouched { .. } => 0,
            };
            self.believed = Some(seq);
            self.broken = Some(broken);
        }
    }

    /// Compares the end of the chain with what the witnesses know.
    fn finish(
        &mut self,
        checkpoints: &[Checkpoint],
        file: &mut RowsFile,
    ) -> Result<(), AuditError> {
        let first = self.first.unwrap_or(1);
        if let Err(broken) = check_beginning(first, &self.told, checkpoints) {
            // What is wrong at the very beginning comes before all else.
            self.broken = None;
            self.found(broken);
        }
        let end = self.head.map_or(0, |head| head.seq);
        let known = checkpoints.iter().map(|checkpoint| checkpoint.head.seq).max().unwrap_or(0);
        let known = known.max(file.end()?);
        if known > end {
            self.found(Broken::Missing { after: end, count: known - end });
        }
        Ok(())
    }
}

fn read_checkpoints(
    witnesses: &Witnesses,
    report: &mut Report,
) -> Result<Vec<Checkpoint>, AuditError> {
    let mut believed = Vec::new();
    for path in &witnesses.checkpoints {
        let text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                report.notes.push(format!("{} is not there", path.display()));
                continue;
            }
            other => other.map_err(|error| AuditError::File { path: path.clone(), error })?,
        };
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let line_number = index + 1;
            let Ok(signed) = line.parse::<SignedCheckpoint>() else {
                let place = format!("{}:{line_number}", path.display());
                report.notes.push(format!("{place} is not a checkpoint and was passed over"));
                continue;
            };
            let checked = match &witnesses.key {
                Some(key) => key.check(&signed).map_err(|error| error.to_string()),
                None => Err("there is no public key to check it with".to_owned()),
            };
            match checked {
                Ok(()) => believed.push(signed.checkpoint),
                Err(why) => report.findings.push(Finding::Checkpoint {
                    file: path.clone(),
                    line: line_number,
                    why,
                }),
            }
        }
    }
    Ok(believed)
}

/// The audit file, read along with the store.
struct RowsFile {
    path: PathBuf,
    lines: Option<io::Lines<BufReader<io::Take<File>>>>,
    verifier: Verifier,
    /// A row that was read and not yet asked for.
    ahead: Option<StoredRow>,
    /// The first row that was read; 1 if none was.
    first: u64,
    /// The last row that was read; 0 if none was.
    last: u64,
    broken: Option<Broken>,
}

impl RowsFile {
    fn open(path: Option<&Path>, report: &mut Report) -> Result<Self, AuditError> {
        let mut file = Self {
            path: path.map(Path::to_owned).unwrap_or_default(),
            lines: None,
            verifier: Verifier::from_anywhere(),
            ahead: None,
            first: 1,
            last: 0,
            broken: None,
        };
        let Some(path) = path else { return Ok(file) };
        let failed = |error| AuditError::File { path: path.into(), error };
        let opened = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                report.notes.push(format!("{} is not there", path.display()));
                return Ok(file);
            }
            other => other.map_err(failed)?,
        };
        let whole = whole_lines(&opened).map_err(failed)?;
        file.lines = Some(BufReader::new(opened.take(whole)).lines());
        Ok(file)
    }

    /// Returns the next row, until one does not fit: such a file is no witness any more.
    fn next(&mut self) -> Result<Option<StoredRow>, AuditError> {
        if let Some(row) = self.ahead.take() {
            return Ok(Some(row));
        }
        let Some(line) = self.lines.as_mut().and_then(Iterator::next) else { return Ok(None) };
        let line = line.map_err(|error| AuditError::File { path: self.path.clone(), error })?;
        let fed = match StoredRow::from_line(&line) {
            Ok(row) => self.verifier.feed(&row).map(|()| row),
            Err(_) => Err(Broken::Changed { seq: self.last + 1 }),
        };
        match fed {
            Ok(row) => {
                if self.last == 0 {
                    self.first = row.seq;
                }
                self.last = row.seq;
                Ok(Some(row))
            }
            Err(broken) => {
                self.broken = Some(broken);
                self.lines = None;
                Ok(None)
            }
        }
    }

    /// Returns row `seq`, if the file has it.
    fn row(&mut self, seq: u64) -> Result<Option<StoredRow>, AuditError> {
        while let Some(row) = self.next()? {
            if row.seq == seq {
                return Ok(Some(row));
            }
            if row.seq > seq {
                self.ahead = Some(row);
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Checks that a file which was begun anew was so after a prune.
    fn check_beginning(&mut self, told: &[Told], checkpoints: &[Checkpoint]) {
        if let Err(broken) = check_beginning(self.first, told, checkpoints) {
            self.broken = Some(broken);
        }
    }

    /// Returns the last row of the file.
    fn end(&mut self) -> Result<u64, AuditError> {
        while self.next()?.is_some() {}
        Ok(self.last)
    }
}

/// Returns how many bytes of the file are whole lines now.
fn whole_lines(file: &File) -> io::Result<u64> {
    use std::os::unix::fs::FileExt;
    let mut end = file.metadata()?.len();
    let mut byte = [0];
    while end > 0 {
        file.read_exact_at(&mut byte, end - 1)?;
        if byte[0] == b'\n' {
            break;
        }
        end -= 1;
    }
    Ok(end)
}
