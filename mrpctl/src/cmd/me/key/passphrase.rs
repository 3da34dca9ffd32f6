//! `mrpctl key encrypt` and `mrpctl key decrypt`: a key file under a passphrase, and out from under it.

use super::form::{self, LONGEST_FORM};
use super::{Place, load_content, not_a_key, not_written, place, users, write_out};
use crate::cli::me::{KeyDecrypt, KeyEncrypt};
use crate::config::document::Document;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::input::{self, Asking};
use crate::key_file::encrypted::{EncryptedKey, NotOpened, RECOMMENDED, SALT};
use crate::key_file::{self, Content, Existing, Written};
use mrp_proto::key::{SecretKey, is_encrypted_key};
use std::io;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Where a key is read.
enum Source {
    StandardInput,
    File(PathBuf),
}

impl Source {
    /// A path has a slash, or is that of a file where no key has the name.
    fn of(context: &Context, which: &str) -> Result<Self, Failure> {
        if which == "-" {
            return Ok(Self::StandardInput);
        }
        if which.contains('/') {
            return Ok(Self::File(which.into()));
        }
        let named = match place(context, which)? {
            Place::File(path) => path,
            // The daemon has it by a command, which may well be `key decrypt` of this very file.
            Place::Elsewhere => context.paths.key_file(which),
        };
        let is_path = !named.exists() && Path::new(which).is_file();
        Ok(Self::File(if is_path { which.into() } else { named }))
    }

