//! `GET /v1/ws`: the shell around the relay's session machine (protocol A8).
//!
//! The machine in `mrp_proto::session::relay` decides; what is here moves bytes, asks the store and the hub, and keeps time.
//! permessage-deflate is not negotiated, since what is small on the wire could then be large in memory. By default any
//! `Origin` may connect: nothing is authorised by where a page came from, only by the signature in the first frame. Where the
//! operator listed pages, [`crate::http::cors`] has turned the others away before.

mod arrivals;
mod fetch;
mod handshake;
mod jobs;
mod session;
mod socket;

pub(crate) use arrivals::Arrivals;

use crate::app::App;
use crate::client_address::ClientAddress;
use crate::config::{Config, SendResultStatus};
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, header};
use hyper_util::rt::TokioIo;
use mrp_proto::frame::SuccessWord;
use mrp_proto::session::relay::Settings;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument as _;

/// How the library of the published client names itself in `User-Agent`.
const PUBLISHED_LIBRARY: &str = "websockets/";
/// How long that client may be silent: it hears nothing for 30 s after each reply of its handler (protocol A8.5).
const PUBLISHED_SILENCE: Duration = Duration::from_secs(40);

/// Answers an upgrade request, and runs the session once the connection is handed over. Draining waits for it.
pub(crate) fn upgrade(
    app: Arc<App>,
    mut request: Request,
    client: ClientAddress,
    request_id: &str,
) -> Response {
    let accept = match handshake::check(&request) {
        Ok(accept) => accept,
        Err(refusal) => return refusal.into_response(),
    };
    let settings = settings(&app.config, request.headers());
    let upgrade = hyper::upgrade::on(&mut request);
    let tracked = app.shutdown.track();
    let span = tracing::error_span!("session", request_id);
    let session = async move {
        match tokio::time::timeout(app.config.timeouts.head, upgrade).await {
            Ok(Ok(upgraded)) => session::run(app, TokioIo::new(upgraded), client, settings).await,
            Ok(Err(error)) => tracing::debug!(%error, "a connection was not handed over"),
            Err(_) => tracing::debug!("a connection was not handed over in time"),
        }
        drop(tracked);
    };
    tokio::spawn(session.instrument(span));
    handshake::switch_protocols(accept)
}

/// What this relay allows this client.
fn settings(config: &Config, headers: &HeaderMap) -> Settings {
    let (websocket, timeouts) = (&config.websocket, &config.timeouts);
    let agent = headers.get(header::USER_AGENT);
    let is_published = agent
        .is_some_and(|agent| String::from_utf8_lossy(agent.as_bytes()).contains(PUBLISHED_LIBRARY));
    let success_word = match websocket.send_result_status {
        SendResultStatus::Ok => SuccessWord::Ok,
        SendResultStatus::Auto if is_published => SuccessWord::Ok,
        SendResultStatus::Auto | SendResultStatus::Sent => SuccessWord::Sent,
    };
    let pong_timeout = if is_published {
        websocket.pong_timeout.max(PUBLISHED_SILENCE)
    } else {
        websocket.pong_timeout
    };
    Settings {
        auth_timeout: timeouts.websocket_auth,
        ping: websocket.ping,
        pong_timeout,
        success_word,
        write_stall: timeouts.websocket_stall,
        ..Settings::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn of(config: &Config, agent: Option<&'static str>) -> Settings {
        let mut headers = HeaderMap::new();
        if let Some(agent) = agent {
            headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
        }
        settings(config, &headers)
    }

    #[test]
    fn the_published_client_is_told_from_others_by_its_library() {
        let config = Config::default();
        let published = of(&config, Some("Python/3.11 websockets/15.0.1"));
        assert_eq!(published.success_word, SuccessWord::Ok);
        assert_eq!(published.pong_timeout, Duration::from_secs(40));
        for agent in [None, Some("mrpd/0.1.0"), Some("websocket-client")] {
            let other = of(&config, agent);
            assert_eq!(other.success_word, SuccessWord::Sent, "{agent:?}");
            assert_eq!(other.pong_timeout, Duration::from_secs(10));
        }
    }

    #[test]
    fn the_configuration_can_force_either_word() {
        let mut config = Config::default();
        config.websocket.send_result_status = SendResultStatus::Sent;
        assert_eq!(
            of(&config, Some("websockets/15")).success_word,
            SuccessWord::Sent
        );
        config.websocket.send_result_status = SendResultStatus::Ok;
        assert_eq!(of(&config, None).success_word, SuccessWord::Ok);
    }
}
