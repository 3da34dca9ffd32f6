//! What a model may not do here, as whoever starts the server has said.

use super::Desk;
use crate::cli::tooling::Mcp as Flags;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use mrp_proto::key::PublicKey;
use mrpd_api::body::sending::RecipientQuery;
use mrpd_api::client::Client;
use std::path::{Path, PathBuf};

/// What was allowed.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) scope: Scope,
    /// Names and keys to which messages may go; all where there is none.
    allow_to: Vec<String>,
    /// Folders from which files may be read, and to which they may be saved. Real paths.
    folders: Vec<PathBuf>,
}

/// Which tools there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    All,
    ReadOnly,
}

impl Limits {
    pub(super) async fn of(context: &Context, flags: &Flags) -> Result<Self, Failure> {
        let folders: Result<Vec<PathBuf>, Failure> = flags
            .files
            .iter()
            .map(|folder| real_folder(folder))
            .collect();
        let limits = Self {
            scope: if flags.read_only {
                Scope::ReadOnly
            } else {
                Scope::All
            },
            allow_to: flags.allow_to.clone(),
            folders: folders?,
        };
        // A name that means nobody is a mistake now; later it would be a limit that nobody notices.
        if !limits.allow_to.is_empty() {
            let agent = context.global.agent.as_deref();
            limits.allowed(&context.daemon().await?, agent).await?;
        }
        Ok(limits)
    }

    /// The address that `to` means, if messages may go there. It is looked up each time: contacts change.
    async fn check(&self, desk: &Desk, client: &Client, to: &str) -> Result<PublicKey, Failure> {
        let agent = desk.agent();
        let meant = meant_by(client, agent.as_deref(), to).await?;
        if let [only] = meant.as_slice()
            && self.allowed(client, agent.as_deref()).await?.contains(only)
        {
            return Ok(*only);
        }
        Err(Failure::new(
            Reason::NotPermitted,
            format!("this server was started so that it does not send to {to}"),
        )
        .fix(format!("it sends to: {}", self.allow_to.join(", "))))
    }

    async fn allowed(
        &self,
        client: &Client,
        agent: Option<&str>,
    ) -> Result<Vec<PublicKey>, Failure> {
        let mut keys = Vec::new();
        for who in &self.allow_to {
            keys.extend(meant_by(client, agent, who).await?);
        }
        Ok(keys)
    }

    /// A path for a file to be read, below one of the folders.
    pub(super) fn readable(&self, path: &str) -> Result<PathBuf, Failure> {
        let real = Path::new(path)
            .canonicalize()
            .map_err(|error| Failure::io(Reason::NoInput, &format!("read {path}"), &error))?;
        self.inside(&real, path)?;
        Ok(real)
    }

    /// A path for a file to be made, where any may be: its folder is there, below one of the folders, and its name is no way out.
    pub(super) fn writable(&self, path: &str) -> Result<PathBuf, Failure> {
        if self.scope == Scope::ReadOnly {
            let what = "this server was started so that it only reads: it saves no file";
            return Err(Failure::new(Reason::NotPermitted, what)
                .fix("leave save_as away: the file is in the answer"));
        }
        let given = Path::new(path);
        let (Some(folder), Some(name)) = (given.parent(), given.file_name()) else {
            return Err(Failure::new(
                Reason::BadData,
                format!("{path} is not the name of a file"),
            ));
        };
        let real = folder.canonicalize().map_err(|error| {
            Failure::io(Reason::CannotCreate, &format!("write to {path}"), &error)
        })?;
        let real = real.join(name);
        self.inside(&real, path)?;
        Ok(real)
    }

    fn inside(&self, real: &Path, given: &str) -> Result<(), Failure> {
        if self.folders.iter().any(|folder| real.starts_with(folder)) {
            return Ok(());
        }
        let failure = Failure::new(
            Reason::NotPermitted,
            format!("{given} is not below a folder that this server may use"),
        );
        Err(match self.folders.as_slice() {
            [] => failure.fix("start it with --files FOLDER"),
            folders => failure.fix(format!("it may use: {}", list(folders))),
        })
    }
}

impl Desk {
    /// `to` as the daemon is to read it: where recipients are limited, as the very key that was checked.
    pub(super) async fn recipient(&self, client: &Client, to: &str) -> Result<String, Failure> {
        if self.limits.allow_to.is_empty() {
            return Ok(to.to_owned());
        }
        let key = self.limits.check(self, client, to).await?;
        Ok(key.to_string())
    }
}

/// Whom a text means, by the daemon's own reading of it; of a group all members.
async fn meant_by(
    client: &Client,
    agent: Option<&str>,
    who: &str,
) -> Result<Vec<PublicKey>, Failure> {
    let query = RecipientQuery {
        agent: agent.map(str::to_owned),
        ..RecipientQuery::default()
    };
    let meant = client.recipients(who, &query).await?.recipients;
    Ok(meant.iter().map(|one| one.key).collect())
}

fn real_folder(folder: &Path) -> Result<PathBuf, Failure> {
    let shown = folder.display();
    let real = folder.canonicalize().map_err(|error| {
        Failure::io(Reason::NoInput, &format!("use the folder {shown}"), &error)
    })?;
    if !real.is_dir() {
        return Err(Failure::new(
            Reason::NoInput,
            format!("{shown} is no folder"),
        ));
    }
    Ok(real)
}

fn list(folders: &[PathBuf]) -> String {
    let shown: Vec<String> = folders
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stay_in_their_folders() {
        let home = tempfile::tempdir().unwrap();
        let open = home.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::write(open.join("in"), "x").unwrap();
        std::fs::write(home.path().join("secret"), "x").unwrap();
        std::os::unix::fs::symlink(home.path().join("secret"), open.join("link")).unwrap();
        let limits = Limits {
            scope: Scope::All,
            allow_to: Vec::new(),
            folders: vec![open.canonicalize().unwrap()],
        };
        let path = |name: &str| open.join(name).to_str().unwrap().to_owned();
        assert!(limits.readable(&path("in")).is_ok());
        assert!(limits.writable(&path("new")).is_ok());
        for outside in ["link", "../secret", "missing"] {
            assert!(limits.readable(&path(outside)).is_err(), "{outside}");
        }
        for outside in ["../new", "..", "no-folder/new"] {
            assert!(limits.writable(&path(outside)).is_err(), "{outside}");
        }
        let reading = Limits {
            scope: Scope::ReadOnly,
            ..limits
        };
        assert!(reading.readable(&path("in")).is_ok());
        assert_eq!(reading.writable(&path("new")).unwrap_err().exit(), 77);
        let none = Limits {
            folders: Vec::new(),
            ..reading
        };
        assert_eq!(none.readable(&path("in")).unwrap_err().exit(), 77);
    }
}
