//! Who a message goes to, and the words that are left.
//!
//! A key may begin with `-`, so the first word is taken whatever it looks like: a mistyped option then looks like a recipient,
//! and must not be sent to, nor become text.

use crate::cli::known_options;
use crate::cli::sending::Send as Flags;
use crate::exit::{Failure, Reason};
use crate::similar;
use mrp_proto::key::PublicKey;
use mrpd_api::error::{Code, ErrorDetail};

/// The shortest beginning of a contact's key that stands for it.
const SHORTEST_PREFIX: usize = 8;

/// What begins the name of a group of the daemon's configuration.
pub(super) const GROUP: char = '@';

/// Whether a group is meant.
pub(in crate::cmd) fn is_group(text: &str) -> bool {
    text.trim_start().starts_with(GROUP)
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) recipients: Vec<String>,
    pub(super) words: Vec<String>,
}

pub(super) fn address(flags: &Flags) -> Result<Address, Failure> {
    let mut words: Vec<String> = Vec::new();
    let recipients = if flags.to.is_empty() {
        words.extend(flags.words.iter().cloned());
        flags.recipient.iter().cloned().collect()
    } else {
        if let Some(first) = &flags.recipient {
            check_word(first)?;
        }
        words.extend(flags.recipient.iter().chain(&flags.words).cloned());
        flags.to.clone()
    };
    for recipient in &recipients {
        check_recipient("send", recipient)?;
    }
    Ok(Address { recipients, words })
}

/// Refuses what can only be a mistyped option of a command, such as `send` or `contact show`. A beginning of a key is left to the daemon, which knows the contacts.
pub(crate) fn check_recipient(command: &str, text: &str) -> Result<(), Failure> {
    if text.is_empty() {
        return Err(Failure::new(Reason::Usage, "the recipient is empty"));
    }
    if !text.starts_with('-') || text.parse::<PublicKey>().is_ok() {
        return Ok(());
    }
    let similar = similar_option(command, text);
    let may_be_key = text.len() >= SHORTEST_PREFIX
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if similar.is_none() && may_be_key && !text.starts_with("--") {
        return Ok(());
    }
    let hint = match similar {
        Some(option) => format!("did you mean the flag {option}?"),
        None => "an option's value stands behind a space, and options of one letter stand behind the recipient; see --help".to_owned(),
    };
    let mut detail = ErrorDetail::new(
        Code::UnknownRecipient,
        format!("no such contact: {text}"),
        Some(hint),
    );
    detail.exit = Reason::Usage.exit();
    Err(detail.into())
}

/// With `--to` the first word is text, and a mistyped option must not be sent as such.
fn check_word(text: &str) -> Result<(), Failure> {
    if !text.starts_with('-') || text == "-" {
        return Ok(());
    }
    let failure = Failure::new(Reason::Usage, format!("unexpected option {text}"));
    Err(match similar_option("send", text) {
        Some(option) => failure.fix(format!(
            "did you mean {option}? Text that begins with - goes behind --text"
        )),
        None => failure.fix("text that begins with - goes behind --text"),
    })
}

/// The option that differs least, if it differs little.
fn similar_option(command: &str, text: &str) -> Option<String> {
    let name = text.split('=').next().unwrap_or(text);
    if !name.starts_with("--") {
        return None;
    }
    let options = known_options(command);
    let closest = similar::closest(name, options.iter().map(String::as_str));
    closest.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Command, parse, sending};
    use mrp_proto::key::SecretKey;

    fn read(arguments: &[&str]) -> Result<Address, u8> {
        let arguments = ["mrpctl", "send"].iter().chain(arguments).map(Into::into);
        let cli = parse(arguments).map_err(|_| 64_u8)?;
        let Some(Command::Sending(sending::Command::Send(flags))) = cli.command else {
            panic!("not a send");
        };
        address(&flags).map_err(|failure| failure.exit())
    }

    fn key_with_hyphen() -> String {
        (0..=255_u8)
            .flat_map(|one| (0..=255_u8).map(move |other| (one, other)))
            .map(|(one, other)| {
                let mut seed = [one; 32];
                seed[0] = other;
                SecretKey::from_seed(&seed).public().to_string()
            })
            .find(|key| key.starts_with('-'))
            .unwrap()
    }

    fn address_of(recipients: &[&str], words: &[&str]) -> Result<Address, u8> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Ok(Address {
            recipients: owned(recipients),
            words: owned(words),
        })
    }

    #[test]
    fn a_key_that_begins_with_a_hyphen_is_a_recipient_and_flags_behind_it_are_flags() {
        let key = key_with_hyphen();
        assert_eq!(read(&[&key, "hi", "--plain"]), address_of(&[&key], &["hi"]));
        assert_eq!(read(&["--plain", &key, "hi"]), address_of(&[&key], &["hi"]));
        assert_eq!(read(&["--to", &key, "hi"]), address_of(&[&key], &["hi"]));
        assert_eq!(read(&[&key[..12]]), address_of(&[&key[..12]], &[]));
    }

    #[test]
    fn with_to_every_word_is_text() {
        assert_eq!(
            read(&["--to", "ann", "--to", "bob", "hi", "there"]),
            address_of(&["ann", "bob"], &["hi", "there"])
        );
    }

    #[test]
    fn mistyped_options_are_neither_recipients_nor_text() {
        for arguments in [
            &["--jsn", "ann", "hi"][..],
            &["--atach", "blob_1", "ann", "hi"],
            &["-fx", "ann"],
            &["--to", "--jsn", "hi"],
            &["--to", "ann", "--expire", "1h"],
            &["ann", "--expire", "1h"],
            &["ann", "hi", "-x"],
            &["-mk=v", "ann"],
            &[""],
        ] {
            assert_eq!(read(arguments), Err(64), "{arguments:?}");
        }
    }

    #[test]
    fn the_flag_that_was_meant_is_named() {
        let failure = check_recipient("send", "--jsn").unwrap_err();
        let detail = &failure.told().unwrap().detail;
        assert_eq!(
            detail.hint.as_deref(),
            Some("did you mean the flag --json?")
        );
        assert_eq!(
            similar_option("send", "--expire=1h").as_deref(),
            Some("--expires")
        );
        assert_eq!(similar_option("send", "--something-else"), None);
    }
}
