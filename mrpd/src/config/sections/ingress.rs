//! `[[ingress]]`.

use super::agent;
use crate::audience::{Audience, GROUP, Groups};
use crate::config::HasName;
use crate::config::reader::Reader;
use crate::expression::Template;
use crate::ingress::FIELDS;
use crate::socket::API_SOCKET;
use mrpd_api::paths::{Paths, check_socket_path};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Bytes of a body where nothing else is said.
const BODY: u64 = 256 << 10;
/// Bytes of a body, at most: a message has no room for more.
const LARGEST_BODY: u64 = 4 << 20;
/// How old a signed time may be where nothing else is said.
const TOLERANCE: Duration = Duration::from_secs(300);

/// A way from local HTTP to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingress {
    /// Its name.
    pub name: String,
    /// Where to listen.
    pub listen: Listen,
    /// Path of the URL.
    pub path: String,
    /// How it is known who posts.
    pub proof: Proof,
    /// The agent that sends; the default one where absent.
    pub agent: Option<String>,
    /// Who gets the message.
    pub to: To,
    /// What makes the message's body of the request; the request's own body where absent.
    pub template: Option<Template>,
    /// Media type of the message; that of JSON where absent.
    pub content_type: Option<String>,
    /// Bytes of a request's body, at most.
    pub max_body: u64,
    /// Header that names a delivery, so that one that is repeated is sent once.
    pub delivery_header: Option<String>,
}

impl HasName for Ingress {
    fn name(&self) -> &str {
        &self.name
    }
}

/// Who gets a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// Whoever a send takes this text for.
    One(String),
    /// The members of a group.
    Group(Audience),
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Listen {
    /// An address and a port.
    Tcp(SocketAddr),
    /// The path of a socket.
    Unix(PathBuf),
    /// Sockets that the service manager passes under this name (`FileDescriptorName=` of their unit).
    Passed(String),
}

/// What stands before the name of a socket that is passed.
const PASSED: &str = "fd:";

impl fmt::Display for Listen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix(path) => path.display().fmt(formatter),
            Self::Passed(name) => write!(formatter, "{PASSED}{name}"),
        }
    }
}

/// How it is known who posts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// It is not: whoever can connect may post.
    Open,
    /// The content of this file stands behind `Authorization: Bearer`.
    Bearer(PathBuf),
    /// The body is signed.
    Hmac(Hmac),
}

/// A signature over the body with a shared secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hmac {
    /// Header that carries it, in hexadecimal or base64.
    pub header: String,
    /// What stands before it in the header.
    pub prefix: String,
    /// File with the secret.
    pub secret_file: PathBuf,
    /// The hash.
    pub algorithm: Algorithm,
    /// What keeps an old request from being brought again.
    pub replay: Option<Replay>,
}

/// Hash of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// A time that is signed along: `<time>` `<separator>` `<body>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// Header that carries it, in seconds since 1970.
    pub header: String,
    /// What stands between it and the body.
    pub separator: String,
    /// How far it may be from now.
    pub tolerance: Duration,
}

/// Reads an ingress; `None` if it cannot be used.
pub(super) fn read(
    mut reader: Reader<'_>,
    name: &str,
    groups: &Groups,
    agents: &[String],
    paths: &Paths,
) -> Option<Ingress> {
    let listen = read_listen(&mut reader, paths);
    let path = reader.text_or("path", "/");
    if !path.starts_with('/') || path.contains(['?', '#']) {
        let what =
            format!("{path:?} is not allowed; expected the path of a URL, such as /hooks/{name}");
        reader.wrong("path", what);
    }
    let proof = read_proof(&mut reader, paths);
    let to = read_recipient(&mut reader, groups);
    let template = read_template(&mut reader);
    let agent = agent::named(&mut reader, agents);
    let content_type = reader.text("type");
    let max_body = reader.size("max_body", BODY, 1..=LARGEST_BODY);
    let delivery_header = read_header(&mut reader, "delivery_header");
    reader.finish();
    Some(Ingress {
        name: name.to_owned(),
        listen: listen?,
        path,
        proof: proof?,
        agent,
        to: to?,
        template,
        content_type,
        max_body,
        delivery_header,
    })
}

fn read_recipient(reader: &mut Reader<'_>, groups: &Groups) -> Option<To> {
    let Some(to) = reader.text("to").filter(|to| !to.trim().is_empty()) else {
        reader.wrong("to", "missing; write a contact's name, a key or an @group");
        return None;
    };
    if !to.starts_with(GROUP) {
        return Some(To::One(to));
    }
    match Audience::parse(&[to], groups) {
        Ok(group) => Some(To::Group(group)),
        Err(error) => {
            reader.wrong("to", error.to_string());
            None
        }
    }
}

fn read_template(reader: &mut Reader<'_>) -> Option<Template> {
    let source = reader.text("template")?;
    match Template::parse(&source, FIELDS) {
        Ok(template) => Some(template),
        Err(error) => {
            reader.wrong("template", error.to_string());
            None
        }
    }
}

