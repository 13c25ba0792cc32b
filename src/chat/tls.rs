//! How chats over the network are reached safely: one TLS stack, the machine's own authorities,
//! and one more where settings name it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Why there is no TLS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// The file with an authority cannot be used.
    #[error("failed to read certificates from {}: {why}", .file.display())]
    Authority {
        /// Which file.
        file: PathBuf,
        /// In words.
        why: String,
    },
    /// The TLS stack refuses its own defaults.
    #[error("failed to prepare TLS: {0}")]
    Stack(String),
}

/// Makes ring the cryptography of this process, unless there is one already.
pub fn install() {
    // The first one stays; that another thread was quicker is fine.
    if rustls::crypto::CryptoProvider::get_default().is_none()
        && rustls::crypto::ring::default_provider().install_default().is_err()
    {
        tracing::debug!("a cryptography provider was there already");
    }
}

/// Returns how servers are recognised: by the machine's authorities and those of `ca_file`.
pub fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    // A machine without any, such as a bare container, may still have a `ca_file`.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = ca_file {
        let wrong = |why: String| TlsError::Authority { file: file.to_owned(), why };
        let given =
            CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))?;
        let mut count = 0;
        for certificate in given {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            count += 1;
        }
        if count == 0 {
            return Err(wrong("it holds no certificate in PEM".to_owned()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Stack(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(client_config(Some(file.path())), Err(TlsError::Authority { .. })));
        let gone = client_config(Some(Path::new("/nowhere/ca.pem"))).unwrap_err().to_string();
        assert!(gone.contains("/nowhere/ca.pem"), "{gone}");
        assert!(client_config(None).is_ok());
    }
}
