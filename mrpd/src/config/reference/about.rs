//! What each key is for, in the order in which the manual has them.

/// Dotted path, and what it is for.
pub(super) const KEYS: &[(&str, &str)] = &[
    (
        "default_agent",
        "The agent that is meant where none is named. By itself the first one.",
    ),
    (
        "log",
        "What is logged: a level, or a filter of tracing such as mrpd=debug,info.",
    ),
    (
        "api.socket",
        "Where the daemon listens. By itself below $XDG_RUNTIME_DIR, or where systemd says.",
    ),
    ("api.mode", "Mode of the socket."),
    (
        "api.allow_uids",
        "Users beside the daemon's own who may use the socket.",
    ),
    (
        "relay.NAME.url",
        "The relay: https://, or http:// for one on this machine.",
    ),
    (
        "relay.NAME.transport",
        "How messages come: by WebSocket (ws), by polls, or by WebSocket and by polls while there can be none (auto).",
    ),
    (
        "relay.NAME.ping",
        "How long a session may be silent before the relay is asked whether it is there.",
    ),
    (
        "relay.NAME.idle_timeout",
        "How long without a sign of life until a session is given up. Longer than ping.",
    ),
    (
        "relay.NAME.backoff.min",
        "The shortest wait before a session is tried again.",
    ),
    ("relay.NAME.backoff.max", "The longest such wait."),
    (
        "relay.NAME.backoff.jitter",
        "Waits are spread by chance; false is refused.",
    ),
    (
        "agent.NAME.key_file",
        "File with the key: 32 bytes, readable by nobody else.",
    ),
    (
        "agent.NAME.key_command",
        "A command that writes the key to standard output, instead of a file: 32 bytes, hexadecimal or base64url. For one under a passphrase: mrpctl key decrypt.",
    ),
    (
        "agent.NAME.key_credential",
        "Name of a systemd credential that holds the key, instead of a file.",
    ),
    (
        "agent.NAME.relays",
        "The relays it uses, the first one first. By itself all of them.",
    ),
    (
        "agent.NAME.display_name",
        "The name that others see in its profile.",
    ),
    (
        "agent.NAME.visibility",
        "Whether it is found in the relay's directory.",
    ),
    (
        "agent.NAME.inbox_policy",
        "Whose messages the relay takes for it.",
    ),
    ("agent.NAME.metadata", "Text pairs in its profile."),
    (
        "agent.NAME.encrypt",
        "Whether messages are sealed: always, auto (for whoever advertises it or was seen using it), or never.",
    ),
    (
        "agent.NAME.require_encryption",
        "Refuse to send in clear, whatever a contact or a flag says.",
    ),
    (
        "agent.NAME.bound_auth",
        "Whether the relay is told to refuse this key's signatures by clients without bound authentication (require).",
    ),
    (
        "inbox.keep",
        "How long messages are kept that somebody has read.",
    ),
    (
        "inbox.max_bytes",
        "How much room messages may take; the oldest go first.",
    ),
    (
        "inbox.dedup_window",
        "How long the ids of messages are remembered, so that none comes twice.",
    ),
    (
        "inbox.drop_unread",
        "Let keep and max_bytes take messages too that nobody has read.",
    ),
    (
        "inbox.hold_unknown_senders",
        "Keep messages of unknown senders out of everything until they are accepted.",
    ),
    (
        "attachments.download",
        "Whose attachments are fetched without being asked for.",
    ),
    (
        "attachments.max_size",
        "The largest attachment that is fetched without being asked for.",
    ),
    (
        "attachments.dir",
        "Where attachments are saved, in a folder for each message.",
    ),
    (
        "attachments.conflict",
        "What is done where a file of the name exists.",
    ),
    (
        "attachments.max_outgoing",
        "The largest file that can be sent.",
    ),
    (
        "attachments.outgoing_bytes",
        "How much room files that wait to be sent may take.",
    ),
    (
        "outbox.retry_for",
        "How long a message is tried again before it is given up.",
    ),
    (
        "outbox.per_minute",
        "Sends in a minute until the relay has said how many it takes; 0 for no limit.",
    ),
    (
        "outbox.receipts",
        "Whether relays are asked if what they accepted was delivered.",
    ),
    (
        "contacts.file",
        "The contacts, shared with the published clients.",
    ),
    ("groups.NAME", "Contacts and keys that @NAME stands for."),
    (
        "spool.dir",
        "Folder whose subfolders are recipients: a file that is moved into one is sent. Off where it is empty.",
    ),
    (
        "spool.agent",
        "The agent that sends. By itself the default one.",
    ),
    (
        "metrics.textfile",
        "File to write the figures to, for the node exporter of Prometheus. Off where it is empty.",
    ),
    ("metrics.interval", "How often it is written."),
    (
        "hook_defaults.timeout",
        "Of every hook that says nothing: how long a run may take.",
    ),
    (
        "hook_defaults.kill_after",
        "Of every hook that says nothing: how long after SIGTERM a run is killed.",
    ),
    (
        "hook_defaults.pass_env",
        "Variables of the daemon's own environment that every hook gets.",
    ),
    (
        "hook_defaults.concurrency",
        "Of every hook that says nothing: runs at the same time.",
    ),
    (
        "hook_defaults.retry.max_attempts",
        "Of every hook that says nothing: runs for one message before it is given up.",
    ),
    (
        "hook_defaults.retry.min",
        "Of every hook that says nothing: the shortest wait before the next try.",
    ),
    (
        "hook_defaults.retry.max",
        "Of every hook that says nothing: the longest such wait.",
    ),
    ("hook.NAME.agent", "Only messages to this agent."),
    (
        "hook.NAME.from",
        "Only messages of these contacts, keys and @groups; \"*\" for everybody. By itself those of all contacts.",
    ),
    (
        "hook.NAME.unverified",
        "Count messages too whose sender is the relay's word alone.",
    ),
    (
        "hook.NAME.kind",
        "Only messages of these kinds: text, request, response, event, status, json, binary, undecryptable.",
    ),
    ("hook.NAME.type", "Only messages of these media types."),
    ("hook.NAME.thread", "Only messages of these threads."),
    (
        "hook.NAME.match",
        "Only messages for which this holds: an expression such as body.event == \"build.passed\".",
    ),
    (
        "hook.NAME.exec",
        "The program to run, and its arguments. Nothing of a message is ever put among them.",
    ),
    (
        "hook.NAME.shell",
        "A line for /bin/sh, instead of exec. What the message says is in variables and on standard input.",
    ),
    (
        "hook.NAME.notify.title",
        "A note on the desktop, instead of a program: its title, a template over the message.",
    ),
    (
        "hook.NAME.notify.body",
        "The note's text, a template over the message.",
    ),
    (
        "hook.NAME.stdin",
        "What the program reads: the message as JSON, its text, its body, or nothing.",
    ),
    ("hook.NAME.env", "Variables for the program."),
    (
        "hook.NAME.pass_env",
        "Variables of the daemon's own environment that the program gets.",
    ),
    (
        "hook.NAME.timeout",
        "How long a run may take before its process group is asked to end.",
    ),
    ("hook.NAME.kill_after", "How long after that it is killed."),
    (
        "hook.NAME.keep_dir",
        "Leave the run's own folder for somebody to look at.",
    ),
    (
        "hook.NAME.limits.memory",
        "How much memory a process of the run may take.",
    ),
    (
        "hook.NAME.limits.file_size",
        "How large a file may grow that it writes.",
    ),
    (
        "hook.NAME.sandbox.read",
        "What the run may read, by Landlock; all else is hidden from it.",
    ),
    ("hook.NAME.sandbox.write", "What the run may write."),
    (
        "hook.NAME.reply",
        "Whether standard output becomes a reply: as text, as JSON, or not.",
    ),
    (
        "hook.NAME.concurrency",
        "Runs at the same time, for different senders.",
    ),
    (
        "hook.NAME.rate",
        "Runs in a time, such as 10/min; what is more waits.",
    ),
    (
        "hook.NAME.debounce",
        "Wait until a sender has been silent for so long.",
    ),
    (
        "hook.NAME.batch",
        "Messages of one sender that one run is given, as a list.",
    ),
    (
        "hook.NAME.retry.max_attempts",
        "Runs for one message before it is given up.",
    ),
    (
        "hook.NAME.retry.min",
        "The shortest wait before the next try.",
    ),
    ("hook.NAME.retry.max", "The longest such wait."),
    (
        "capability.NAME.agent",
        "The agent that has it. By itself all of them.",
    ),
    ("capability.NAME.description", "What it does, for people."),
    (
        "capability.NAME.tags",
        "What it is found by in the relay's directory.",
    ),
    (
        "capability.NAME.version",
        "The provider's own version of it.",
    ),
    (
        "capability.NAME.schema",
        "File with the JSON Schema of its parameters.",
    ),
    (
        "capability.NAME.allow",
        "Contacts, keys and @groups that may ask for it. By itself all contacts.",
    ),
    (
        "capability.NAME.unverified",
        "Answer requests too whose sender is the relay's word alone.",
    ),
    (
        "capability.NAME.exec",
        "The program to run, and its arguments. Nothing of a message is ever put among them.",
    ),
    (
        "capability.NAME.shell",
        "A line for /bin/sh, instead of exec. What the message says is in variables and on standard input.",
    ),
    (
        "capability.NAME.stdin",
        "What the program reads: the message as JSON, its text, its body, or nothing.",
    ),
    ("capability.NAME.env", "Variables for the program."),
    (
        "capability.NAME.pass_env",
        "Variables of the daemon's own environment that the program gets.",
    ),
    (
        "capability.NAME.timeout",
        "How long a run may take before its process group is asked to end.",
    ),
    (
        "capability.NAME.kill_after",
        "How long after that it is killed.",
    ),
    (
        "capability.NAME.keep_dir",
        "Leave the run's own folder for somebody to look at.",
    ),
    (
        "capability.NAME.limits.memory",
        "How much memory a process of the run may take.",
    ),
    (
        "capability.NAME.limits.file_size",
        "How large a file may grow that it writes.",
    ),
    (
        "capability.NAME.sandbox.read",
        "What the run may read, by Landlock; all else is hidden from it.",
    ),
    ("capability.NAME.sandbox.write", "What the run may write."),
    (
        "capability.NAME.concurrency",
        "Requests of different senders that are answered at the same time.",
    ),
    (
        "capability.NAME.retry.max_attempts",
        "Runs for one message before it is given up.",
    ),
    (
        "capability.NAME.retry.min",
        "The shortest wait before the next try.",
    ),
    ("capability.NAME.retry.max", "The longest such wait."),
    (
        "topic.NAME.allow",
        "Contacts, keys and @groups that may subscribe; \"*\" for everybody.",
    ),
    (
        "topic.NAME.unverified",
        "Let those subscribe too whose name is the relay's word alone.",
    ),
    (
        "topic.NAME.agent",
        "The agent that publishes. By itself the default one.",
    ),
    ("topic.NAME.max_subscribers", "Subscribers it may have."),
    ("expect.NAME.agent", "Only messages to this agent."),
    (
        "expect.NAME.from",
        "Only messages of these contacts, keys and @groups; \"*\" for everybody. By itself those of all contacts.",
    ),
    (
        "expect.NAME.unverified",
        "Count messages too whose sender is the relay's word alone.",
    ),
    (
        "expect.NAME.kind",
        "Only messages of these kinds: text, request, response, event, status, json, binary, undecryptable.",
    ),
    ("expect.NAME.type", "Only messages of these media types."),
    ("expect.NAME.thread", "Only messages of these threads."),
    (
        "expect.NAME.match",
        "Only messages for which this holds: an expression such as body.event == \"build.passed\".",
    ),
    (
        "expect.NAME.exec",
        "The program to run, and its arguments. Nothing of a message is ever put among them.",
    ),
    (
        "expect.NAME.shell",
        "A line for /bin/sh, instead of exec. What the message says is in variables and on standard input.",
    ),
    (
        "expect.NAME.notify.title",
        "A note on the desktop, instead of a program: its title, a template over the message.",
    ),
    (
        "expect.NAME.notify.body",
        "The note's text, a template over the message.",
    ),
    (
        "expect.NAME.stdin",
        "What the program reads: the message as JSON, its text, its body, or nothing.",
    ),
    ("expect.NAME.env", "Variables for the program."),
    (
        "expect.NAME.pass_env",
        "Variables of the daemon's own environment that the program gets.",
    ),
    (
        "expect.NAME.timeout",
        "How long a run may take before its process group is asked to end.",
    ),
    (
        "expect.NAME.kill_after",
        "How long after that it is killed.",
    ),
    (
        "expect.NAME.keep_dir",
        "Leave the run's own folder for somebody to look at.",
    ),
    (
        "expect.NAME.limits.memory",
        "How much memory a process of the run may take.",
    ),
    (
        "expect.NAME.limits.file_size",
        "How large a file may grow that it writes.",
    ),
    (
        "expect.NAME.sandbox.read",
        "What the run may read, by Landlock; all else is hidden from it.",
    ),
    ("expect.NAME.sandbox.write", "What the run may write."),
    (
        "expect.NAME.every",
        "Within which time something is expected, again and again.",
    ),
    ("expect.NAME.grace", "How much later it may come."),
    (
        "ingress.NAME.listen",
        "Address and port, the path of a socket, or fd:NAME for sockets that systemd passes under that name, on which requests are taken.",
    ),
    ("ingress.NAME.path", "Path of the URL."),
    (
        "ingress.NAME.hmac.header",
        "Who posts is known by a signature over the body: the header that carries it.",
    ),
    ("ingress.NAME.hmac.secret_file", "File with the secret."),
    ("ingress.NAME.hmac.algorithm", "The hash of the signature."),
    (
        "ingress.NAME.hmac.prefix",
        "What stands before the signature in its header, such as sha256=.",
    ),
    (
        "ingress.NAME.hmac.timestamp_header",
        "Header with a time that is signed along, in seconds since 1970.",
    ),
    (
        "ingress.NAME.hmac.separator",
        "What stands between that time and the body where they are signed.",
    ),
    (
        "ingress.NAME.hmac.tolerance",
        "How far that time may be from now.",
    ),
    (
        "ingress.NAME.bearer_file",
        "Who posts is known by a token instead: the file with it.",
    ),
    ("ingress.NAME.open", "Whoever can connect may post."),
    (
        "ingress.NAME.to",
        "Who gets the message: a contact, a key or an @group.",
    ),
    (
        "ingress.NAME.template",
        "What the message's body is made by, from body, headers and query. By itself the request's body as it is.",
    ),
    (
        "ingress.NAME.agent",
        "The agent that sends. By itself the default one.",
    ),
    ("ingress.NAME.type", "Media type of the message."),
    (
        "ingress.NAME.max_body",
        "The largest request that is taken.",
    ),
    (
        "ingress.NAME.delivery_header",
        "Header that names a delivery: one that is repeated is sent once.",
    ),
    (
        "schedule.NAME.cron",
        "When: minute, hour, day of the month, month, day of the week, in local time.",
    ),
    (
        "schedule.NAME.to",
        "Who gets the message: a contact, a key or an @group.",
    ),
    (
        "schedule.NAME.agent",
        "The agent that sends. By itself the default one.",
    ),
    ("schedule.NAME.text", "What is sent, as text."),
    (
        "schedule.NAME.body",
        "What is sent, as JSON, instead of text.",
    ),
    ("schedule.NAME.type", "Media type of the message."),
    (
        "schedule.NAME.catch_up",
        "Send once, late, what fell due while the machine was off.",
    ),
];
