//! `mrpctl webhook verify`: whether a delivery comes from the relay that has the secret.

use super::read_secret;
use crate::cli::relays::WebhookVerify as Flags;
use crate::cli::value;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::input;
use mrp_proto::relay_api::{Covered, DELIVERY_ID_HEADER, DeliveryHeaders, STANDARD_ID_HEADER};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const EXPECTED: &str = "expected {\"headers\": {\"webhook-id\": \"...\", ...}, \"body\": \"...\"}; see mrpctl webhook verify --help";

/// A delivery as its receiver wrote it down.
#[derive(Deserialize)]
struct Written {
    headers: BTreeMap<String, String>,
    body: String,
}

/// A delivery that is believed.
#[derive(Serialize)]
struct Verified {
    valid: bool,
    delivery_id: Option<String>,
    /// `everything`: id, time and body. `body`: it may be an old one.
    covers: &'static str,
}

pub(super) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    let secret = read_secret(&flags.secret_file).await?;
    let text = input::file_or_standard_input("-").await?;
    let written = read(&text)?;
    let header = |name: &str| written.headers.get(name).map(String::as_str);
    let covered = DeliveryHeaders::find(header)
        .verify(
            &secret,
            written.body.as_bytes(),
            value::now(),
            flags.max_age,
        )
        .map_err(|error| Failure::new(Reason::BadData, error.to_string()))?;
    let covers = match covered {
        Covered::Everything => "everything",
        Covered::BodyAlone => {
            context.output.warning("the signature covers the body alone: this may be an old delivery, sent again by whoever saw it");
            "body"
        }
    };
    let id = header(STANDARD_ID_HEADER).or(header(DELIVERY_ID_HEADER));
    let verified = Verified {
        valid: true,
        delivery_id: id.map(str::to_owned),
        covers,
    };
    let told = || {
        format!(
            "the relay's own: delivery {}\n",
            id.unwrap_or("without an id")
        )
    };
    context
        .output
        .object(&verified, || crate::output::escape::block(&told()), id)
}

/// Names of headers have no case.
fn read(text: &str) -> Result<Written, Failure> {
    if text.trim().is_empty() {
        return Err(Failure::new(
            Reason::NoInput,
            "standard input is empty: there is no delivery",
        )
        .fix(EXPECTED));
    }
    let mut written: Written = serde_json::from_str(text).map_err(|error| {
        Failure::new(Reason::BadData, format!("this is no delivery: {error}")).fix(EXPECTED)
    })?;
    written.headers = written
        .headers
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    Ok(written)
}
