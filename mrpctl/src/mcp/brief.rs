//! Messages as a model reads them: what matters, and never more of it than a model can take.

use crate::exit::{Failure, Reason};
use mrpd_api::message::Message;
use serde_json::{Value, json};

/// Characters of a text, or of a body's JSON, that are handed out whole.
const MOST: usize = 16_000;

/// A message without what is only the transport's, its content cut at [`MOST`].
pub(super) fn brief(message: &Message) -> Result<Value, Failure> {
    let whole = serde_json::to_value(message)
        .map_err(|error| Failure::new(Reason::Internal, error.to_string()))?;
    let mut kept = json!({});
    for field in [
        "id",
        "seq",
        "dir",
        "agent",
        "from",
        "to",
        "kind",
        "type",
        "thread",
        "reply_to",
        "encrypted",
        "verified",
        "state",
        "attempt",
        "created_at",
        "lease",
        "metadata",
    ] {
        match &whole[field] {
            Value::Null => {}
            value => kept[field] = value.clone(),
        }
    }
    let attachments: Vec<Value> = message
        .attachments
        .iter()
        .enumerate()
        .map(attachment)
        .collect();
    if !attachments.is_empty() {
        kept["attachments"] = attachments.into();
    }
    if let Some(text) = &message.text {
        match beginning(text) {
            Some(beginning) => put_cut(&mut kept, "text", beginning),
            None => kept["text"] = text.as_str().into(),
        }
    }
    // The text is all there is in most bodies.
    let only_text = json!({ "text": message.text });
    if let Some(body) = &message.body
        && whole["body"] != only_text
    {
        match beginning(body.get()) {
            Some(beginning) => put_cut(&mut kept, "body_beginning", beginning),
            None => kept["body"] = whole["body"].clone(),
        }
    }
    Ok(kept)
}

fn attachment((place, attachment): (usize, &mrpd_api::message::Attachment)) -> Value {
    json!({
        "place": place,
        "filename": attachment.blob.filename,
        "type": attachment.blob.content_type,
        "size": attachment.blob.size,
        "state": attachment.state,
        "path": attachment.path,
    })
}

/// What is handed out of a text that is too long.
fn beginning(text: &str) -> Option<&str> {
    let (end, _) = text.char_indices().nth(MOST)?;
    Some(&text[..end])
}

fn put_cut(kept: &mut Value, field: &str, beginning: &str) {
    kept[field] = beginning.into();
    kept["cut"] = format!("only the first {MOST} characters are here").into();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::message::tests::MESSAGE;

    fn message(change: impl FnOnce(&mut Value)) -> Message {
        let mut value: Value = serde_json::from_str(MESSAGE).unwrap();
        change(&mut value);
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_text_is_there_once_and_its_sender_is_named() {
        let kept = brief(&message(|_| {})).unwrap();
        assert_eq!((&kept["text"], &kept["body"]), (&json!("hi"), &Value::Null));
        assert_eq!(kept["from"]["name"], "ann");
        assert_eq!(kept["verified"], true);
    }

    #[test]
    fn long_contents_are_cut_and_that_is_said() {
        let long = "\u{e9}".repeat(MOST + 1);
        let kept = brief(&message(|value| {
            value["text"] = long.clone().into();
            value["body"] = json!({ "more": long });
        }))
        .unwrap();
        assert_eq!(kept["text"].as_str().unwrap().chars().count(), MOST);
        assert!(kept["cut"].is_string() && kept["body_beginning"].is_string());
        assert_eq!(kept["body"], Value::Null);
    }
}
