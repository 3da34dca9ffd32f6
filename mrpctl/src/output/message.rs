//! A message as people read it: names before keys, and everything that came from elsewhere escaped.

use super::{Table, escape, pairs};
use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use mrp_proto::key::PublicKey;
use mrpd_api::body::Contact;
use mrpd_api::message::{Attachment, Direction, Kind, Message, Peer, State, Trust};
use std::collections::BTreeMap;
use std::io::IsTerminal as _;

const DIM: Style = Style::new().dimmed();
const NAME: Style = AnsiColor::Green.on_default().bold();
const CAUTION: Style = AnsiColor::Yellow.on_default();

/// Letters of a text that a list shows.
const LISTED: usize = 72;

/// How messages are told, settled once.
#[derive(Debug, Clone)]
pub(crate) struct MessageText {
    zone: TimeZone,
    /// The time now, where people are told how long ago something was.
    now: Option<Timestamp>,
    /// What the user calls others: a message that went out says only its recipient's key.
    names: BTreeMap<PublicKey, String>,
}

impl MessageText {
    /// In the time zone of this machine.
    pub(crate) fn local() -> Self {
        Self {
            zone: TimeZone::system(),
            now: None,
            names: BTreeMap::new(),
        }
    }

    /// For lists: people at a terminal read how long ago something was.
    pub(crate) fn for_lists() -> Self {
        let at_terminal = std::io::stdout().is_terminal();
        Self {
            now: at_terminal.then(Timestamp::now),
            ..Self::local()
        }
    }

    /// Names those who are contacts.
    pub(crate) fn know(&mut self, contacts: &[Contact]) {
        let names = contacts.iter().map(|one| (one.key, one.name.clone()));
        self.names.extend(names);
    }

    /// The other end.
    pub(crate) fn who(&self, message: &Message) -> String {
        match (message.dir, self.names.get(&message.to)) {
            (Direction::In, _) => name(&message.from),
            (Direction::Out, Some(name)) => format!("to {}", escape::line(name)),
            (Direction::Out, None) => format!("to {}", message.to.short()),
        }
    }

    /// `2026-11-21 09:00:00 alice: hi`; further lines of the text are indented.
    pub(crate) fn line(&self, message: &Message) -> String {
        let time = self.time(message.received_at);
        let who = self.who(message);
        let marks = marks(message);
        let content = content(message).replace('\n', "\n    ");
        format!("{DIM}{time}{DIM:#} {NAME}{who}{NAME:#}{marks}: {content}\n")
    }

    /// All there is to know of a message, without its content.
    pub(crate) fn headers(&self, message: &Message) -> String {
        let or_nothing = |text: &Option<String>| escape::line(text.as_deref().unwrap_or_default());
        let yes_or_no = |is: bool| if is { "yes" } else { "no" }.to_owned();
        let metadata: Vec<String> = message
            .metadata
            .iter()
            .map(|(key, value)| escape::line(&format!("{key}={value}")))
            .collect();
        let attachments: Vec<String> = message.attachments.iter().map(attachment).collect();
        pairs(&[
            ("id", escape::line(&message.id)),
            ("seq", message.seq.to_string()),
            (
                "from",
                format!("{} {}", name(&message.from), message.from.key),
            ),
            ("to", message.to.to_string()),
            ("agent", message.agent.clone()),
            ("relay", message.relay.clone()),
            ("kind", kind(message.kind).to_owned()),
            ("type", escape::line(&message.content_type)),
            ("thread", or_nothing(&message.thread)),
            ("reply to", or_nothing(&message.reply_to)),
            ("metadata", metadata.join("\n")),
            ("attachments", attachments.join("\n")),
            ("encrypted", yes_or_no(message.encrypted)),
            ("verified", yes_or_no(message.verified)),
            ("sent", self.time(message.created_at)),
            ("received", self.time(message.received_at)),
            ("expires", self.time(message.expires_at)),
        ])
    }

    /// Headers, an empty line, and the content.
    pub(crate) fn whole(&self, message: &Message) -> String {
        format!("{}\n{}\n", self.headers(message), content(message))
    }

    /// Messages as columns.
    pub(crate) fn table(&self) -> Table {
        Table::new(&["seq", "time", "from", "kind", "text"])
    }

