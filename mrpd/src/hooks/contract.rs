//! The hook contract in words: the variables a program finds, and what its end means. A test holds the variables against those that
//! a program really gets.

use mrpd_api::hook::Meaning;

/// Variables of a run, and what they say.
pub(crate) const VARIABLES: &[(&str, &str)] = &[
    ("MRP_HOOK", "Name of the hook."),
    (
        "MRP_ATTEMPT",
        "How often the hook was begun for this message, from 1.",
    ),
    (
        "MRP_MESSAGE_ID",
        "The relay's name for the message. It is the same each time the message comes.",
    ),
    ("MRP_SEQ", "The message's number in the inbox."),
    ("MRP_AGENT", "The local agent it is for."),
    ("MRP_RELAY", "The relay it came by."),
    ("MRP_FROM", "Key of the sender."),
    (
        "MRP_FROM_NAME",
        "The contact's name; empty for others. It is never a name that the sender chose.",
    ),
    (
        "MRP_KIND",
        "text, request, response, event, status, json, binary or undecryptable.",
    ),
    ("MRP_TYPE", "Media type."),
    ("MRP_THREAD_ID", "Thread, or nothing."),
    (
        "MRP_IN_REPLY_TO",
        "Id of the message that it answers, or nothing.",
    ),
    ("MRP_ACTION", "Action of a request."),
    ("MRP_EVENT_NAME", "Name of an event."),
    ("MRP_ENCRYPTED", "1 if it was sealed end to end, else 0."),
    ("MRP_CREATED_AT", "When the relay took it."),
    ("MRP_EXPIRES_AT", "When the relay drops it."),
    (
        "MRP_ATTACHMENTS_DIR",
        "Folder with the attachments that are here; empty without.",
    ),
    (
        "MRP_ATTACHMENT_COUNT",
        "How many attachments it has, here or not.",
    ),
    ("MRP_TEXT", "Its text, where that has at most 32 KiB."),
    (
        "MRP_TEXT_OMITTED",
        "1 where the text is longer; it is in the JSON and in MRP_BODY_FILE.",
    ),
    ("MRP_BODY_FILE", "File with the body as it came."),
    (
        "MRPD_SOCKET",
        "The daemon's socket, so that mrpctl in a hook finds it.",
    ),
];

/// What the end of a run means, in words.
pub(crate) fn in_words(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::Handled => "Handled: the message is done.",
        Meaning::HandledAlone => "Handled, and no hook behind this one runs for the message.",
        Meaning::Later => "Later: it is tried again, up to retry.max_attempts.",
        Meaning::Dead => "Given up at once: it is among the dead letters (mrpctl dead).",
        Meaning::Failed => "Failed: it is tried again up to retry.max_attempts, and then given up.",
    }
}
