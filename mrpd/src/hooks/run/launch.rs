//! What can only be done from inside a process, before its program takes over: limits, the sandbox, descriptor 3.
//!
//! The daemon starts itself anew as `mrpd run-hook`, writes the plan to its standard input, ahead of what the program is to read
//! there, and the new process turns into the program. Nothing of it is on a command line or in an environment, where others could
//! read it.

use crate::descriptors;
use crate::hooks::program::{Limits, Sandbox};
use landlock::{
    ABI, Access as _, AccessFs, CompatLevel, Compatible as _, PathFd, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, Scope, path_beneath_rules,
};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::resource::{Resource, setrlimit};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::OnceLock;

/// The subcommand's name.
pub(crate) const SUBCOMMAND: &str = "run-hook";
/// What the new process ends with when it could not turn into the program; the reason is in the plan's `refusal` then.
pub(super) const REFUSED: i32 = 126;

/// Bytes of a plan, at most.
const PLAN: u32 = 8 << 20;
/// The newest kernel interface whose rights are known here. Kernels that know less are asked for less.
const RIGHTS: ABI = ABI::V6;
/// What every program may read and run, besides what it is allowed by name.
const READABLE: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc",
    "/proc",
    "/run/systemd/resolve",
    "/nix/store",
];
/// Devices that every program may use.
const DEVICES: &[&str] = &[
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
];

/// What the new process does.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    /// The program's file.
    pub(super) program: PathBuf,
    /// How the program is called, in its own eyes.
    pub(super) name: OsString,
    /// Its arguments.
    pub(super) arguments: Vec<OsString>,
    /// All of its environment.
    pub(super) environment: Vec<(OsString, OsString)>,
    /// What it may take up.
    pub(super) limits: Limits,
    /// What it may reach.
    pub(super) sandbox: Option<Sandbox>,
    /// Files of its own that it may read, whatever it may reach.
    pub(super) readable: Vec<PathBuf>,
    /// Its own folder, where it may do everything.
    pub(super) folder: PathBuf,
    /// The file that is its descriptor 3.
    pub(super) answer: Option<PathBuf>,
    /// Where it is said why there is no program.
    pub(super) refusal: PathBuf,
}

impl Plan {
    /// The plan as the new process reads it.
    pub(super) fn encode(&self) -> io::Result<Vec<u8>> {
        let text = serde_json::to_vec(self)?;
        let length = u32::try_from(text.len())
            .ok()
            .filter(|&length| length <= PLAN)
            .ok_or_else(|| io::Error::other("the environment is too large"))?;
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend_from_slice(&text);
        Ok(bytes)
    }

    fn read() -> io::Result<Self> {
        let length = read_exactly(4)?;
        let length: [u8; 4] = length.try_into().map_err(|_| io::ErrorKind::InvalidData)?;
        let length = u32::from_be_bytes(length);
        if length > PLAN {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let text = read_exactly(length as usize)?;
        Ok(serde_json::from_slice(&text)?)
    }
}

/// Whether this kernel can keep a program within a sandbox.
pub(super) fn can_confine() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| {
        let demanding = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
        let rules = demanding.handle_access(AccessFs::from_all(ABI::V1));
        rules.and_then(Ruleset::create).is_ok()
    })
}

/// How the daemon's own file is started anew, even where it was replaced meanwhile.
pub(crate) fn own_program() -> io::Result<PathBuf> {
    let itself = Path::new("/proc/self/exe");
    if itself.exists() {
        return Ok(itself.to_path_buf());
    }
    std::env::current_exe()
}

/// Turns this process into the program of the plan on its standard input. Comes back only if that fails.
pub(crate) fn main() -> ExitCode {
    let code = ExitCode::from(u8::try_from(REFUSED).unwrap_or(u8::MAX));
    descriptors::close_inherited(&(0..0));
    let plan = match Plan::read() {
        Ok(plan) => plan,
        Err(error) => {
            let sentence = format!("error: this command is the daemon's own: {error}\n");
            let _ = io::stderr().write_all(sentence.as_bytes());
            return code;
        }
    };
    let Err(reason) = become_program(&plan);
    let refusal = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&plan.refusal);
    let _ = refusal.and_then(|mut file| file.write_all(reason.as_bytes()));
    code
}

fn become_program(plan: &Plan) -> Result<std::convert::Infallible, String> {
    let answer = plan.answer.as_deref().map(open_answer).transpose();
    // It stays open until the program has taken over.
    let _answer = answer.map_err(|error| format!("descriptor 3 cannot be made: {error}"))?;
    if let Some(sandbox) = &plan.sandbox {
        confine(plan, sandbox).map_err(|error| format!("the sandbox cannot be made: {error}"))?;
    }
    limit(plan.limits).map_err(|error| format!("the limits cannot be set: {error}"))?;
    let error = Command::new(&plan.program)
        .arg0(&plan.name)
        .args(&plan.arguments)
        .env_clear()
        .envs(plan.environment.iter().map(|(name, value)| (name, value)))
        .exec();
    Err(format!("{} cannot be run: {error}", plan.program.display()))
}

/// Opens the file so that it is descriptor 3, and stays so in the program.
fn open_answer(path: &Path) -> io::Result<File> {
    let file = File::options()
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    if file.as_raw_fd() != 3 {
        let number = file.as_raw_fd();
        return Err(io::Error::other(format!("it would be {number}")));
    }
    fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty()))?;
    Ok(file)
}

fn limit(limits: Limits) -> nix::Result<()> {
    if let Some(bytes) = limits.memory {
        setrlimit(Resource::RLIMIT_AS, bytes, bytes)?;
    }
    if let Some(bytes) = limits.file_size {
        setrlimit(Resource::RLIMIT_FSIZE, bytes, bytes)?;
    }
    Ok(())
}

/// Allows what is listed, and takes everything else away from this process and all that come of it. A kernel that knows only some
/// of the rights withholds those; the daemon has warned of one that knows none.
fn confine(plan: &Plan, sandbox: &Sandbox) -> Result<(), Box<dyn std::error::Error>> {
    for path in sandbox.read.iter().chain(&sandbox.write) {
        PathFd::new(path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let (read, all) = (AccessFs::from_read(RIGHTS), AccessFs::from_all(RIGHTS));
    let readable = READABLE.iter().map(Path::new);
    let readable = readable.chain(sandbox.read.iter().map(PathBuf::as_path));
    let own = plan
        .readable
        .iter()
        .chain([&plan.program])
        .map(PathBuf::as_path);
    let writable = sandbox.write.iter().map(PathBuf::as_path);
    let writable = writable.chain([plan.folder.as_path()]);
    let devices = DEVICES.iter().map(Path::new);
    let rules = Ruleset::default()
        .handle_access(all)?
        .scope(Scope::from_all(RIGHTS))?
        .create()?
        .add_rules(path_beneath_rules(readable.chain(own), read))?
        .add_rules(path_beneath_rules(writable.chain(devices), all))?;
    rules.restrict_self().map_err(|error: RulesetError| error)?;
    Ok(())
}

/// Reads from standard input no more than is asked for: the rest is the program's.
fn read_exactly(count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    let mut filled = 0;
    while filled < count {
        match nix::unistd::read(io::stdin(), &mut bytes[filled..]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => filled += read,
            Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(bytes)
}
