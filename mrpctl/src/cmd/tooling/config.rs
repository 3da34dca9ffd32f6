//! `mrpctl config`: what is in force is the daemon's program to say; what is in the file is edited here, and kept only if that
//! program finds nothing wrong with it.

mod check;

use super::mrpd;
use crate::cli::tooling::Config as Flags;
use crate::config::document::{self, Document, Lock};
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::input;
use crate::output::escape;
use check::{Draft, check, check_draft};
use serde::Serialize;
use serde_json::{Map, Value};
use std::ffi::OsStr;
use std::path::Path;
use tokio::process::Command;
use toml_edit::TableLike;

/// Whether it is told where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origins {
    Shown,
    Hidden,
}

/// A value in force.
#[derive(Serialize)]
struct Entry {
    key: String,
    value: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
}

pub(crate) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    match flags {
        Flags::Path => path(context),
        Flags::Show { origin: true } => show(context, Origins::Shown).await,
        Flags::Show { origin: false } => show(context, Origins::Hidden).await,
        Flags::Get { key } => get(context, &key).await,
        Flags::Set { key, value } => set(context, &key, &value).await,
        Flags::Unset { key } => unset(context, &key).await,
        Flags::Edit => edit(context).await,
        Flags::Check { file } => check(context, file.as_deref()).await,
    }
}

fn path(context: &Context) -> Result<(), Failure> {
    let path = context.config_file().display().to_string();
    if context.output.is_bare() {
        return context.output.bytes(format!("{path}\n"));
    }
    let object = serde_json::json!({ "path": path });
    context
        .output
        .object(&object, || format!("{path}\n"), Some(&path))
}

async fn show(context: &Context, origins: Origins) -> Result<(), Failure> {
    let values = in_force(context, origins).await?;
    let entries: Vec<Entry> = values
        .into_iter()
        .map(|(key, value)| entry(key, value, origins))
        .collect();
    let heads: &[&str] = match origins {
        Origins::Shown => &["key", "value", "origin"],
        Origins::Hidden => &["key", "value"],
    };
    context.output.list(&entries, heads, |entry| {
        let cells = [entry.key.clone(), entry.value.to_string()];
        cells.into_iter().chain(entry.origin.clone()).collect()
    })
}

fn entry(key: String, value: Value, origins: Origins) -> Entry {
    match value {
        Value::Object(mut both) if origins == Origins::Shown => Entry {
            key,
            value: both.remove("value").unwrap_or_default(),
            origin: both
                .get("origin")
                .and_then(Value::as_str)
                .map(str::to_owned),
        },
        value => Entry {
            key,
            value,
            origin: None,
        },
    }
}

/// One value bare; of a section all that is below it.
async fn get(context: &Context, key: &str) -> Result<(), Failure> {
    let values = in_force(context, Origins::Hidden).await?;
    if let Some(value) = values.get(key) {
        let bare = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        return match context.output.is_auto() {
            true => context.output.bytes(format!("{bare}\n")),
            false => context
                .output
                .object(value, || escape::line(&bare) + "\n", Some(&bare)),
        };
    }
    let prefix = format!("{key}.");
    let below: Vec<Entry> = values
        .into_iter()
        .filter(|(path, _)| path.starts_with(&prefix))
        .map(|(path, value)| entry(path, value, Origins::Hidden))
        .collect();
    if below.is_empty() {
        return Err(Failure::new(
            Reason::NothingFound,
            format!("{key} is not set, and has no default"),
        )
        .fix("mrpctl config show"));
    }
    context.output.list(&below, &["key", "value"], |entry| {
        vec![entry.key.clone(), entry.value.to_string()]
    })
}

