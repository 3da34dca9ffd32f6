use super::*;
use std::time::Instant;

const SOON: Duration = Duration::from_secs(20);

struct Place {
    home: tempfile::TempDir,
    runner: Runner,
    stop: CancellationToken,
}

fn place() -> Place {
    let home = tempfile::tempdir().unwrap();
    let runner = Runner::new(home.path().join("hooks"), home.path().join("mrpd.sock"));
    Place {
        home,
        runner,
        stop: CancellationToken::new(),
    }
}

fn shell(text: &str) -> Job {
    Job {
        command: Command::Shell(text.to_owned()),
        environment: Vec::new(),
        stdin: Vec::new(),
        body: None,
        answer: Answer::Absent,
        timeout: SOON,
        kill_after: Duration::from_secs(1),
        limits: Limits::default(),
        sandbox: None,
        readable: Vec::new(),
        keep: Keep::Nothing,
    }
}

impl Place {
    async fn run(&self, program: Job) -> Ended {
        self.runner.start(program, &self.stop).await.unwrap()
    }

    fn folders(&self) -> usize {
        let folders = self.home.path().join("hooks");
        folders.read_dir().unwrap().count()
    }
}

#[tokio::test]
async fn output_and_exit_status_come_back() {
    let place = place();
    let ended = place.run(shell("echo out; echo err >&2; exit 7")).await;
    assert_eq!(ended.end, End::Exited(7));
    assert_eq!(ended.stdout.text(), "out\n");
    assert_eq!(ended.stderr.text(), "err\n");
    let ended = place.run(shell("kill -USR1 $$")).await;
    assert_eq!(ended.end, End::Signalled(10));
}

#[tokio::test]
async fn a_program_finds_only_what_it_is_given() {
    let place = place();
    let _witness = std::fs::File::create(place.home.path().join("witness")).unwrap();
    let mut program = shell(
        "env; pwd; cat \"$MRP_BODY_FILE\"; stat -c ' %a' \"$MRP_BODY_FILE\" .; ls -l /proc/self/fd",
    );
    program.environment = vec![("ONE".into(), "1 2\n3".into())];
    program.body = Some(b"the body".to_vec());
    let ended = place.run(program).await;
    let out = ended.stdout.text();
    assert!(out.contains("ONE=1 2\n3\n"), "{out}");
    assert!(!out.contains("CARGO"), "{out}");
    assert!(out.contains("/work\nthe body 600\n 700\n"), "{out}");
    assert!(!out.contains("witness"), "{out}");
}

#[tokio::test]
async fn arguments_are_no_shell_text() {
    let place = place();
    let mut program = shell("");
    program.command = Command::Exec(vec!["echo".to_owned(), "$HOME; `id` *".to_owned()]);
    assert_eq!(place.run(program).await.stdout.text(), "$HOME; `id` *\n");
}

#[tokio::test]
async fn a_large_input_is_read_or_left_alone() {
    let place = place();
    let mut program = shell("wc -c");
    program.stdin = vec![b'x'; 2 << 20];
    assert_eq!(place.run(program).await.stdout.text().trim(), "2097152");
    // It echoes what it reads: with nobody to read that, both sides would wait for ever.
    let mut program = shell("cat");
    program.stdin = vec![b'x'; 2 << 20];
    let ended = place.run(program).await;
    assert_eq!(ended.end, End::Exited(0));
    assert!(ended.stdout.cut);
    let mut program = shell("exit 0");
    program.stdin = vec![b'x'; 2 << 20];
    assert_eq!(place.run(program).await.end, End::Exited(0));
}

#[tokio::test]
async fn a_program_that_takes_too_long_goes_with_its_group() {
    let place = place();
    // It ignores the polite signal, and so does its child; both hold the output open.
    let text = "trap '' TERM; (echo $$; while :; do sleep 0.1; done) & echo $!; while :; do sleep 0.1; done";
    let mut program = shell(text);
    program.timeout = Duration::from_millis(500);
    program.kill_after = Duration::from_millis(200);
    let begun = Instant::now();
    let ended = place.run(program).await;
    assert_eq!(ended.end, End::TimedOut);
    assert!(begun.elapsed() < SOON);
    let ids = ended.stdout.text();
    assert_eq!(ids.lines().count(), 2, "{ids}");
    for id in ids.lines() {
        assert!(is_gone(id).await, "{id} lives");
    }
}

#[tokio::test]
async fn what_is_left_behind_holds_nothing_up() {
    let place = place();
    let begun = Instant::now();
    let ended = place.run(shell("sleep 60 & echo $!")).await;
    assert_eq!(ended.end, End::Exited(0));
    assert!(begun.elapsed() < SOON);
    assert!(is_gone(ended.stdout.text().trim()).await);
}

#[tokio::test]
async fn endless_output_is_cut_and_ended() {
    let place = place();
    let ended = place.run(shell("exec cat /dev/zero")).await;
    assert_eq!(ended.end, End::Flooded);
    assert_eq!(ended.stdout.bytes.len(), output::KEPT);
    let ended = place.run(shell("head -c 1000000 /dev/zero")).await;
    assert_eq!(ended.end, End::Exited(0));
    assert!(ended.stdout.cut);
}

#[tokio::test]
async fn the_end_of_the_daemon_is_the_end_of_its_programs() {
    let place = place();
    let stop = place.stop.clone();
    let ready = place.home.path().join("ready");
    let program = shell(&format!(
        "trap 'echo bye; exit 3' TERM; touch {}; while :; do sleep 0.1; done",
        ready.display()
    ));
    let (ended, ()) = tokio::join!(place.run(program), async {
        assert!(eventually(|| ready.exists()).await);
        stop.cancel();
    });
    assert_eq!(ended.end, End::Interrupted);
    assert_eq!(ended.stdout.text(), "bye\n");
}

#[tokio::test]
async fn a_run_that_is_dropped_leaves_nobody() {
    let place = place();
    let note = place.home.path().join("id");
    let program = shell(&format!(
        "echo $$ > {0}.new; mv {0}.new {0}; sleep 60",
        note.display()
    ));
    let run = place.runner.start(program, &place.stop);
    let mut run = Box::pin(run);
    let id = loop {
        let step = tokio::time::timeout(Duration::from_millis(20), &mut run).await;
        assert!(step.is_err(), "it ended by itself");
        if let Ok(id) = std::fs::read_to_string(&note) {
            break id;
        }
    };
    drop(run);
    assert!(is_gone(id.trim()).await);
}

#[tokio::test]
async fn folders_go_unless_they_are_kept() {
    let place = place();
    let mut program = shell("echo hello > note");
    place.run(program.clone()).await;
    let begun = Instant::now();
    while place.folders() > 0 {
        assert!(begun.elapsed() < SOON);
        tokio::task::yield_now().await;
    }
    program.keep = Keep::Folder;
    let ended = place.run(program).await;
    let note = ended.folder.unwrap().join("note");
    assert_eq!(std::fs::read_to_string(note).unwrap(), "hello\n");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_said_so() {
    let place = place();
    let mut program = shell("");
    program.command = Command::Exec(vec!["no-such-program".to_owned()]);
    let error = place.runner.start(program, &place.stop).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("not on the PATH (/usr/local/bin:"),
        "{error}"
    );
}

/// Waits until a process is gone, or nothing but an entry that nobody has taken note of yet.
async fn is_gone(id: &str) -> bool {
    eventually(|| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    })
    .await
}

/// Looks again and again whether something has become so, for as long as it may take.
async fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < SOON {
        if holds() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}
