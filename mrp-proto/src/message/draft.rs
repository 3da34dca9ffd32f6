//! From what a client posts to what a relay can take: the limits of a message, and what breaking each is called.

use super::{
    Attachment, DEFAULT_CONTENT_TYPE, Limits, MAX_ATTACHMENTS, MAX_REFERENCE, Metadata, Violation,
    check_length, check_metadata, present, whole_number,
};
use crate::key::PublicKey;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::time::Duration;

/// What a client posts to send a message, as it is written on the wire. Unknown fields are ignored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SendRequest {
    /// Address of the recipient.
    #[cfg_attr(feature = "openapi", schema(value_type = PublicKey))]
    pub recipient_key: String,
    /// Any JSON, passed through byte for byte. An explicit `null` is a body, an absent field is none.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::body))]
    pub body: Option<Box<RawValue>>,
    /// Media type; [`DEFAULT_CONTENT_TYPE`] where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 128))]
    pub content_type: Option<String>,
    /// At most [`MAX_ATTACHMENTS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_items = 10))]
    pub attachments: Option<Vec<Attachment>>,
    /// Free text that groups messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 128))]
    pub thread_id: Option<String>,
    /// Free text, usually the id of the message that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 128))]
    pub in_reply_to: Option<String>,
    /// Seconds until the message expires.
    #[serde(
        default,
        deserialize_with = "whole_number",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 2_592_000))]
    pub expires_in: Option<i64>,
    /// Text pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::optional_metadata))]
    pub metadata: Option<Metadata>,
}

/// Why a [`SendRequest`] is no [`Draft`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// The recipient is not a valid key: answered with `agent_not_found` (protocol A3.1).
    #[error("recipient_key: {0}")]
    Recipient(#[from] crate::key::KeyError),
    /// The inline body is too large: `payload_too_large`.
    #[error(
        "body: must have at most {limit} bytes (given: {actual}); send larger content as a blob"
    )]
    BodyTooLarge {
        /// Bytes allowed.
        limit: usize,
        /// Bytes given.
        actual: usize,
    },
    /// The body is nested too deeply or has too many keys: `bad_request`.
    #[error("body: {0}")]
    Structure(#[from] crate::json::StructureError),
    /// A field breaks a rule: `validation_failed`.
    #[error(transparent)]
    Invalid(#[from] Violation),
}

/// A message that a relay can take: every field within its limits, every default filled in.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Who is to get it.
    pub recipient: PublicKey,
    /// The body's bytes as they came.
    pub body: Option<Box<RawValue>>,
    /// Media type.
    pub content_type: String,
    /// Blobs that travel along.
    pub attachments: Vec<Attachment>,
    /// Thread.
    pub thread_id: Option<String>,
    /// What it answers.
    pub in_reply_to: Option<String>,
    /// How long it lives.
    pub expires_in: Duration,
    /// Text pairs.
    pub metadata: Metadata,
}

impl SendRequest {
    /// A body for a recipient, with every default. The other fields are set on it, or with `..` from it.
    pub fn new(recipient: &PublicKey, body: Box<RawValue>) -> Self {
        Self {
            recipient_key: recipient.to_string(),
            body: Some(body),
            content_type: None,
            attachments: None,
            thread_id: None,
            in_reply_to: None,
            expires_in: None,
            metadata: None,
        }
    }

    /// Holds the request against the limits.
    ///
    /// # Errors
    /// The first rule that is broken, as a [`DraftError`].
    pub fn into_draft(self, limits: &Limits) -> Result<Draft, DraftError> {
        self.into_draft_with(limits, str::parse)
    }

    /// As [`SendRequest::into_draft`], with the recipient's key read by `read_key`: checking a point costs as much as checking
    /// a signature, so who sees the same keys often remembers them.
    ///
    /// # Errors
    /// The first rule that is broken, as a [`DraftError`].
    pub fn into_draft_with(
        self,
        limits: &Limits,
        read_key: impl FnOnce(&str) -> Result<PublicKey, crate::key::KeyError>,
    ) -> Result<Draft, DraftError> {
        let recipient = read_key(&self.recipient_key)?;
        let attachments = self.attachments.unwrap_or_default();
        check_body(self.body.as_deref(), attachments.len(), limits)?;
        if attachments.len() > MAX_ATTACHMENTS {
            let rule = format!("must have at most {MAX_ATTACHMENTS} entries");
            return Err(
                Violation::new("attachments", rule, MAX_ATTACHMENTS, attachments.len()).into(),
            );
        }
        for (index, attachment) in attachments.iter().enumerate() {
            attachment.check(index)?;
        }
        for (field, value) in [
            ("content_type", &self.content_type),
            ("thread_id", &self.thread_id),
            ("in_reply_to", &self.in_reply_to),
        ] {
            if let Some(value) = value {
                check_length(field, value, 1, MAX_REFERENCE)?;
            }
        }
        let metadata = self.metadata.unwrap_or_default();
        check_metadata(&metadata)?;
        Ok(Draft {
            recipient,
            body: self.body,
            content_type: self
                .content_type
                .unwrap_or_else(|| DEFAULT_CONTENT_TYPE.to_owned()),
            attachments,
            thread_id: self.thread_id,
            in_reply_to: self.in_reply_to,
            expires_in: check_lifetime(self.expires_in, limits)?,
            metadata,
        })
    }
}

fn check_body(
    body: Option<&RawValue>,
    attachments: usize,
    limits: &Limits,
) -> Result<(), DraftError> {
    let Some(body) = body else {
        if attachments > 0 {
            return Ok(());
        }
        let rule = "must be given, unless there are attachments; any JSON will do";
        return Err(Violation::new("body", rule, "any JSON", Value::Null).into());
    };
    let text = body.get();
    if text.len() > limits.body {
        return Err(DraftError::BodyTooLarge {
            limit: limits.body,
            actual: text.len(),
        });
    }
    Ok(crate::json::check_structure(
        text,
        crate::json::MAX_DEPTH,
        crate::json::MAX_KEYS,
    )?)
}