fn read_listen(reader: &mut Reader<'_>, paths: &Paths) -> Option<Listen> {
    let Some(text) = reader.text("listen") else {
        reader.wrong(
            "listen",
            "missing; write an address such as \"127.0.0.1:9095\", the path of a socket, or \"fd:NAME\" for one from systemd",
        );
        return None;
    };
    if let Some(name) = text.strip_prefix(PASSED) {
        return read_passed(reader, name);
    }
    if text.starts_with(['/', '~']) {
        let path = paths.expand(Path::new(&text));
        if let Err(error) = check_socket_path(&path) {
            reader.wrong("listen", format!("{error}; choose a shorter one"));
            return None;
        }
        return Some(Listen::Unix(path));
    }
    let local = text
        .strip_prefix("localhost:")
        .and_then(|port| port.parse().ok());
    let address = match local {
        Some(port) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        None => text.parse::<SocketAddr>(),
    };
    let Ok(address) = address else {
        let what = format!(
            "{text:?} is not allowed; expected an address and a port such as \"127.0.0.1:9095\", the absolute path of a socket, or \"fd:NAME\" for one from systemd"
        );
        reader.wrong("listen", what);
        return None;
    };
    if !address.ip().is_loopback() {
        let what = "other machines can post here, in clear; put a proxy with TLS before it, or listen on 127.0.0.1";
        reader.notice("listen", what);
    }
    Some(Listen::Tcp(address))
}

/// Names as systemd has them: up to 255 printable ASCII characters without a colon.
fn read_passed(reader: &mut Reader<'_>, name: &str) -> Option<Listen> {
    let is_printable = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    let fits = (1..=255).contains(&name.len())
        && name.bytes().all(|byte| is_printable(byte) && byte != b':');
    if !fits {
        let what = format!(
            "{name:?} is no name of a socket; write that of FileDescriptorName= in its unit, 1 to 255 printable ASCII characters without a colon"
        );
        reader.wrong("listen", what);
        return None;
    }
    if name == API_SOCKET {
        let what = "\"fd:api\" is the local interface's socket; pass another one";
        reader.wrong("listen", what);
        return None;
    }
    Some(Listen::Passed(name.to_owned()))
}

fn read_proof(reader: &mut Reader<'_>, paths: &Paths) -> Option<Proof> {
    let hmac = reader.has("hmac").then(|| read_hmac(reader, paths));
    let bearer = reader.text("bearer_file");
    let open = reader.switch("open", false);
    match (hmac, bearer, open) {
        (Some(hmac), None, false) => hmac.map(Proof::Hmac),
        (None, Some(file), false) => Some(Proof::Bearer(paths.expand(Path::new(&file)))),
        (None, None, true) => {
            let what = "whoever can connect can send by it; every program on this machine can, if it is no socket's path";
            reader.notice("open", what);
            Some(Proof::Open)
        }
        (None, None, false) => {
            let what = "anybody on this machine could send by it; write hmac = { header = \"...\", secret_file = \"...\" }, bearer_file = \"...\", or open = true";
            reader.wrong("hmac", what);
            None
        }
        _ => {
            reader.wrong(
                "hmac",
                "write one of hmac, bearer_file and open = true, not several",
            );
            None
        }
    }
}

fn read_hmac(ingress: &mut Reader<'_>, paths: &Paths) -> Option<Hmac> {
    const ALGORITHMS: &[(&str, Algorithm)] =
        &[("sha256", Algorithm::Sha256), ("sha512", Algorithm::Sha512)];
    let mut reader = ingress.child("hmac");
    let header = read_header(&mut reader, "header");
    if header.is_none() {
        reader.wrong(
            "header",
            "missing; write the name of the header that has the signature",
        );
    }
    let secret_file = reader.text("secret_file");
    if secret_file.is_none() {
        reader.wrong(
            "secret_file",
            "missing; write the path of a file that has the secret, mode 0600",
        );
    }
    let algorithm = reader.choice("algorithm", ALGORITHMS, Algorithm::Sha256);
    let prefix = reader.text_or("prefix", "");
    let timestamp_header = read_header(&mut reader, "timestamp_header");
    let separator = reader.text_or("separator", ":");
    let tolerance = reader.duration("tolerance", TOLERANCE);
    reader.finish();
    Some(Hmac {
        header: header?,
        prefix,
        secret_file: paths.expand(Path::new(&secret_file?)),
        algorithm,
        replay: timestamp_header.map(|header| Replay {
            header,
            separator,
            tolerance,
        }),
    })
}

fn read_header<'a>(reader: &mut Reader<'a>, key: &'a str) -> Option<String> {
    let name = reader.text(key)?;
    if axum::http::HeaderName::try_from(name.as_str()).is_err() {
        reader.wrong(key, format!("{name:?} is no name of a header"));
        return None;
    }
    Some(name.to_ascii_lowercase())
}
