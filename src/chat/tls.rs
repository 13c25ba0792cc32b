//! How chats over the network are reached safely: one TLS stack, the machine's own authorities,
//! and one more where settings name it.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{CertificateError, ClientConfig, RootCertStore};

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

/// Says why a server was not reached, after a word for it and without its address: who made
/// the certificate, where the settings name an authority (`ca_key`), or what else stood in the way.
pub fn why_unreached(error: &(dyn Error + 'static), ca_key: &str) -> String {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return why_no_tls(tls, ca_key);
        }
        let io = cause.downcast_ref::<io::Error>();
        match io.map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => {
                return "nothing listens at its address".to_owned();
            }
            Some(io::ErrorKind::TimedOut) => return "it does not answer in time".to_owned(),
            _ if cause.to_string() == "dns error" => {
                return "the name in its address is not known here".to_owned();
            }
            _ => {}
        }
        // An I/O error hides what it wraps from those who ask for its source.
        let wrapped = io.and_then(io::Error::get_ref);
        next = wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| cause.source());
    }
    "there is no connection to it".to_owned()
}

fn why_no_tls(error: &rustls::Error, ca_key: &str) -> String {
    use CertificateError as Wrong;
    let rustls::Error::InvalidCertificate(wrong) = error else {
        return "what answers at its address does not speak TLS as it should".to_owned();
    };
    match wrong {
        Wrong::UnknownIssuer => {
            format!("its certificate is not trusted; see {ca_key}")
        }
        Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => {
            "its certificate is for another name than that in its address".to_owned()
        }
        Wrong::Expired | Wrong::ExpiredContext { .. } => "its certificate has expired".to_owned(),
        Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => {
            "its certificate is not valid yet; compare the clocks".to_owned()
        }
        _ => format!("its certificate is not valid; see {ca_key}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a client's errors are: the last one says nothing.
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Outer(&'static str, #[source] Box<dyn Error + Send + Sync>);

    #[test]
    fn why_a_server_is_not_reached_is_said_of_what_lies_within() {
        let told = |inner: Box<dyn Error + Send + Sync>| {
            why_unreached(&Outer("error sending request", inner), "matrix.ca_file")
        };
        let certificate = |wrong| {
            let tls = rustls::Error::InvalidCertificate(wrong);
            let io = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, tls));
            told(Box::new(Outer("client error (Connect)", Box::new(io))))
        };
        let found = [
            certificate(CertificateError::UnknownIssuer),
            certificate(CertificateError::NotValidForName),
            certificate(CertificateError::Expired),
            certificate(CertificateError::NotValidYet),
            certificate(CertificateError::BadSignature),
            told(Box::new(rustls::Error::DecryptError)),
            told(Box::new(io::Error::from(io::ErrorKind::ConnectionRefused))),
            told(Box::new(Outer("dns error", Box::new(io::Error::other("no such name"))))),
            told(Box::new(io::Error::other("token=hunter2"))),
        ];
        insta::assert_snapshot!(found.join("\n"), @r"
        its certificate is not trusted; see matrix.ca_file
        its certificate is for another name than that in its address
        its certificate has expired
        its certificate is not valid yet; compare the clocks
        its certificate is not valid; see matrix.ca_file
        what answers at its address does not speak TLS as it should
        nothing listens at its address
        the name in its address is not known here
        there is no connection to it
        ");
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(client_config(Some(file.path())), Err(TlsError::Authority { .. })));
        let gone = client_config(Some(Path::new("/nowhere/ca.pem"))).unwrap_err().to_string();
        assert!(gone.contains("/nowhere/ca.pem"), "{gone}");
        assert!(client_config(None).is_ok());
    }
}
