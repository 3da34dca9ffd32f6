//! What can be found out without the daemon, and about it: its socket, the modes of files, and what systemd does for this user.

use super::mend::{Complaint, Remedy};
use crate::autostart;
use crate::context::Context;
use crate::exit::Failure;
use mrpd_api::body::Status;
use mrpd_api::body::doctor::Finding;
use mrpd_api::client::Client;
use mrpd_api::paths::Paths;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// Where systemd notes whose services go on without a login.
const LINGERING: &str = "/var/lib/systemd/linger";

pub(super) async fn examine(
    context: &Context,
    client: Result<&Client, &Failure>,
) -> Vec<Complaint> {
    let status = match client {
        Ok(client) => client.status().await.map_err(Failure::from),
        Err(_) => Err(Failure::Status(0)),
    };
    let mut found = match (client, &status) {
        (Err(failure), _) | (Ok(_), Err(failure)) => vec![absent(failure)],
        (Ok(_), Ok(status)) => vec![present(status)],
    };
    found.extend(sockets(context));
    found.push(runtime_dir(&context.paths).into());
    found.extend(service(&context.paths).map(Complaint::from));
    found.extend(modes(context, status.as_ref().ok()));
    found
}

fn absent(failure: &Failure) -> Complaint {
    let told = failure.told();
    let what = told.map_or("mrpd does not answer", |told| &told.detail.message);
    let fix = told.and_then(|told| told.detail.hint.clone());
    Finding::wrong("daemon", what)
        .because("without it nothing is received, and nothing that waits is sent")
        .fix(fix.unwrap_or_else(|| "mrpctl daemon start".to_owned()))
        .into()
}

fn present(status: &Status) -> Complaint {
    let own = env!("CARGO_PKG_VERSION");
    let what = format!("mrpd {} answers, pid {}", status.version, status.pid);
    if status.version == own {
        return Finding::ok("daemon", what).into();
    }
    Finding::wrong("daemon", format!("{what}; mrpctl is {own}"))
        .because("the two may not understand each other")
        .fix("mrpctl daemon restart        (after both are of one version)")
        .into()
}

/// Sockets that nobody listens on, at the places where the daemon is looked for.
fn sockets(context: &Context) -> Vec<Complaint> {
    let stale = |path: &PathBuf| {
        let is_own_socket = path.symlink_metadata().is_ok_and(|file| {
            file.file_type().is_socket() && file.uid() == nix::unistd::geteuid().as_raw()
        });
        let connected = UnixStream::connect(path);
        is_own_socket
            && connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    };
    let candidates = context.sockets().into_iter();
    candidates
        .map(|candidate| candidate.path)
        .filter(stale)
        .map(|path| {
            let shown = path.display();
            let finding = Finding::wrong("socket", format!("nobody listens on {shown}"))
                .because("a daemon that died left it; the next one replaces it")
                .fix(format!("rm {shown}"));
            Complaint::from(finding).with(Remedy::Remove(path))
        })
        .collect()
}

fn runtime_dir(paths: &Paths) -> Finding {
    let environment = paths.environment();
    match (&environment.runtime_dir, &environment.run_user) {
        (Some(dir), _) => Finding::ok("runtime", format!("$XDG_RUNTIME_DIR is {}", dir.display())),
        (None, Some(dir)) => Finding::ok(
            "runtime",
            format!(
                "$XDG_RUNTIME_DIR is not set, as under cron; {} is used",
                dir.display()
            ),
        ),
        (None, None) => Finding::note(
            "runtime",
            format!(
                "there is no runtime directory; the socket is in {}",
                paths.state_dir().display()
            ),
        )
        .because("programs with $XDG_RUNTIME_DIR set look there first, and find a daemon started without it last")
        .fix("loginctl enable-linger        (then log in anew), or set $MRPD_SOCKET for all of them"),
    }
}

/// What systemd does for this user; nothing, where it runs no manager for them.
fn service(paths: &Paths) -> Option<Finding> {
    if autostart::is_managed(paths) {
        return Some(lingering(
            Path::new(LINGERING),
            paths.environment().user.as_deref(),
        ));
    }
    let environment = paths.environment();
    let manager = environment.run_user.as_ref()?.join("systemd/private");
    if !manager.exists() {
        return None;
    }
    let is_installed = paths
        .user_unit_dirs()
        .iter()
        .any(|dir| dir.join("mrpd.service").exists());
    let what = if is_installed {
        "the units of mrpd are installed, but not enabled"
    } else {
        "the units of mrpd are not installed"
    };
    let fix = "systemctl --user enable --now mrpd        (the units come with the package, or with make install)";
    let why = "mrpd runs from the first mrpctl to the end of the login, and not from the beginning";
    Some(Finding::note("service", what).because(why).fix(fix))
}

