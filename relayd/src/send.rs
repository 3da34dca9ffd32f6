//! Taking a message in: the one way that HTTP and WebSocket share.

use crate::app::App;
use crate::http::error::ApiError;
use crate::overload::Class;
use crate::store::{Acceptance, ReplayClaim, Replayed, Submission};
use crate::unforeseen;
use mrp_proto::key::PublicKey;
use mrp_proto::message::{SendRequest, Violation};
use mrp_proto::relay_api::MAX_IDEMPOTENCY_KEY;

/// Takes a send that comes in a frame: counts it against the sender's rate, and goes on as [`accept`].
pub(crate) async fn submit(
    app: &App,
    sender: PublicKey,
    request: SendRequest,
    idempotency_key: Option<String>,
    claim: Option<ReplayClaim>,
) -> Result<Acceptance, ApiError> {
    app.check_load(Class::Send)?;
    app.limits.send(&sender)?;
    accept(app, sender, request, idempotency_key, claim).await
}

/// Holds a send that was counted against the limits of messages, stores it, and wakes its recipient. The answer means that it is
/// on disk.
pub(crate) async fn accept(
    app: &App,
    sender: PublicKey,
    request: SendRequest,
    idempotency_key: Option<String>,
    claim: Option<ReplayClaim>,
) -> Result<Acceptance, ApiError> {
    app.disk.sends()?;
    if let Some(key) = &idempotency_key {
        check_idempotency_key(key)?;
    }
    let draft = request.into_draft_with(&app.config.limits.message_limits(), |text| {
        app.auth.key(text)
    })?;
    let recipient = draft.recipient;
    app.access.check_recipient(&recipient)?;
    let [_, _, random @ ..] = unforeseen::number().to_be_bytes();
    let acceptance = app
        .store
        .accept_message(Submission {
            sender,
            draft,
            now: app.now(),
            random,
            claim,
            idempotency_key,
            quotas: app.config.limits.quotas(),
        })
        .await?;
    if acceptance.replayed == Replayed::Fresh {
        app.metrics.accepted();
        app.hub.wake(&recipient, acceptance.sequence);
    }
    Ok(acceptance)
}

fn check_idempotency_key(key: &str) -> Result<(), Violation> {
    let length = key.chars().count();
    if key.bytes().all(|byte| byte.is_ascii_graphic())
        && (1..=MAX_IDEMPOTENCY_KEY).contains(&length)
    {
        return Ok(());
    }
    Err(Violation::new(
        "idempotency_key",
        format!("must have 1 to {MAX_IDEMPOTENCY_KEY} visible ASCII characters"),
        MAX_IDEMPOTENCY_KEY,
        length,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::disk::Room;
    use mrp_proto::code::Code;
    use mrp_proto::key::SecretKey;

    #[tokio::test]
    async fn without_room_on_the_disk_frames_and_requests_are_refused_alike() {
        let app = App::in_memory(Config::default()).unwrap();
        let key = SecretKey::from_seed(&[1; 32]).public();
        let request = || {
            let text = format!(r#"{{"recipient_key":"{key}","body":1}}"#);
            serde_json::from_str::<SendRequest>(&text).unwrap()
        };
        app.disk.note(Room::Low);
        let by_frame = submit(&app, key, request(), None, None).await;
        let by_request = accept(&app, key, request(), None, None).await;
        for refused in [by_frame, by_request] {
            assert_eq!(refused.unwrap_err().code, Code::InsufficientStorage);
        }
        app.disk.note(Room::Scarce);
        assert!(submit(&app, key, request(), None, None).await.is_ok());
    }
}