fn check_lifetime(seconds: Option<i64>, limits: &Limits) -> Result<Duration, Violation> {
    let Some(seconds) = seconds else {
        return Ok(limits.ttl_default);
    };
    let most = limits.ttl_max.as_secs();
    match u64::try_from(seconds) {
        Ok(valid) if (1..=most).contains(&valid) => Ok(Duration::from_secs(valid)),
        _ => Err(Violation::new(
            "expires_in",
            format!("must be 1 to {most} seconds"),
            most,
            seconds,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SecretKey;

    fn request(extra: &str) -> SendRequest {
        let key = SecretKey::from_seed(&[1; 32]).public();
        serde_json::from_str(&format!(r#"{{"recipient_key":"{key}"{extra}}}"#)).unwrap()
    }

    fn violated(extra: &str) -> String {
        match request(extra).into_draft(&Limits::default()) {
            Err(DraftError::Invalid(violation)) => violation.to_string(),
            other => panic!("{extra}: {other:?}"),
        }
    }

    #[test]
    fn a_new_request_says_only_whom_and_what() {
        let recipient = SecretKey::from_seed(&[1; 32]).public();
        let request = SendRequest::new(&recipient, RawValue::from_string("1.0".into()).unwrap());
        assert_eq!(
            serde_json::to_string(&request).unwrap(),
            format!(r#"{{"recipient_key":"{recipient}","body":1.0}}"#)
        );
        assert!(request.into_draft(&Limits::default()).is_ok());
    }

    #[test]
    fn a_body_keeps_its_bytes() {
        let body = r#"{"b": 1.10, "a":"\u00e9",  "big": 123456789012345678901234567890}"#;
        let draft = request(&format!(r#","body":{body}"#))
            .into_draft(&Limits::default())
            .unwrap();
        assert_eq!(draft.body.unwrap().get(), body);
        assert_eq!(draft.content_type, DEFAULT_CONTENT_TYPE);
        assert_eq!(draft.expires_in, Duration::from_secs(604_800));
    }

    #[test]
    fn null_is_a_body_and_absence_is_not() {
        assert_eq!(
            request(r#","body":null"#)
                .into_draft(&Limits::default())
                .unwrap()
                .body
                .unwrap()
                .get(),
            "null"
        );
        assert!(violated("").starts_with("body: must be given"));
        assert!(
            request(r#","attachments":[{"blob_id":"blob_0123456789ab"}]"#)
                .into_draft(&Limits::default())
                .is_ok()
        );
    }

    #[test]
    fn each_limit_holds_at_the_limit_and_not_one_past_it() {
        let limits = Limits {
            body: 10,
            ..Limits::default()
        };
        assert!(request(r#","body":"12345678""#).into_draft(&limits).is_ok());
        assert_eq!(
            request(r#","body":"123456789""#)
                .into_draft(&limits)
                .unwrap_err(),
            DraftError::BodyTooLarge {
                limit: 10,
                actual: 11
            }
        );
        assert!(
            request(r#","body":1,"expires_in":2592000"#)
                .into_draft(&limits)
                .is_ok()
        );
        for seconds in ["0", "-1", "2592001"] {
            let message = violated(&format!(r#","body":1,"expires_in":{seconds}"#));
            assert_eq!(
                message,
                format!("expires_in: must be 1 to 2592000 seconds (given: {seconds})")
            );
        }
        let thread = "x".repeat(128);
        assert!(
            request(&format!(r#","body":1,"thread_id":"{thread}""#))
                .into_draft(&limits)
                .is_ok()
        );
        assert!(
            violated(&format!(r#","body":1,"thread_id":"{thread}x""#))
                .contains("1 to 128 characters")
        );
        assert!(violated(r#","body":1,"in_reply_to":"""#).contains("(given: 0)"));
    }

    #[test]
    fn file_names_are_names() {
        for bad in ["..", ".", "a/b", r"a\\b", r"a\u0000", r"a\nb"] {
            let message = violated(&format!(
                r#","attachments":[{{"blob_id":"blob_0123456789ab","filename":"{bad}"}}]"#
            ));
            assert!(
                message.starts_with("attachments[0].filename: must be a name"),
                "{bad}: {message}"
            );
        }
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_fraction_of_zero() {
        let lifetime =
            |number: &str| request(&format!(r#","body":1,"expires_in":{number}"#)).expires_in;
        for number in ["60", "60.0", "6e1"] {
            assert_eq!(lifetime(number), Some(60), "{number}");
        }
        assert_eq!(lifetime("null"), None);
        for number in ["60.5", "1e300", "\"60\""] {
            let text = format!(r#"{{"recipient_key":"","expires_in":{number}}}"#);
            assert!(
                serde_json::from_str::<SendRequest>(&text).is_err(),
                "{number}"
            );
        }
        let attached: Attachment = serde_json::from_str(r#"{"blob_id":"b","size":3.0}"#).unwrap();
        assert_eq!(attached.size, Some(3));
        let negative = serde_json::from_str::<Attachment>(r#"{"blob_id":"b","size":-3.0}"#);
        assert!(negative.is_err());
    }

    #[test]
    fn an_invalid_recipient_is_its_own_error() {
        let request: SendRequest =
            serde_json::from_str(r#"{"recipient_key":"nonexistent","body":1}"#).unwrap();
        assert!(matches!(
            request.into_draft(&Limits::default()),
            Err(DraftError::Recipient(_))
        ));
    }
}
