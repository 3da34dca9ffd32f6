//! `mrpctl contact import`: the published clients' contacts.json, a list of contacts, or one a line.

use super::{check_same_key, same_name};
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::input;
use mrpd_api::body::{Contact, ContactChange, Encrypt};
use mrpd_api::client::Client;
use mrpd_api::message::Trust;
use serde::Deserialize;

/// A contact as somebody wrote it.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Written {
    name: String,
    #[serde(alias = "public_key")]
    key: String,
    #[serde(default)]
    note: Option<String>,
    #[serde(default)]
    encrypt: Option<Encrypt>,
    #[serde(default)]
    trust: Option<Trust>,
}

#[derive(Deserialize)]
struct WrittenFile {
    contacts: Vec<Written>,
}

/// Every contact is tried; the first failure decides how it ends.
pub(super) async fn run(context: &Context, client: &Client, file: &str) -> Result<(), Failure> {
    let written = read(&input::file_or_standard_input(file).await?)?;
    let existing = client.contacts().await?;
    let mut first = None;
    let mut added = 0_usize;
    for contact in written {
        match add(client, &existing, contact).await {
            Ok(()) => added += 1,
            Err(failure) => {
                context.output.failure(&failure);
                first.get_or_insert(failure.exit());
            }
        }
    }
    context.output.note(&format!("{added} contacts imported"));
    first.map_or(Ok(()), |exit| Err(Failure::Status(exit)))
}

async fn add(client: &Client, existing: &[Contact], written: Written) -> Result<(), Failure> {
    let Written {
        name,
        key,
        note,
        encrypt,
        trust,
    } = written;
    check_same_key(
        existing
            .iter()
            .find(|contact| same_name(&contact.name, &name)),
        &key,
    )?;
    let change = ContactChange {
        key: Some(key),
        note,
        encrypt,
        trust,
    };
    client.put_contact(&name, &change).await?;
    Ok(())
}

fn read(text: &str) -> Result<Vec<Written>, Failure> {
    if text.trim().is_empty() {
        return Err(Failure::new(
            Reason::NoInput,
            "there are no contacts to import",
        ));
    }
    if let Ok(list) = serde_json::from_str::<Vec<Written>>(text) {
        return Ok(list);
    }
    if let Ok(file) = serde_json::from_str::<WrittenFile>(text) {
        return Ok(file.contacts);
    }
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            serde_json::from_str(line).map_err(|error| {
                Failure::new(Reason::BadData, format!("line {}: this is no contact: {error}", number + 1))
                    .fix("expected what mrpctl contact export writes, or {\"contacts\":[{\"name\",\"public_key\"}]}")
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_forms_are_read() {
        for text in [
            r#"{"contacts":[{"name":"a","public_key":"K"},{"name":"b","public_key":"L","note":"n"}]}"#,
            r#"[{"name":"a","key":"K"},{"name":"b","key":"L","note":"n","trust":"known","relay":"x"}]"#,
            "{\"name\":\"a\",\"key\":\"K\"}\n\n{\"name\":\"b\",\"key\":\"L\",\"note\":\"n\"}\n",
        ] {
            let read = read(text).unwrap();
            let told: Vec<_> = read
                .iter()
                .map(|one| (one.name.as_str(), one.key.as_str(), one.note.as_deref()))
                .collect();
            assert_eq!(told, [("a", "K", None), ("b", "L", Some("n"))], "{text}");
        }
        assert_eq!(read("{\"contacts\":[]}"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_none_is_refused() {
        assert_eq!(read(" \n").unwrap_err().exit(), 66);
        for text in [
            "hello",
            "{}",
            "[{\"name\":\"a\"}]",
            "{\"name\":\"a\",\"key\":\"K\",\"trust\":\"fully\"}",
        ] {
            assert_eq!(read(text).unwrap_err().exit(), 65, "{text}");
        }
    }
}
