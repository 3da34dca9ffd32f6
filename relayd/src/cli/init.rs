//! `relayd init`.

use super::{CANNOT_CREATE, Failure, USAGE, print};
use crate::config::{Config, Deployment, default_file, template};
use clap::Args;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct Flags {
    /// Domain name by which the world will know the relay, such as relay.example.net
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    /// Get certificates by ACME, with this address for the authority; needs --domain and port 443
    #[arg(long, value_name = "EMAIL", requires = "domain")]
    acme: Option<String>,
    /// File to write; by itself /etc/relayd/relayd.toml for root, the user's own otherwise
    #[arg(long, env = "RELAYD_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Why no configuration was written.
#[derive(Debug, thiserror::Error)]
pub(super) enum InitError {
    /// The flags cannot be written into a configuration.
    #[error("{0}")]
    Flags(String),
    /// It is not for us to replace.
    #[error("{0}: there is a configuration already; edit it, or name another file with --config")]
    Exists(PathBuf),
    #[error("{path}: cannot write the configuration: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl InitError {
    pub(super) fn status(&self) -> u8 {
        match self {
            Self::Flags(_) => USAGE,
            Self::Exists(_) | Self::Write { .. } => CANNOT_CREATE,
        }
    }
}

/// Writes the file, and says what to do with it.
pub(super) fn run(flags: &Flags) -> Result<(), Failure> {
    let deployment = Deployment {
        domain: flags.domain.clone(),
        acme: flags.acme.clone(),
    };
    check(&deployment)?;
    let path = flags.config.clone().unwrap_or_else(default_file);
    let path = std::path::absolute(&path).unwrap_or(path);
    write(&path, &template(&deployment))?;
    print(next_steps(&path, &deployment, flags.config.is_some()))
}

/// The fields' own readers judge what goes into them.
fn check(deployment: &Deployment) -> Result<(), InitError> {
    let mut config = Config::default();
    let mut refuse = |flag: &str, given: &str, assignment: String| {
        config.set(&assignment).map_err(|error| {
            let reason = error.to_string();
            let reason = reason
                .split_once(": ")
                .map_or(reason.as_str(), |(_, reason)| reason);
            InitError::Flags(format!("{flag} {given:?}: {reason}"))
        })
    };
    if let Some(domain) = &deployment.domain {
        refuse("--domain", domain, format!("tls.acme.domains={domain:?}"))?;
    }
    if let Some(email) = &deployment.acme {
        refuse("--acme", email, format!("tls.acme.email={email:?}"))?;
    }
    Ok(())
}

/// Readable for all, as configurations are: it holds no secret. A file that is there is left alone.
fn write(path: &Path, text: &str) -> Result<(), InitError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => InitError::Exists(path.to_owned()),
        _ => InitError::Write {
            path: path.to_owned(),
            source,
        },
    };
    let directory = path.parent().unwrap_or(Path::new("/"));
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(directory)
        .map_err(|source| InitError::Write {
            path: path.to_owned(),
            source,
        })?;
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path)
        .map_err(failed)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| File::open(directory)?.sync_all())
        .map_err(failed)
}

fn next_steps(path: &Path, deployment: &Deployment, is_named: bool) -> String {
    let named = if is_named {
        format!(" --config {}", path.display())
    } else {
        String::new()
    };
    let reach = match (&deployment.domain, &deployment.acme) {
        (Some(domain), Some(_)) => format!(
            "  point the name {domain} at this machine, and let port 443 through: the certificate is got over it\n"
        ),
        (Some(domain), None) => format!(
            "  put a proxy that ends TLS for {domain} before 127.0.0.1:8080, and set access.trusted_proxies;\n  \
             or set tls.cert, tls.key and listen\n"
        ),
        (None, _) => String::new(),
    };
    let url = match &deployment.domain {
        Some(domain) => format!("https://{domain}"),
        None => "http://127.0.0.1:8080".to_owned(),
    };
    format!(
        "wrote {path}\n\nnext:\n{reach}  relayd check{named}\n  relayd serve{named}      (or: systemctl enable --now relayd)\n  \
         relayd healthcheck{named}\n  mrpctl init --relay {url}\n",
        path = path.display()
    )
}
