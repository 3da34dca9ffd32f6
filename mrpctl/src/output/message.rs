//! A message as people read it: names before keys, and everything that came from elsewhere escaped.

use super::{Table, escape, pairs};
use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use mrpd_api::message::{Direction, Kind, Message, Peer, Trust};

const DIM: Style = Style::new().dimmed();
const NAME: Style = AnsiColor::Green.on_default().bold();
const CAUTION: Style = AnsiColor::Yellow.on_default();

/// How messages are told, settled once.
#[derive(Debug, Clone)]
pub(crate) struct MessageText {
    zone: TimeZone,
}

impl MessageText {
    /// In the time zone of this machine.
    pub(crate) fn local() -> Self {
        Self {
            zone: TimeZone::system(),
        }
    }

    /// `2026-11-21 09:00:00 alice: hi`; further lines of the text are indented.
    pub(crate) fn line(&self, message: &Message) -> String {
        let time = self.time(message.received_at);
        let who = match message.dir {
            Direction::In => name(&message.from),
            Direction::Out => format!("to {}", message.to.short()),
        };
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
        let attachments: Vec<String> = message
            .attachments
            .iter()
            .map(|attachment| escape::line(&attachment.blob.blob_id))
            .collect();
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

    /// A point in time as people here read it.
    pub(crate) fn time(&self, time: mrp_proto::time::Timestamp) -> String {
        let instant = Timestamp::from_millisecond(time.unix_millis()).unwrap_or_default();
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
    let attachments = match message.attachments.len() {
        0 => String::new(),
        1 => " (1 attachment)".to_owned(),
        several => format!(" ({several} attachments)"),
    };
    format!("{label}{text}{attachments}")
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
        }
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