    fn shown(&self) -> String {
        match self {
            Self::StandardInput => "standard input".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    async fn content(&self, context: &Context, which: &str) -> Result<Content, Failure> {
        let path = match self {
            Self::File(path) => return load_content(context, which, path),
            Self::StandardInput => Path::new("-"),
        };
        let content = input::secret(path, LONGEST_FORM).await?;
        if is_encrypted_key(&content) {
            return key_file::parse(&content, &self.shown());
        }
        let secret = form::read(&content).ok_or_else(|| not_a_key(path))?;
        Ok(Content::Plain(secret))
    }

    /// Standard input is read once.
    fn check_beside(&self, passphrase: Option<&Path>) -> Result<(), Failure> {
        if matches!(self, Self::StandardInput) && passphrase.is_none_or(|file| file == "-") {
            let text =
                "the key is read from standard input: the passphrase must come from elsewhere";
            return Err(Failure::new(Reason::Usage, text).fix("--passphrase-file FILE"));
        }
        Ok(())
    }
}

pub(super) async fn encrypt(context: &Context, flags: KeyEncrypt) -> Result<(), Failure> {
    let source = Source::of(context, &flags.which)?;
    let given = flags.passphrase_file.as_deref();
    source.check_beside(given)?;
    let shown = source.shown();
    let secret = match source.content(context, &flags.which).await? {
        Content::Plain(secret) => secret,
        Content::Encrypted(_) => {
            let text = format!("{shown} is kept under a passphrase already");
            return Err(Failure::new(Reason::BadData, text).fix(format!(
                "to change it: mrpctl key decrypt {shown} --replace, and this again"
            )));
        }
    };
    let passphrase = input::passphrase(context, given, Asking::Twice).await?;
    let sealed = seal(secret.clone(), passphrase.clone()).await?;
    match (flags.out.as_deref(), &source) {
        (Some(out), _) if out == Path::new("-") => context.output.bytes(sealed.to_text()),
        (None, Source::StandardInput) => context.output.bytes(sealed.to_text()),
        (Some(out), _) => write(out, &sealed, secret, passphrase, Existing::Kept).await,
        (None, Source::File(path)) => {
            write(path, &sealed, secret, passphrase, Existing::Replaced).await?;
            tell_users(context, path)
        }
    }
}

/// Writes a file, and gives it its name only when what can be read back of it opens.
async fn write(
    path: &Path,
    sealed: &EncryptedKey,
    secret: SecretKey,
    passphrase: Zeroizing<Vec<u8>>,
    existing: Existing,
) -> Result<(), Failure> {
    let failed = |error: io::Error| not_written(path, &error);
    let written = Written::beside(path, sealed.to_text().as_bytes()).map_err(failed)?;
    let back = written.content().map_err(failed)?;
    let opened = match EncryptedKey::parse(&back) {
        Ok(encrypted) => open(encrypted, passphrase).await.ok(),
        Err(_) => None,
    };
    if opened.is_none_or(|opened| opened.seed() != secret.seed()) {
        let text = format!(
            "what was written beside {} does not open: nothing was changed",
            path.display()
        );
        return Err(
            Failure::new(Reason::Io, text).fix("see whether the disk or the memory is sound")
        );
    }
    written.put(existing).map_err(failed)
}

/// A daemon that has the key by `key_file` will not find one there when it starts again.
fn tell_users(context: &Context, path: &Path) -> Result<(), Failure> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let document = Document::load(&context.config_file())?;
    let users = users(&document, context, &path);
    if let Some(user) = users.first() {
        let words = ["mrpctl", "key", "decrypt", &path.display().to_string()]
            .map(|word| format!("{word:?}"));
        context.output.warning(&format!(
            "mrpd cannot ask for the passphrase: give the identity {user} the key by a command, instead of key_file in mrpd.toml: key_command = [{}, \"--passphrase-file\", \"FILE\"]",
            words.join(", ")
        ));
    }
    Ok(())
}

pub(super) async fn decrypt(context: &Context, flags: KeyDecrypt) -> Result<(), Failure> {
    let source = Source::of(context, &flags.which)?;
    let given = flags.passphrase_file.as_deref();
    source.check_beside(given)?;
    let shown = source.shown();
    let encrypted = match source.content(context, &flags.which).await? {
        Content::Encrypted(encrypted) => encrypted,
        Content::Plain(_) => {
            let text = format!("{shown} is not kept under a passphrase");
            return Err(Failure::new(Reason::BadData, text));
        }
    };
    let replaced = match (&source, flags.replace) {
        (Source::File(path), true) => Some(path),
        (Source::StandardInput, true) => {
            let text = "--replace needs a file, and standard input is none";
            return Err(Failure::new(Reason::Usage, text).fix("--out FILE"));
        }
        (_, false) => None,
    };
    if replaced.is_none() && flags.out.is_none() {
        super::check_may_show(context, &format!("mrpctl key decrypt {}", flags.which))?;
    }
    let passphrase = input::passphrase(context, given, Asking::Once).await?;
    let opened = open(encrypted, passphrase).await;
    let secret = opened.map_err(|why| not_opened(&shown, why))?;
    match replaced {
        None => write_out(context, &secret, flags.out.as_deref()),
        Some(path) => Written::beside(path, secret.seed().as_slice())
            .and_then(|written| written.put(Existing::Replaced))
            .map_err(|error| not_written(path, &error)),
    }
}

async fn seal(secret: SecretKey, passphrase: Zeroizing<Vec<u8>>) -> Result<EncryptedKey, Failure> {
    let mut salt = [0; SALT];
    getrandom::fill(&mut salt).map_err(|error| {
        Failure::new(Reason::Internal, format!("there is no randomness: {error}"))
    })?;
    let sealed =
        input::blocking(move || Ok(EncryptedKey::seal(&secret, &passphrase, salt, RECOMMENDED)));
    sealed.await?.map_err(|why| not_opened("the key", why))
}

/// In a thread of its own: it takes a good part of a second, and what a file asks for may take some.
async fn open(
    encrypted: EncryptedKey,
    passphrase: Zeroizing<Vec<u8>>,
) -> Result<SecretKey, NotOpened> {
    let opened = input::blocking(move || Ok(encrypted.open(&passphrase))).await;
    opened.unwrap_or(Err(NotOpened::Memory))
}

fn not_opened(shown: &str, why: NotOpened) -> Failure {
    match why {
        NotOpened::Passphrase => {
            let text = format!("the passphrase does not open {shown}, or the file was changed");
            Failure::new(Reason::BadData, text)
        }
        NotOpened::Memory => {
            let text = format!("there is not enough memory to open {shown}");
            Failure::new(Reason::TryAgain, text)
        }
    }
}
