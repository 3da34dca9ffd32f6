//! Passphrases: asked for at a terminal, where they are not shown, or read from a file. Never an option's value, which everybody on
//! the machine can see, and never a variable, which every program is handed on.

use super::{blocking, check_private, secret};
use crate::context::Context;
use crate::exit::{Failure, Reason};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use zeroize::Zeroizing;

/// Bytes of a passphrase, at most.
const LONGEST: usize = 1024;

/// How often a person is asked: what is chosen blindly is typed twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asking {
    Once,
    Twice,
}

/// The passphrase from a file (`-` is standard input), else from whoever sits at the terminal. Its newline is no part of it.
pub(crate) async fn passphrase(
    context: &Context,
    file: Option<&Path>,
    asking: Asking,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let given = match file {
        Some(file) => {
            check_private(file)?;
            secret(file, LONGEST).await?
        }
        None if context.is_interactive() => ask(context, asking).await?,
        None => {
            return Err(
                Failure::new(Reason::NoInput, "there is nobody to ask for the passphrase")
                    .fix("--passphrase-file FILE, or - for standard input"),
            );
        }
    };
    let bare = given.strip_suffix(b"\n").unwrap_or(&given);
    let bare = bare.strip_suffix(b"\r").unwrap_or(bare);
    if bare.is_empty() {
        return Err(Failure::new(Reason::NoInput, "the passphrase is empty"));
    }
    Ok(Zeroizing::new(bare.to_vec()))
}

async fn ask(context: &Context, asking: Asking) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let first = ask_once(context, "Passphrase: ").await?;
    if asking == Asking::Twice && *ask_once(context, "The same again: ").await? != *first {
        return Err(Failure::new(
            Reason::BadData,
            "the two passphrases are not the same",
        ));
    }
    Ok(first)
}

async fn ask_once(context: &Context, prompt: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error: io::Error| Failure::io(Reason::Io, "ask for the passphrase", &error);
    // Held here and not in the thread that reads: a signal ends this one, and the terminal must show again what is typed.
    let _silence = Silence::begin().map_err(failed)?;
    context.output.prompt(prompt);
    blocking(move || {
        // Not through the buffer of standard input, where it would stay.
        let mut terminal = io::stdin()
            .as_fd()
            .try_clone_to_owned()
            .map(File::from)
            .map_err(failed)?;
        let mut line = Zeroizing::new(vec![0; LONGEST + 1]);
        // A terminal gives a line at a time.
        let read = terminal.read(&mut line).map_err(failed)?;
        if read > LONGEST {
            let text = format!("a passphrase has at most {LONGEST} bytes");
            return Err(Failure::new(Reason::BadData, text));
        }
        line.truncate(read);
        Ok(line)
    })
    .await
}

/// While it lives, the terminal does not show what is typed.
struct Silence {
    terminal: OwnedFd,
    before: Termios,
}

impl Silence {
    fn begin() -> io::Result<Self> {
        let terminal = io::stdin().as_fd().try_clone_to_owned()?;
        let before = tcgetattr(&terminal)?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO);
        silent.local_flags.insert(LocalFlags::ECHONL);
        tcsetattr(&terminal, SetArg::TCSAFLUSH, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // There is nobody to tell that a terminal has gone away.
        let _ = tcsetattr(&self.terminal, SetArg::TCSANOW, &self.before);
    }
}
