//! `mrpctl contact`: names for keys.

mod import;

use super::{refusal, suggest};
use crate::cli::people::{Contact as Flags, ContactAdd};
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::input;
use crate::output::pairs;
use mrpd_api::body::{Contact, ContactChange, Encrypt};
use mrpd_api::card::Card;
use mrpd_api::client::Client;
use mrpd_api::error::{Code, ErrorDetail};
use mrpd_api::message::Trust;

const HEADS: [&str; 5] = ["name", "key", "trust", "encrypt", "note"];

/// What the published clients write before a key.
const KEY_PREFIX: &str = "ed25519:";

pub(crate) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    let client = context.daemon().await?;
    match flags {
        Flags::Ls => context.output.list(&client.contacts().await?, &HEADS, row),
        Flags::Show { who } => show(context, &client, &who).await,
        Flags::Add(flags) => add(context, &client, flags).await,
        Flags::Rename { who, new } => {
            let new = new.ok_or_else(|| {
                Failure::new(Reason::Usage, format!("the new name of {who} is missing"))
                    .fix(format!("mrpctl contact rename {who} NEW"))
            })?;
            let contacts = client.contacts().await?;
            let old = find(&contacts, &who).map_or(who.as_str(), |known| &known.name);
            match client.rename_contact(old, &new).await {
                Ok(()) => Ok(()),
                Err(error) => Err(refusal(&client, &who, error).await),
            }
        }
        Flags::Rm { who } => remove(context, &client, &who.all()).await,
        Flags::Import { file } => import::run(context, &client, &file).await,
        Flags::Export => export(context, &client).await,
    }
}

async fn show(context: &Context, client: &Client, who: &str) -> Result<(), Failure> {
    let contacts = client.contacts().await?;
    let contact = known(&contacts, who)?;
    let key = contact.key.to_string();
    context.output.object(contact, || text(contact), Some(&key))
}

async fn add(context: &Context, client: &Client, flags: ContactAdd) -> Result<(), Failure> {
    let (name, key) = name_and_key(&flags).await?;
    let contacts = client.contacts().await?;
    let existing = contacts
        .iter()
        .find(|contact| same_name(&contact.name, &name));
    check_same_key(existing, &key)?;
    let change = ContactChange {
        key: Some(key),
        note: flags.note,
        encrypt: flags.encrypt.map(Encrypt::from),
        trust: flags.trust.map(Trust::from),
    };
    let name = existing.map_or(name, |contact| contact.name.clone());
    let contact = client.put_contact(&name, &change).await?;
    let key = contact.key.to_string();
    context
        .output
        .object(&contact, || text(&contact), Some(&key))
}

/// From `NAME KEY`, from a card that has a name, or from a card on standard input.
async fn name_and_key(flags: &ContactAdd) -> Result<(String, String), Failure> {
    if let Some(key) = &flags.key {
        return Ok((flags.name.clone(), key.clone()));
    }
    let card = match flags.name.as_str() {
        "-" => piped_card().await?,
        given if Card::is_card(given) => given.to_owned(),
        name => {
            return Err(
                Failure::new(Reason::Usage, format!("the key of {name} is missing"))
                    .fix(format!("mrpctl contact add {name} KEY")),
            );
        }
    };
    let read: Card = card.parse().map_err(|error| {
        Failure::new(Reason::BadData, format!("the card cannot be read: {error}"))
    })?;
    match read.name {
        Some(name) => Ok((name, card)),
        None => Err(Failure::new(Reason::Usage, "the card suggests no name")
            .fix("mrpctl contact add NAME CARD")),
    }
}

async fn piped_card() -> Result<String, Failure> {
    let text = input::standard_input(mrpd_api::card::MAX_LENGTH).await?;
    match text.trim() {
        "" => Err(
            Failure::new(Reason::NoInput, "standard input is empty: there is no card")
                .fix("mrpctl card | mrpctl contact add -"),
        ),
        card => Ok(card.to_owned()),
    }
}

/// A name stays with its key: who writes to it must not reach somebody else one day.
fn check_same_key(existing: Option<&Contact>, key: &str) -> Result<(), Failure> {
    let Some(contact) = existing else {
        return Ok(());
    };
    let given = match key.parse::<Card>() {
        Ok(card) => card.key.to_string(),
        Err(_) => key.strip_prefix(KEY_PREFIX).unwrap_or(key).to_owned(),
    };
    if given == contact.key.to_string() {
        return Ok(());
    }
    let name = &contact.name;
    let message = format!("{name} is the name of another key: {}", contact.key);
    let hint = format!(
        "mrpctl contact rename {name} OTHER, or mrpctl contact rm {name}, and add it again"
    );
    Err(ErrorDetail::new(Code::ContactExists, message, Some(hint)).into())
}

