//! The configuration that `relayd init` writes: every field there is, with what it means and its default.

/// What a new configuration already says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Deployment {
    /// The name by which the world knows the relay.
    pub(crate) domain: Option<String>,
    /// Whom the certificate authority may write to; asks for certificates if it is given.
    pub(crate) acme: Option<String>,
}

/// A whole file for a deployment. What is as the relay has it by itself is commented out.
pub(crate) fn template(deployment: &Deployment) -> String {
    let mut text = TEMPLATE.to_owned();
    if let Some(domain) = &deployment.domain {
        set(
            &mut text,
            "#public_url = ",
            &format!("public_url = \"https://{domain}\""),
        );
    }
    if let (Some(domain), Some(email)) = (&deployment.domain, &deployment.acme) {
        set(
            &mut text,
            "#listen = ",
            "listen = [\"0.0.0.0:443\", \"[::]:443\"]",
        );
        set(&mut text, "#[tls.acme]", "[tls.acme]");
        set(
            &mut text,
            "#domains = ",
            &format!("domains = [\"{domain}\"]"),
        );
        set(&mut text, "#email = ", &format!("email = \"{email}\""));
    }
    text
}

/// Puts a line in the place of the first one that begins so.
fn set(text: &mut String, begins: &str, line: &str) {
    let lines = text.lines().position(|found| found.starts_with(begins));
    let Some(position) = lines else {
        return;
    };
    let mut all: Vec<&str> = text.lines().collect();
    all[position] = line;
    *text = all.join("\n") + "\n";
}

/// A line that begins with `#` and a letter or bracket is a field with its default, unless what is above says that it has none.
const TEMPLATE: &str = r##"# The configuration of relayd. What is commented out is as the relay has it by itself.
# `relayd check` names file, line and field of a mistake. After a change: systemctl reload-or-restart relayd

# Where to listen. Several: ["0.0.0.0:443", "[::]:443"]; "unix:/run/relayd/http.sock" works too.
#listen = "127.0.0.1:8080"
# Where everything is kept. By itself: $STATE_DIRECTORY, else this for root, else $XDG_STATE_HOME/relayd.
#data_dir = "/var/lib/relayd"
# How it is kept: a database in the data directory.
#store = "embedded"
# Where the bytes of attachments are: "local" is the data directory; "s3://bucket/prefix" takes endpoint, region and credentials from
# the environment (AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY).
#blob_store = "local"
# The URL by which clients reach the relay, where that is not a listener's own. Its presence makes a relay public: limits per minute
# are on unless they are set.
#public_url = ""
# Further hosts, "host" or "host:port", that signatures may be bound to.
#names = []
# What to log: error, warn, info, debug or trace, or tracing directives such as "relayd=debug,warn".
#log = "info"
# How: text at a terminal and in the journal, one JSON object a line elsewhere; or always text, or always json.
#log_format = "auto"

[tls]
# Certificate chain and private key in PEM, read again when the files change. No default: without them, and without [tls.acme], the
# relay speaks plain HTTP, which is meant for loopback or for a proxy.
#cert = "/etc/relayd/cert.pem"
#key = "/etc/relayd/key.pem"

# Certificates from an authority that speaks ACME, proven on port 443 of the relay itself. No default: no domains, no ACME.
#[tls.acme]
#domains = ["relay.example.net"]
#email = "ops@example.net"
#directory = "https://acme-v02.api.letsencrypt.org/directory"

[auth]
# How far a signature's timestamp may be from the relay's clock.
#timestamp_tolerance = "5m"

[limits]
# 0 switches one off. The first five are these on a public relay, and off on a private one unless they are set.
#send_per_minute = 30
#receive_per_minute = 120
#request_per_minute = 300
#failures_per_minute_per_ip = 60
#new_agents_per_hour_per_ip = 60
# WebSockets of one agent.
#sockets_per_agent = 2
# What may wait in one inbox, and what one sender may have waiting in all inboxes.
#inbox_messages = 10000
#inbox_bytes = "256MiB"
#sender_bytes = "1GiB"
# One body, and one whole send.
#body = "1MiB"
#message = "2MiB"
# One blob, and all of one agent.
#blob = "100MiB"
#blob_bytes_per_agent = "1GiB"
#blobs_per_agent = 100
# Access entries of one agent.
#acl_entries = 10000
# How long a message lives that names no time, and how long one may live.
#ttl_default = "7d"
#ttl_max = "30d"
# Connections at a time: in all (0: as many as open files allow), of one address, and of one address with nobody authenticated.
#connections = 0
#connections_per_ip = 1000
#unauthenticated_connections_per_ip = 64

[access]
# "open": whoever has a key. "allowlist": only the keys in the file, one a line.
#registration = "open"
#allowlist_file = ""
# Pages that a browser lets use the relay, such as ["https://example.net"]; [] switches it off.
#cors_origins = ["*"]
# Networks, or "unix", whose X-Forwarded-For is believed: those of your own proxies and no others.
#trusted_proxies = []

[webhooks]
# Whether webhooks may be plain HTTP, and which networks beside the public ones they may be in, such as ["127.0.0.0/8"].
#allow_http = false
#allow_networks = []
#timeout = "10s"

[cache]
# Memory for the database, which takes about twice as much in all; and for what came lately for those who are connected.
# A change needs a restart.
#database = "32MiB"
#recent = "16MiB"

