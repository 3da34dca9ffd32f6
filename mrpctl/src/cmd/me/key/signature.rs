//! `mrpctl key sign` and `mrpctl key verify`: detached signatures of standard input.

use crate::cmd::own_agent;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::{input, similar};
use mrp_proto::hexadecimal;
use mrp_proto::key::{PublicKey, Signature};
use mrp_proto::sign::{BodyHash, data_bytes};
use mrpd_api::body::signing::SignData;
use mrpd_api::card::Card;
use mrpd_api::error::{Code, ErrorDetail};
use serde::Serialize;

/// A signature that is right.
#[derive(Serialize)]
struct Verified {
    valid: bool,
    key: PublicKey,
    contact: Option<String>,
    sha256: String,
}

/// The bare signature is printed unless JSON is asked for: it is made to be kept in a file.
pub(super) async fn sign(context: &Context) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let data = SignData {
        agent: context.global.agent.clone(),
        sha256: hexadecimal::encode(&input::standard_input_hash().await?),
    };
    let signed = client.sign_data(&data).await?;
    let signature = signed.signature.to_string();
    if context.output.is_bare() {
        return context.output.bytes(format!("{signature}\n"));
    }
    context
        .output
        .object(&signed, || format!("{signature}\n"), Some(&signature))
}

/// A key needs no daemon; a name does.
pub(super) async fn verify(context: &Context, who: &str, signature: &str) -> Result<(), Failure> {
    let signature: Signature = signature.trim().parse().map_err(|error| {
        Failure::new(Reason::BadData, format!("this is no signature: {error}"))
            .fix("expected the 86 characters that mrpctl key sign has written")
    })?;
    let (key, contact) = match key_in(who) {
        Some(key) => (key, None),
        None => named(context, who).await?,
    };
    let hash = input::standard_input_hash().await?;
    let bytes = data_bytes(BodyHash::from_digest(hash));
    key.verify(&bytes, &signature).map_err(|_| {
        Failure::new(
            Reason::BadData,
            format!("the signature is not one of {who} over this data"),
        )
        .fix("see that the data is what was signed, byte for byte, and the key the signer's")
    })?;
    let verified = Verified {
        valid: true,
        key,
        contact,
        sha256: hexadecimal::encode(&hash),
    };
    let text = || {
        let name = verified.contact.as_deref().unwrap_or_default();
        format!("signed by {name} {key}\n").replace("  ", " ")
    };
    context
        .output
        .object(&verified, text, Some(&key.to_string()))
}

fn key_in(who: &str) -> Option<PublicKey> {
    let bare = who.strip_prefix("ed25519:").unwrap_or(who);
    let card = who.parse::<Card>().map(|card| card.key);
    bare.parse().or(card).ok()
}

/// `me`, a contact, or a local identity.
async fn named(context: &Context, who: &str) -> Result<(PublicKey, Option<String>), Failure> {
    let client = context.daemon().await?;
    if who == "me" {
        let own = own_agent(context, &client).await?;
        return Ok((own.key, Some(own.name)));
    }
    let contacts = client.contacts().await?;
    let agents = client.agents().await?;
    let contacts = contacts.iter().map(|one| (one.name.as_str(), one.key));
    let agents = agents.iter().map(|one| (one.name.as_str(), one.key));
    let known: Vec<(&str, PublicKey)> = contacts.chain(agents).collect();
    let is_meant = |name: &str| name.to_lowercase() == who.to_lowercase();
    if let Some((name, key)) = known.iter().find(|(name, _)| is_meant(name)) {
        return Ok((*key, Some((*name).to_owned())));
    }
    let names = known.iter().map(|(name, _)| *name);
    let hint = match similar::closest(who, names) {
        Some(name) => format!("did you mean {name}? See mrpctl contact ls"),
        None => "give the key itself, me, or a contact's name: mrpctl contact ls".to_owned(),
    };
    let message = format!("no such contact or key: {who}");
    Err(ErrorDetail::new(Code::UnknownRecipient, message, Some(hint)).into())
}