    /// A message's cells in [`MessageText::table`].
    pub(crate) fn cells(&self, message: &Message) -> Vec<String> {
        vec![
            message.seq.to_string(),
            self.time(message.received_at),
            name(&message.from),
            kind(message.kind).to_owned(),
            message.text.clone().unwrap_or_default(),
        ]
    }

    /// Messages as a list, how each stands among it.
    pub(crate) fn list(&self) -> Table {
        Table::new(&["seq", "time", "from", "kind", "state", "text"])
    }

    /// A message's cells in [`MessageText::list`].
    pub(crate) fn list_cells(&self, message: &Message) -> Vec<String> {
        let attachments = attachments(message);
        vec![
            message.seq.to_string(),
            self.time(message.received_at),
            self.who(message),
            kind(message.kind).to_owned(),
            state(message.state).to_owned(),
            format!("{}{attachments}", beginning(bare(message))),
        ]
    }

    /// A point in time as people here read it.
    pub(crate) fn time(&self, time: mrp_proto::time::Timestamp) -> String {
        let instant = Timestamp::from_millisecond(time.unix_millis()).unwrap_or_default();
        if let Some(near) = self.now.and_then(|now| relative(instant, now)) {
            return near;
        }
        instant
            .to_zoned(self.zone.clone())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string()
    }
}

/// The content alone: its text where it has one, else its JSON.
pub(crate) fn bare(message: &Message) -> &str {
    match (&message.text, &message.body) {
        (Some(text), _) => text,
        (None, Some(body)) => body.get(),
        (None, None) => "",
    }
}

fn content(message: &Message) -> String {
    let text = escape::block(bare(message));
    let label = match message.kind {
        Kind::Text => String::new(),
        other => format!("{DIM}[{}]{DIM:#} ", kind(other)),
    };
    format!("{label}{text}{}", attachments(message))
}

fn attachments(message: &Message) -> String {
    match message.attachments.len() {
        0 => String::new(),
        1 => " (1 attachment)".to_owned(),
        several => format!(" ({several} attachments)"),
    }
}

/// A file's name, quoted since its sender chose it, and its size.
fn attachment(attachment: &Attachment) -> String {
    let blob = &attachment.blob;
    let name = match &blob.filename {
        Some(name) => format!("{:?}", escape::line(name)),
        None => escape::line(&blob.blob_id),
    };
    let size = blob.size.map(|size| format!(" ({size} bytes)"));
    let path = attachment.path.as_ref().map(|path| format!(" {path}"));
    format!(
        "{name}{}{}",
        size.unwrap_or_default(),
        path.unwrap_or_default()
    )
}

/// The first line, and no more of it than a list has room for.
pub(crate) fn beginning(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let is_whole = line.len() == text.trim_end().len();
    match line.char_indices().nth(LISTED) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if is_whole => line.to_owned(),
        None => format!("{line} …"),
    }
}

/// How long ago, or in how long; nothing where the date says more.
fn relative(time: Timestamp, now: Timestamp) -> Option<String> {
    let seconds = now.as_second() - time.as_second();
    let (count, unit) = match seconds.unsigned_abs() {
        0..60 => (seconds.unsigned_abs(), "s"),
        near @ 60..3600 => (near / 60, "min"),
        near @ 3600..86_400 => (near / 3600, "h"),
        near @ 86_400..2_592_000 => (near / 86_400, "d"),
        _ => return None,
    };
    Some(match seconds {
        0.. => format!("{count} {unit} ago"),
        _ => format!("in {count} {unit}"),
    })
}

/// The name the user gave, else the key's beginning: never a name that the peer chose.
fn name(peer: &Peer) -> String {
    match &peer.name {
        Some(name) => escape::line(name),
        None => escape::line(&peer.short),
    }
}

