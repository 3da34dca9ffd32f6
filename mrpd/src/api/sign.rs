//! `POST /v1/sign`: signatures of data that belongs to no message.

use super::error::parse;
use super::openapi::codes;
use super::relays::one_way;
use super::{Api, ApiError};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use mrp_proto::hexadecimal;
use mrp_proto::sign::{BodyHash, data_bytes};
use mrpd_api::body::signing::{DataSignature, SignData};
use mrpd_api::error::Code;

#[utoipa::path(
    post,
    path = "/v1/sign",
    operation_id = "sign_data",
    tag = "Daemon",
    summary = "Signs data as an agent, detached",
    description = "What is signed is `mrp-data-v1`, a line feed, and the 32 bytes of the hash: never anything that a relay or an agent would take for a request or a message.",
    request_body = SignData,
    responses((status = 200, description = "The signature", body = DataSignature)),
    extensions(("x-error-codes" = json!(codes(&[Code::UnknownAgent, Code::NoAgent])))),
)]
pub(super) async fn sign(
    State(api): State<Api>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<DataSignature>, ApiError> {
    let SignData { agent, sha256 } = parse(&body?)?;
    let Some(digest) = hexadecimal::decode_array(&sha256) else {
        let message = format!("sha256: {sha256:?} is no SHA-256; expected 64 hexadecimal digits");
        return Err(ApiError::new(Code::InvalidRequest, message));
    };
    let (agent, _) = one_way(&api, agent, None)?;
    Ok(Json(DataSignature {
        key: agent.public,
        signature: agent
            .secret
            .sign(&data_bytes(BodyHash::from_digest(digest))),
    }))
}
