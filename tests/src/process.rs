//! One process: its output collected by threads, every wait bounded, killed when dropped.

use crate::DEADLINE;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What a process that has ended left behind.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// All of its standard output that was not read by line.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

impl Ended {
    /// The exit status; a signal is 128 and its number, as a shell shows it.
    pub fn code(&self) -> i32 {
        use std::os::unix::process::ExitStatusExt as _;
        self.status
            .code()
            .unwrap_or_else(|| 128 + self.status.signal().unwrap_or(0))
    }

    /// Checks that it failed: with this exit status, nothing on standard output, and these words on standard error.
    #[track_caller]
    pub fn failed(&self, exit: i32, words: &str) {
        assert_eq!((self.code(), self.stdout.as_str()), (exit, ""), "{self:?}");
        assert!(self.stderr.contains(words), "{words:?} is not in {self:?}");
    }

    /// The output, if the process ended well.
    pub fn succeeded(self) -> String {
        assert!(
            self.status.success(),
            "exit {}\nstdout: {}\nstderr: {}",
            self.code(),
            self.stdout,
            self.stderr
        );
        self.stdout
    }
}

/// A running process.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    lines: Receiver<String>,
    errors: Arc<Mutex<Vec<u8>>>,
    stderr: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts a command, gives it `input` on its standard input, and closes that.
    pub fn start(command: Command, input: &[u8]) -> Self {
        let (process, mut stdin) = Self::open(command);
        let input = input.to_owned();
        // A process need not read its input: a broken pipe is its right.
        std::thread::spawn(move || stdin.write_all(&input));
        process
    }

    /// Starts a command, and gives the way to its standard input.
    pub fn open(mut command: Command) -> (Self, ChildStdin) {
        let name = command.get_program().to_string_lossy().into_owned();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let stdin = child.stdin.take().expect("stdin is piped");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        let mut stream = child.stderr.take().expect("stderr is piped");
        let errors = Arc::new(Mutex::new(Vec::new()));
        let collected = Arc::clone(&errors);
        let stderr = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut piece) {
                let mut collected = collected.lock().expect("nobody panics with it");
                collected.extend_from_slice(&piece[..read]);
            }
        });
        let process = Self {
            name,
            child,
            lines,
            errors,
            stderr: Some(stderr),
        };
        (process, stdin)
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of its standard output.
    pub fn line(&mut self) -> String {
        match self.lines.recv_timeout(DEADLINE) {
            Ok(line) => line,
            Err(_) => {
                self.signal(Signal::SIGKILL);
                let errors = self.errors();
                panic!("{} wrote no line; its standard error: {errors}", self.name);
            }
        }
    }

    /// The rest of a line that begins with `prefix`, past lines that do not.
    pub fn line_after(&mut self, prefix: &str) -> String {
        loop {
            let line = self.line();
            if let Some(rest) = line.strip_prefix(prefix) {
                return rest.trim().to_owned();
            }
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).expect("process ids are small"));
        // It may have ended already, which is as good.
        let _ = kill(id, signal);
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("the process is ours")
            .is_some()
    }

    /// Waits for its end.
    pub fn wait(self) -> Ended {
        self.wait_for(DEADLINE)
    }

    /// Waits for its end, so long.
    pub fn wait_for(mut self, deadline: Duration) -> Ended {
        let begun = Instant::now();
        // Lines end when standard output is closed, which is when the process ends or a moment before.
        let mut stdout = String::new();
        loop {
            let left = deadline.saturating_sub(begun.elapsed());
            match self.lines.recv_timeout(left) {
                Ok(line) => stdout.extend([line.as_str(), "\n"]),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                    self.signal(Signal::SIGKILL);
                    let errors = self.errors();
                    panic!(
                        "{} did not end; stdout: {stdout}; stderr: {errors}",
                        self.name
                    );
                }
            }
        }
        let status = self.child.wait().expect("the process is ours");
        Ended {
            status,
            stdout,
            stderr: self.errors(),
        }
    }

    /// The rest of the first line of standard error that begins with `prefix`, waiting for it.
    pub fn error_after(&self, prefix: &str) -> String {
        eventually(&format!("{} to tell {prefix:?}", self.name), || {
            let told = self.errors_so_far();
            let whole = &told[..told.rfind('\n')?];
            let rest = whole.lines().find_map(|line| line.strip_prefix(prefix))?;
            Some(rest.trim().to_owned())
        })
    }

    /// What it has written to standard error until now.
    pub fn errors_so_far(&self) -> String {
        let errors = self.errors.lock().expect("nobody panics with it");
        String::from_utf8_lossy(&errors).into_owned()
    }

    fn errors(&mut self) -> String {
        if let Some(thread) = self.stderr.take() {
            let _ = thread.join();
        }
        self.errors_so_far()
    }

    /// Kills it, as a power cut would, and waits until it is gone.
    pub fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `condition` gives something, asking again and again, for at most [`DEADLINE`].
pub fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(begun.elapsed() < DEADLINE, "waited in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// The id of a message, where `mrpctl send` wrote that alone to standard output, and nothing to standard error.
pub fn sent(ended: Ended) -> String {
    assert_eq!(ended.stderr, "", "{ended:?}");
    let out = ended.succeeded();
    let id = out.strip_suffix('\n').expect("a line");
    assert!(id.starts_with("msg_") && !id.contains('\n'), "{out:?}");
    id.to_owned()
}
