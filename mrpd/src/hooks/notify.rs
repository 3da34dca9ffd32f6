//! Notes on the desktop, where there is one. That nobody sees a note is no failure: it is said in the hook's log, and not tried
//! again.

use super::invocation::{Outcome, Report};
use crate::config::inherited_environment;
use crate::expression::{ExpressionError, Template};
use mrpd_api::message::Message;
use std::path::Path;
use std::time::Duration;

/// Characters of the first line and of the rest, at most.
const TITLE: usize = 200;
const BODY: usize = 2000;
/// How long the desktop may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Shows a note for each message.
pub(super) async fn show(title: &Template, body: &Template, messages: &[Message]) -> Report {
    let nothing = serde_json::json!({});
    let mut rendered = Vec::new();
    for message in messages {
        rendered.push(Note::render(title, body, message));
    }
    if messages.is_empty() {
        rendered.push(Note::render(title, body, &nothing));
    }
    let notes: Result<Vec<Note>, ExpressionError> = rendered.into_iter().collect();
    let notes = match notes {
        Ok(notes) => notes,
        // The same message would fail in the same way again.
        Err(error) => {
            return report(
                Outcome::Dead,
                format!("the note cannot be written: {error}"),
            );
        }
    };
    if !has_desktop() {
        let why =
            "not shown: there is no desktop session (no session bus) that the daemon knows of";
        return report(Outcome::Handled, why.to_owned());
    }
    for note in notes {
        let shown = tokio::time::timeout(PATIENCE, note.show()).await;
        let trouble = match shown {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error,
            Err(_) => format!("it did not answer within {} s", PATIENCE.as_secs()),
        };
        return report(
            Outcome::Handled,
            format!("not shown: the desktop did not take it: {trouble}"),
        );
    }
    report(Outcome::Handled, "shown".to_owned())
}

fn report(outcome: Outcome, why: String) -> Report {
    Report {
        outcome,
        why,
        ..Report::default()
    }
}

/// A session bus is where its variable says, else in the user's runtime folder.
fn has_desktop() -> bool {
    inherited_environment().any(|(name, value)| {
        (name == "DBUS_SESSION_BUS_ADDRESS" && !value.is_empty())
            || (name == "XDG_RUNTIME_DIR" && Path::new(&value).join("bus").exists())
    })
}

/// A note, ready to be shown.
#[derive(Debug, PartialEq, Eq)]
struct Note {
    title: String,
    body: String,
}

impl Note {
    fn render(
        title: &Template,
        body: &Template,
        fields: &impl serde::Serialize,
    ) -> Result<Self, ExpressionError> {
        Ok(Self {
            title: one_line(&title.render(fields)?),
            body: without_markup(&body.render(fields)?),
        })
    }

    #[cfg(target_os = "linux")]
    async fn show(self) -> Result<(), String> {
        let shown = notify_rust::Notification::new()
            .appname("mrpd")
            .summary(&self.title)
            .body(&self.body)
            .show_async()
            .await;
        shown.map(drop).map_err(|error| error.to_string())
    }

    #[cfg(not(target_os = "linux"))]
    async fn show(self) -> Result<(), String> {
        let show = move || {
            notify_rust::Notification::new()
                .summary(&self.title)
                .body(&self.body)
                .show()
        };
        let shown = tokio::task::spawn_blocking(show).await;
        let shown = shown.map_err(|error| error.to_string())?;
        shown.map(drop).map_err(|error| error.to_string())
    }
}

/// The first line is plain text.
fn one_line(text: &str) -> String {
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    let line: String = text.trim().chars().map(plain).take(TITLE).collect();
    // Desktops refuse a note without a first line.
    if line.is_empty() {
        "mrpd".to_owned()
    } else {
        line
    }
}

/// The rest may have markup in it, which no peer is to write.
fn without_markup(text: &str) -> String {
    let mut body = String::new();
    for letter in text.trim().chars().take(BODY) {
        match letter {
            '&' => body.push_str("&amp;"),
            '<' => body.push_str("&lt;"),
            '>' => body.push_str("&gt;"),
            '\n' => body.push('\n'),
            letter if letter.is_control() => body.push(' '),
            letter => body.push(letter),
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::MESSAGE_FIELDS;
    use crate::testing;

    #[test]
    fn a_note_is_text_whatever_the_message_says() {
        let mut message = testing::message("{}");
        message.text = Some("<a href='x'>click</a>\x1b[31m & go\nnow".to_owned());
        let title =
            Template::parse("{{ from.name or from.short }}: {{ text }}", MESSAGE_FIELDS).unwrap();
        let body = Template::parse("{{ text }}", MESSAGE_FIELDS).unwrap();
        let note = Note::render(&title, &body, &message).unwrap();
        let short = message.from.short;
        assert_eq!(
            note.title,
            format!("{short}: <a href='x'>click</a> [31m & go now")
        );
        assert_eq!(
            note.body,
            "&lt;a href='x'&gt;click&lt;/a&gt; [31m &amp; go\nnow"
        );
        assert_eq!(one_line(" \n"), "mrpd");
    }
}