[websocket]
# How success is written: as the client's library expects it, or always "ok", or always "sent".
#send_result_status = "auto"
#ping = "30s"
#pong_timeout = "10s"

[gateways]
# Other protocols at the door. This version has none.
#routing = false
#a2a = false
#mcp = false
#did = false

[metrics]
# Where Prometheus may fetch /metrics, such as "127.0.0.1:9464". Nothing there is secret, but it is for you alone.
# By itself they are only on the admin socket: curl --unix-socket /var/lib/relayd/admin.sock http://relayd/metrics
#listen = ""
"##;

#[cfg(test)]
mod tests {
    use super::super::field::{FIELDS, Named, find};
    use super::super::{AcmeConfig, Config, file};
    use super::*;

    /// Has no default that can be written down: set to what the template shows.
    const WITHOUT_DEFAULT: [&str; 6] = [
        "data_dir",
        "tls.cert",
        "tls.key",
        "tls.acme.domains",
        "tls.acme.email",
        "tls.acme.directory",
    ];
    /// Set by itself on a public relay only.
    const OF_PUBLIC_RELAYS: [&str; 5] = [
        "limits.send_per_minute",
        "limits.receive_per_minute",
        "limits.request_per_minute",
        "limits.failures_per_minute_per_ip",
        "limits.new_agents_per_hour_per_ip",
    ];

    /// Every field that the text shows, with its assignment, whether it is commented out or not.
    fn shown(text: &str) -> Vec<(String, String)> {
        let mut table = String::new();
        let mut shown = Vec::new();
        for line in text.lines() {
            let line = match line.strip_prefix('#') {
                Some(rest)
                    if rest
                        .starts_with(|first: char| first == '[' || first.is_ascii_lowercase()) =>
                {
                    rest
                }
                Some(_) => continue,
                None => line,
            };
            if let Some(name) = line
                .strip_prefix('[')
                .and_then(|line| line.strip_suffix(']'))
            {
                table = format!("{name}.");
            } else if let Some((name, value)) = line.split_once(" = ") {
                shown.push((format!("{table}{name}"), value.to_owned()));
            }
        }
        shown
    }

    #[test]
    fn every_field_is_there_once_and_nothing_else() {
        let names: Vec<_> = shown(TEMPLATE).into_iter().map(|(name, _)| name).collect();
        for field in FIELDS {
            let times = names.iter().filter(|name| *name == field.name).count();
            assert_eq!(times, 1, "{} is in the template {times} times", field.name);
        }
        assert_eq!(names.len(), FIELDS.len(), "{names:?}");
    }

    #[test]
    fn what_is_shown_is_the_default() {
        for (name, value) in shown(TEMPLATE) {
            let mut config = Config::default();
            config.set(&format!("{name}={value}")).unwrap();
            let differs = config != Config::default();
            let may_differ = WITHOUT_DEFAULT.contains(&name.as_str())
                || OF_PUBLIC_RELAYS.contains(&name.as_str());
            assert!(
                !differs || may_differ,
                "{name} = {value} is not the default"
            );
            let Ok(Named::Field(_)) = find(&name) else {
                panic!("{name} is no field");
            };
        }
    }

    fn read(deployment: &Deployment) -> Config {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("relayd.toml");
        std::fs::write(&path, template(deployment)).unwrap();
        let mut config = Config::default();
        file::read(&path, &mut config).unwrap();
        config.check().unwrap();
        config
    }

    #[test]
    fn the_file_as_it_is_written_changes_only_what_was_asked_for() {
        assert_eq!(read(&Deployment::default()), Config::default());
        let domain = Some("relay.example.net".to_owned());
        let behind_proxy = read(&Deployment {
            domain: domain.clone(),
            acme: None,
        });
        let public_url = Some("https://relay.example.net".to_owned());
        let expected = Config {
            public_url: public_url.clone(),
            ..Config::default()
        };
        assert_eq!(behind_proxy, expected);
        let mut own = read(&Deployment {
            domain,
            acme: Some("ops@example.net".to_owned()),
        });
        assert_eq!(own.listen.len(), 2);
        assert_eq!(own.public_url, public_url);
        let acme = std::mem::take(&mut own.tls.acme);
        let expected = AcmeConfig {
            domains: vec!["relay.example.net".to_owned()],
            email: Some("ops@example.net".to_owned()),
            directory: None,
        };
        assert_eq!(acme, expected);
    }

    #[test]
    fn a_contradiction_is_found_in_the_file_it_is_in() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("relayd.toml");
        let problem = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let error = Config::load(&path).unwrap().check().unwrap_err();
            error
                .found_in(&path)
                .to_string()
                .replace(&path.display().to_string(), "")
        };
        assert_eq!(
            problem("\n[limits]\nbody = \"2MiB\"\nmessage = \"1MiB\"\n"),
            ":3: limits.body: must not be greater than limits.message"
        );
        // The field is not there: its table is.
        assert_eq!(
            problem("\n\n[websocket]\nping = \"5s\"\n"),
            ":3: websocket.pong_timeout: must be shorter than websocket.ping"
        );
        assert_eq!(
            problem("limits = { message = \"1KiB\" }\n"),
            ":1: limits.body: must not be greater than limits.message"
        );
    }
}