/// All of them are tried; the first failure decides how it ends.
async fn remove(context: &Context, client: &Client, whom: &[String]) -> Result<(), Failure> {
    let mut first = None;
    for who in whom {
        let removed = async {
            let contacts = client.contacts().await?;
            Ok(client.remove_contact(&known(&contacts, who)?.name).await?)
        };
        let removed: Result<(), Failure> = removed.await;
        if let Err(failure) = removed {
            context.output.failure(&failure);
            first.get_or_insert(failure.exit());
        }
    }
    first.map_or(Ok(()), |exit| Err(Failure::Status(exit)))
}

/// An object a line at a terminal too: it is made for a file.
async fn export(context: &Context, client: &Client) -> Result<(), Failure> {
    let contacts = client.contacts().await?;
    if !context.output.is_auto() {
        return context.output.list(&contacts, &HEADS, row);
    }
    for contact in &contacts {
        context.output.bytes(context.output.json_line(contact)?)?;
    }
    Ok(())
}

/// The contact that a name or a key means.
fn known<'a>(contacts: &'a [Contact], who: &str) -> Result<&'a Contact, Failure> {
    find(contacts, who).ok_or_else(|| {
        let failure = Failure::new(Reason::NothingFound, format!("there is no contact {who}"))
            .fix("mrpctl contact ls");
        suggest(failure, who, contacts)
    })
}

fn find<'a>(contacts: &'a [Contact], who: &str) -> Option<&'a Contact> {
    let key = who.strip_prefix(KEY_PREFIX).unwrap_or(who);
    contacts
        .iter()
        .find(|contact| same_name(&contact.name, who) || contact.key.to_string() == key)
}

fn same_name(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

fn row(contact: &Contact) -> Vec<String> {
    vec![
        contact.name.clone(),
        contact.key.to_string(),
        trust(contact.trust).to_owned(),
        contact.encrypt.map_or("", encrypt).to_owned(),
        contact.note.clone().unwrap_or_default(),
    ]
}

fn text(contact: &Contact) -> String {
    pairs(&[
        ("name", contact.name.clone()),
        ("key", contact.key.to_string()),
        ("fingerprint", contact.key.fingerprint()),
        ("trust", trust(contact.trust).to_owned()),
        ("encrypt", contact.encrypt.map_or("", encrypt).to_owned()),
        ("relay", contact.relay.clone().unwrap_or_default()),
        ("note", contact.note.clone().unwrap_or_default()),
    ])
}

fn trust(trust: Trust) -> &'static str {
    match trust {
        Trust::Unknown => "unknown",
        Trust::Known => "known",
        Trust::Trusted => "trusted",
    }
}

fn encrypt(encrypt: Encrypt) -> &'static str {
    match encrypt {
        Encrypt::Always => "always",
        Encrypt::Auto => "auto",
        Encrypt::Never => "never",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mrp_proto::key::SecretKey;

    fn contact(name: &str, seed: u8) -> Contact {
        Contact {
            name: name.to_owned(),
            key: SecretKey::from_seed(&[seed; 32]).public(),
            note: None,
            encrypt: None,
            trust: Trust::Known,
            relay: None,
        }
    }

    #[test]
    fn contacts_are_found_by_name_in_any_case_and_by_key() {
        let contacts = [contact("Ann", 1), contact("bob", 2)];
        let key = contacts[1].key;
        for who in ["BOB".to_owned(), key.to_string(), format!("ed25519:{key}")] {
            assert_eq!(
                find(&contacts, &who).map(|contact| contact.name.as_str()),
                Some("bob"),
                "{who}"
            );
        }
        assert_eq!(find(&contacts, "carol"), None);
    }

    #[test]
    fn a_name_cannot_be_given_to_another_key() {
        let ann = contact("ann", 1);
        let other = contact("x", 2).key;
        for same in [
            ann.key.to_string(),
            format!("ed25519:{}", ann.key),
            format!("mrp:{}?name=z", ann.key),
        ] {
            assert_eq!(check_same_key(Some(&ann), &same), Ok(()), "{same}");
        }
        let failure = check_same_key(Some(&ann), &other.to_string()).unwrap_err();
        assert_eq!(failure.exit(), 65);
        assert_eq!(check_same_key(None, &other.to_string()), Ok(()));
    }
}
