//! A certificate and its key, as they stand in files.

use mrp_proto::time::Timestamp;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::{Zeroize as _, Zeroizing};

/// Bytes of a file of certificates or keys, at most: a wrong path may lead to anything.
const MAX_FILE: u64 = 1 << 20;

/// Why there can be no TLS as configured.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path}: cannot read the {what}: {source}{}; name a file that this user can read", owner.as_ref().map(|owner| format!(" ({owner})")).unwrap_or_default())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Certificate or key.
        what: &'static str,
        /// What the system says.
        source: io::Error,
        /// Whose the file is, and whose this process.
        owner: Option<String>,
    },
    /// A file has no certificate.
    #[error(
        "{path}: there is no certificate in it; expected PEM with -----BEGIN CERTIFICATE-----, the relay's own certificate first"
    )]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A certificate cannot be used.
    #[error("{path}: the certificate cannot be used: {problem}")]
    BadCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file has no private key.
    #[error("{path}: there is no private key in it; expected PEM with -----BEGIN PRIVATE KEY-----")]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// A key that a passphrase protects.
    #[error(
        "{path}: the private key is encrypted, and nobody is there to type its passphrase; write it without one: openssl pkey -in KEY -out FILE"
    )]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// A key cannot be used.
    #[error(
        "{path}: the private key cannot be used: {problem}; ECDSA (P-256, P-384), Ed25519 and RSA can"
    )]
    BadKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The two do not belong together.
    #[error(
        "{key}: the private key does not belong to the first certificate in {cert}; name the key that it was made with, and put the relay's own certificate first"
    )]
    Mismatch {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// The place for certificates from an ACME directory cannot be used.
    #[error("{path}: cannot keep certificates there: {source}")]
    Cache {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The TLS library refused.
    #[error("TLS cannot be set up: {0}")]
    Library(#[source] rustls::Error),
}

/// A certificate with its chain and key.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) certified: Arc<CertifiedKey>,
    pub(super) expires: Timestamp,
}

/// Reads a pair, and checks that it is one.
pub(super) fn load(cert: &Path, key: &Path) -> Result<Pair, TlsError> {
    let chain = read_chain(cert)?;
    let expires = chain
        .first()
        .ok_or_else(|| TlsError::NoCertificate {
            path: cert.to_owned(),
        })
        .and_then(|own| {
            expiry(own).map_err(|problem| TlsError::BadCertificate {
                path: cert.to_owned(),
                problem,
            })
        })?;
    let mut private = read_key(key)?;
    let signing = any_supported_type(&private).map_err(|error| TlsError::BadKey {
        path: key.to_owned(),
        problem: error.to_string(),
    });
    private.zeroize();
    let certified = CertifiedKey::new(chain, signing?);
    match certified.keys_match() {
        Ok(()) => {}
        Err(rustls::Error::InconsistentKeys(_)) => {
            return Err(TlsError::Mismatch {
                cert: cert.to_owned(),
                key: key.to_owned(),
            });
        }
        Err(error) => {
            return Err(TlsError::BadCertificate {
                path: cert.to_owned(),
                problem: error.to_string(),
            });
        }
    }
    warn_if_shared(key);
    Ok(Pair {
        certified: Arc::new(certified),
        expires,
    })
}

/// When a certificate ends.
pub(super) fn expiry(certificate: &CertificateDer<'_>) -> Result<Timestamp, String> {
    let (_, parsed) =
        x509_parser::parse_x509_certificate(certificate).map_err(|error| error.to_string())?;
    let seconds = parsed.validity().not_after.timestamp();
    Ok(Timestamp::from_unix_millis(seconds.saturating_mul(1000)))
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path, "certificate")?;
    CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| TlsError::BadCertificate {
            path: path.to_owned(),
            problem: error.to_string(),
        })
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    use rustls::pki_types::pem::Error;
    let text = read(path, "private key")?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        let path = path.to_owned();
        let is_encrypted = text
            .windows(b"ENCRYPTED".len())
            .any(|window| window == b"ENCRYPTED");
        match error {
            Error::NoItemsFound if is_encrypted => TlsError::EncryptedKey { path },
            Error::NoItemsFound => TlsError::NoKey { path },
            error => TlsError::BadKey {
                path,
                problem: error.to_string(),
            },
        }
    })
}

