use super::*;
use crate::testing;

struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn paths(&self) -> Paths {
        testing::paths(self.dir.path())
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.dir.path().join(".config/mrp").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn load(&self, variables: &[(&str, &str)]) -> Loaded {
        let variables = variables
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()));
        Sources::from_variables(self.paths(), variables).load()
    }
}

fn problems(text: &str) -> Vec<(Severity, String)> {
    let home = Home::new();
    home.write("mrpd.toml", text);
    let prefix = format!("{}/", home.dir.path().join(".config/mrp").display());
    home.load(&[])
        .problems
        .into_iter()
        .map(|problem| (problem.severity, problem.to_string().replace(&prefix, "")))
        .collect()
}

const RELAY: &str = "[[relay]]\nname = \"home\"\nurl = \"http://127.0.0.1:8080\"\n";

#[test]
fn nothing_at_all_is_a_valid_configuration() {
    let loaded = Home::new().load(&[]);
    assert_eq!(loaded.problems, []);
    assert!(loaded.config.agents.is_empty());
    assert_eq!(loaded.config.log, "info");
    assert!(loaded.config.contacts_file.ends_with(".mrp/contacts.json"));
}

#[test]
fn an_agent_has_every_relay_and_its_own_key_file_by_default() {
    let home = Home::new();
    home.write("mrpd.toml", &format!("{RELAY}[[agent]]\nname = \"a.b\"\n"));
    let loaded = home.load(&[]);
    assert_eq!(loaded.problems, []);
    let agent = &loaded.config.agents[0];
    assert_eq!(agent.relays, ["home"]);
    assert_eq!(agent.key, KeySource::File(home.paths().key_file("a.b")));
    assert_eq!(agent.encrypt, Encrypt::Always);
}

#[test]
fn mistakes_name_file_line_field_and_what_is_allowed() {
    for (text, want) in [
        (
            "[[relay]]\nname = \"x\"\nurl = \"relay.example\"\n",
            "mrpd.toml:3: relay.x.url: \"relay.example\" does not begin with http:// or https://; write one of them in front",
        ),
        (
            "[[relay]]\nname = \"x\"\nurl = \"http://h\"\ntransport = \"tcp\"\n",
            "mrpd.toml:4: relay.x.transport: \"tcp\" is not allowed; expected \"ws\", \"poll\" or \"auto\"",
        ),
        (
            "[[relay]]\nurl = \"http://h\"\n",
            "mrpd.toml:1: relay: name is missing; write name = \"...\"",
        ),
        (
            "[relay]\nname = \"x\"\n",
            "mrpd.toml:1: relay: write it as [[relay]], with double brackets",
        ),
        (
            "[[relay]]\nname = \"x\"\nurl = \"http://h\"\nping = 20\n",
            "mrpd.toml:4: relay.x.ping: expected a text, not a number",
        ),
        (
            "[[agent]]\nname = \"a\"\n",
            "mrpd.toml:1: agent.a.relays: there is no relay; add a [[relay]] with name and url",
        ),
        (
            "[api]\nmode = \"0777\"\n",
            "mrpd.toml:2: api.mode: \"0777\" is not allowed; expected \"0600\", \"0660\" or \"0666\"",
        ),
        (
            "[[relay]]\nname = \"x\"\nurl = \"http://h\"\n[[relay]]\nname = \"y\"\nurl = \"http://h:80/\"\n",
            "mrpd.toml:4: relay.y.url: the same as that of the relay \"x\"; leave one of them out",
        ),
        (
            "default_agent = \"nobody\"\n",
            "mrpd.toml:1: default_agent: there is no agent \"nobody\"; known: ",
        ),
        (
            "log = \n",
            "mrpd.toml:1: not TOML: string values must be quoted, expected literal string",
        ),
    ] {
        let found = problems(text);
        assert!(
            found.contains(&(Severity::Fatal, want.to_owned())),
            "{text}\n{found:#?}"
        );
    }
}

#[test]
fn a_typo_in_an_agent_is_fatal_and_elsewhere_it_is_not() {
    let text = format!("{RELAY}[[agent]]\nname = \"a\"\nrequire_encrypton = true\n");
    let found = problems(&text);
    assert_eq!(found[0].0, Severity::Fatal);
    assert!(
        found[0]
            .1
            .starts_with("mrpd.toml:6: agent.a.require_encrypton: no such key; known here: "),
        "{found:?}"
    );
    let found = problems("[outbox]\nretry_fro = \"1d\"\n");
    assert_eq!(found[0].0, Severity::Ignored);
}