/// As TOML where that is right, else as text.
async fn set(context: &Context, key: &str, value: &str) -> Result<(), Failure> {
    let as_text = toml_edit::Value::from(value);
    let readings = match value.parse::<toml_edit::Value>() {
        Ok(read) if !read.is_str() => vec![read, as_text],
        Ok(read) => vec![read],
        Err(_) => vec![as_text],
    };
    let mut first_failure = None;
    for reading in readings {
        let mut document = Document::edit(&context.config_file()).await?;
        adopt(context, &mut document, key).await;
        document.set(key, reading)?;
        match save_checked(context, &mut document).await {
            Ok(()) => return reload(context).await,
            Err(failure) => first_failure = first_failure.or(Some(failure)),
        }
    }
    Err(first_failure.unwrap_or(Failure::Status(Reason::Config.exit())))
}

/// Gives the file an entry of the name that the key is of, where another file has one: what this one says of it goes before.
/// A configuration that cannot be read may be what is to be mended: then the file's own entries are all there are.
async fn adopt(context: &Context, document: &mut Document, key: &str) {
    let Some((section, below)) = key.split_once('.') else {
        return;
    };
    let is_there = |entry: &&dyn TableLike| {
        document::text_of(*entry, "name")
            .and_then(|name| below.strip_prefix(name))
            .is_some_and(|rest| rest.starts_with('.'))
    };
    if !document::is_list(section) || document.entries(section).iter().any(is_there) {
        return;
    }
    let Ok(values) = in_force(context, Origins::Hidden).await else {
        return;
    };
    if let Some(name) = entry_in_force(&values, section, below) {
        document.adopt(section, name);
    }
}

/// The name of the entry in force that a key of a section is of, such as `NAME.visibility`. Names may have dots.
fn entry_in_force<'a>(
    values: &Map<String, Value>,
    section: &str,
    below: &'a str,
) -> Option<&'a str> {
    let dots = below.match_indices('.');
    let names = dots.map(|(end, _)| &below[..end]);
    let is_in_force = |name: &&str| {
        let prefix = format!("{section}.{name}.");
        values.keys().any(|path| path.starts_with(&prefix))
    };
    names.rev().find(is_in_force)
}

async fn unset(context: &Context, key: &str) -> Result<(), Failure> {
    let mut document = Document::edit(&context.config_file()).await?;
    if !document.unset(key)? {
        return Err(Failure::new(
            Reason::NothingFound,
            format!("{key} is not set in {}", document.path().display()),
        ));
    }
    put_in_force(context, &mut document).await
}

/// The file itself changes only when what was saved is right.
async fn edit(context: &Context) -> Result<(), Failure> {
    let path = context.config_file();
    let editor = match &context.variables.editor {
        Some(editor) => editor.clone(),
        None if context.is_interactive() => "vi".into(),
        None => {
            return Err(
                Failure::new(Reason::Usage, "there is no terminal to edit at")
                    .fix("name an editor in $VISUAL or $EDITOR; or: mrpctl config set KEY VALUE"),
            );
        }
    };
    let before = text_of(&path)?;
    let mut draft = Draft::write(&path, &before)?;
    loop {
        run_editor(&editor, &draft.path).await?;
        let text = document::read(&draft.path)?;
        if text == before {
            context.output.note("nothing was changed");
            return Ok(());
        }
        let Err(failure) = check_draft(context, &draft).await else {
            put_edited(&path, &before, &text, &mut draft).await?;
            return reload(context).await;
        };
        context.output.failure(&failure);
        let again = input::ask(context, "Edit it again? [Y/n] ").await?;
        if !context.may_ask() || again.is_some_and(|answer| answer.to_lowercase().starts_with('n'))
        {
            context
                .output
                .note(&format!("{} is as it was", path.display()));
            return Err(Failure::Status(failure.exit()));
        }
    }
}

/// The file as it is; a new one as it would begin.
fn text_of(path: &Path) -> Result<String, Failure> {
    Document::load(path).map_or_else(|_| document::read(path), |document| Ok(document.text()))
}

