//! The spool folder: what is moved into a recipient's folder is sent once, and removed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use nix::sys::stat::Mode;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tests::process::eventually;
use tests::relay::Relay;
use tests::user::User;

fn spooling(relay: &Relay) -> (User, PathBuf) {
    let user = User::at("sender", relay);
    let dir = user.home().join("spool");
    user.configure("[spool]\ndir = \"~/spool\"");
    user.reload();
    eventually("the folder", || dir.exists().then_some(()));
    (user, dir)
}

/// As a program does that knows how: written beside, and moved into place.
fn drop_into(folder: &Path, name: &str, content: &[u8]) {
    let hidden = folder.join(format!(".{name}.new"));
    fs::write(&hidden, content).unwrap();
    fs::rename(hidden, folder.join(name)).unwrap();
}

fn recipient(dir: &Path, name: &str) -> PathBuf {
    let folder = dir.join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn texts(user: &User, count: usize) -> Vec<String> {
    eventually("the messages", || {
        Some(user.texts()).filter(|texts| texts.len() >= count)
    })
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn what_is_moved_into_place_is_sent_and_removed() {
    let relay = Relay::start();
    let (user, dir) = spooling(&relay);
    let bob = User::at("bob", &relay);
    user.mrpctl(&["contact", "add", "bob", &bob.key()])
        .succeeded();
    let folder = recipient(&dir, "bob");
    drop_into(&folder, "first", b"hello\n");
    assert_eq!(texts(&bob, 1), ["hello"]);
    // Written in place and half done: not sent.
    fs::write(folder.join("slow"), b"half of").unwrap();
    drop_into(&folder, "part.tmp", b"not yet");
    drop_into(&folder, "second", "zwölf".as_bytes());
    assert_eq!(texts(&bob, 2), ["hello", "zwölf"]);
    fs::rename(folder.join("part.tmp"), folder.join("third")).unwrap();
    assert_eq!(texts(&bob, 3), ["hello", "zwölf", "not yet"]);
    let (_, shown) = user.api("GET", "/v1/spool", None);
    assert_eq!(shown["waiting"][0]["name"], "slow", "{shown}");
    fs::remove_file(folder.join("slow")).unwrap();
    eventually("an empty folder", || is_empty(&folder).then_some(()));
}

#[test]
fn what_cannot_be_sent_is_set_aside_with_the_reason() {
    let relay = Relay::start();
    let (user, dir) = spooling(&relay);
    user.configure("[attachments]\nmax_outgoing = 1000");
    user.reload();
    let (own, nobody) = (recipient(&dir, &user.key()), recipient(&dir, "nobody"));
    drop_into(&nobody, "lost", b"x");
    drop_into(&own, "empty", b"");
    drop_into(&own, "huge", &vec![b'x'; (1 << 20) + 1]);
    fs::write(own.join(".photo"), [0xff; 100]).unwrap();
    fs::rename(own.join(".photo"), own.join("photo.jpg")).unwrap();
    drop_into(&own, &"n".repeat(250), b"x");
    let secret = user.home().join("secret");
    fs::write(&secret, "not to be sent").unwrap();
    std::os::unix::fs::symlink(&secret, own.join(".link")).unwrap();
    fs::rename(own.join(".link"), own.join("link")).unwrap();
    nix::unistd::mkfifo(&own.join(".pipe"), Mode::S_IRWXU).unwrap();
    fs::rename(own.join(".pipe"), own.join("pipe")).unwrap();
    drop_into(&own, "good", b"good");
    let mut sent = eventually("the text and the photo", || {
        Some(user.inbox()).filter(|inbox| inbox.len() == 2)
    });
    // A folder has no order of its own: which of them is taken first is open.
    sent.sort_by_key(|message| message["text"].is_string());
    assert_eq!(
        sent[0]["attachments"][0]["filename"], "photo.jpg",
        "{sent:?}"
    );
    assert_eq!(sent[1]["text"], "good", "{sent:?}");
    let failed = eventually("six files set aside", || {
        let (_, shown) = user.api("GET", "/v1/spool", None);
        let failed = shown["failed"].as_array()?.clone();
        (failed.len() == 6).then_some(failed)
    });
    let reason = |name: &str| {
        let file = failed
            .iter()
            .find(|file| file["name"].as_str().unwrap().starts_with(name));
        file.unwrap()["error"].as_str().unwrap().to_owned()
    };
    for (name, words) in [
        ("lost", "no contact is called"),
        ("empty", "empty"),
        ("huge", "more than 1000 bytes"),
        ("nnnn", "too long"),
        ("link", "a link"),
        ("pipe", "a pipe"),
    ] {
        assert!(reason(name).contains(words), "{name}: {}", reason(name));
    }
    assert!(secret.exists() && dir.join("failed/nobody/lost.error").exists());
    assert_eq!(user.inbox().len(), 2);
}

#[test]
fn what_came_while_the_daemon_was_dead_is_sent_once() {
    let mut relay = Relay::start();
    let (mut user, dir) = spooling(&relay);
    let own = recipient(&dir, &user.key());
    relay.kill();
    for round in 0..5 {
        user.kill_daemon();
        for number in 0..20 {
            let name = format!("{round}-{number:02}");
            let file = own.join(format!(".{name}"));
            fs::write(&file, &name).unwrap();
            let long_ago = fs::File::options().write(true).open(&file).unwrap();
            let time = std::time::SystemTime::now()
                - std::time::Duration::from_secs(3600 - round * 100 - number);
            long_ago.set_modified(time).unwrap();
            fs::rename(file, own.join(name)).unwrap();
        }
        user.start_daemon();
        // Some are taken, then it dies again.
        eventually("a few that are sent", || {
            (fs::read_dir(&own).unwrap().count() < 20).then_some(())
        });
    }
    eventually("all to be taken", || is_empty(&own).then_some(()));
    relay.resume();
    let expected: Vec<String> = (0..5)
        .flat_map(|round| (0..20).map(move |number| format!("{round}-{number:02}")))
        .collect();
    assert_eq!(texts(&user, 100), expected, "each once");
}

#[test]
fn a_folder_that_others_can_reach_is_not_used() {
    let relay = Relay::start();
    let user = User::at("sender", &relay);
    let dir = user.home().join("spool");
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
    user.configure("[spool]\ndir = \"~/spool\"");
    user.reload();
    let warning = eventually("a warning", || {
        let (_, status) = user.api("GET", "/v1/status", None);
        let warnings: Vec<Value> = status["warnings"].as_array()?.clone();
        warnings
            .into_iter()
            .find(|warning| warning.to_string().contains("chmod 700"))
    });
    assert_ne!(warning, json!(null));
}