fn read(path: &Path, what: &'static str) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let mut text = Zeroizing::new(Vec::new());
    let outcome = File::open(path).and_then(|file| {
        // Room for all of it, so that no copy of a key is left behind by growing.
        let length = file.metadata()?.len().min(MAX_FILE);
        text.reserve(usize::try_from(length).unwrap_or(0) + 1);
        file.take(MAX_FILE + 1).read_to_end(&mut text)
    });
    let source = match outcome {
        Ok(length) if length as u64 > MAX_FILE => {
            io::Error::new(io::ErrorKind::InvalidData, "it is larger than 1 MiB")
        }
        Ok(_) => return Ok(text),
        Err(error) => error,
    };
    Err(TlsError::Unreadable {
        path: path.to_owned(),
        what,
        owner: ownership(path),
        source,
    })
}

/// Whose a file is, where that can be said.
fn ownership(path: &Path) -> Option<String> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(format!(
        "it belongs to user {}, group {}, with mode {:04o}; relayd runs as user {}",
        metadata.uid(),
        metadata.gid(),
        metadata.mode() & 0o7777,
        nix::unistd::Uid::effective()
    ))
}

/// A group for certificates is common, so this is no error.
fn warn_if_shared(key: &Path) {
    let Ok(metadata) = std::fs::metadata(key) else {
        return;
    };
    if metadata.mode() & 0o077 != 0 {
        tracing::warn!(
            file = %key.display(),
            mode = format!("{:04o}", metadata.mode() & 0o7777),
            "others than its owner can use the private key; chmod 600 it unless they must"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertifiedKey as Made, generate_simple_self_signed};
    use tempfile::TempDir;

    struct Folder(TempDir);

    impl Folder {
        fn write(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        }
    }

    fn folder() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn made() -> Made {
        generate_simple_self_signed(vec!["relay.example.net".to_owned()]).unwrap()
    }

    #[test]
    fn a_pair_is_read_with_the_end_of_its_certificate() {
        let (folder, made) = (folder(), made());
        let cert = folder.write("cert.pem", &made.cert.pem());
        let key = folder.write("key.pem", &made.key_pair.serialize_pem());
        let pair = load(&cert, &key).unwrap();
        assert_eq!(pair.certified.cert.len(), 1);
        // 4096-01-01, what is written where nothing is said.
        assert_eq!(pair.expires.unix_seconds(), 67_090_118_400);
        // One file may hold both.
        let both = made.cert.pem() + &made.key_pair.serialize_pem();
        let both = folder.write("both.pem", &both);
        assert!(load(&both, &both).is_ok());
    }

    #[test]
    fn what_is_wrong_is_said_with_the_file() {
        let (folder, made, other) = (folder(), made(), made());
        let cert = folder.write("cert.pem", &made.cert.pem());
        let key = folder.write("key.pem", &made.key_pair.serialize_pem());
        let other = folder.write("other.pem", &other.key_pair.serialize_pem());
        let empty = folder.write("empty.pem", "");
        let broken = folder.write(
            "broken.pem",
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
        );
        let no_der = folder.write(
            "no-der.pem",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        );
        let no_key = folder.write(
            "no-key.pem",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        );
        let secret = folder.write(
            "secret.pem",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        );
        let large = folder.write("large.pem", &"x".repeat((1 << 20) + 1));
        let missing = folder.0.path().join("missing.pem");
        for (cert, key, file, problem) in [
            (&missing, &key, &missing, "cannot read the certificate"),
            (&cert, &missing, &missing, "cannot read the private key"),
            (&large, &key, &large, "larger than 1 MiB"),
            (&empty, &key, &empty, "there is no certificate in it"),
            (&broken, &key, &broken, "the certificate cannot be used"),
            (&no_der, &key, &no_der, "the certificate cannot be used"),
            (&cert, &empty, &empty, "there is no private key in it"),
            (&cert, &cert, &cert, "there is no private key in it"),
            (&cert, &secret, &secret, "is encrypted"),
            (&cert, &no_key, &no_key, "the private key cannot be used"),
            (
                &cert,
                &other,
                &other,
                "does not belong to the first certificate",
            ),
        ] {
            let said = load(cert, key).unwrap_err().to_string();
            let begin = format!("{}: ", file.display());
            assert!(said.starts_with(&begin) && said.contains(problem), "{said}");
        }
    }
}