/// Nobody is kept from changing the file for as long as an editor is open; what they changed meanwhile is not written over.
async fn put_edited(
    path: &Path,
    before: &str,
    text: &str,
    draft: &mut Draft,
) -> Result<(), Failure> {
    let _lock = Lock::take(path).await?;
    if text_of(path)? != before {
        draft.keep();
        let what = format!(
            "{} was changed by another program meanwhile",
            path.display()
        );
        return Err(Failure::new(Reason::TryAgain, what).fix(format!(
            "what you wrote is in {}: put it in with mrpctl config edit",
            draft.path.display()
        )));
    }
    document::replace(path, text.as_bytes()).map_err(|error| {
        Failure::io(
            Reason::CannotCreate,
            &format!("write {}", path.display()),
            &error,
        )
    })
}

/// Editors are named with their options; only a shell knows how to read that.
async fn run_editor(editor: &OsStr, path: &Path) -> Result<(), Failure> {
    let mut command = editor.to_os_string();
    command.push(" \"$1\"");
    let status = Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .arg("editor")
        .arg(path)
        .status()
        .await
        .map_err(|error| Failure::io(Reason::Unavailable, "run the editor", &error))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(
        Reason::Unavailable,
        format!("the editor {} failed ({status})", editor.display()),
    )
    .fix("name another one in $VISUAL or $EDITOR"))
}

/// Writes the file if there is something to write and nothing wrong with it.
pub(crate) async fn save_checked(
    context: &Context,
    document: &mut Document,
) -> Result<(), Failure> {
    if !document.is_changed() {
        document.release();
        return Ok(());
    }
    let draft = Draft::write(document.path(), &document.text())?;
    check_draft(context, &draft).await?;
    document.save()
}

pub(crate) async fn in_force(
    context: &Context,
    origins: Origins,
) -> Result<Map<String, Value>, Failure> {
    let mut arguments = vec!["config", "--json"];
    if origins == Origins::Shown {
        arguments.push("--origin");
    }
    let done = mrpd::run(context, arguments).await?;
    if !done.status.success() {
        return Err(
            Failure::new(Reason::Config, "the configuration cannot be read")
                .note("found", mrpd::complaints(&done))
                .fix("mrpctl config check"),
        );
    }
    serde_json::from_slice(&done.stdout).map_err(|error| {
        Failure::new(
            Reason::Internal,
            format!("mrpd config cannot be read: {error}"),
        )
    })
}

/// Writes the file as [`save_checked`] does, and has the daemon read it.
pub(crate) async fn put_in_force(
    context: &Context,
    document: &mut Document,
) -> Result<(), Failure> {
    save_checked(context, document).await?;
    reload(context).await
}

/// A daemon that is not running reads the file when it starts.
async fn reload(context: &Context) -> Result<(), Failure> {
    match context.running_daemon().await {
        Ok(client) => Ok(client.reload().await?),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_entry_is_known_by_its_name_dots_and_all() {
        let values = json!({"agent.a.key_file": "", "agent.a.b.key_file": "", "relay.c.url": ""});
        let values = values.as_object().unwrap();
        for (section, below, name) in [
            ("agent", "a.visibility", Some("a")),
            ("agent", "a.b.visibility", Some("a.b")),
            ("agent", "c.visibility", None),
            ("relay", "c.backoff.min", Some("c")),
            ("relay", "c", None),
        ] {
            assert_eq!(entry_in_force(values, section, below), name, "{below}");
        }
    }

    #[test]
    fn entries_carry_their_origin_if_asked_for() {
        let with = entry(
            "log".into(),
            json!({"value": "info", "origin": "default"}),
            Origins::Shown,
        );
        assert_eq!(
            (with.value, with.origin.as_deref()),
            (json!("info"), Some("default"))
        );
        let without = entry("backoff".into(), json!({"min": "1s"}), Origins::Hidden);
        assert_eq!(
            (without.value, without.origin),
            (json!({"min": "1s"}), None)
        );
    }
}