/// `name` is what the environment calls the user: to ask the user database may mean to load what a static program cannot.
fn lingering(dir: &Path, name: Option<&str>) -> Finding {
    let by_database = || {
        let user = nix::unistd::User::from_uid(nix::unistd::geteuid());
        Some(user.ok()??.name)
    };
    let Some(name) = name.map(str::to_owned).or_else(by_database) else {
        return Finding::note("linger", "the user database does not name this user");
    };
    if dir.join(&name).exists() {
        return Finding::ok("linger", format!("{name}'s services go on without a login"));
    }
    Finding::wrong("linger", format!("lingering is off for {name}"))
        .because("mrpd ends with the last login, and then nothing is received")
        .fix("loginctl enable-linger        (or the system's unit: systemctl enable --now mrpd@USER)")
}

/// Keys that others can read, and places that others can write.
fn modes(context: &Context, status: Option<&Status>) -> Vec<Complaint> {
    let paths = &context.paths;
    let mut keys = keys_in(&paths.keys_dir());
    let named = status.into_iter().flat_map(|status| &status.agents);
    keys.extend(
        named
            .map(|agent| PathBuf::from(&agent.key_source))
            .filter(|path| path.is_absolute()),
    );
    keys.sort();
    keys.dedup();
    let readable = "whoever reads the key can read this agent's mail and send as it";
    let writable = "whoever writes there can run programs as this user";
    let secret = keys.into_iter().map(|path| (path, 0o600, 0o077, readable));
    let dirs = [paths.keys_dir(), paths.state_dir()].map(|path| {
        (
            path,
            0o700,
            0o077,
            "what is in there is for this user alone",
        )
    });
    let written = [
        (paths.config_dir(), 0o700, 0o022, writable),
        (context.config_file(), 0o600, 0o022, writable),
    ];
    let mut found: Vec<Complaint> = secret
        .chain(dirs)
        .chain(written)
        .filter_map(|(path, mode, forbidden, why)| mode_of(path, mode, forbidden, why))
        .collect();
    if found.is_empty() {
        let what = "keys, folders and configuration are this user's alone";
        found.push(Finding::ok("modes", what).into());
    }
    found
}

fn keys_in(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "key"))
        .collect()
}

/// What is missing or only linked to is not judged: the daemon says what it thinks of it.
fn mode_of(path: PathBuf, mode: u32, forbidden: u32, why: &str) -> Option<Complaint> {
    let file = path.symlink_metadata().ok()?;
    if file.is_symlink() {
        return None;
    }
    let shown = path.display();
    if file.uid() != nix::unistd::geteuid().as_raw() {
        let what = format!("{shown} belongs to user {}", file.uid());
        let finding = Finding::wrong("modes", what).because(why);
        return Some(finding.fix(format!("sudo chown $USER {shown}")).into());
    }
    let found = file.mode() & 0o777;
    if found & forbidden == 0 {
        return None;
    }
    let finding = Finding::wrong(
        "modes",
        format!("{shown} is open to others (mode {found:03o})"),
    )
    .because(why)
    .fix(format!("chmod {mode:o} {shown}"));
    Some(Complaint::from(finding).with(Remedy::Mode(path, mode)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mrpd_api::body::doctor::Verdict;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn lingering_is_what_systemd_has_noted() {
        let dir = tempfile::tempdir().unwrap();
        let off = lingering(dir.path(), None);
        assert_eq!(off.verdict, Verdict::Wrong);
        assert!(off.fix.unwrap().contains("enable-linger"));
        let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap();
        std::fs::write(dir.path().join(user.unwrap().name), "").unwrap();
        assert_eq!(lingering(dir.path(), None).verdict, Verdict::Ok);
        let other = lingering(dir.path(), Some("nobody-of-that-name"));
        assert_eq!(other.verdict, Verdict::Wrong);
    }

    #[test]
    fn a_wrong_mode_is_mended_and_a_right_one_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        std::fs::write(&path, "").unwrap();
        let chmod = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        chmod(0o600);
        assert!(mode_of(path.clone(), 0o600, 0o077, "").is_none());
        chmod(0o644);
        let mut complaint = mode_of(path.clone(), 0o600, 0o077, "").unwrap();
        let fix = complaint.finding.fix.clone().unwrap();
        assert!(fix.starts_with("chmod 600 "), "{fix}");
        complaint.mend();
        assert!(complaint.finding.mended);
        assert!(mode_of(path, 0o600, 0o077, "").is_none());
    }
}
