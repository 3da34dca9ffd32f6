//! What makes messages of lines.

use crate::cli::sending::Send as Flags;
use crate::cli::value;
use crate::cmd::sending::body::{self, Body};
use crate::cmd::sending::letter::{self, Draft};
use crate::cmd::sending::recipient::{Address, check_recipient, is_group};
use crate::exit::{Failure, Reason};
use mrp_proto::message::Metadata;
use mrpd_api::body::Send;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A line of `--jsonl`. What it says goes before what the options say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineObject {
    to: Option<String>,
    text: Option<String>,
    body: Option<Box<RawValue>>,
    #[serde(rename = "type")]
    content_type: Option<String>,
    thread: Option<String>,
    reply_to: Option<String>,
    #[serde(default)]
    metadata: Metadata,
    expires: Option<String>,
    relay: Option<String>,
    id: Option<String>,
}

/// The options, and what they say of every line.
pub(super) struct Reader<'a> {
    flags: &'a Flags,
    recipient: Option<String>,
    template: Send,
}

impl<'a> Reader<'a> {
    pub(super) fn new(flags: &'a Flags, address: Address, template: Send) -> Result<Self, Failure> {
        Ok(Self {
            flags,
            recipient: recipient(flags, address)?,
            template,
        })
    }

    /// The message of a line. Of `--jsonl` an empty line is none.
    pub(super) fn read(&self, line: &str, number: usize) -> Result<Option<Draft>, Failure> {
        let id = self.flags.envelope.id.as_ref();
        let id = id.map(|id| format!("{id}:{number}"));
        if self.flags.lines {
            let to = self.recipient.clone().unwrap_or_default();
            return self.draft(to, body::from_text(line)?, id).map(Some);
        }
        if line.trim().is_empty() {
            return Ok(None);
        }
        let mut object: LineObject = serde_json::from_str(line).map_err(|error| {
            Failure::new(Reason::BadData, format!("this is no message: {error}"))
        })?;
        let to = object.to.take().or_else(|| self.recipient.clone());
        let to = to.ok_or_else(|| {
            Failure::new(Reason::BadData, "the recipient is missing")
                .fix("write \"to\" into the line, or: mrpctl send TO --jsonl")
        })?;
        check_recipient("send", &to)?;
        if is_group(&to) {
            return Err(Failure::new(
                Reason::BadData,
                format!("a line goes to one recipient, and {to} is a group"),
            ));
        }
        let body = body_of(&object)?;
        let mut draft = self.draft(to, body, object.id.take().or(id))?;
        apply(object, &mut draft)?;
        Ok(Some(draft))
    }

    fn draft(&self, to: String, body: Body, id: Option<String>) -> Result<Draft, Failure> {
        let send = Send {
            to,
            body: Some(body.json),
            ..self.template.clone()
        };
        Draft::new(send, id)
    }
}

/// The one recipient of all lines that name none.
fn recipient(flags: &Flags, address: Address) -> Result<Option<String>, Failure> {
    let usage = |message| Failure::new(Reason::Usage, message);
    if !address.words.is_empty() {
        return Err(usage(
            "the messages come from standard input: words are one too many",
        ));
    }
    match address.recipients.as_slice() {
        [] if flags.lines => Err(usage("the recipient is missing").fix("mrpctl send TO --lines")),
        [] => Ok(None),
        [one] if !is_group(one) => Ok(Some(one.clone())),
        _ => Err(usage("a stream of messages goes to one recipient")),
    }
}

fn body_of(object: &LineObject) -> Result<Body, Failure> {
    match (&object.text, &object.body) {
        (Some(text), None) => body::from_text(text),
        (None, Some(json)) => body::checked(json.clone()),
        (None, None) => Err(Failure::new(
            Reason::BadData,
            "the line has neither text nor body",
        )),
        (Some(_), Some(_)) => Err(Failure::new(
            Reason::BadData,
            "the line has both text and body",
        )),
    }
}

fn apply(object: LineObject, draft: &mut Draft) -> Result<(), Failure> {
    let send = &mut draft.send;
    send.content_type = object.content_type.or(send.content_type.take());
    send.thread = object.thread.or(send.thread.take());
    send.reply_to = object.reply_to.or(send.reply_to.take());
    send.relay = object.relay.or(send.relay.take());
    send.metadata.extend(object.metadata);
    if let Some(expires) = object.expires {
        let lives = value::expiry(&expires)
            .map_err(|error| Failure::new(Reason::BadData, format!("expires: {error}")))?;
        send.expires_in = Some(letter::seconds(lives));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Result<LineObject, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_line_has_one_body() {
        assert_eq!(
            body_of(&object(r#"{"text":"hi"}"#).unwrap())
                .unwrap()
                .json
                .get(),
            r#"{"text":"hi"}"#
        );
        assert_eq!(
            body_of(&object(r#"{"body":[1, 2.0]}"#).unwrap())
                .unwrap()
                .json
                .get(),
            "[1, 2.0]"
        );
        for text in ["{}", r#"{"text":"hi","body":1}"#] {
            assert_eq!(
                body_of(&object(text).unwrap()).unwrap_err().exit(),
                65,
                "{text}"
            );
        }
    }

    #[test]
    fn misspelt_fields_are_refused() {
        assert!(
            object(r#"{"to":"ann","txt":"hi"}"#)
                .unwrap_err()
                .contains("txt")
        );
        assert!(object(r#"["ann"]"#).is_err());
    }

    #[test]
    fn what_a_line_says_goes_before_the_options() {
        let send = mrpd_api::body::Send {
            thread: Some("of the options".into()),
            relay: Some("of the options".into()),
            ..Default::default()
        };
        let mut draft = Draft {
            send,
            id: "k".into(),
        };
        let line = object(r#"{"thread":"t","expires":"1h","metadata":{"a":"b"}}"#).unwrap();
        apply(line, &mut draft).unwrap();
        assert_eq!(draft.send.thread.as_deref(), Some("t"));
        assert_eq!(draft.send.relay.as_deref(), Some("of the options"));
        assert_eq!(draft.send.expires_in, Some(3600));
        assert_eq!(draft.send.metadata["a"], "b");
        let wrong = object(r#"{"expires":"31d"}"#).unwrap();
        assert_eq!(apply(wrong, &mut draft).unwrap_err().exit(), 65);
    }
}
