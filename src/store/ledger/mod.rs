//! The audit file and the checkpoint file: lines are added, never changed.
//!
//! A crash may leave half a line at the end of the audit file; it is cut off when the next row is
//! written, since the store still has the whole row. Half a checkpoint is left standing and ended
//! with a line feed: the file may well be append-only for us too (`chattr +a`).

mod key;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

pub use self::key::{CheckpointSigner, KeyError, PublicKey, SignatureError};
use crate::domain::audit::Row;
use crate::domain::audit::chain::StoredRow;
use crate::domain::audit::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::ports::ledger::{Ledger, LedgerError};

/// The audit log's files.
pub struct FileLedger {
    files: Arc<Files>,
    signer: CheckpointSigner,
    /// One writer at a time; the value is the last row in the file, once it was looked up.
    last: Mutex<Option<u64>>,
}

struct Files {
    rows: PathBuf,
    checkpoints: PathBuf,
}

impl FileLedger {
    /// Keeps rows and checkpoints in these files, which are made when they are first needed.
    pub fn new(rows: PathBuf, checkpoints: PathBuf, signer: CheckpointSigner) -> Self {
        Self { files: Arc::new(Files { rows, checkpoints }), signer, last: Mutex::new(None) }
    }

    /// Does what may wait for the disk away from the tasks that must not.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Files) -> io::Result<T> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let files = Arc::clone(&self.files);
        let done = tokio::task::spawn_blocking(move || work(&files)).await;
        done.map_err(io::Error::other).flatten().map_err(|error| LedgerError(error.to_string()))
    }

    async fn look_up(&self, last: &mut Option<u64>) -> Result<u64, LedgerError> {
        if let Some(last) = *last {
            return Ok(last);
        }
        let found = self.blocking(|files| last_row(&files.rows)).await?;
        *last = Some(found);
        Ok(found)
    }
}

#[async_trait]
impl Ledger for FileLedger {
    async fn last_row(&self) -> Result<u64, LedgerError> {
        self.look_up(&mut *self.last.lock().await).await
    }

    async fn append(&self, rows: &[Row]) -> Result<(), LedgerError> {
        let Some(end) = rows.last().map(|row| row.seq) else { return Ok(()) };
        let mut last = self.last.lock().await;
        let mut before = self.look_up(&mut last).await?;
        let mut text = String::new();
        for row in rows {
            // A new file begins where the store does: rows before may have been pruned.
            if before != 0 && row.seq != before + 1 {
                return Err(LedgerError(format!(
                    "it ends with row {before} and the next would be {}; run `tribune audit verify`",
                    row.seq
                )));
            }
            before = row.seq;
            text.push_str(&StoredRow::from(row).line());
            text.push('\n');
        }
        // Until it is known to have worked, the end of the file has to be looked up again.
        *last = None;
        self.blocking(move |files| {
            cut_half_line(&files.rows)?;
            add(&files.rows, &text)
        })
        .await?;
        *last = Some(end);
        Ok(())
    }

    async fn last_checkpoint(&self) -> Result<Option<Checkpoint>, LedgerError> {
        let text = self.blocking(|files| read_if_there(&files.checkpoints)).await?;
        let lines = text.lines().rev().filter_map(|line| line.parse::<SignedCheckpoint>().ok());
        Ok(lines.map(|signed| signed.checkpoint).next())
    }

    async fn checkpoints(&self) -> Result<Vec<Checkpoint>, LedgerError> {
        let text = self.blocking(|files| read_if_there(&files.checkpoints)).await?;
        let key = self.signer.public();
        let lines = text.lines().filter_map(|line| line.parse::<SignedCheckpoint>().ok());
        Ok(lines.filter(|line| key.check(line).is_ok()).map(|line| line.checkpoint).collect())
    }

    async fn sign(&self, checkpoint: Checkpoint) -> Result<SignedCheckpoint, LedgerError> {
        let signed = self.signer.sign(checkpoint);
        let line = format!("{signed}\n");
        let _one_at_a_time = self.last.lock().await;
        self.blocking(move |files| {
            let torn = half_line(&files.checkpoints)? > 0;
            add(&files.checkpoints, &if torn { format!("\n{line}") } else { line })
        })
        .await?;
        Ok(signed)
    }
}

fn add(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

fn read_if_there(path: &Path) -> io::Result<String> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        other => other,
    }
}

fn open_if_there(path: &Path, options: &OpenOptions) -> io::Result<Option<File>> {
    match options.open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the last `lines` whole lines and how many bytes of half a line follow them.
fn tail(path: &Path, lines: usize) -> io::Result<(String, u64)> {
    let Some(mut file) = open_if_there(path, OpenOptions::new().read(true))? else {
        return Ok((String::new(), 0));
    };
    let size = file.seek(SeekFrom::End(0))?;
    let mut window = 64 * 1024;
    loop {
        let start = size.saturating_sub(window);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let feeds = bytes.iter().filter(|byte| **byte == b'\n').count();
        if start == 0 || feeds > lines {
            let text = String::from_utf8_lossy(&bytes[..whole]);
            let skip = text.lines().count().saturating_sub(lines);
            let last = text.lines().skip(skip).collect::<Vec<_>>().join("\n");
            return Ok((last, (bytes.len() - whole) as u64));
        }
        window *= 4;
    }
}

fn last_row(path: &Path) -> io::Result<u64> {
    let (line, _) = tail(path, 1)?;
    if line.is_empty() {
        return Ok(0);
    }
    let row = StoredRow::from_line(&line)
        .map_err(|_| io::Error::other("its last line is not a row; run `tribune audit verify`"))?;
    Ok(row.seq)
}

fn half_line(path: &Path) -> io::Result<u64> {
    Ok(tail(path, 0)?.1)
}

fn cut_half_line(path: &Path) -> io::Result<()> {
    let half = half_line(path)?;
    if half == 0 {
        return Ok(());
    }
    match open_if_there(path, OpenOptions::new().write(true))? {
        Some(file) => file.set_len(file.metadata()?.len() - half),
        None => Ok(()),
    }
}
