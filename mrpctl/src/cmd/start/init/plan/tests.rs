use super::*;
use crate::cli::{Command, parse, start};
use crate::config::Variables;
use crate::output::Output;
use tempfile::TempDir;

struct Home {
    folder: TempDir,
    variables: Variables,
}

impl Home {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            variables: Variables::default(),
        }
    }

    fn context(&self) -> Context {
        let cli = parse(["mrpctl", "--no-input", "-q", "status"].map(Into::into)).unwrap();
        let output = Output::new(&cli.top.global).unwrap();
        let mut context = Context::new(cli.top.global, output, Paths::from_process().unwrap());
        context.variables = self.variables.clone();
        let mut environment = context.paths.environment().clone();
        environment.home = self.folder.path().to_path_buf();
        environment.mrp_home = self.folder.path().join(".mrp");
        environment.config_home = self.folder.path().join(".config");
        context.paths = Paths::new(environment);
        context
    }

    /// Plans with these flags, and writes the configuration.
    async fn init(&self, arguments: &[&str]) -> Result<Plan, u8> {
        let context = self.context();
        let arguments = ["mrpctl", "init"].iter().chain(arguments).map(Into::into);
        let Some(Command::Start(start::Command::Init(flags))) = parse(arguments).unwrap().command
        else {
            panic!("not an init");
        };
        let mut document = Document::load(&context.config_file()).unwrap();
        let plan = make(&context, &flags, &document)
            .await
            .map_err(|failure| failure.exit())?;
        plan.apply(&mut document, &context.paths);
        document.save().unwrap();
        Ok(plan)
    }

    fn config(&self) -> String {
        std::fs::read_to_string(self.context().config_file()).unwrap()
    }
}

#[tokio::test]
async fn the_first_time_everything_is_written_and_the_second_time_nothing() {
    let home = Home::new();
    let arguments = ["--name", "laptop", "--relay", "http://127.0.0.1:8080/"];
    let plan = home.init(&arguments).await.unwrap();
    assert_eq!(
        plan.key_file,
        home.folder.path().join(".mrp/keys/laptop.key")
    );
    let first = home.config();
    insta::assert_snapshot!(first, @r#"
    # Configuration of mrpd: see mrpd.toml(5), or: mrpctl config show --origin
    # After a change by hand: mrpctl config check && mrpctl daemon reload
    default_agent = "laptop"

    [[relay]]
    name = "local"
    url = "http://127.0.0.1:8080"

    [[agent]]
    name = "laptop"
    key_file = "~/.mrp/keys/laptop.key"
    relays = ["local"]
    "#);
    home.init(&arguments).await.unwrap();
    assert_eq!(home.config(), first);
    let plan = home.init(&[]).await.unwrap();
    assert_eq!((plan.agent.as_str(), plan.relay), ("laptop", None));
    assert_eq!(home.config(), first);
    let document = Document::load(&home.context().config_file()).unwrap();
    let in_use = RelayReport {
        name: "local".into(),
        url: "http://127.0.0.1:8080".into(),
    };
    assert_eq!(relay_in_use(&document, "laptop"), Some(in_use));
}

#[tokio::test]
async fn another_name_and_another_relay_are_added() {
    let home = Home::new();
    home.init(&["--name", "laptop", "--relay", "http://127.0.0.1:8080"])
        .await
        .unwrap();
    home.init(&["--name", "ci"]).await.unwrap();
    home.init(&["--name", "laptop", "--relay", "http://127.0.0.1:9090"])
        .await
        .unwrap();
    let config = home.config();
    assert!(config.contains("default_agent = \"laptop\""), "{config}");
    assert!(
        config.contains("key_file = \"~/.mrp/keys/ci.key\"\nrelays = [\"local\"]"),
        "{config}"
    );
    assert!(
        config.contains("name = \"local-2\"\nurl = \"http://127.0.0.1:9090\""),
        "{config}"
    );
    assert!(
        config.contains("relays = [\"local\", \"local-2\"]"),
        "{config}"
    );
}

#[tokio::test]
async fn the_published_clients_variables_are_the_last_word_but_one() {
    let mut home = Home::new();
    home.variables.agent_name = Some("bot".into());
    home.variables.relay_url = Some("https://relay.example.net".into());
    home.variables.key_file = Some("/keys/bot.key".into());
    let plan = home.init(&[]).await.unwrap();
    assert_eq!(
        (plan.agent.as_str(), plan.key_file.as_path()),
        ("bot", Path::new("/keys/bot.key"))
    );
    assert_eq!(plan.relay.unwrap().name, "example");
    let home = Home {
        variables: home.variables,
        ..Home::new()
    };
    let plan = home
        .init(&["--name", "x", "--key", "/k", "--relay", "http://localhost"])
        .await
        .unwrap();
    assert_eq!(
        (plan.agent.as_str(), plan.key_file.as_path()),
        ("x", Path::new("/k"))
    );
    assert_eq!(plan.relay.unwrap().name, "local");
}

#[tokio::test]
async fn without_a_relay_and_without_a_person_it_is_the_hosted_one() {
    let plan = Home::new().init(&["--name", "x"]).await.unwrap();
    let relay = plan.relay.unwrap();
    assert_eq!(
        (relay.name.as_str(), relay.url.as_str()),
        ("mrphub", HOSTED)
    );
}

#[tokio::test]
async fn a_key_is_neither_changed_nor_shared_by_the_way() {
    let home = Home::new();
    let relay = ["--relay", "http://localhost"];
    home.init(&["--name", "a.b", relay[0], relay[1]])
        .await
        .unwrap();
    assert_eq!(
        home.init(&["--name", "a_b"]).await,
        Err(78),
        "both names make a_b.key"
    );
    assert_eq!(
        home.init(&["--name", "a.b", "--key", "/other"]).await,
        Err(78)
    );
    assert!(
        home.init(&["--name", "a_b", "--key", "/other"])
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn wrong_names_and_urls_are_refused_before_anything_is_written() {
    let home = Home::new();
    for arguments in [
        &["--name", "a b"][..],
        &["--name", ""],
        &["--name", "a/b"],
        &["--name", "x", "--relay", "relay.example.net"],
    ] {
        assert_eq!(home.init(arguments).await, Err(64), "{arguments:?}");
    }
    assert!(!home.context().config_file().exists());
}
