//! `mrpctl key`: private keys as files, and signatures of data. Files are handled here, without the daemon; signing is its own,
//! for it has every key, also those that are in no file.

mod files;
mod form;
mod passphrase;
mod signature;

use crate::cli::me::Key as Flags;
use crate::config::document::{Document, text_of};
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::{input, key_file, similar};
use form::LONGEST_FORM;
use key_file::Content;
use mrp_proto::base64url;
use mrp_proto::key::{PublicKey, SecretKey, is_encrypted_key};
use serde::Serialize;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use toml_edit::TableLike;

/// A key that was made, found or taken over.
#[derive(Serialize)]
struct Shown {
    name: String,
    key: PublicKey,
    fingerprint: String,
    file: Option<String>,
}

/// Where an identity's key is.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    /// A program or the service manager gives it to the daemon.
    Elsewhere,
}

pub(super) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    match flags {
        Flags::New { name } => make(context, name),
        Flags::Ls => files::list(context),
        Flags::Use { name } => take_into_use(context, &name).await,
        Flags::Show { name } => show(context, &name).await,
        Flags::Import { file, name } => import(context, &file, name).await,
        Flags::Export { name, out } => export(context, &name, out.as_deref()),
        Flags::Encrypt(flags) => passphrase::encrypt(context, flags).await,
        Flags::Decrypt(flags) => passphrase::decrypt(context, flags).await,
        Flags::Rm { name } => remove(context, &name).await,
        Flags::Sign => signature::sign(context).await,
        Flags::Verify { who, signature } => signature::verify(context, &who, &signature).await,
    }
}

fn make(context: &Context, name: Option<String>) -> Result<(), Failure> {
    let name = match name.or_else(|| context.global.agent.clone()) {
        Some(name) => name,
        None => {
            let document = Document::load(&context.config_file())?;
            let default = document.string(&["default_agent"]).map(str::to_owned);
            default.ok_or_else(|| {
                Failure::new(Reason::Usage, "the key has no name").fix("mrpctl key new NAME")
            })?
        }
    };
    let path = context.paths.key_file(&name);
    let public = key_file::create(&path).map_err(|error| not_written(&path, &error))?;
    told(context, name, public, Some(&path))
}

async fn take_into_use(context: &Context, name: &str) -> Result<(), Failure> {
    let mut document = Document::edit(&context.config_file()).await?;
    if document.entry("agent", name).is_none() {
        let path = context.paths.key_file(name);
        load(context, name, &path)?;
        let file = context.paths.contract(&path).display().to_string();
        document.push("agent", &[("name", name.into()), ("key_file", file.into())]);
    }
    document.set("default_agent", name.into())?;
    crate::cmd::tooling::config::put_in_force(context, &mut document).await?;
    context.output.note(&format!(
        "{name} is who acts where no other identity is named"
    ));
    Ok(())
}

async fn show(context: &Context, name: &str) -> Result<(), Failure> {
    match place(context, name)? {
        Place::File(path) => {
            let public = load_content(context, name, &path)?.public();
            told(context, name.to_owned(), public, Some(&path))
        }
        Place::Elsewhere => {
            let agents = context.daemon().await?.agents().await?;
            let agent = agents.into_iter().find(|agent| agent.name == name);
            let agent = agent.ok_or_else(|| {
                Failure::new(
                    Reason::NothingFound,
                    format!("the daemon has no key {name}"),
                )
                .fix("mrpctl daemon reload")
            })?;
            told(context, agent.name, agent.key, None)
        }
    }
}

async fn import(context: &Context, file: &Path, name: Option<String>) -> Result<(), Failure> {
    let name = match name.or_else(|| Some(file.file_stem()?.to_str()?.to_owned())) {
        Some(name) if name != "-" => name,
        _ => {
            return Err(Failure::new(Reason::Usage, "the key has no name")
                .fix("mrpctl key import FILE NAME"));
        }
    };
    let content = input::secret(file, LONGEST_FORM).await?;
    if is_encrypted_key(&content) {
        let shown = file.display();
        let text = format!("{shown} is kept under a passphrase");
        return Err(Failure::new(Reason::BadData, text).fix(format!(
            "mrpctl key decrypt {shown} | mrpctl key import - {name}"
        )));
    }
    let secret = form::read(&content).ok_or_else(|| not_a_key(file))?;
    let path = context.paths.key_file(&name);
    key_file::write(&path, &secret).map_err(|error| not_written(&path, &error))?;
    told(context, name, secret.public(), Some(&path))
}

/// To a terminal only with --yes.
fn export(context: &Context, name: &str, out: Option<&Path>) -> Result<(), Failure> {
    let Place::File(path) = place(context, name)? else {
        return Err(Failure::new(
            Reason::Config,
            format!(
                "the key of {name} is in no file: a program or the service manager gives it to the daemon"
            ),
        ));
    };
    let secret = load(context, name, &path)?;
    if out.is_none() {
        check_may_show(context, &format!("mrpctl key export {name}"))?;
    }
    write_out(context, &secret, out)
}

