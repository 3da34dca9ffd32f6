//! What a program writes: as much of it as is kept, while the rest is read so that the program is not held up. A program that
//! writes without end is told apart.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::ChildStdin;

/// Bytes of each stream that are kept.
pub(super) const KEPT: usize = mrpd_api::hook::OUTPUT;
/// Bytes of each stream beyond which a program counts as writing without end.
const FLOOD: u64 = 16 << 20;
/// Bytes that are read at once.
const PIECE: usize = 64 << 10;

/// What was kept of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    /// The first bytes.
    pub bytes: Vec<u8>,
    /// Whether there was more.
    pub cut: bool,
}

impl Captured {
    /// As text, whatever it was.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// A program writes without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flood;

/// Reads a stream to its end.
pub(super) async fn drain(
    stream: Option<impl AsyncRead + Unpin>,
    captured: &mut Captured,
) -> Result<(), Flood> {
    let Some(mut stream) = stream else {
        return Ok(());
    };
    let mut piece = vec![0; PIECE];
    let mut total = 0;
    loop {
        // A stream that fails has ended, as far as anybody here can tell.
        let read = stream.read(&mut piece).await.unwrap_or(0);
        if read == 0 {
            return Ok(());
        }
        let room = KEPT - captured.bytes.len();
        captured.bytes.extend_from_slice(&piece[..read.min(room)]);
        captured.cut |= read > room;
        total += read as u64;
        if total > FLOOD {
            return Err(Flood);
        }
    }
}

/// Writes a program its input. It need not read it.
pub(super) async fn feed(stdin: Option<ChildStdin>, input: &[u8]) -> Result<(), Flood> {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(input).await;
    }
    Ok(())
}

/// Text of which each line of a log can be made: what is no letter is written out.
pub fn escaped(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter == '\n' || letter == '\t' || !is_commanding(letter) {
            line.push(letter);
        } else {
            line.extend(letter.escape_default());
        }
    }
    line
}

/// Control characters, and those that change the order in which others are shown.
fn is_commanding(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_part_is_kept_and_the_rest_is_read() {
        let exact = vec![7; KEPT];
        let mut captured = Captured::default();
        drain(Some(exact.as_slice()), &mut captured).await.unwrap();
        assert_eq!((captured.bytes.len(), captured.cut), (KEPT, false));
        let more = vec![7; KEPT + 1];
        let mut captured = Captured::default();
        drain(Some(more.as_slice()), &mut captured).await.unwrap();
        assert_eq!((captured.bytes.len(), captured.cut), (KEPT, true));
        let endless = tokio::io::repeat(b'y');
        let mut captured = Captured::default();
        assert_eq!(drain(Some(endless), &mut captured).await, Err(Flood));
        assert_eq!((captured.bytes.len(), captured.cut), (KEPT, true));
    }

    #[test]
    fn output_commands_no_terminal() {
        let text = "ü\t1\n\x1b[31mred \u{202e}txt.exe\r";
        assert_eq!(escaped(text), "ü\t1\n\\u{1b}[31mred \\u{202e}txt.exe\\r");
    }
}
