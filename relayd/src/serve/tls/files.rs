//! Certificate and key in files. They are looked at every second, so that a renewal needs nobody: replaced in place, by renaming, or
//! by pointing a symbolic link elsewhere.

use super::certificates::Certificates;
use super::pair::{self, Pair, TlsError};
use crate::app::App;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Between two looks at the files.
const PAUSE: Duration = Duration::from_secs(1);

/// The two files, and what was in them.
#[derive(Debug)]
pub(in crate::serve) struct Files {
    paths: Paths,
    served: Arc<Served>,
    expires: mrp_proto::time::Timestamp,
    /// As they were when they were last read.
    read: Fingerprint,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Paths {
    cert: PathBuf,
    key: PathBuf,
}

/// The pair that handshakes use; those that are over keep theirs.
#[derive(Debug)]
struct Served(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Served {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

/// What changes when one of the files does; `None` stands for one that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fingerprint([Option<FileState>; 2]);

#[derive(Debug, Clone, PartialEq, Eq)]
struct FileState {
    /// Device and inode.
    identity: (u64, u64),
    size: u64,
    /// Seconds and nanoseconds.
    changed: (i64, i64),
}

impl Fingerprint {
    fn of(paths: &Paths) -> Self {
        Self([&paths.cert, &paths.key].map(|path| {
            // Follows symbolic links, so that another target is another file.
            let metadata = std::fs::metadata(path).ok()?;
            Some(FileState {
                identity: (metadata.dev(), metadata.ino()),
                size: metadata.size(),
                changed: (metadata.ctime(), metadata.ctime_nsec()),
            })
        }))
    }
}

impl Files {
    pub(super) fn open(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let paths = Paths {
            cert: cert.to_owned(),
            key: key.to_owned(),
        };
        // Before reading: what is written meanwhile is then read again.
        let read = Fingerprint::of(&paths);
        let Pair { certified, expires } = pair::load(cert, key)?;
        Ok(Self {
            paths,
            served: Arc::new(Served(RwLock::new(certified))),
            expires,
            read,
        })
    }

    pub(super) fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        Arc::clone(&self.served) as Arc<dyn ResolvesServerCert>
    }

    pub(super) fn announce(&self, certificates: &Certificates) {
        certificates.note(self.expires);
    }

    /// Reads the files again when they changed and have come to rest, or when somebody asks.
    pub(super) async fn run(mut self, app: &App) {
        let mut seen = self.read.clone();
        loop {
            app.certificates.remind(app.now());
            let is_asked = tokio::select! {
                () = app.certificates.asked() => true,
                () = tokio::time::sleep(PAUSE) => false,
                () = app.shutdown.begun() => return,
            };
            self.follow(&app.config.tls.cert, &app.config.tls.key);
            let paths = self.paths.clone();
            let Ok(now) = tokio::task::spawn_blocking(move || Fingerprint::of(&paths)).await else {
                return;
            };
            // Of two files, one is written first: what still changes is left alone for another second.
            let has_settled = now == seen && now != self.read;
            seen = now.clone();
            if is_asked || has_settled {
                self.read = now;
                self.reread(app).await;
            }
        }
    }

    /// Other files may have been named since.
    fn follow(&mut self, cert: &Option<PathBuf>, key: &Option<PathBuf>) {
        if let (Some(cert), Some(key)) = (cert, key) {
            self.paths = Paths {
                cert: cert.clone(),
                key: key.clone(),
            };
        }
    }

    async fn reread(&mut self, app: &App) {
        let Paths { cert, key } = self.paths.clone();
        match tokio::task::spawn_blocking(move || pair::load(&cert, &key)).await {
            Ok(Ok(Pair { certified, expires })) => {
                *self
                    .served
                    .0
                    .write()
                    .unwrap_or_else(PoisonError::into_inner) = certified;
                app.certificates.note(expires);
                tracing::info!(%expires, "the TLS certificate was read again");
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "the TLS certificate was not changed: the new files cannot be used");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::serve::Standing;
    use rcgen::{CertifiedKey as Made, generate_simple_self_signed};

    fn made() -> Made {
        generate_simple_self_signed(vec!["relay.example.net".to_owned()]).unwrap()
    }

    #[tokio::test]
    async fn files_that_cannot_be_used_leave_the_last_pair_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let (cert, key) = (
            folder.path().join("cert.pem"),
            folder.path().join("key.pem"),
        );
        let (first, second) = (made(), made());
        std::fs::write(&cert, first.cert.pem()).unwrap();
        std::fs::write(&key, first.key_pair.serialize_pem()).unwrap();
        let app = App::in_memory(Config::default()).unwrap();
        let mut files = Files::open(&cert, &key).unwrap();
        let shown = |files: &Files| files.served.0.read().unwrap().cert[0].clone();
        files.announce(&app.certificates);
        let before = app.certificates.standing(app.now());
        assert!(matches!(before, Standing::Good { .. }));
        // A renewal that is half done, a file that is gone, and the whole of it.
        std::fs::write(&cert, second.cert.pem()).unwrap();
        files.reread(&app).await;
        assert_eq!(shown(&files), *first.cert.der());
        std::fs::remove_file(&key).unwrap();
        files.reread(&app).await;
        assert_eq!(shown(&files), *first.cert.der());
        assert_eq!(app.certificates.standing(app.now()), before);
        std::fs::write(&key, second.key_pair.serialize_pem()).unwrap();
        files.reread(&app).await;
        assert_eq!(shown(&files), *second.cert.der());
        // Other files, by a configuration that was read again.
        let other = folder.path().join("other.pem");
        std::fs::write(&other, first.cert.pem() + &first.key_pair.serialize_pem()).unwrap();
        files.follow(&Some(other.clone()), &Some(other));
        files.reread(&app).await;
        assert_eq!(shown(&files), *first.cert.der());
    }
}
