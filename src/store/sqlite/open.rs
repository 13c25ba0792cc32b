//! Opening: who may read the files, who else is there, how old the schema is.

use std::borrow::Cow;
use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, SqlStr};

use super::{SqliteStore, drift, request};

/// Why a store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Others than the owner may look into the folder.
    #[error("{} can be opened by others; run `chmod 700 {}`", .0.display(), .0.display())]
    Exposed(PathBuf),
    /// Another daemon has it.
    #[error("another daemon uses {}; stop it first", .0.display())]
    InUse(PathBuf),
    /// A later version of Tribune wrote it.
    #[error("{} has schema {version}, which this version of tribune does not know; use the newer tribune that wrote it", path.display())]
    Newer {
        /// Which store.
        path: PathBuf,
        /// The schema it has.
        version: i64,
    },
    /// A migration failed, or is not the one that was applied before.
    #[error("failed to bring {} to the present schema: {why}", path.display())]
    Migration {
        /// Which store.
        path: PathBuf,
        /// In words.
        why: String,
    },
    /// A file or folder cannot be used.
    #[error("failed to use {}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is there and is not a database that can be used.
    #[error("{} cannot be used as a store: {why}", path.display())]
    Unusable {
        /// Which store.
        path: PathBuf,
        /// In words.
        why: String,
    },
}

/// How to open a store.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The database never grows beyond so many bytes (rounded down to whole pages), so that the
    /// rest of the disk stays free; `None`: as far as the disk goes.
    pub max_size: Option<u64>,
}

/// How long a connection waits for another program that has the database locked.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// SQLite's page, and the least a store needs for its schema.
const PAGE: u64 = 4096;
const READERS: u32 = 4;

impl SqliteStore {
    /// Opens the store in `path`, which is made if it is not there; its folder too.
    pub async fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        prepare_folder(path)?;
        let lock = lock(path)?;
        prepare_file(path)?;
        let unusable =
            |error: sqlx::Error| OpenError::Unusable { path: path.into(), why: error.to_string() };
        let writer = writer(path, options).await.map_err(unusable)?;
        migrate(path, &writer).await?;
        let readers = readers(path, READERS).await.map_err(unusable)?;
        let last = request::last_number(&readers)
            .await
            .map_err(|error| OpenError::Unusable { path: path.into(), why: error.to_string() })?;
        let incident = drift::last_number(&readers)
            .await
            .map_err(|error| OpenError::Unusable { path: path.into(), why: error.to_string() })?;
        Ok(Self {
            writer,
            readers,
            last_request: AtomicU64::new(last),
            last_incident: AtomicU64::new(incident),
            _lock: lock,
        })
    }

    /// Closes every connection; whatever is still asked of the store fails. Dropping the store
    /// without this is safe: the next one to open it reads the log.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Opens a store to read only, also while a daemon has it.
pub(in crate::store) async fn open_read_only(path: &Path) -> Result<SqlitePool, OpenError> {
    if let Err(error) = File::open(path) {
        return Err(OpenError::File { path: path.into(), error });
    }
    readers(path, 1)
        .await
        .map_err(|error| OpenError::Unusable { path: path.into(), why: error.to_string() })
}

fn base(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .disable_statement_logging()
}

async fn writer(path: &Path, options: &Options) -> Result<SqlitePool, sqlx::Error> {
    let mut connect =
        base(path).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    if let Some(bytes) = options.max_size {
        connect = connect.pragma("max_page_count", (bytes / PAGE).max(1).to_string());
    }
    pool(1).connect_with(connect).await
}

async fn readers(path: &Path, count: u32) -> Result<SqlitePool, sqlx::Error> {
    pool(count).connect_with(base(path).read_only(true)).await
}

fn pool(size: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(size)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

fn prepare_folder(path: &Path) -> Result<(), OpenError> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else {
        return Ok(());
    };
    let failed = |error| OpenError::File { path: folder.into(), error };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let mode = folder.metadata().map_err(failed)?.mode();
    if mode & 0o077 != 0 {
        return Err(OpenError::Exposed(folder.into()));
    }
    Ok(())
}

/// SQLite gives the files that it makes beside the database the database's own mode.
fn prepare_file(path: &Path) -> Result<(), OpenError> {
    let failed = |error| OpenError::File { path: path.into(), error };
    let file =
        OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(failed)?;
    file.set_permissions(Permissions::from_mode(0o600)).map_err(failed)
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let failed = |error| OpenError::File { path: name.clone(), error };
    let file =
        OpenOptions::new().create(true).append(true).mode(0o600).open(&name).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.into())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Every migration ever released, in order; never changed, only added to.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "core", include_str!("../../../migrations/sqlite/0001_core.sql")),
    (2, "console", include_str!("../../../migrations/sqlite/0002_console.sql")),
    (3, "revisions", include_str!("../../../migrations/sqlite/0003_revisions.sql")),
    (4, "drift", include_str!("../../../migrations/sqlite/0004_drift.sql")),
    (5, "retention", include_str!("../../../migrations/sqlite/0005_retention.sql")),
    (6, "calendar", include_str!("../../../migrations/sqlite/0006_calendar.sql")),
    (7, "outbox", include_str!("../../../migrations/sqlite/0007_outbox.sql")),
    (8, "bans", include_str!("../../../migrations/sqlite/0008_bans.sql")),
    (9, "console_retention", include_str!("../../../migrations/sqlite/0009_console_retention.sql")),
    (10, "buttons", include_str!("../../../migrations/sqlite/0010_buttons.sql")),
];

async fn migrate(path: &Path, writer: &SqlitePool) -> Result<(), OpenError> {
    let migrations = MIGRATIONS.iter().map(|&(version, name, sql)| {
        Migration::new(
            version,
            Cow::Borrowed(name),
            MigrationType::Simple,
            SqlStr::from_static(sql),
            false,
        )
    });
    let migrator = Migrator::with_migrations(migrations.collect());
    migrator.run(writer).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => OpenError::Newer { path: path.into(), version },
        other => OpenError::Migration { path: path.into(), why: other.to_string() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_that_was_written_is_applied() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
        let mut written: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        written.sort();
        let applied = MIGRATIONS.iter().map(|(number, name, _)| format!("{number:04}_{name}.sql"));
        assert_eq!(applied.collect::<Vec<_>>(), written);
    }
}
