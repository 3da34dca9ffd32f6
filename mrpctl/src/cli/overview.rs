//! The list of commands in `mrpctl --help`, by what they are for.

use clap::Command;
use std::fmt::Write as _;

/// Groups with their commands, in the order they are shown. A test finds what is in none.
pub(super) const GROUPS: &[(&str, &[&str])] = &[
    ("Start here", &["init", "status", "doctor", "cheat", "demo"]),
    (
        "Messages",
        &[
            "send", "reply", "request", "event", "progress", "tail", "recv", "next", "ack", "nack",
            "touch", "wait", "inbox", "show", "thread", "search", "open", "mark", "rm", "prune",
            "outbox", "dead", "export", "import", "receipts", "chat",
        ],
    ),
    (
        "Run things",
        &[
            "on",
            "serve",
            "run",
            "publish",
            "subscribers",
            "subscribe",
            "unsubscribe",
            "watch",
            "hook",
        ],
    ),
    (
        "People and discovery",
        &[
            "contact", "card", "find", "caps", "lookup", "allow", "block", "unblock", "acl",
            "policy", "pending",
        ],
    ),
    ("Me", &["whoami", "profile", "cap", "key"]),
    ("Blobs, relays, webhooks", &["blob", "relay", "webhook"]),
    (
        "Daemon and tooling",
        &[
            "daemon",
            "service",
            "logs",
            "config",
            "api",
            "mcp",
            "schema",
            "completions",
            "man",
            "bug-report",
            "backup",
            "restore",
        ],
    ),
];

const WIDTH: usize = 12;

/// With the commands listed in groups: clap lists them in one.
pub(super) fn grouped(tree: Command) -> Command {
    let mut template = String::from("{about}\n\n{usage-heading} {usage}\n");
    for (heading, names) in GROUPS {
        write!(template, "\n{heading}:\n").expect("writing to a String does not fail");
        for command in names.iter().filter_map(|name| tree.find_subcommand(name)) {
            let about = command
                .get_about()
                .map(ToString::to_string)
                .unwrap_or_default();
            let name = command.get_name();
            writeln!(template, "  {name:<WIDTH$} {about}")
                .expect("writing to a String does not fail");
        }
    }
    template.push_str("\nOptions:\n{options}\n{after-help}");
    tree.help_template(template)
}
