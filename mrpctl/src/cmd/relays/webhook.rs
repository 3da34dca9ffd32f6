//! `mrpctl webhook`: where a relay announces messages, whether an announcement is one of its own, and a receiver of them.

mod listen;
mod verify;

use crate::cli::people::AtRelay;
use crate::cli::relays::{Webhook as Flags, WebhookSet};
use crate::cmd::people::way;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::output::pairs;
use crate::{input, key_file};
use mrp_proto::base64url;
use mrp_proto::relay_api::{WebhookInfo, WebhookSecret};
use mrpd_api::body::relays::WebhookChange;
use serde::Serialize;
use std::path::Path;

/// Bytes of a file with a secret, at most: 256 characters, and white space around them.
const LONGEST_SECRET: usize = 2048;

/// A webhook that was set; its secret only where it was made now.
#[derive(Serialize)]
struct Set<'a> {
    #[serde(flatten)]
    webhook: &'a WebhookInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

pub(super) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    match flags {
        Flags::Show { at } => show(context, at).await,
        Flags::Set(flags) => set(context, flags).await,
        Flags::Rm { at } => {
            let client = context.daemon().await?;
            Ok(client.remove_webhook(&way(context, at)).await?)
        }
        Flags::Listen(flags) => listen::run(context, *flags).await,
        Flags::Verify(flags) => verify::run(context, flags).await,
    }
}

async fn show(context: &Context, at: AtRelay) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let webhook = client.webhook(&way(context, at)).await?;
    context
        .output
        .object(&webhook, || text(&webhook, None), Some(&webhook.url))
}

async fn set(context: &Context, flags: WebhookSet) -> Result<(), Failure> {
    let secret = match &flags.secret_file {
        Some(file) => read_secret(file).await?,
        None => generate()?,
    };
    let client = context.daemon().await?;
    let change = WebhookChange {
        url: flags.url,
        secret: secret.expose().to_owned(),
    };
    let webhook = client.put_webhook(&change, &way(context, flags.at)).await?;
    let shown = flags.generate.then(|| secret.expose());
    let set = Set {
        webhook: &webhook,
        secret: shown,
    };
    let raw = shown.unwrap_or(&webhook.url);
    context
        .output
        .object(&set, || text(&webhook, shown), Some(raw))
}

/// 32 bytes, in the form that relays decode.
fn generate() -> Result<WebhookSecret, Failure> {
    let seed = key_file::random_seed()
        .map_err(|error| Failure::io(Reason::Internal, "make a secret", &error))?;
    Ok(WebhookSecret::new(base64url::encode(seed.as_slice())))
}

/// The same, of a file that nobody else can read: it is read at every start, and so is there to be found.
async fn read_private_secret(file: &Path) -> Result<WebhookSecret, Failure> {
    input::check_private(file)?;
    read_secret(file).await
}

/// What is in a file, without the white space around it. Whether it is long enough is for the relay to say.
async fn read_secret(file: &Path) -> Result<WebhookSecret, Failure> {
    let content = input::secret(file, LONGEST_SECRET).await?;
    let wrong = |why: &str| {
        Failure::new(Reason::BadData, format!("{} {why}", file.display()))
            .fix("a secret has 16 to 256 characters; mrpctl webhook set URL --generate makes one")
    };
    let text = std::str::from_utf8(&content).map_err(|_| wrong("is not UTF-8 text"))?;
    match text.trim() {
        "" => Err(wrong("holds no secret")),
        secret => Ok(WebhookSecret::new(secret.to_owned())),
    }
}

fn text(webhook: &WebhookInfo, secret: Option<&str>) -> String {
    let enabled = if webhook.enabled { "yes" } else { "no" };
    let failures = match webhook.consecutive_failures {
        0 => String::new(),
        number => number.to_string(),
    };
    pairs(&[
        ("url", webhook.url.clone()),
        ("enabled", enabled.to_owned()),
        ("failures", failures),
        ("last error", webhook.last_error.clone().unwrap_or_default()),
        ("since", webhook.created_at.to_string()),
        ("secret", secret.unwrap_or_default().to_owned()),
    ])
}
