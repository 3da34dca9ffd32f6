//! What the environment says to this program, `mrpctl.toml` as it reads it, and `mrpd.toml` as a file that it edits.
//!
//! What a configuration means is the daemon's to say: this program only writes it, and asks the daemon's `check`.

pub(crate) mod document;
pub(crate) mod relay_url;
pub(crate) mod settings;

use mrpd_api::paths::Paths;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// Variables that are no option's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variables {
    /// `MRPD_AUTOSTART`: false where it says no.
    pub(crate) autostart: Option<String>,
    /// `MRPD_CONFIG`: the daemon's configuration file.
    pub(crate) config: Option<PathBuf>,
    /// `MRPD_BIN`: the daemon.
    pub(crate) mrpd: Option<PathBuf>,
    /// `RELAYD_BIN`: the relay.
    pub(crate) relayd: Option<PathBuf>,
    /// `MRP_RELAY_URL`, the published clients'.
    pub(crate) relay_url: Option<String>,
    /// `MRP_KEY_FILE`, the published clients'.
    pub(crate) key_file: Option<PathBuf>,
    /// `MRP_AGENT_NAME`, the published clients'.
    pub(crate) agent_name: Option<String>,
    /// `VISUAL`, else `EDITOR`.
    pub(crate) editor: Option<OsString>,
    /// `SUDO_USER`: who called sudo.
    pub(crate) sudo_user: Option<String>,
    /// `PATH`.
    pub(crate) path: Option<OsString>,
    /// `TMPDIR`, or the system's folder for such.
    pub(crate) temporary: PathBuf,
    /// What a program needs to behave at this terminal and in this language, for the users of `demo`.
    pub(crate) terminal: Vec<(OsString, OsString)>,
}

impl Variables {
    /// Reads the process's environment.
    pub(crate) fn from_process() -> Self {
        let raw = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let text = |name: &str| raw(name)?.into_string().ok();
        let path = |name: &str| {
            let path = PathBuf::from(raw(name)?);
            Some(std::path::absolute(&path).unwrap_or(path))
        };
        Self {
            autostart: text("MRPD_AUTOSTART"),
            config: path("MRPD_CONFIG"),
            mrpd: path("MRPD_BIN"),
            relayd: path("RELAYD_BIN"),
            relay_url: text("MRP_RELAY_URL"),
            key_file: path("MRP_KEY_FILE"),
            agent_name: text("MRP_AGENT_NAME"),
            editor: raw("VISUAL").or_else(|| raw("EDITOR")),
            sudo_user: text("SUDO_USER"),
            path: raw("PATH"),
            temporary: std::env::temp_dir(),
            terminal: [
                "PATH",
                "TERM",
                "LANG",
                "LC_ALL",
                "TZ",
                "NO_COLOR",
                "COLORTERM",
            ]
            .into_iter()
            .filter_map(|name| Some((name.into(), raw(name)?)))
            .collect(),
        }
    }

    /// Whether the daemon may be started where it is not running.
    pub(crate) fn allows_autostart(&self) -> bool {
        !matches!(
            self.autostart.as_deref(),
            Some("0" | "false" | "no" | "off")
        )
    }

    /// The daemon's configuration file, whether or not it exists.
    pub(crate) fn config_file(&self, paths: &Paths) -> PathBuf {
        self.config.clone().unwrap_or_else(|| paths.config_file())
    }

    /// A program of this workspace: the one that a variable names, else the one beside this program, else the one on `PATH`.
    pub(crate) fn program(&self, name: &str, named: Option<&Path>) -> Option<PathBuf> {
        if let Some(named) = named {
            return Some(named.to_path_buf());
        }
        let beside = own_program()
            .ok()
            .and_then(|own| Some(own.parent()?.join(name)));
        let on_path = self
            .path
            .iter()
            .flat_map(std::env::split_paths)
            .map(|dir| dir.join(name));
        beside
            .into_iter()
            .chain(on_path)
            .find(|path| is_executable(path))
    }
}

/// The longest name the configuration takes.
const LONGEST_NAME: usize = 64;

/// Says what is wrong with a name for an agent or a relay.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if name.is_empty() || name.chars().count() > LONGEST_NAME || !name.chars().all(is_plain) {
        return Err(format!(
            "{name:?} cannot be a name: it has 1 to {LONGEST_NAME} letters, digits, - _ or ."
        ));
    }
    Ok(())
}

/// The file that this program was started from.
pub(crate) fn own_program() -> io::Result<PathBuf> {
    std::env::current_exe()
}

/// The environment that this program was started with, for what is passed on of it.
pub(crate) fn inherited_environment() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os()
}

/// `MRPCTL_OUTPUT`, for errors in the very command line.
pub(crate) fn output_variable() -> Option<String> {
    std::env::var("MRPCTL_OUTPUT").ok()
}

/// Whether a variable may set an option, as `MRPCTL_FOO_BAR` does for `--foo-bar`.
pub(crate) fn sets_options() -> bool {
    std::env::vars_os().any(|(name, _)| name.as_encoded_bytes().starts_with(b"MRPCTL_"))
}

/// Whether a shell asks for completions.
pub(crate) fn is_completing() -> bool {
    std::env::var_os(crate::cli::completion::VARIABLE).is_some()
}

/// The folder in which this program was started, if it is still there.
pub(crate) fn current_folder() -> Option<PathBuf> {
    std::env::current_dir().ok()
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn only_a_no_forbids_autostart() {
        for (value, allowed) in [
            (None, true),
            (Some("1"), true),
            (Some("0"), false),
            (Some("off"), false),
        ] {
            let variables = Variables {
                autostart: value.map(str::to_owned),
                ..Variables::default()
            };
            assert_eq!(variables.allows_autostart(), allowed, "{value:?}");
        }
    }

    #[test]
    fn programs_are_found_on_the_path_if_they_can_be_run() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("no-such-program-anywhere");
        std::fs::write(&program, "").unwrap();
        let variables = Variables {
            path: Some(folder.path().into()),
            ..Variables::default()
        };
        assert_eq!(variables.program("no-such-program-anywhere", None), None);
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(
            variables.program("no-such-program-anywhere", None),
            Some(program)
        );
        let named = Path::new("/somewhere/else");
        assert_eq!(
            variables.program("mrpd", Some(named)).as_deref(),
            Some(named)
        );
    }
}
