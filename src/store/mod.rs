//! What survives: the database, and the audit log's witnesses outside it.
//!
//! [`sqlite`] implements `ports::store::Store` (and the console's tables); `ledger` keeps the
//! audit file and the signed checkpoints; `audit` verifies a store from outside, read-only.

pub mod sqlite;
