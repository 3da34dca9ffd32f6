//! `mrpctl key ls`: the key files that are there, and who uses them.

use super::{Place, place_of, users};
use crate::config::document::{Document, text_of};
use crate::context::Context;
use crate::exit::Failure;
use crate::key_file::{self, Content};
use mrp_proto::key::PublicKey;
use mrpd_api::paths::Paths;
use serde::Serialize;
use std::path::Path;

const HEADS: [&str; 5] = ["name", "key", "used by", "file", "wrong"];

/// A key that is in a file, or that an identity has otherwise.
#[derive(Serialize)]
struct Listed {
    name: String,
    key: Option<PublicKey>,
    file: Option<String>,
    /// Whether it is kept under a passphrase.
    encrypted: bool,
    used_by: Vec<String>,
    default: bool,
    error: Option<String>,
}

pub(super) fn list(context: &Context) -> Result<(), Failure> {
    let document = Document::load(&context.config_file())?;
    let mut keys: Vec<Listed> = names(&context.paths)
        .into_iter()
        .map(|name| {
            let path = context.paths.keys_dir().join(format!("{name}.key"));
            let used_by = users(&document, context, &path);
            in_file(context, name, &path, used_by)
        })
        .collect();
    for entry in document.entries("agent") {
        let Some(name) = text_of(entry, "name") else {
            continue;
        };
        if !keys
            .iter()
            .any(|key| key.used_by.iter().any(|user| user == name))
        {
            let used_by = vec![name.to_owned()];
            keys.push(match place_of(context, name, entry) {
                Place::File(path) => in_file(context, name.to_owned(), &path, used_by),
                Place::Elsewhere => Listed {
                    name: name.to_owned(),
                    key: None,
                    file: None,
                    encrypted: false,
                    used_by,
                    default: false,
                    error: None,
                },
            });
        }
    }
    let default = document.string(&["default_agent"]);
    for key in &mut keys {
        key.default = key
            .used_by
            .iter()
            .any(|user| Some(user.as_str()) == default);
    }
    context.output.list(&keys, &HEADS, row)
}

/// What can be the name of a key: the names of the files in the usual folder.
pub(super) fn names(paths: &Paths) -> Vec<String> {
    let files = std::fs::read_dir(paths.keys_dir()).into_iter().flatten();
    let mut names: Vec<String> = files
        .flatten()
        .filter_map(|file| {
            let name = file.file_name();
            Some(name.to_str()?.strip_suffix(".key")?.to_owned())
        })
        .collect();
    names.sort_unstable();
    names
}

fn in_file(context: &Context, name: String, path: &Path, used_by: Vec<String>) -> Listed {
    let (content, error) = match key_file::read(path) {
        Ok(Some(content)) => (Some(content), None),
        Ok(None) => (None, Some("it does not exist".to_owned())),
        Err(failure) => {
            let message = failure.told().map(|told| told.detail.message.clone());
            (None, message)
        }
    };
    Listed {
        name,
        key: content.as_ref().map(Content::public),
        encrypted: matches!(content, Some(Content::Encrypted(_))),
        file: Some(context.paths.contract(path).display().to_string()),
        used_by,
        default: false,
        error,
    }
}

fn row(key: &Listed) -> Vec<String> {
    let seal = if key.encrypted {
        " (under a passphrase)"
    } else {
        ""
    };
    let mark = if key.default { " (default)" } else { "" };
    vec![
        key.name.clone(),
        key.key.map(|key| key.to_string()).unwrap_or_default(),
        key.used_by.join(" ") + mark,
        key.file.clone().unwrap_or_else(|| "in no file".to_owned()) + seal,
        key.error.clone().unwrap_or_default(),
    ]
}
