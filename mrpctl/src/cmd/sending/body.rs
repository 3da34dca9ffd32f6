//! Where the body comes from. The rules are tried in this order: words or `--text`, `--data`, nothing where files travel along,
//! standard input.

use crate::cli::sending::Content;
use crate::cli::value::Member;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::input::{self, MAX_BODY, Purpose};
use serde_json::value::RawValue;

/// A message's body: JSON that is sent byte for byte.
#[derive(Debug, Clone)]
pub(in crate::cmd) struct Body {
    pub(in crate::cmd) json: Box<RawValue>,
}

/// The one body of a command line; none where only files travel along.
pub(super) async fn of(
    context: &Context,
    content: &Content,
    words: &[String],
) -> Result<Option<Body>, Failure> {
    let takes_input = content.files.iter().any(|path| path == "-");
    let body = match (&content.text, words, &content.data) {
        (Some(_), [_, ..], _) => Err(two_sources("--text")),
        (None, [_, ..], Some(_)) => Err(two_sources("--data")),
        (None, [], Some(data)) if data == "-" && takes_input => Err(Failure::new(
            Reason::Usage,
            "standard input is asked for twice, by --data and by --file",
        )),
        (Some(text), [], _) => from_text(text),
        (None, words @ [_, ..], None) => from_text(&words.join(" ")),
        (None, [], Some(data)) => from_json(&input::argument(data).await?),
        (None, [], None) if !(content.files.is_empty() && content.attach.is_empty()) => {
            return Ok(None);
        }
        (None, [], None) => from_input(context, content).await,
    };
    body.map(Some)
}

async fn from_input(context: &Context, content: &Content) -> Result<Body, Failure> {
    let text = input::piped_text(context).await?;
    if text.is_empty() && !content.allow_empty {
        return Err(
            Failure::new(Reason::NoInput, "standard input is empty: nothing was sent")
                .fix("--allow-empty sends it nevertheless"),
        );
    }
    from_text(&text)
}

/// A JSON object of what was written as `K=V` or `K:=JSON`.
pub(super) fn object(members: &[Member]) -> Result<Box<RawValue>, Failure> {
    let mut text = String::from("{");
    for (number, (key, value)) in members.iter().enumerate() {
        if members[..number].iter().any(|(other, _)| other == key) {
            return Err(Failure::new(Reason::Usage, format!("{key} is given twice")));
        }
        let comma = if number == 0 { "" } else { "," };
        let key = serde_json::Value::from(key.as_str());
        text.push_str(&format!("{comma}{key}:{}", value.get()));
    }
    text.push('}');
    RawValue::from_string(text).map_err(|error| Failure::new(Reason::Internal, error.to_string()))
}

/// What `--data` says, else the object of the members.
pub(super) async fn data_or_members(
    data: Option<&str>,
    members: &[Member],
) -> Result<Box<RawValue>, Failure> {
    match data {
        Some(data) => Ok(from_json(&input::argument(data).await?)?.json),
        None => object(members),
    }
}

/// `{"text": ...}`.
pub(in crate::cmd) fn from_text(text: &str) -> Result<Body, Failure> {
    let json = serde_json::value::to_raw_value(&serde_json::json!({ "text": text }))
        .map_err(|error| Failure::new(Reason::Internal, error.to_string()))?;
    checked(json)
}

/// JSON as it is, but for the blanks around it.
pub(in crate::cmd) fn from_json(text: &str) -> Result<Body, Failure> {
    if text.trim().is_empty() {
        return Err(Failure::new(
            Reason::NoInput,
            "the body is empty: nothing was sent",
        ));
    }
    let json = RawValue::from_string(text.trim().to_owned()).map_err(|error| {
        Failure::new(Reason::BadData, format!("the body is not JSON: {error}"))
            .fix("text is sent without --data: mrpctl send TO TEXT")
    })?;
    checked(json)
}

pub(super) fn checked(json: Box<RawValue>) -> Result<Body, Failure> {
    if json.get().len() > MAX_BODY {
        return Err(input::too_large("the message", Purpose::Body, MAX_BODY));
    }
    Ok(Body { json })
}

fn two_sources(option: &str) -> Failure {
    Failure::new(
        Reason::Usage,
        format!("the message is given twice, by {option} and as words"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_and_escaped() {
        assert_eq!(
            from_text("a\"\n").unwrap().json.get(),
            r#"{"text":"a\"\n"}"#
        );
    }

    #[test]
    fn json_keeps_its_bytes() {
        let text = " {\"b\" : 1.0, \"a\":1e400} \n";
        assert_eq!(from_json(text).unwrap().json.get(), text.trim());
        for (text, exit) in [("{", 65), ("hi", 65), ("1 2", 65), ("", 66), (" \n", 66)] {
            assert_eq!(from_json(text).unwrap_err().exit(), exit, "{text:?}");
        }
    }

    #[test]
    fn an_object_is_written_as_its_members_are() {
        let member = |text: &str| crate::cli::value::member(text).unwrap();
        let members = [member("a=x\"y"), member("n:=1.0"), member("l:=[ ]")];
        assert_eq!(
            object(&members).unwrap().get(),
            r#"{"a":"x\"y","n":1.0,"l":[ ]}"#
        );
        assert_eq!(object(&[]).unwrap().get(), "{}");
        let twice = [member("a=1"), member("a=2")];
        assert_eq!(object(&twice).unwrap_err().exit(), 64);
    }

    #[test]
    fn the_limit_holds_for_the_body_as_it_is_sent() {
        let wrapping = "{\"text\":\"\"}".len();
        assert!(from_text(&"x".repeat(MAX_BODY - wrapping)).is_ok());
        assert_eq!(
            from_text(&"x".repeat(MAX_BODY - wrapping + 1))
                .unwrap_err()
                .exit(),
            65
        );
        assert_eq!(
            from_text(&"\n".repeat(MAX_BODY / 2)).unwrap_err().exit(),
            65,
            "escapes count"
        );
    }
}
