use super::*;

const SAMPLE: &str = r#"# mine
default_agent = "laptop" # the one

[[relay]]
name = "home" # at home
url = "http://127.0.0.1:8080"

[[agent]]
name = "laptop"
relays = ["home"]

[outbox]
retry_for = "7d"
"#;

fn sample() -> (tempfile::TempDir, Document) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mrpd.toml");
    std::fs::write(&path, SAMPLE).unwrap();
    let document = Document::load(&path).unwrap();
    (folder, document)
}

#[test]
fn what_is_set_changes_and_everything_else_stays() {
    let (_folder, mut document) = sample();
    assert!(!document.is_changed());
    document.set("default_agent", "ci".into()).unwrap();
    document
        .set("relay.home.url", "http://127.0.0.1:9".into())
        .unwrap();
    document.set("outbox.per_minute", 60.into()).unwrap();
    document.set("api.socket", "/tmp/s".into()).unwrap();
    assert!(document.is_changed());
    insta::assert_snapshot!(document.text(), @r#"
    # mine
    default_agent = "ci" # the one

    [[relay]]
    name = "home" # at home
    url = "http://127.0.0.1:9"

    [[agent]]
    name = "laptop"
    relays = ["home"]

    [outbox]
    retry_for = "7d"
    per_minute = 60

    [api]
    socket = "/tmp/s"
    "#);
}

#[test]
fn unset_removes_and_tells_whether_there_was_something() {
    let (_folder, mut document) = sample();
    assert!(document.unset("outbox.retry_for").unwrap());
    assert!(!document.unset("outbox.retry_for").unwrap());
    assert!(!document.unset("metrics.textfile").unwrap());
    assert!(!document.text().contains("retry_for"));
}

#[test]
fn paths_that_lead_nowhere_are_refused() {
    let (_folder, mut document) = sample();
    for (path, exit) in [
        ("", 64),
        (".", 64),
        ("outbox.", 64),
        ("outbox", 64),
        ("default_agent.x", 64),
        ("relay.elsewhere.url", 78),
        ("agent.nobody.encrypt", 78),
    ] {
        assert_eq!(
            document.set(path, 1.into()).unwrap_err().exit(),
            exit,
            "{path:?}"
        );
    }
    assert!(!document.is_changed());
}

#[test]
fn names_with_dots_are_found() {
    let (_folder, mut document) = sample();
    document.push(
        "relay",
        &[("name", "a.b".into()), ("url", "http://a".into())],
    );
    document.set("relay.a.b.url", "http://b".into()).unwrap();
    assert_eq!(
        text_of(document.entry("relay", "a.b").unwrap(), "url"),
        Some("http://b")
    );
}

#[test]
fn lists_in_either_spelling_are_read_and_grown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mrpd.toml");
    std::fs::write(&path, "relay = [{ name = \"home\", url = \"http://h\" }]\n").unwrap();
    let mut document = Document::load(&path).unwrap();
    document.push("relay", &[("name", "b".into()), ("url", "http://b".into())]);
    document.push("agent", &[("name", "x".into())]);
    document.append("agent", "x", "relays", "home");
    document.append("agent", "x", "relays", "home");
    document.append("agent", "x", "relays", "b");
    let names: Vec<_> = document
        .entries("relay")
        .iter()
        .map(|entry| text_of(*entry, "name"))
        .collect();
    assert_eq!(names, [Some("home"), Some("b")]);
    insta::assert_snapshot!(document.text(), @r#"
    relay = [{ name = "home", url = "http://h" }, { name = "b", url = "http://b" }]

    [[agent]]
    name = "x"
    relays = ["home", "b"]
    "#);
}

#[test]
fn a_file_that_is_not_toml_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mrpd.toml");
    std::fs::write(&path, "a = 1\nb = = 2\n").unwrap();
    let failure = Document::load(&path).unwrap_err();
    assert_eq!(failure.exit(), 78);
    assert!(
        failure.told().unwrap().detail.message.contains("line 2"),
        "{failure:?}"
    );
}

#[test]
fn a_new_file_is_private_and_an_old_ones_mode_and_link_stay() {
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let path = folder.path().join("new/mrpd.toml");
    let mut document = Document::load(&path).unwrap();
    document.set_top("default_agent", "laptop");
    document.save().unwrap();
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    assert!(
        std::fs::read_to_string(&path)
            .unwrap()
            .ends_with("default_agent = \"laptop\"\n")
    );

    let link = folder.path().join("link.toml");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    replace(&link, b"# other\n").unwrap();
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(
        (std::fs::read(&path).unwrap(), mode(&path)),
        (b"# other\n".to_vec(), 0o640)
    );
    assert_eq!(
        std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
}
