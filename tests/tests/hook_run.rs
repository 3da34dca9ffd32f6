//! What a hook's program is given, what it may do, and how it is ended; with real processes.

use serde_json::Value;
use std::fs::{Permissions, set_permissions, write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tests::process::{Process, eventually};
use tests::relay::Relay;
use tests::user::User;

/// Somebody who sends, and somebody with hooks who knows them.
struct Pair {
    _relay: Relay,
    alice: User,
    bob: User,
}

fn pair() -> Pair {
    pair_of(User::blank("bob"))
}

fn pair_of(mut bob: User) -> Pair {
    let relay = Relay::start();
    let alice = User::at("alice", &relay);
    bob.start_daemon();
    bob.mrpctl(&["init", "--name", "bob", "--relay", &relay.url()])
        .succeeded();
    bob.mrpctl(&["contact", "add", "alice", &alice.key()])
        .succeeded();
    alice
        .mrpctl(&["contact", "add", "bob", &bob.key()])
        .succeeded();
    Pair {
        _relay: relay,
        alice,
        bob,
    }
}

impl Pair {
    fn hook(&self, text: &str) {
        self.bob.configure(text);
        self.bob.reload();
    }

    fn send(&self, text: &str) {
        self.alice.mrpctl(&["send", "bob", text]).succeeded();
    }
}

/// A program of the user's, in the shell's language.
fn script(user: &User, name: &str, text: &str) -> PathBuf {
    let path = user.home().join(name);
    write(&path, format!("#!/bin/sh\n{text}\n")).expect("the script is written");
    set_permissions(&path, Permissions::from_mode(0o700)).expect("the script is ours");
    path
}

/// Waits until a file is there as a whole: what is to be read is put into place by mv.
fn content(path: &Path) -> String {
    eventually(&format!("{}", path.display()), || {
        std::fs::read_to_string(path).ok()
    })
}

fn logged(user: &User, what: &str) -> Value {
    eventually(&format!("{what:?} in the hook log"), || {
        user.api_lines("/v1/hooks/log")
            .into_iter()
            .find(|entry| entry.to_string().contains(what))
    })
}

#[test]
fn a_program_is_given_the_message_and_little_else() {
    let mut bob = User::blank("bob");
    bob.add_variable("SECRET_TOKEN", "s3cret");
    bob.add_variable("PASSED", "yes");
    let pair = pair_of(bob);
    let out = pair.bob.home().join("out");
    let text = format!(
        "{{ env; echo \"cwd $(pwd)\"; echo \"fds $(ls -l /proc/$$/fd | grep -c ' -> ')\"; echo \"args $*\"; cat \"$MRP_BODY_FILE\"; echo; cat; }} > {0}.new; mv {0}.new {0}",
        out.display()
    );
    let program = script(&pair.bob, "show", &text);
    pair.hook(&format!(
        "[[hook]]\nname = \"show\"\nexec = [\"{}\", \"$MRP_TEXT\"]\nenv = {{ OWN = \"own\" }}\npass_env = [\"PASSED\"]\n",
        program.display()
    ));
    pair.send("hi; rm -rf $(echo /nothing)");
    let shown = content(&out);
    for line in [
        "MRP_HOOK=show",
        "MRP_ATTEMPT=1",
        "MRP_FROM_NAME=alice",
        "MRP_KIND=text",
        "MRP_ENCRYPTED=1",
        "MRP_TEXT=hi; rm -rf $(echo /nothing)",
        "MRP_AGENT=bob",
        "OWN=own",
        "PASSED=yes",
        "args $MRP_TEXT",
        r#"{"text":"hi; rm -rf $(echo /nothing)"}"#,
    ] {
        assert!(
            shown.lines().any(|shown| shown == line),
            "{line}\nin {shown}"
        );
    }
    assert!(!shown.contains("s3cret"), "{shown}");
    let socket = format!("MRPD_SOCKET={}", pair.bob.socket().display());
    assert!(shown.contains(&socket), "{shown}");
    let message = shown.lines().last().expect("the message comes last");
    let message: Value = serde_json::from_str(message).expect("stdin is a line of JSON");
    assert_eq!(message["from"]["name"], "alice");
    let folder = shown
        .lines()
        .find_map(|line| line.strip_prefix("cwd "))
        .expect("it says where it is");
    eventually("its folder to go", || {
        (!Path::new(folder).exists()).then_some(())
    });
}

#[test]
fn a_program_that_takes_too_long_goes_with_its_children() {
    let pair = pair();
    let ids = pair.bob.home().join("ids");
    let text = format!(
        "trap '' TERM; sleep 300 & echo \"$$ $!\" > {0}.new; mv {0}.new {0}; wait; sleep 300",
        ids.display()
    );
    let program = script(&pair.bob, "stuck", &text);
    pair.hook(&format!(
        "[[hook]]\nname = \"stuck\"\nexec = [\"{}\"]\ntimeout = \"1s\"\nkill_after = \"200ms\"\nretry = {{ max_attempts = 1 }}\n",
        program.display()
    ));
    pair.send("go");
    let ids = content(&ids);
    for id in ids.split_whitespace() {
        eventually("the whole group to go", || {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            (stat.is_empty() || stat.contains(") Z ")).then_some(())
        });
    }
    logged(&pair.bob, "took longer than 1 s");
}

#[test]
fn limits_and_sandbox_hold_inside_the_program() {
    let pair = pair();
    let home = pair.bob.home();
    let out = home.join("allowed");
    std::fs::create_dir(&out).expect("a folder is made");
    write(home.join("secret"), "the key").expect("a file is written");
    let text = format!(
        "exec > {out}/report.new; cat {home}/secret && echo READ; cat \"$MRP_BODY_FILE\"; echo; echo x > {home}/elsewhere && echo WROTE; head -c 100000 /dev/zero > big; wc -c < big; ulimit -v; mv {out}/report.new {out}/report",
        home = home.display(),
        out = out.display()
    );
    let program = script(&pair.bob, "confined", &text);
    pair.hook(&format!(
        "[[hook]]\nname = \"confined\"\nexec = [\"{}\"]\nlimits = {{ memory = \"512MiB\", file_size = \"40KiB\" }}\nsandbox = {{ read = [], write = [\"{}\"] }}\n",
        program.display(),
        out.display()
    ));
    pair.send("go");
    let report = content(&out.join("report"));
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines, [r#"{"text":"go"}"#, "40960", "524288"], "{report}");
    assert!(!home.join("elsewhere").exists());
}

#[test]
fn what_others_can_change_is_not_run() {
    let pair = pair();
    let ran = pair.bob.home().join("ran");
    let program = script(&pair.bob, "loose", &format!("touch {}", ran.display()));
    set_permissions(&program, Permissions::from_mode(0o777)).expect("the script is ours");
    pair.hook(&format!(
        "[[hook]]\nname = \"loose\"\nexec = [\"{}\"]\nretry = {{ max_attempts = 3, min = \"100ms\" }}\n",
        program.display()
    ));
    pair.send("go");
    logged(
        &pair.bob,
        "can be changed by others (mode 777); run chmod go-w on it",
    );
    assert!(!ran.exists());
}

#[test]
fn a_hook_that_runs_when_the_daemon_ends_runs_again() {
    let mut pair = pair();
    let home = pair.bob.home().to_path_buf();
    let (begun, ended) = (home.join("begun"), home.join("ended"));
    let text = format!(
        "if [ -e {0} ]; then echo \"$MRP_TEXT $MRP_ATTEMPT\" > {1}.new; mv {1}.new {1}; exit 0; fi; echo x > {0}.new; mv {0}.new {0}; sleep 300",
        begun.display(),
        ended.display()
    );
    let program = script(&pair.bob, "slow", &text);
    pair.hook(&format!(
        "[[hook]]\nname = \"slow\"\nexec = [\"{}\"]\n",
        program.display()
    ));
    pair.send("precious");
    content(&begun);
    let started = Instant::now();
    let daemon = pair.bob.terminate_daemon();
    assert!(daemon.status.success(), "{}", daemon.stderr);
    assert!(started.elapsed() < Duration::from_secs(10));
    pair.bob.start_daemon();
    assert!(content(&ended).starts_with("precious "));
}

#[test]
fn stale_folders_go_at_the_start() {
    let mut bob = User::blank("bob");
    let stale = bob.home().join(".cache/mrp/hooks/run-stale/work");
    std::fs::create_dir_all(&stale).expect("a folder is made");
    bob.start_daemon();
    assert!(!stale.exists());
}

/// A session bus of its own, with a desktop that writes down what it is to show.
struct Desktop {
    address: String,
    notes: PathBuf,
    _bus: Process,
    _server: Option<Process>,
    folder: tempfile::TempDir,
}

const SERVER: &str = r#"
import dbus, dbus.mainloop.glib, dbus.service, json, os, sys
from gi.repository import GLib

class Server(dbus.service.Object):
    @dbus.service.method("org.freedesktop.Notifications", in_signature="susssasa{sv}i", out_signature="u")
    def Notify(self, app, replaces, icon, summary, body, actions, hints, timeout):
        path = sys.argv[1]
        with open(path + ".new", "w") as notes:
            json.dump([str(app), str(summary), str(body)], notes)
        os.rename(path + ".new", path)
        return dbus.UInt32(1)

dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.SessionBus()
name = dbus.service.BusName("org.freedesktop.Notifications", bus)
server = Server(bus, "/org/freedesktop/Notifications")
print("ready", flush=True)
GLib.MainLoop().run()
"#;

impl Desktop {
    fn bus() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut bus = Command::new("dbus-daemon");
        let socket = format!("unix:path={}", folder.path().join("bus").display());
        bus.args([
            "--session",
            "--nofork",
            "--print-address",
            "--address",
            &socket,
        ]);
        let mut bus = Process::start(bus, b"");
        let address = bus.line();
        Self {
            address,
            notes: folder.path().join("notes"),
            _bus: bus,
            _server: None,
            folder,
        }
    }

    fn with_server() -> Self {
        let mut desktop = Self::bus();
        let path = desktop.folder.path().join("server.py");
        write(&path, SERVER).expect("the server is written");
        let mut server = Command::new("/usr/bin/python3");
        server
            .arg(&path)
            .arg(&desktop.notes)
            .env("DBUS_SESSION_BUS_ADDRESS", &desktop.address);
        let mut server = Process::start(server, b"");
        server.line_after("ready");
        desktop._server = Some(server);
        desktop
    }
}

const NOTIFY: &str = r#"
[[hook]]
name = "desktop"
notify = { title = "{{ from.name }}\nsays", body = "{{ text }}" }
"#;

#[test]
fn a_note_is_shown_on_the_desktop() {
    let desktop = Desktop::with_server();
    let mut bob = User::blank("bob");
    bob.add_variable("DBUS_SESSION_BUS_ADDRESS", &desktop.address);
    let pair = pair_of(bob);
    pair.hook(NOTIFY);
    pair.send("<b>1 & 2</b>");
    let note: Value = serde_json::from_str(&content(&desktop.notes)).expect("the note is JSON");
    assert_eq!(note[0], "mrpd");
    assert_eq!(note[1], "alice says");
    assert_eq!(note[2], "&lt;b&gt;1 &amp; 2&lt;/b&gt;");
    logged(&pair.bob, "shown");
}

#[test]
fn without_a_desktop_the_log_says_so_and_nothing_is_tried_again() {
    let pair = pair();
    pair.hook(NOTIFY);
    pair.send("hello");
    let entry = logged(&pair.bob, "there is no desktop session");
    assert!(!entry.to_string().contains("retry"), "{entry}");
    // A bus on which nobody shows anything.
    let desktop = Desktop::bus();
    let mut bob = User::blank("bob");
    bob.add_variable("DBUS_SESSION_BUS_ADDRESS", &desktop.address);
    let pair = pair_of(bob);
    pair.hook(NOTIFY);
    pair.send("hello");
    let entry = logged(&pair.bob, "the desktop did not take it");
    assert!(!entry.to_string().contains("retry"), "{entry}");
}

#[test]
fn a_hook_finds_what_came_with_its_message() {
    let pair = pair();
    let out = pair.bob.home().join("seen");
    pair.hook(&format!(
        "[[hook]]\nname = \"files\"\nfrom = [\"alice\"]\nshell = '''\n\
         {{ echo \"$MRP_ATTACHMENT_COUNT\"; cat \"$MRP_ATTACHMENTS_DIR/report.bin\"; }} > {0}.part && mv {0}.part {0}\n'''",
        out.display()
    ));
    let report = pair.alice.home().join("report.bin");
    let bytes: Vec<u8> = (0..1 << 20)
        .map(|place: u32| place.to_le_bytes()[1])
        .collect();
    write(&report, &bytes).unwrap();
    let (status, given) = pair
        .alice
        .give("PUT", "/v1/blobs?filename=report.bin", &report);
    assert_eq!(status, 201, "{given}");
    let send = serde_json::json!({ "to": "bob", "attachments": [{ "id": given["id"] }] });
    let (status, answer) = pair.alice.api("POST", "/v1/send", Some(&send));
    assert_eq!(status, 200, "{answer}");
    let seen = eventually("the hook's file", || std::fs::read(&out).ok());
    assert!(
        seen == [b"1\n".to_vec(), bytes].concat(),
        "it saw {} bytes",
        seen.len()
    );
}