#[test]
fn a_filter_or_a_time_that_cannot_be_is_reported_and_the_default_stays() {
    let home = Home::new();
    home.write(
        "mrpd.toml",
        "log = \"info,=x=\"\n[outbox]\nretry_for = \"31d\"\n",
    );
    let loaded = home.load(&[]);
    assert_eq!(loaded.config.log, "info");
    assert_eq!(
        loaded.config.outbox.retry_for,
        7 * Duration::from_secs(24 * 3600)
    );
    let found: Vec<_> = loaded
        .problems
        .iter()
        .map(|problem| (problem.severity, problem.field.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (Severity::Ignored, "log"),
            (Severity::Ignored, "outbox.retry_for")
        ]
    );
}

#[test]
fn each_transport_is_taken() {
    for (word, want) in [
        ("ws", Transport::Ws),
        ("poll", Transport::Poll),
        ("auto", Transport::Auto),
    ] {
        let home = Home::new();
        home.write("mrpd.toml", &format!("{RELAY}transport = \"{word}\"\n"));
        let loaded = home.load(&[]);
        assert_eq!(loaded.problems, []);
        assert_eq!(loaded.config.relays[0].transport, want);
    }
}

#[test]
fn a_drop_in_that_cannot_be_read_is_left_out_and_nothing_is_deleted_for_it() {
    let home = Home::new();
    home.write("mrpd.toml", "log = \"user\"\n");
    home.write("mrpd.d/10-a.toml", "[outbox]\nretry_for = \"1d\"\n");
    home.write(
        "mrpd.d/20-b.toml",
        "[inbox]\nkeep = \"400d\"\nmax_bytes =\n",
    );
    let loaded = home.load(&[]);
    let [problem] = loaded.problems.as_slice() else {
        panic!("{:?}", loaded.problems)
    };
    assert_eq!(problem.severity, Severity::LeftOut);
    let shown = problem.to_string();
    assert!(shown.contains("20-b.toml:3: not TOML"), "{shown}");
    assert!(loaded.fatal().is_empty());
    assert_eq!(loaded.config.log, "user");
    assert_eq!(loaded.config.outbox.retry_for, Duration::from_secs(86400));
    assert_eq!(loaded.config.inbox.keep, Duration::ZERO);
    assert_eq!(loaded.config.inbox.max_bytes, 0);
}

#[test]
fn a_wrong_option_leaves_the_default_in_force() {
    let home = Home::new();
    home.write("mrpd.toml", "[outbox]\nretry_for = \"soon\"\n");
    let loaded = home.load(&[]);
    assert_eq!(loaded.problems.len(), 1);
    assert_eq!(loaded.problems[0].severity, Severity::Ignored);
    assert_eq!(
        loaded.config.outbox.retry_for,
        Duration::from_secs(7 * 86400)
    );
}

#[test]
fn layers_stand_above_each_other_and_say_where_values_come_from() {
    let home = Home::new();
    home.write("mrpd.toml", "log = \"user\"\n");
    home.write(
        "mrpd.d/10-a.toml",
        "log = \"a\"\n[outbox]\nretry_for = \"1d\"\n",
    );
    home.write("mrpd.d/20-b.toml", "[outbox]\nretry_for = \"2d\"\n");
    let loaded = home.load(&[]);
    assert_eq!(loaded.config.log, "user");
    assert_eq!(
        loaded.config.outbox.retry_for,
        Duration::from_secs(2 * 86400)
    );
    let origin = |loaded: &Loaded, path: &str| {
        let entry = loaded.effective.iter().find(|entry| entry.path == path);
        entry.unwrap().origin.to_string()
    };
    assert!(origin(&loaded, "outbox.retry_for").ends_with("20-b.toml:2"));
    assert_eq!(origin(&loaded, "api.mode"), "default");
    let loaded = home.load(&[("MRPD_LOG", "debug")]);
    assert_eq!(loaded.config.log, "debug");
    assert_eq!(origin(&loaded, "log"), "$MRPD_LOG");
}

#[test]
fn a_named_file_stands_alone_and_must_exist() {
    let home = Home::new();
    home.write("mrpd.toml", "log = \"user\"\n");
    home.write("other.toml", "[outbox]\n");
    let path = home.dir.path().join(".config/mrp/other.toml");
    let loaded = home.load(&[("MRPD_CONFIG", path.to_str().unwrap())]);
    assert_eq!(loaded.config.log, "info");
    let loaded = home.load(&[("MRPD_CONFIG", "/nowhere/mrpd.toml")]);
    assert!(
        loaded.fatal()[0]
            .to_string()
            .starts_with("/nowhere/mrpd.toml:1: the configuration cannot be read")
    );
}

