//! What survives: the database, and the audit log's witnesses outside it.
//!
//! [`sqlite`] implements `ports::store::Store` and the console's tables; [`ledger`] keeps the
//! audit file and the signed checkpoints; [`audit`] reads and verifies the audit log from
//! outside, read-only, also while a daemon runs.

pub mod audit;
pub mod ledger;
pub mod sqlite;