/// What stands at a terminal stays there.
fn check_may_show(context: &Context, command: &str) -> Result<(), Failure> {
    if !std::io::stdout().is_terminal() || context.global.yes {
        return Ok(());
    }
    Err(
        Failure::new(Reason::Usage, "the private key is not shown at a terminal")
            .fix(format!("{command} --out FILE, or a pipe, or --yes")),
    )
}

/// Writes a private key into a new file, or its text to standard output.
fn write_out(context: &Context, secret: &SecretKey, out: Option<&Path>) -> Result<(), Failure> {
    if let Some(out) = out {
        return key_file::write(out, secret).map_err(|error| not_written(out, &error));
    }
    let text = zeroize::Zeroizing::new(base64url::encode(secret.seed().as_slice()) + "\n");
    context.output.bytes(text.as_bytes())
}

async fn remove(context: &Context, name: &str) -> Result<(), Failure> {
    let document = Document::load(&context.config_file())?;
    let path = context.paths.key_file(name);
    let key = load_content(context, name, &path)?.public();
    if let Some(user) = users(&document, context, &path).first() {
        return Err(Failure::new(
            Reason::Config,
            format!("{} is the key of the identity {user}", path.display()),
        )
        .fix(format!(
            "take [[agent]] {user} out of mrpd.toml first: mrpctl config edit"
        )));
    }
    if !context.global.yes {
        let question = format!("Remove {name}, {key}, for ever? [y/N] ");
        let answer = input::ask(context, &question).await?;
        if !context.may_ask() {
            return Err(
                Failure::new(Reason::Usage, "a key that is removed is gone for ever")
                    .fix(format!("mrpctl key rm {name} --yes")),
            );
        }
        if !answer.is_some_and(|answer| answer.to_lowercase().starts_with('y')) {
            context.output.note("nothing was removed");
            return Ok(());
        }
    }
    std::fs::remove_file(&path)
        .map_err(|error| Failure::io(Reason::Io, &format!("remove {}", path.display()), &error))
}

/// Where the key of this name is: an identity may have it in a file of another name, or in none.
fn place(context: &Context, name: &str) -> Result<Place, Failure> {
    let document = Document::load(&context.config_file())?;
    let usual = || Place::File(context.paths.key_file(name));
    Ok(document
        .entry("agent", name)
        .map_or_else(usual, |entry| place_of(context, name, entry)))
}

fn place_of(context: &Context, name: &str, entry: &dyn TableLike) -> Place {
    if entry.get("key_command").is_some() || entry.get("key_credential").is_some() {
        return Place::Elsewhere;
    }
    let named = text_of(entry, "key_file").map(Path::new);
    Place::File(named.map_or_else(
        || context.paths.key_file(name),
        |file| context.paths.expand(file),
    ))
}

/// The identities whose key a file is.
fn users(document: &Document, context: &Context, path: &Path) -> Vec<String> {
    let entries = document.entries("agent").into_iter();
    let users = entries.filter_map(|entry| {
        let name = text_of(entry, "name")?;
        let is_it = place_of(context, name, entry) == Place::File(path.to_owned());
        is_it.then(|| name.to_owned())
    });
    users.collect()
}

fn load(context: &Context, name: &str, path: &Path) -> Result<SecretKey, Failure> {
    match key_file::load(path)? {
        Some(secret) => Ok(secret),
        None => Err(missing(context, name, path)),
    }
}

/// The same of a key that may be kept under a passphrase.
fn load_content(context: &Context, name: &str, path: &Path) -> Result<Content, Failure> {
    key_file::read(path)?.ok_or_else(|| missing(context, name, path))
}

fn missing(context: &Context, name: &str, path: &Path) -> Failure {
    let failure = Failure::new(
        Reason::NothingFound,
        format!("there is no key {name}: {} does not exist", path.display()),
    );
    let names = files::names(&context.paths);
    match similar::closest(name, names.iter().map(String::as_str)) {
        Some(close) => failure.fix(format!("did you mean {close}?")),
        None => failure.fix(format!("mrpctl key ls, or mrpctl key new {name}")),
    }
}

fn not_a_key(file: &Path) -> Failure {
    let text = format!("{} is no Ed25519 key", file.display());
    Failure::new(Reason::BadData, text)
        .fix("expected 32 raw bytes, their hexadecimal or base64url text, or a PEM of: openssl genpkey -algorithm ed25519")
}

fn told(
    context: &Context,
    name: String,
    key: PublicKey,
    path: Option<&Path>,
) -> Result<(), Failure> {
    let shown = Shown {
        name,
        key,
        fingerprint: key.fingerprint(),
        file: path.map(|path| context.paths.contract(path).display().to_string()),
    };
    let text = || {
        crate::output::pairs(&[
            ("name", shown.name.clone()),
            ("key", shown.key.to_string()),
            ("fingerprint", shown.fingerprint.clone()),
            ("file", shown.file.clone().unwrap_or_default()),
        ])
    };
    context.output.object(&shown, text, Some(&key.to_string()))
}

fn not_written(path: &Path, error: &std::io::Error) -> Failure {
    let doing = format!("make the key file {}", path.display());
    let failure = Failure::io(Reason::CannotCreate, &doing, error);
    match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            failure.fix("a key is never written over: choose another name, or remove the file")
        }
        _ => failure,
    }
}