#[test]
fn a_file_that_others_can_write_is_pointed_out() {
    let home = Home::new();
    home.write("mrpd.toml", "");
    let path = home.dir.path().join(".config/mrp/mrpd.toml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    let loaded = home.load(&[]);
    assert_eq!(loaded.problems[0].severity, Severity::Notice);
}

#[test]
fn two_sources_for_one_key_are_refused() {
    let text =
        format!("{RELAY}[[agent]]\nname = \"a\"\nkey_file = \"~/k\"\nkey_command = [\"pass\"]\n");
    let found = problems(&text);
    assert_eq!(found[0].0, Severity::Fatal);
    assert!(found[0].1.contains("only one of key_file"), "{found:?}");
}

#[test]
fn a_hook_is_read_with_all_its_keys() {
    let home = Home::new();
    home.write(
        "mrpd.toml",
        r#"
[groups]
ops = ["alice", "bob"]
[hook_defaults]
timeout = "30s"
concurrency = 2
retry = { max_attempts = 3, min = "1s", max = "10s" }
pass_env = ["SSH_AUTH_SOCK"]
[[hook]]
name = "deploy"
from = ["@ops"]
kind = ["event"]
type = ["application/json"]
match = 'body.event == "build.passed"'
exec = ["/bin/true", "--from-mrp"]
stdin = "body"
env = { STAGE = "live" }
concurrency = 1
rate = "10/min"
debounce = "2s"
batch = 5
reply = "json"
retry = { max_attempts = 1 }
limits = { memory = "1GiB" }
sandbox = { read = ["/usr"], write = ["~/data"] }
keep_dir = true
[[hook]]
name = "desktop"
from = ["*"]
notify = { body = "{{ text }}" }
"#,
    );
    let loaded = home.load(&[]);
    assert_eq!(loaded.problems, []);
    let deploy = loaded.config.hooks.find("deploy").unwrap();
    assert_eq!(deploy.program.timeout, Duration::from_secs(30));
    assert_eq!(deploy.program.passed, ["SSH_AUTH_SOCK"]);
    assert_eq!(deploy.concurrency, 1);
    assert_eq!(deploy.retry.max_attempts, 1);
    assert_eq!(deploy.retry.max, Duration::from_secs(10));
    assert_eq!(deploy.batch, 5);
    assert!(deploy.filter.condition.is_some());
    let desktop = loaded.config.hooks.find("desktop").unwrap();
    assert!(desktop.filter.from.is_everybody());
    assert_eq!(desktop.concurrency, 2);
}

#[test]
fn a_hook_that_is_written_wrongly_is_refused_with_its_field() {
    for (text, expected) in [
        (
            "from = [\"@nobody\"]",
            "3: hook.x.from: there is no group \"@nobody\"",
        ),
        ("match = \"body.event ==\"", "3: hook.x.match: syntax error"),
        (
            "match = \"bdy == 1\"",
            "3: hook.x.match: there is no \"bdy\" here",
        ),
        (
            "kind = [\"letter\"]",
            "3: hook.x.kind: \"letter\" is not allowed",
        ),
        (
            "rate = \"often\"",
            "3: hook.x.rate: \"often\" is not allowed; expected a rate",
        ),
        (
            "agent = \"nobody\"",
            "3: hook.x.agent: there is no agent \"nobody\"",
        ),
        (
            "shell = \"true\"",
            "hook.x.exec: write only one of exec, shell and notify",
        ),
        ("colour = \"red\"", "3: hook.x.colour: no such key"),
        (
            "env = { \"A-B\" = \"c\" }",
            "3: hook.x.env: \"A-B\" is no name",
        ),
    ] {
        let file = format!("[[hook]]\nname = \"x\"\n{text}\nexec = [\"true\"]\n");
        let found = problems(&file);
        let fits = |(severity, shown): &(Severity, String)| {
            *severity == Severity::Ignored && shown.contains(expected)
        };
        assert!(found.iter().any(fits), "{text}: {found:?}");
        let home = Home::new();
        home.write("mrpd.toml", &file);
        let config = home.load(&[]).config;
        assert_eq!(
            (config.hooks.items.len(), config.hooks.refused.len()),
            (0, 1)
        );
    }
}

#[test]
fn a_plain_section_with_a_mistake_stays_as_it_was() {
    let home = Home::new();
    home.write(
        "mrpd.toml",
        "[inbox]\nkeep = \"400d\"\n[outbox]\nper_minute = 7\n[groups]\na = [\"bob\"]\n[[topic]]\nname = \"t\"\nallow = [\"*\"]\n",
    );
    let before = home.load(&[]);
    assert_eq!(before.problems, []);
    let before = before.config;
    home.write(
        "mrpd.toml",
        "[inbox]\nkeep = \"10y\"\n[outbox]\nper_minute = 8\n[groups]\na = 5\n[topic]\nname = \"t\"\n",
    );
    let loaded = home.load(&[]);
    assert_eq!(loaded.config.inbox.keep, Duration::ZERO);
    assert_eq!(loaded.config.inbox.max_bytes, 0);
    let mut after = Config::clone(&loaded.config);
    after.keep_refused(&before, &loaded.problems);
    assert_eq!(after.inbox, before.inbox);
    assert_eq!(after.groups, before.groups);
    assert_eq!(after.topics.items, before.topics.items);
    assert_eq!(after.outbox.per_minute, 8);
}
