//! `mrpctl send` with files, as scripts meet it.

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tests::process::{eventually, sent};
use tests::relay::Relay;
use tests::user::User;

const MIB: usize = 1024 * 1024;

#[test]
fn files_travel_along_and_need_no_body() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    std::fs::write(user.home().join("report.txt"), "all is well").unwrap();
    let shown = |id: &str| -> Value {
        serde_json::from_str(&user.mrpctl(&["show", id]).succeeded()).unwrap()
    };
    let names = |message: &Value| -> Vec<String> {
        let attachments = message["attachments"].as_array().unwrap();
        let name = |one: &Value| one["filename"].as_str().unwrap().to_owned();
        attachments.iter().map(name).collect()
    };
    let sent_with = |arguments: &[&str], input: &[u8]| {
        let arguments = [&["send", "me", "--wait", "delivered"], arguments].concat();
        sent(user.mrpctl_with(&arguments, input))
    };
    let id = sent_with(&["-f", "report.txt"], b"this is not read");
    let message = shown(&id);
    assert_eq!(
        (&message["body"], &message["encrypted"]),
        (&Value::Null, &json!(true))
    );
    assert_eq!(names(&message), ["report.txt"]);
    let got = user.home().join("got");
    assert_eq!(
        user.take(&format!("/v1/messages/{id}/attachments/0"), &got),
        200
    );
    assert_eq!(std::fs::read_to_string(&got).unwrap(), "all is well");

    let large = vec![b'x'; 3 * MIB + 1];
    let id = sent_with(
        &["see", "there", "-f", "-", "--filename", "large.bin"],
        &large,
    );
    let message = shown(&id);
    assert_eq!(message["text"], "see there");
    assert_eq!(names(&message), ["large.bin"]);
    assert_eq!(
        user.take(&format!("/v1/messages/{id}/attachments/0"), &got),
        200
    );
    assert!(std::fs::read(&got).unwrap() == large);

    let (status, blob) = user.give(
        "PUT",
        "/v1/blobs?filename=before.txt",
        &user.home().join("report.txt"),
    );
    assert_eq!(status, 201, "{blob}");
    let id = sent_with(&["--attach", blob["id"].as_str().unwrap()], b"");
    assert_eq!(names(&shown(&id)), ["before.txt"]);
}

#[test]
fn a_file_that_is_sent_once_counts_by_what_is_in_it() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let file = user.home().join("report.txt");
    std::fs::write(&file, "all is well").unwrap();
    // The published command line's spelling. Each time the file is uploaded anew.
    let published = [
        "send",
        "--to",
        "me",
        "--text",
        "hi",
        "-e",
        "--attach-file",
        "report.txt",
    ];
    let once = [&published[..], &["--id", "once"]].concat();
    let id = sent(user.mrpctl(&once));
    assert_eq!(sent(user.mrpctl(&once)), id);
    std::fs::write(&file, "all is lost").unwrap();
    user.mrpctl(&once).failed(65, "idempotency key");
}

/// A pipe that nobody writes into takes for ever to be opened; that keeps nothing from ending the command.
#[test]
fn a_pipe_that_nobody_writes_into_is_given_up() {
    let relay = Relay::start();
    let mut user = User::at("laptop", &relay);
    let mode = nix::sys::stat::Mode::from_bits_truncate(0o600);
    nix::unistd::mkfifo(&user.home().join("pipe"), mode).expect("a pipe");
    let soon = ["--timeout", "300ms"];
    for command in [
        &["send", "me", "-f", "pipe"][..],
        &["blob", "put", "pipe"],
        &["import", "pipe"],
        &["config", "check", "pipe"],
    ] {
        let ended = user.mrpctl(&[command, &soon].concat());
        ended.failed(124, "not done within");
    }
    for (signal, exit) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let sending = user.start_mrpctl(&["send", "me", "-f", "pipe"], b"");
        let threads = format!("/proc/{}/task", sending.id());
        eventually("a thread that opens the pipe", || {
            let threads = std::fs::read_dir(&threads).ok()?;
            (threads.count() > 1).then_some(())
        });
        sending.signal(signal);
        assert_eq!(sending.wait().code(), exit);
    }
    user.terminate_daemon();
    let restore = [&["restore", "pipe", "--force"], &soon[..]].concat();
    user.mrpctl(&restore).failed(124, "not done within");
}
