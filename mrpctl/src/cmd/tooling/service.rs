//! `mrpctl service`: the daemon's units, written where no package has put them, and enabled.

use super::systemd::{Manager, enable_linger};
use crate::autostart;
use crate::cli::tooling::{Service as Flags, WhichManager};
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::output::{escape, pairs};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The units as they are in the package, with its path of the program.
const USER_UNITS: &[(&str, &str)] = &[
    (
        "mrpd.socket",
        include_str!("../../../../systemd/mrpd.socket"),
    ),
    (
        "mrpd.service",
        include_str!("../../../../systemd/mrpd.service"),
    ),
];
const SYSTEM_UNITS: &[(&str, &str)] = &[
    (
        "mrpd@.socket",
        include_str!("../../../../systemd/mrpd@.socket"),
    ),
    (
        "mrpd@.service",
        include_str!("../../../../systemd/mrpd@.service"),
    ),
];
const PACKAGED_PROGRAM: &str = "/usr/bin/mrpd";
/// The first line of units that were written here; only such are removed.
const MARK: &str = "# Written by mrpctl service install; mrpctl service uninstall removes it.\n";
const SYSTEM_DIRS: [&str; 4] = [
    "/etc/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// What was done.
#[derive(Serialize)]
struct Report {
    manager: &'static str,
    units: Vec<String>,
    written: Vec<PathBuf>,
    removed: Vec<PathBuf>,
    lingering: bool,
}

pub(crate) async fn run(context: &Context, flags: &Flags) -> Result<(), Failure> {
    let report = match flags {
        Flags::Install { which, linger } => {
            let mut report = install(context, which).await?;
            if *linger {
                enable_linger().await?;
                report.lingering = true;
            }
            report
        }
        Flags::Uninstall { which } => uninstall(context, which).await?,
    };
    let text = text(&report);
    context.output.object(&report, || text, None)
}

/// Also what `init --service` does.
pub(crate) async fn install_for_user(context: &Context) -> Result<(), Failure> {
    let which = WhichManager { system: false };
    install(context, &which).await.map(drop)
}

async fn install(context: &Context, which: &WhichManager) -> Result<Report, Failure> {
    let place = Place::of(context, which)?;
    let program = context.mrpd()?;
    let mut written = Vec::new();
    for (name, text) in place.units {
        if place.dirs.iter().any(|dir| dir.join(name).exists()) {
            continue;
        }
        let path = place.own_dir.join(name);
        let text = text.replace(PACKAGED_PROGRAM, &program.display().to_string());
        write(&path, &format!("{MARK}{text}"))?;
        written.push(path);
    }
    let names = place.names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let enabled = async {
        place.manager.systemctl(&["daemon-reload"]).await?;
        // One that was started by hand holds the store, and the unit would not come up beside it.
        if place.manager == Manager::User && !autostart::is_managed(&context.paths) {
            super::daemon::stop(context).await?;
        }
        place
            .manager
            .systemctl(&[&["enable", "--now"], names.as_slice()].concat())
            .await
    };
    if let Err(failure) = enabled.await {
        // What was not enabled is not left behind: the next one would take it for a package's.
        for path in &written {
            let _ = std::fs::remove_file(path);
        }
        return Err(failure);
    }
    Ok(place.report(written, Vec::new()))
}

async fn uninstall(context: &Context, which: &WhichManager) -> Result<Report, Failure> {
    let place = Place::of(context, which)?;
    let names = place.names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    place
        .manager
        .systemctl(&[&["disable", "--now"], names.as_slice()].concat())
        .await?;
    let mut removed = Vec::new();
    for (name, _) in place.units {
        let path = place.own_dir.join(name);
        let is_ours = std::fs::read_to_string(&path).is_ok_and(|text| text.starts_with(MARK));
        if is_ours {
            std::fs::remove_file(&path).map_err(|error| {
                Failure::io(Reason::Io, &format!("remove {}", path.display()), &error)
            })?;
            removed.push(path);
        }
    }
    place.manager.systemctl(&["daemon-reload"]).await?;
    Ok(place.report(Vec::new(), removed))
}

/// Where units are, and which.
struct Place {
    manager: Manager,
    units: &'static [(&'static str, &'static str)],
    /// Where units of this kind are looked for.
    dirs: Vec<PathBuf>,
    /// Where they are written.
    own_dir: PathBuf,
    /// Whose daemon it is, where the system runs it.
    user: Option<String>,
}

impl Place {
    fn of(context: &Context, which: &WhichManager) -> Result<Self, Failure> {
        if !which.system {
            let dirs = context.paths.user_unit_dirs();
            return Ok(Self {
                manager: Manager::User,
                units: USER_UNITS,
                own_dir: dirs.first().cloned().unwrap_or_default(),
                dirs,
                user: None,
            });
        }
        if !nix::unistd::geteuid().is_root() {
            return Err(Failure::new(
                Reason::NotPermitted,
                "only root may tell the system's service manager what to run",
            )
            .fix(
                "sudo mrpctl service install --system        (or, without --system, by your own)",
            ));
        }
        Ok(Self {
            manager: Manager::System,
            units: SYSTEM_UNITS,
            dirs: SYSTEM_DIRS.map(PathBuf::from).to_vec(),
            own_dir: PathBuf::from(SYSTEM_DIRS[0]),
            user: Some(caller(context)?),
        })
    }

    /// The units, each with the user's name in it where it is one of many.
    fn names(&self) -> Vec<String> {
        let user = self.user.as_deref().unwrap_or_default();
        self.units
            .iter()
            .map(|(name, _)| name.replace('@', &format!("@{user}")))
            .collect()
    }

    fn report(&self, written: Vec<PathBuf>, removed: Vec<PathBuf>) -> Report {
        Report {
            manager: match self.manager {
                Manager::User => "user",
                Manager::System => "system",
            },
            units: self.names(),
            written,
            removed,
            lingering: false,
        }
    }
}

/// Who called sudo, else who is here.
fn caller(context: &Context) -> Result<String, Failure> {
    let name = context
        .variables
        .sudo_user
        .clone()
        .or_else(|| context.paths.environment().user.clone());
    name.filter(|name| {
        name.chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter))
    })
    .ok_or_else(|| {
        Failure::new(Reason::Usage, "it is not known for which user")
            .fix("systemctl enable --now mrpd@NAME.socket mrpd@NAME.service")
    })
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| {
        Failure::io(
            Reason::CannotCreate,
            &format!("write {}", path.display()),
            error,
        )
    };
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(|error| failed(&error))?;
    }
    std::fs::write(path, text).map_err(|error| failed(&error))
}

fn text(report: &Report) -> String {
    let lines = |paths: &[PathBuf]| {
        let lines: Vec<String> = paths
            .iter()
            .map(|path| escape::line(&path.display().to_string()))
            .collect();
        lines.join("\n")
    };
    pairs(&[
        ("units", report.units.join("\n")),
        ("written", lines(&report.written)),
        ("removed", lines(&report.removed)),
        (
            "linger",
            if report.lingering { "on" } else { "" }.to_owned(),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_name_the_program_in_one_place_each() {
        for (name, text) in USER_UNITS.iter().chain(SYSTEM_UNITS) {
            let places = text.matches(PACKAGED_PROGRAM).count();
            assert_eq!(places, usize::from(name.ends_with("service")), "{name}");
        }
    }
}