/// What makes a message less than sealed by a known sender.
fn marks(message: &Message) -> String {
    let is_in = message.dir == Direction::In;
    let marks: Vec<&str> = [
        (
            is_in && message.from.trust == Trust::Unknown && message.from.name.is_none(),
            "unknown",
        ),
        (is_in && !message.verified, "unverified"),
        (!message.encrypted, "in clear"),
    ]
    .into_iter()
    .filter_map(|(holds, mark)| holds.then_some(mark))
    .collect();
    if marks.is_empty() {
        String::new()
    } else {
        format!(" {CAUTION}({}){CAUTION:#}", marks.join(", "))
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Request => "request",
        Kind::Response => "response",
        Kind::Event => "event",
        Kind::Status => "status",
        Kind::Json => "json",
        Kind::Binary => "binary",
        Kind::Undecryptable => "undecryptable",
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::New => "new",
        State::Read => "read",
        State::Archived => "archived",
        State::Claimed => "claimed",
        State::Done => "done",
        State::Dead => "dead",
        State::Held => "held",
        State::Sent => "sent",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const MESSAGE: &str = r#"{"v":1,"seq":7,"id":"msg_1_a","dir":"in","agent":"laptop","relay":"home","from":{"key":"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w","name":"ann","short":"iojj3XQJ","trust":"known"},"to":"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w","kind":"text","type":"application/json","text":"hi","body":{"text":"hi"},"thread":null,"reply_to":null,"attachments":[],"metadata":{},"encrypted":true,"verified":true,"state":"new","attempt":0,"created_at":"2026-11-21T09:00:00.123Z","received_at":"2026-11-21T09:00:00.410Z","expires_at":"2026-11-28T09:00:00.123Z"}"#;

    fn message() -> Message {
        serde_json::from_str(MESSAGE).unwrap()
    }

    fn shown(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    fn utc() -> MessageText {
        MessageText {
            zone: TimeZone::UTC,
            now: None,
            names: BTreeMap::new(),
        }
    }

    #[test]
    fn near_times_are_told_by_how_far_they_are() {
        let now: Timestamp = "2026-11-21T09:00:00Z".parse().unwrap();
        for (time, told) in [
            ("2026-11-21T09:00:00Z", Some("0 s ago")),
            ("2026-11-21T08:57:31Z", Some("2 min ago")),
            ("2026-11-21T09:02:00Z", Some("in 2 min")),
            ("2026-11-20T10:00:00Z", Some("23 h ago")),
            ("2026-11-14T09:00:00Z", Some("7 d ago")),
            ("2026-10-01T09:00:00Z", None),
        ] {
            let time = time.parse().unwrap();
            assert_eq!(relative(time, now).as_deref(), told, "{time}");
        }
    }

    #[test]
    fn a_list_shows_the_beginning_of_a_text() {
        assert_eq!(beginning("short"), "short");
        assert_eq!(beginning("one\ntwo"), "one …");
        assert_eq!(beginning("one\n"), "one");
        assert_eq!(beginning(&"ü".repeat(80)), format!("{}…", "ü".repeat(72)));
    }

    #[test]
    fn a_line_names_the_contact_and_shows_the_text() {
        assert_eq!(
            shown(&utc().line(&message())),
            "2026-11-21 09:00:00 ann: hi\n"
        );
    }

    #[test]
    fn strangers_and_what_is_not_proven_are_marked() {
        let mut message = message();
        message.from.name = None;
        message.from.trust = Trust::Unknown;
        message.verified = false;
        message.encrypted = false;
        message.text = Some("one\ntwo \u{1b}[2J\u{202e}".into());
        insta::assert_snapshot!(shown(&utc().line(&message)), @r"
        2026-11-21 09:00:00 iojj3XQJ (unknown, unverified, in clear): one
            two \e[2J\u{202e}
        ");
    }

    #[test]
    fn other_kinds_are_labelled_and_sent_ones_name_the_recipient() {
        let mut message = message();
        message.kind = Kind::Event;
        message.text = None;
        message.dir = Direction::Out;
        assert_eq!(
            shown(&utc().line(&message)),
            "2026-11-21 09:00:00 to iojj3XQJ: [event] {\"text\":\"hi\"}\n"
        );
        let mut text = utc();
        text.know(&[Contact {
            name: "ann\u{1b}".into(),
            key: message.to,
            note: None,
            encrypt: None,
            trust: Trust::Known,
            relay: None,
        }]);
        assert_eq!(text.who(&message), "to ann\\e");
    }

    #[test]
    fn a_message_is_told_whole() {
        let mut message = message();
        message.metadata.insert("k".into(), "v\u{1b}".into());
        message.thread = Some("t-1".into());
        insta::assert_snapshot!(shown(&utc().whole(&message)), @r"
        id         msg_1_a
        seq        7
        from       ann iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w
        to         iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w
        agent      laptop
        relay      home
        kind       text
        type       application/json
        thread     t-1
        metadata   k=v\e
        encrypted  yes
        verified   yes
        sent       2026-11-21 09:00:00
        received   2026-11-21 09:00:00
        expires    2026-11-28 09:00:00

        hi
        ");
    }
}
