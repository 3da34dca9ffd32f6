use super::*;
use mrp_proto::key::SecretKey;
use mrpd_api::body::Encrypt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

fn key(seed: u8) -> PublicKey {
    SecretKey::from_seed(&[seed; 32]).public()
}

struct Fixture {
    dir: tempfile::TempDir,
    contacts: Contacts,
}

impl Fixture {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("mrpd.redb")).unwrap();
        let path = dir.path().join("mrp/contacts.json");
        let contacts = Contacts::open(path, store).await.unwrap();
        Self { dir, contacts }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("mrp/contacts.json")
    }

    fn write(&self, text: &str) {
        std::fs::create_dir_all(self.path().parent().unwrap()).unwrap();
        std::fs::write(self.path(), text).unwrap();
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.path()).unwrap()
    }
}

fn of(key: &str) -> ContactChange {
    ContactChange {
        key: Some(key.to_owned()),
        ..ContactChange::default()
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_file_has_the_shared_form_and_is_private() {
    let fixture = Fixture::new().await;
    let change = ContactChange {
        note: Some("from work".to_owned()),
        ..of(&key(1).to_string())
    };
    fixture.contacts.put("Alice", change).await.unwrap();
    let expected = format!(
        "{{\n  \"contacts\": [\n    {{\n      \"name\": \"Alice\",\n      \"public_key\": \"{}\",\n      \"note\": \"from work\"\n    }}\n  ]\n}}\n",
        key(1)
    );
    assert_eq!(fixture.text(), expected);
    assert_eq!(mode(&fixture.path()), 0o600);
    assert_eq!(mode(fixture.path().parent().unwrap()), 0o700);
}

#[tokio::test]
async fn what_other_programs_wrote_stays() {
    let fixture = Fixture::new().await;
    let (one, two) = (key(1), key(2));
    fixture.write(&format!(
        r#"{{"version":3,"contacts":[{{"name":"a","public_key":"ed25519:{one}","colour":"red"}},{{"name":"x:y","public_key":"{two}"}},{{"name":"bad","public_key":"nonsense"}}]}}"#
    ));
    assert_eq!(fixture.contacts.list().len(), 1);
    assert!(
        fixture
            .contacts
            .trouble()
            .unwrap()
            .contains("2 of the entries")
    );
    fixture
        .contacts
        .put("b", of(&key(3).to_string()))
        .await
        .unwrap();
    let text = fixture.text();
    for kept in [
        "ed25519:",
        "\"colour\": \"red\"",
        "x:y",
        "nonsense",
        "\"version\": 3",
    ] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
}

#[tokio::test]
async fn a_change_by_another_program_is_seen_and_not_undone() {
    let fixture = Fixture::new().await;
    fixture
        .contacts
        .put("a", of(&key(1).to_string()))
        .await
        .unwrap();
    let other = fixture.text().replace("\"a\"", "\"renamed elsewhere\"");
    fixture.write(&other);
    assert_eq!(fixture.contacts.list()[0].name, "renamed elsewhere");
    fixture
        .contacts
        .put("b", of(&key(2).to_string()))
        .await
        .unwrap();
    let names: Vec<String> = fixture
        .contacts
        .list()
        .into_iter()
        .map(|contact| contact.name)
        .collect();
    assert_eq!(names, ["renamed elsewhere", "b"]);
}

#[tokio::test]
async fn names_and_keys_belong_to_one_contact() {
    let fixture = Fixture::new().await;
    let contacts = &fixture.contacts;
    contacts
        .put("Alice", of(&key(1).to_string()))
        .await
        .unwrap();
    let other_key = contacts.put("ALICE", of(&key(2).to_string())).await;
    assert!(matches!(other_key, Err(ContactError::Exists { .. })));
    let other_name = contacts.put("bob", of(&key(1).to_string())).await;
    assert!(other_name.unwrap_err().to_string().contains("\"Alice\""));
    contacts
        .put("bob", of(&format!("ed25519:{}", key(2))))
        .await
        .unwrap();
    assert!(matches!(
        contacts.rename("bob", "alice").await,
        Err(ContactError::Exists { .. })
    ));
    contacts.rename("alice", "ALICE").await.unwrap();
    contacts.rename("bob", "carol").await.unwrap();
    contacts.remove("Carol").await.unwrap();
    assert!(matches!(
        contacts.remove("carol").await,
        Err(ContactError::Unknown { .. })
    ));
    assert_eq!(contacts.list().len(), 1);
}

#[tokio::test]
async fn settings_are_kept_beside_the_file_and_go_with_the_contact() {
    let fixture = Fixture::new().await;
    let card = format!(
        "mrp:{}?name=whatever&relay=https%3A%2F%2Frelay.example",
        key(1)
    );
    let change = ContactChange {
        encrypt: Some(Encrypt::Never),
        ..of(&card)
    };
    fixture.contacts.put("a", change).await.unwrap();
    let trusted = ContactChange {
        trust: Some(Trust::Trusted),
        ..ContactChange::default()
    };
    let contact = fixture.contacts.put("a", trusted).await.unwrap();
    assert_eq!(contact.encrypt, Some(Encrypt::Never));
    assert_eq!(contact.trust, Trust::Trusted);
    assert_eq!(contact.relay.as_deref(), Some("https://relay.example"));
    assert!(!fixture.text().contains("never"));
    fixture.contacts.remove("a").await.unwrap();
    let again = fixture
        .contacts
        .put("a", of(&key(1).to_string()))
        .await
        .unwrap();
    assert_eq!((again.encrypt, again.trust), (None, Trust::Known));
}

#[tokio::test]
async fn mistakes_are_named() {
    let fixture = Fixture::new().await;
    let message = |result: Result<Contact, ContactError>| result.unwrap_err().to_string();
    let long = "n".repeat(65);
    for (name, change, want) in [
        ("a:b", of(&key(1).to_string()), "no colon"),
        (
            long.as_str(),
            of(&key(1).to_string()),
            "1 to 64 characters (given: 65)",
        ),
        ("a", of("nonsense"), "key: not a key"),
        ("@a", of(&key(1).to_string()), "must not begin with @"),
        ("-a", of(&key(1).to_string()), "must not begin with @"),
        ("a/b", of(&key(1).to_string()), "the name of a folder"),
        ("..", of(&key(1).to_string()), "the name of a folder"),
        (
            "a",
            of(&format!("mrp:{}?relay=file:///r", key(1))),
            "\"file:///r\" is no http or https URL",
        ),
        ("a", ContactChange::default(), "give its key"),
    ] {
        let found = message(fixture.contacts.put(name, change).await);
        assert!(found.contains(want), "{found}");
    }
    fixture.write("{");
    assert!(fixture.contacts.trouble().unwrap().contains("is damaged"));
    let result = fixture.contacts.put("a", of(&key(1).to_string())).await;
    assert!(matches!(
        result,
        Err(ContactError::Book(BookError::Damaged { .. }))
    ));
    assert_eq!(fixture.text(), "{");
}

#[tokio::test]
async fn recipients_are_read_in_every_form() {
    let fixture = Fixture::new().await;
    let contacts = &fixture.contacts;
    let (alice, own, stranger) = (key(1), key(9), key(5));
    contacts.put("Alice", of(&alice.to_string())).await.unwrap();
    contacts.put("Bob", of(&key(2).to_string())).await.unwrap();
    let book = contacts.book();
    let found = |text: &str| resolve(text, &book, &own).map(|recipient| recipient.key);
    assert_eq!(found("me"), Ok(own));
    assert_eq!(found("alice"), Ok(alice));
    assert_eq!(found(&stranger.to_string()), Ok(stranger));
    assert_eq!(found(&format!("ed25519:{stranger}")), Ok(stranger));
    assert_eq!(found(&alice.to_string()[..8]), Ok(alice));
    let card = resolve(&format!("mrp:{stranger}?relay=http%3A%2F%2Fr"), &book, &own).unwrap();
    assert_eq!(
        (card.key, card.relay.as_deref()),
        (stranger, Some("http://r"))
    );
    assert!(matches!(
        found(&alice.to_string()[..7]),
        Err(ResolveError::Unknown { .. })
    ));
    assert!(matches!(
        found("mrp:nonsense"),
        Err(ResolveError::Malformed { .. })
    ));
    for (text, want) in [
        ("ali", "did you mean \"Alice\"?"),
        ("--json", "a name does not begin with -"),
        ("@team", "GET /v1/recipients/@team names the members"),
        ("nobody", "mrpctl contact add nobody KEY"),
    ] {
        let Err(ResolveError::Unknown { hint, .. }) = found(text) else {
            panic!("{text}")
        };
        assert!(hint.contains(want), "{hint}");
    }
}

/// Valid keys with a beginning in common: one y coordinate in sixteen is a point of the right group.
fn keys_alike() -> impl Iterator<Item = PublicKey> {
    (0_u8..=255).filter_map(|number| {
        let mut bytes = [7; 32];
        bytes[30] = number;
        PublicKey::from_bytes(bytes).ok()
    })
}

#[test]
fn a_prefix_that_fits_two_contacts_names_both() {
    let mut book = Book::default();
    let (first, second) = {
        let mut keys = keys_alike();
        (keys.next().unwrap(), keys.next().unwrap())
    };
    book.put("a", first, None).unwrap();
    let prefix = &first.to_string()[..12];
    assert_eq!(resolve(prefix, &book, &key(9)).unwrap().key, first);
    book.put("b", second, None).unwrap();
    let error = resolve(prefix, &book, &key(9)).unwrap_err();
    assert!(
        error.to_string().ends_with("fits several contacts: a, b"),
        "{error}"
    );
}

#[tokio::test]
async fn a_pipe_in_place_of_the_file_holds_up_nobody() {
    let fixture = Fixture::new().await;
    fixture
        .contacts
        .put("al", of(&key(1).to_string()))
        .await
        .unwrap();
    std::fs::remove_file(fixture.path()).unwrap();
    nix::unistd::mkfifo(&fixture.path(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let contacts = fixture.contacts.clone();
    let looking = tokio::task::spawn_blocking(move || contacts.trouble());
    let looked = tokio::time::timeout(std::time::Duration::from_secs(10), looking).await;
    let trouble = looked.unwrap().unwrap().unwrap();
    assert!(trouble.contains("not a regular file"), "{trouble}");
}

#[tokio::test]
async fn names_that_others_wrote_are_taken_as_they_are() {
    let fixture = Fixture::new().await;
    let text = format!(
        r#"{{"contacts":[{{"name":"@a/b","public_key":"{}"}}]}}"#,
        key(1)
    );
    fixture.write(&text);
    let contacts = &fixture.contacts;
    let note = ContactChange {
        note: Some("n".to_owned()),
        ..ContactChange::default()
    };
    let changed = contacts.put("@a/b", note).await.unwrap();
    assert_eq!(changed.note.as_deref(), Some("n"));
    contacts.rename("@a/b", "a").await.unwrap();
    assert_eq!(contacts.find("a").unwrap().key, key(1));
}

#[tokio::test]
async fn a_name_that_means_somebody_already_is_no_name_for_a_contact() {
    let fixture = Fixture::new().await;
    fixture
        .contacts
        .put("al", of(&key(1).to_string()))
        .await
        .unwrap();
    for name in ["me".to_owned(), key(2).to_string()] {
        let put = fixture.contacts.put(&name, of(&key(3).to_string())).await;
        assert!(matches!(put, Err(ContactError::Invalid { .. })), "{name}");
        let renamed = fixture.contacts.rename("al", &name).await;
        assert!(
            matches!(renamed, Err(ContactError::Invalid { .. })),
            "{name}"
        );
    }
}
