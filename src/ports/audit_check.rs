//! Verifying the audit log: the store's chain against the witnesses outside it.

use async_trait::async_trait;

use crate::domain::audit::report::Report;

/// Why the audit log could not be verified. That says nothing about whether it is whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the audit log could not be verified: {0}")]
pub struct AuditCheckError(pub String);

/// Verifies the audit log.
#[async_trait]
pub trait AuditCheck: Send + Sync {
    /// Reads every row and compares it with the chain, the audit file and the checkpoints. Takes
    /// as long as that takes, and keeps no other task waiting meanwhile.
    async fn verify(&self) -> Result<Report, AuditCheckError>;
}
