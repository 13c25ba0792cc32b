//! What only the embedded store has: files.

use std::os::unix::fs::PermissionsExt;

use tribune::domain::request::Request;
use tribune::ports::store::{RequestFilter, Store as _, StoreError};
use tribune::store::sqlite::{Options, SqliteStore};

use super::{Bench, request, with_requests};

fn mode(path: &std::path::Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn nobody_else_can_read_the_store() {
    let place = Bench::sqlite();
    let store = place.open().await;
    store.commit(with_requests(vec![request(1)])).await.unwrap();
    let folder = place.file().unwrap().parent().unwrap().to_owned();
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|f| f.unwrap().path()).collect();
    assert_eq!(files.len(), 4, "database, log, shared index and lock: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn a_folder_that_others_can_open_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let opened = SqliteStore::open(&folder.path().join("t.db"), &Options::default()).await;
    let said = opened.err().unwrap().to_string();
    assert!(said.contains("can be opened by others; run `chmod 700"), "{said}");
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let place = Bench::sqlite();
    drop(place.open().await);
    let pool = behind_its_back(&place).await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9000, 'of the future', 1, x'00', 0)",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool.close().await;
    let said = place.try_open().await.err().unwrap();
    assert!(said.contains("has schema 9000, which this version of tribune does not know"));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let place = Bench::sqlite();
    let file = place.file().unwrap();
    std::fs::DirBuilder::new().create(file.parent().unwrap()).unwrap();
    let private = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(file.parent().unwrap(), private).unwrap();
    std::fs::write(&file, "once upon a time ".repeat(1000)).unwrap();
    let said = place.try_open().await.err().unwrap();
    assert!(said.contains("cannot be used as a store"), "{said}");
}

#[tokio::test]
async fn a_full_disk_refuses_the_change_and_forgets_nothing() {
    let place = Bench::sqlite();
    let file = place.file().unwrap();
    let options = Options { max_size: Some(300_000) };
    let store = SqliteStore::open(&file, &options).await.unwrap();
    let big = |id| {
        let asked_targets = vec!["x".repeat(50_000)];
        with_requests(vec![Request { asked_targets, ..request(id) }])
    };
    let mut id = 1;
    let error = loop {
        match store.commit(big(id)).await {
            Ok(_) => id += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error, StoreError::Full);
    assert!(id > 1);
    assert_eq!(store.requests(&RequestFilter::default()).await.unwrap().len() as u64, id - 1);
    store.commit(with_requests(vec![request(id)])).await.unwrap();
}

async fn behind_its_back(place: &Bench) -> sqlx::SqlitePool {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(place.file().unwrap());
    sqlx::SqlitePool::connect_with(options).await.unwrap()
}
