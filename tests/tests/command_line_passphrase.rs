//! Keys under a passphrase: `mrpctl key encrypt` and `mrpctl key decrypt`, and what a daemon makes of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use mrp_proto::key::SecretKey;
use nix::pty::openpty;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::fs::{File, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::time::Duration;
use tests::DEADLINE;
use tests::process::{Ended, Process, eventually};
use tests::programs;
use tests::relay::Relay;
use tests::sdk::lines;
use tests::user::User;

/// 32 bytes in hexadecimal, and the key that they are the seed of.
const SEED: &str = "0101010101010101010101010101010101010101010101010101010101010101";
const KEY: &str = "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w";
/// Written by another implementation, of that seed, under `pass`.
const FILE: &str = "mrp-encrypted-key-v1
key iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w
argon2id memory=64 passes=1 lanes=1 salt=BwcHBwcHBwcHBwcHBwcHBw
cq7UYZDWeNq9iSa4n5xZMBIBVrk4HODpJ-C3GeE332jLD0xqdseUKlMFPrivJ0ib
";

fn object(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// Writes a file that only the user can read.
fn keep(user: &User, name: &str, content: &str) -> PathBuf {
    let path = user.home().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

/// A user with the key `old` and the passphrase in a file.
fn owner() -> (User, PathBuf) {
    let user = User::blank("laptop");
    keep(&user, "pass", "correct horse\n");
    user.mrpctl_with(&["key", "import", "-", "old"], SEED.as_bytes())
        .succeeded();
    let file = user.home().join(".mrp/keys/old.key");
    (user, file)
}

fn encrypt(user: &User, words: &[&str]) -> Ended {
    let options = ["--passphrase-file", "pass"];
    user.mrpctl(&[&["key", "encrypt"], words, &options].concat())
}

fn decrypt(user: &User, words: &[&str]) -> Ended {
    let options = ["--passphrase-file", "pass"];
    user.mrpctl(&[&["key", "decrypt"], words, &options].concat())
}

#[test]
fn a_key_is_put_under_a_passphrase_and_taken_out_again() {
    let (user, file) = owner();
    let ended = encrypt(&user, &["old"]);
    assert_eq!(ended.stderr, "");
    assert_eq!(ended.succeeded(), "");
    let written = std::fs::read_to_string(&file).unwrap();
    let head =
        format!("mrp-encrypted-key-v1\nkey {KEY}\nargon2id memory=65536 passes=3 lanes=4 salt=");
    assert!(written.starts_with(&head), "{written}");
    assert_eq!((mode(&file), written.lines().count()), (0o600, 4));
    let folder = std::fs::read_dir(file.parent().unwrap()).unwrap();
    assert_eq!(folder.count(), 1, "nothing lies beside it");

    // What needs no private key goes on.
    let shown = object(&user.mrpctl(&["key", "show", "old"]).succeeded());
    assert_eq!(shown["key"], KEY);
    let listed = lines(&user.mrpctl(&["key", "ls"]).succeeded());
    assert_eq!(
        (
            &listed[0]["key"],
            &listed[0]["encrypted"],
            &listed[0]["error"]
        ),
        (&json!(KEY), &json!(true), &json!(null))
    );
    let table = user.mrpctl(&["key", "ls", "-o", "table"]).succeeded();
    assert!(table.contains("(under a passphrase)"), "{table}");
    for words in [&["key", "export", "old"][..], &["key", "use", "old"]] {
        user.mrpctl(words).failed(78, "is kept under a passphrase");
    }
    encrypt(&user, &["old"]).failed(65, "under a passphrase already");
    user.mrpctl(&["key", "import", ".mrp/keys/old.key", "new"])
        .failed(
            65,
            "mrpctl key decrypt .mrp/keys/old.key | mrpctl key import - new",
        );

    let out = decrypt(&user, &["old"]).succeeded();
    assert_eq!(out, "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\n");
    decrypt(&user, &["./.mrp/keys/old.key", "--out", "raw"]).succeeded();
    let raw = user.home().join("raw");
    assert_eq!(
        (std::fs::read(&raw).unwrap(), mode(&raw)),
        (vec![1; 32], 0o600)
    );
    decrypt(&user, &["old", "--out", "raw"]).failed(73, "it exists already");
    decrypt(&user, &["old", "--replace"]).succeeded();
    assert_eq!(
        (std::fs::read(&file).unwrap(), mode(&file)),
        (vec![1; 32], 0o600)
    );
    decrypt(&user, &["old"]).failed(65, "is not kept under a passphrase");
}

#[test]
fn copies_and_pipes_leave_the_file_as_it_is() {
    let (user, file) = owner();
    encrypt(&user, &["old", "--out", "copy"]).succeeded();
    assert_eq!(std::fs::read(&file).unwrap(), vec![1; 32]);
    assert_eq!(mode(&user.home().join("copy")), 0o600);
    encrypt(&user, &["old", "--out", "copy"]).failed(73, "it exists already");
    // A file of the folder is found where no key has the name.
    let out = decrypt(&user, &["copy"]).succeeded();
    let again = user.mrpctl_with(&["key", "import", "-", "again"], out.as_bytes());
    assert_eq!(object(&again.succeeded())["key"], KEY);

    let arguments = ["key", "encrypt", "-", "--passphrase-file", "pass"];
    let sealed = user.mrpctl_with(&arguments, SEED.as_bytes()).succeeded();
    let arguments = ["key", "decrypt", "-", "--passphrase-file", "pass"];
    assert_eq!(
        user.mrpctl_with(&arguments, sealed.as_bytes()).succeeded(),
        out
    );
    let arguments = ["key", "decrypt", "copy", "--passphrase-file", "-"];
    let ended = user.mrpctl_with(&arguments, b"correct horse");
    assert_eq!(
        ended.succeeded(),
        out,
        "a newline at the end does not count"
    );
    user.mrpctl_with(&arguments, b"correct horse ")
        .failed(65, "the passphrase does not open copy");
    user.mrpctl_with(&arguments, b"\n")
        .failed(66, "the passphrase is empty");
    user.mrpctl_with(&arguments, &[b'x'; 2000])
        .failed(65, "too large");
    for words in [
        &["key", "decrypt", "-"][..],
        &["key", "decrypt", "-", "--passphrase-file", "-"],
    ] {
        user.mrpctl_with(words, sealed.as_bytes())
            .failed(64, "must come from elsewhere");
    }
    user.mrpctl(&["key", "decrypt", "copy"])
        .failed(66, "nobody to ask for the passphrase");
    decrypt(&user, &["missing"]).failed(1, "there is no key missing");
    std::fs::set_permissions(user.home().join("pass"), Permissions::from_mode(0o644)).unwrap();
    decrypt(&user, &["copy"]).failed(77, "chmod 600 pass");
}

#[test]
fn a_file_of_another_implementation_opens_and_one_that_asks_for_too_much_does_not() {
    let user = User::blank("laptop");
    keep(&user, "pass", "pass");
    keep(&user, "other.key", FILE);
    let out = decrypt(&user, &["./other.key"]).succeeded();
    assert_eq!(out, "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\n");
    for (from, to, exit, words) in [
        ("memory=64", "memory=104857600", 65, "more memory or time"),
        ("passes=1", "passes=4000000000", 65, "more memory or time"),
        ("-v1", "-v2", 65, "a later version"),
        ("salt=", "salt", 65, "it is damaged"),
        ("passes=1", "passes=2", 65, "or the file was changed"),
        ("cq7U", "cq7V", 65, "or the file was changed"),
    ] {
        keep(&user, "other.key", &FILE.replace(from, to));
        decrypt(&user, &["./other.key"]).failed(exit, words);
    }
}

/// Has the configuration of one identity name a command instead of a file.
fn have_key_given(user: &User, configuration: &str, command: &Value) {
    let kept = configuration
        .lines()
        .filter(|line| !line.starts_with("key_file"));
    let text: Vec<&str> = kept.collect();
    let named = format!("name = \"laptop\"\nkey_command = {command}");
    let text = text.join("\n").replace("name = \"laptop\"", &named);
    std::fs::write(user.config_file(), text).unwrap();
}

#[test]
fn a_daemon_is_given_the_key_by_a_command_and_says_so_where_it_is_not() {
    let relay = Relay::start();
    let mut user = User::at("laptop", &relay);
    let key = user.key();
    user.terminate_daemon();
    let pass = keep(&user, "pass", "correct horse\n");
    let ended = encrypt(&user, &["laptop"]);
    assert!(
        ended
            .stderr
            .contains("give the identity laptop the key by a command")
            && ended.stderr.contains("\"decrypt\", \""),
        "{ended:?}"
    );
    let refused = Process::start(user.command(programs::path("mrpd")), b"").wait();
    assert_eq!(refused.code(), 78, "{refused:?}");
    for words in [
        "laptop.key is kept under a passphrase",
        "key_command = [\"mrpctl\", \"key\", \"decrypt\"",
    ] {
        assert!(
            refused.stderr.contains(words),
            "{words:?} is not in {refused:?}"
        );
    }

    let configuration = std::fs::read_to_string(user.config_file()).unwrap();
    let mrpctl = programs::path("mrpctl").display().to_string();
    let file = user
        .home()
        .join(".mrp/keys/laptop.key")
        .display()
        .to_string();
    let pass = pass.display().to_string();
    let command = json!([mrpctl, "key", "decrypt", file, "--passphrase-file", pass]);
    have_key_given(&user, &configuration, &command);
    let script = format!(
        "exec {mrpctl} key decrypt laptop --passphrase-file \"$CREDENTIALS_DIRECTORY/pass\""
    );
    user.start_daemon();
    assert_eq!(user.key(), key);
    let id = user.mrpctl(&["send", "me", "still me"]).succeeded();
    assert!(id.starts_with("msg_"), "{id}");
    user.terminate_daemon();

    // The service manager has the passphrase, and the key has its name.
    have_key_given(&user, &configuration, &json!(["sh", "-c", script]));
    keep(&user, "credentials/pass", "correct horse\n");
    let mut command = user.command(programs::path("mrpd"));
    command.env("CREDENTIALS_DIRECTORY", user.home().join("credentials"));
    user.run_daemon(command);
    assert_eq!(user.key(), key);
}

/// A terminal with mrpctl at it: what is typed, and what is seen. Its standard output goes to a file.
struct Terminal {
    keyboard: File,
    child: std::process::Child,
    seen: std::sync::mpsc::Receiver<Vec<u8>>,
    screen: String,
}

impl Terminal {
    fn start(user: &User, arguments: &[&str]) -> Self {
        let pair = openpty(None, None).unwrap();
        let end = || Stdio::from(File::from(pair.slave.try_clone().unwrap()));
        let mut command = user.command(programs::path("mrpctl"));
        let out = File::create(user.home().join("out")).unwrap();
        command
            .args(arguments)
            .env("TERM", "dumb")
            .stdin(end())
            .stderr(end())
            .stdout(out);
        let child = command.spawn().unwrap();
        drop(command);
        let keyboard = File::from(pair.master);
        let mut screen = keyboard.try_clone().unwrap();
        let (sender, seen) = channel();
        std::thread::spawn(move || {
            let mut piece = [0; 256];
            while let Ok(read @ 1..) = screen.read(&mut piece) {
                if sender.send(piece[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            keyboard,
            child,
            seen,
            screen: String::new(),
        }
    }

    /// Waits for a prompt, and types a line.
    fn answer(&mut self, prompt: &str, line: &str) {
        while !self.screen.ends_with(prompt) {
            let piece = self.seen.recv_timeout(DEADLINE);
            let piece = piece.unwrap_or_else(|_| panic!("no {prompt:?} in {:?}", self.screen));
            self.screen.push_str(&String::from_utf8_lossy(&piece));
        }
        self.keyboard.write_all(line.as_bytes()).unwrap();
    }

    /// Waits for the end; gives the exit status and all that was seen.
    fn end(mut self) -> (Option<i32>, String) {
        let status = eventually("mrpctl to end", || self.child.try_wait().unwrap());
        while let Ok(piece) = self.seen.recv_timeout(Duration::from_millis(200)) {
            self.screen.push_str(&String::from_utf8_lossy(&piece));
        }
        use std::os::unix::process::ExitStatusExt as _;
        let code = status.code().or(status.signal().map(|signal| 128 + signal));
        (code, self.screen)
    }

    /// Whether the terminal shows what is typed.
    fn is_showing(&self) -> bool {
        let settings = nix::sys::termios::tcgetattr(&self.keyboard).unwrap();
        settings
            .local_flags
            .contains(nix::sys::termios::LocalFlags::ECHO)
    }
}

#[test]
fn a_passphrase_is_asked_for_twice_and_never_shown() {
    let (user, file) = owner();
    let mut terminal = Terminal::start(&user, &["key", "encrypt", "old"]);
    terminal.answer("Passphrase: ", "correct horse\n");
    terminal.answer("The same again: ", "battery\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(65), "{screen}");
    assert!(screen.contains("are not the same"), "{screen}");
    assert_eq!(std::fs::read(&file).unwrap(), vec![1; 32]);

    let mut terminal = Terminal::start(&user, &["key", "encrypt", "old"]);
    terminal.answer("Passphrase: ", "correct horse\n");
    terminal.answer("The same again: ", "correct horse\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(!screen.contains("horse"), "{screen}");

    let mut terminal = Terminal::start(&user, &["key", "decrypt", "old"]);
    terminal.answer("Passphrase: ", "correct horse\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(!screen.contains("horse"), "{screen}");
    let out = std::fs::read_to_string(user.home().join("out")).unwrap();
    assert_eq!(out, "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\n");
    assert!(std::fs::metadata(&file).unwrap().size() > 32);

    let mut terminal = Terminal::start(&user, &["key", "decrypt", "old"]);
    terminal.answer("Passphrase: ", "");
    eventually("the terminal to hide what is typed", || {
        (!terminal.is_showing()).then_some(())
    });
    let id = i32::try_from(terminal.child.id()).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), Signal::SIGINT).unwrap();
    eventually("the end", || terminal.child.try_wait().unwrap());
    assert!(terminal.is_showing(), "a terminal is left as it was found");
    assert_eq!(terminal.end().0, Some(130));
    assert_eq!(
        SecretKey::from_seed(&[1; 32]).public().to_string(),
        KEY,
        "the key above is that of the seed"
    );
}
