//! A terminal of a test's own: what a person sees there, and what they type.

use crate::process::eventually;
use nix::pty::{Winsize, openpty};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Its size.
const SIZE: Winsize = Winsize {
    ws_row: 40,
    ws_col: 120,
    ws_xpixel: 0,
    ws_ypixel: 0,
};

/// What ends the input of a program that reads lines.
pub const CTRL_D: &str = "\u{4}";
/// What interrupts a program.
pub const CTRL_C: &str = "\u{3}";

/// A program that runs at a terminal; killed when dropped.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Starts a command whose input, output and diagnostics are the terminal. It leads a session of its own, so that a Ctrl-C that
    /// is typed is its.
    pub fn start(command: &Command) -> Self {
        let pair = openpty(Some(&SIZE), None).expect("a terminal");
        let side = |side: &std::os::fd::OwnedFd| {
            let side = side.try_clone().expect("a descriptor");
            Stdio::from(side)
        };
        let mut session = Command::new("setsid");
        session
            .args(["--ctty", "--wait"])
            .arg(command.get_program())
            .args(command.get_args())
            .env_clear();
        for (name, value) in command.get_envs() {
            session.envs(value.map(|value| (name, value)));
        }
        if let Some(folder) = command.get_current_dir() {
            session.current_dir(folder);
        }
        session
            .stdin(side(&pair.slave))
            .stdout(side(&pair.slave))
            .stderr(side(&pair.slave));
        let child = session.spawn().expect("setsid starts");
        let mut output = File::from(pair.master.try_clone().expect("a descriptor"));
        let screen = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&screen);
        let reader = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // When nobody has the other side any more, reading fails.
            while let Ok(read @ 1..) = output.read(&mut piece) {
                lock(&written).extend_from_slice(&piece[..read]);
            }
        });
        Self {
            child,
            keyboard: File::from(pair.master),
            screen,
            reader: Some(reader),
        }
    }

    /// Types something.
    pub fn types(&mut self, text: &str) {
        let typed = self.keyboard.write_all(text.as_bytes());
        typed.expect("the terminal takes what is typed");
    }

    /// All that was written to it until now, what was typed among it.
    pub fn seen(&self) -> String {
        String::from_utf8_lossy(&lock(&self.screen)).into_owned()
    }

    /// Waits until this is to be seen; gives all that was written by then.
    pub fn shows(&self, text: &str) -> String {
        let shown = || Some(self.seen()).filter(|seen| seen.contains(text));
        eventually(&format!("{text:?} at the terminal"), shown)
    }

    /// Waits until the program has ended; gives its exit status and all that was written.
    pub fn ended(mut self) -> (i32, String) {
        let status: ExitStatus = eventually("the program's end", || {
            self.child.try_wait().expect("the process is ours")
        });
        // Nobody has the other side any more: the reader comes to an end.
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader does not panic");
        }
        (status.code().unwrap_or(-1), self.seen())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lock(screen: &Mutex<Vec<u8>>) -> MutexGuard<'_, Vec<u8>> {
    screen.lock().unwrap_or_else(PoisonError::into_inner)
}
