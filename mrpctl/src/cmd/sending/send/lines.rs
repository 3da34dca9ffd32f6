//! `--lines` and `--jsonl`: one message a line of standard input, in their order, one result line each.

use super::body::{self, Body};
use super::deliver::{Courier, Wanted};
use super::recipient::{Address, check_recipient};
use super::{Draft, draft};
use crate::cli::sending::Send as Flags;
use crate::cli::value;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::input;
use mrp_proto::message::Metadata;
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

pub(super) async fn run(context: &Context, flags: &Flags, address: Address) -> Result<(), Failure> {
    if !address.words.is_empty() {
        return Err(Failure::new(
            Reason::Usage,
            "the messages come from standard input: words are one too many",
        ));
    }
    let recipient = match address.recipients.as_slice() {
        [] if flags.lines => {
            return Err(Failure::new(Reason::Usage, "the recipient is missing")
                .fix("mrpctl send TO --lines"));
        }
        [] => None,
        [one] => Some(one.as_str()),
        _ => {
            return Err(Failure::new(
                Reason::Usage,
                "a stream of messages goes to one recipient",
            ));
        }
    };
    let mut courier = Courier::new(context, Wanted::of(flags));
    let mut lines = input::lines();
    let mut number = 0;
    courier.bracket("[")?;
    while let Some(line) = lines.recv().await {
        number += 1;
        let read = line.and_then(|line| read(context, flags, recipient, &line, number));
        match read {
            Ok(None) => {}
            Ok(Some(draft)) => courier.send_line(number, Ok(draft)).await?,
            Err(failure) => courier.send_line(number, Err(failure)).await?,
        }
    }
    courier.bracket("]")?;
    if number == 0 && !flags.allow_empty {
        return Err(Failure::new(
            Reason::NoInput,
            "standard input is empty: nothing was sent",
        ));
    }
    courier.finish()
}

/// The message of a line. Of `--jsonl` an empty line is none.
fn read(
    context: &Context,
    flags: &Flags,
    recipient: Option<&str>,
    line: &str,
    number: usize,
) -> Result<Option<Draft>, Failure> {
    let id = flags.id.as_ref().map(|id| format!("{id}:{number}"));
    if flags.lines {
        let body = body::from_text(line)?;
        return Ok(Some(draft(
            context,
            flags,
            recipient.unwrap_or_default(),
            &body,
            id,
        )?));
    }
    if line.trim().is_empty() {
        return Ok(None);
    }
    let object: LineObject = serde_json::from_str(line)
        .map_err(|error| Failure::new(Reason::BadData, format!("this is no message: {error}")))?;
    let to = object.to.as_deref().or(recipient).ok_or_else(|| {
        Failure::new(Reason::BadData, "the recipient is missing")
            .fix("write \"to\" into the line, or: mrpctl send TO --jsonl")
    })?;
    check_recipient(to)?;
    let body = body_of(&object)?;
    let mut draft = draft(context, flags, to, &body, object.id.clone().or(id))?;
    apply(object, &mut draft)?;
    Ok(Some(draft))
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
        send.expires_in = Some(super::seconds(lives));
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
