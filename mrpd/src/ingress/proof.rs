//! Whether a request may become a message.

use crate::config::{Algorithm, Hmac, Proof};
use axum::http::{HeaderMap, header};
use hmac::digest::KeyInit;
use hmac::{Hmac as Keyed, Mac};
use mrp_proto::base64url;
use mrp_proto::time::Timestamp;
use sha2::{Digest as _, Sha256, Sha512};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Bytes of a secret, at most.
const SECRET: u64 = 4096;

/// Why a request may not become a message.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProofError {
    /// It does not prove itself.
    #[error("{0}")]
    Refused(&'static str),
    /// A page in a browser sent it.
    #[error(
        "a web page may not post here; demand a signature or a token of it (hmac, bearer_file)"
    )]
    Page,
    /// The secret cannot be used.
    #[error("the secret file {} cannot be used: {cause}", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// Checks what the ingress demands. The secret is read each time, so that a new one counts at once.
pub(super) fn check(
    proof: &Proof,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<(), ProofError> {
    match proof {
        // Any page that the user looks at can have their browser post to an address of this machine.
        Proof::Open if headers.contains_key(header::ORIGIN) => Err(ProofError::Page),
        Proof::Open => Ok(()),
        Proof::Bearer(file) => check_bearer(&secret(file)?, headers),
        Proof::Hmac(hmac) => check_hmac(hmac, headers, body, now),
    }
}

fn check_bearer(secret: &[u8], headers: &HeaderMap) -> Result<(), ProofError> {
    const WHAT: ProofError =
        ProofError::Refused("the Authorization header does not have the right token");
    let value = only(headers, header::AUTHORIZATION.as_str()).ok_or(WHAT)?;
    let (scheme, token) = value.split_once(' ').ok_or(WHAT)?;
    // Digests are compared, so that the time it takes says nothing of the secret.
    let right = Sha256::digest(token.trim().as_bytes()) == Sha256::digest(secret);
    (right && scheme.eq_ignore_ascii_case("bearer"))
        .then_some(())
        .ok_or(WHAT)
}

fn check_hmac(
    hmac: &Hmac,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<(), ProofError> {
    let signature = only(headers, &hmac.header)
        .and_then(|value| value.strip_prefix(hmac.prefix.as_str()))
        .and_then(decode)
        .ok_or(ProofError::Refused(
            "the header with the signature is missing, or there twice, or no signature",
        ))?;
    let mut before = String::new();
    if let Some(replay) = &hmac.replay {
        let time = only(headers, &replay.header).ok_or(ProofError::Refused(
            "the header with the time is missing, or there twice",
        ))?;
        let seconds: i64 = time.parse().map_err(|_| {
            ProofError::Refused("the header with the time has no seconds since 1970")
        })?;
        let tolerance = i64::try_from(replay.tolerance.as_secs()).unwrap_or(i64::MAX);
        let distance = seconds
            .saturating_sub(now.unix_millis() / 1000)
            .saturating_abs();
        if distance > tolerance {
            return Err(ProofError::Refused(
                "the request is too old, or a clock is wrong",
            ));
        }
        before = format!("{time}{}", replay.separator);
    }
    let secret = secret(&hmac.secret_file)?;
    let parts = [before.as_bytes(), body];
    let right = match hmac.algorithm {
        Algorithm::Sha256 => verify::<Keyed<Sha256>>(&secret, &parts, &signature),
        Algorithm::Sha512 => verify::<Keyed<Sha512>>(&secret, &parts, &signature),
    };
    right
        .then_some(())
        .ok_or(ProofError::Refused("the signature does not hold"))
}

fn verify<M: Mac + KeyInit>(secret: &[u8], parts: &[&[u8]], signature: &[u8]) -> bool {
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(secret) else {
        return false;
    };
    for part in parts {
        mac.update(part);
    }
    mac.verify_slice(signature).is_ok()
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value.trim())
}

/// Hexadecimal, else base64 in either alphabet.
fn decode(text: &str) -> Option<Vec<u8>> {
    let hexadecimal = text.len() >= 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hexadecimal {
        let pairs = (0..text.len()).step_by(2);
        return pairs
            .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
            .collect();
    }
    let plain = text
        .trim_end_matches('=')
        .replace('+', "-")
        .replace('/', "_");
    base64url::decode(&plain).ok()
}

/// The file's content without the newline at its end. One that others can read is no secret.
fn secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, ProofError> {
    read_secret(path).map_err(|cause| ProofError::Secret {
        path: path.to_path_buf(),
        cause,
    })
}

fn read_secret(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let refuse = |what: &str| {
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            what.to_owned(),
        ))
    };
    let file: File = OpenOptions::new()
        .read(true)
        .custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits())
        .open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return refuse("it is no file");
    }
    let own = nix::unistd::geteuid().as_raw();
    if found.uid() != own && found.uid() != 0 {
        return refuse("it belongs to another user");
    }
    // A service manager gives credentials that its group can read.
    if found.mode() & 0o037 != 0 {
        return refuse("others can read it; run chmod 600 on it");
    }
    let mut secret = Zeroizing::new(Vec::new());
    file.take(SECRET + 1).read_to_end(&mut secret)?;
    while secret
        .last()
        .is_some_and(|byte| matches!(byte, b'\n' | b'\r'))
    {
        secret.pop();
    }
    if secret.is_empty() || secret.len() as u64 > SECRET {
        let what = format!("it must have 1 to {SECRET} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    Ok(secret)
}
