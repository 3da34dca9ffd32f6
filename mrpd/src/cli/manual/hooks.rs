//! mrp-hooks(7): the hook contract.

use super::page::Page;
use crate::hooks::contract::{VARIABLES, in_words};
use mrpd_api::hook::{Meaning, STATUSES};

const EXAMPLE: &str = "\
[[hook]]
name = \"deploy\"
from = [\"ci\"]
kind = [\"event\"]
match = 'body.event == \"build.passed\"'
exec = [\"/home/me/bin/deploy\"]
timeout = \"10m\"
reply = \"text\"";

const PROGRAM: &str = "\
#!/bin/sh
# The message is JSON on standard input.
branch=$(jq -r .body.data.branch) || exit 65
[ \"$branch\" = main ] || exit 0
git -C /srv/site pull --quiet || exit 75
echo \"deployed for $MRP_FROM_NAME\"";

pub(super) fn page() -> String {
    let mut page = Page::new(
        "mrp-hooks",
        "7",
        "programs that mrpd runs when a message comes",
    );
    page.section("DESCRIPTION")
        .paragraph("A hook is a program that `mrpd`(8) runs for messages that its filters let through. Hooks are configured in `mrpd.toml`(5) as `[[hook]]`; `[[capability]]` and `[[expect]]` run their programs by the same rules, and so do `mrpctl on` and `mrpctl serve` in the foreground.")
        .example(EXAMPLE)
        .example(PROGRAM);
    page.section("WHAT IS RUN")
        .paragraph("`exec` is run as it is written; `shell` is a line for /bin/sh. Nothing of a message is ever put into an argument or into that line. A program must belong to the user or to root and be writable by nobody else, and so must every folder on the way.")
        .paragraph("The working directory is a folder of the run's own, removed afterwards unless `keep_dir` says otherwise.");
    page.section("STANDARD INPUT")
        .paragraph("One line of JSON: the message, as `mrpctl tail` shows it and `mrpctl schema message` describes it. `stdin` changes that to the text, the body or nothing. With `batch` it is a list of messages.");
    page.section("ENVIRONMENT").paragraph(
        "Of the daemon's own environment there are PATH, HOME, USER, LANG, TZ, DBUS_SESSION_BUS_ADDRESS and XDG_*, and what `pass_env` names. `env` adds to it. A value that a peer has chosen is empty where it has more than 4 KiB or a NUL.",
    );
    for (name, about) in VARIABLES {
        page.item(name, about);
    }
    page.section("EXIT STATUS");
    for (statuses, meaning) in STATUSES {
        let statuses: Vec<String> = statuses.iter().map(ToString::to_string).collect();
        page.item(&statuses.join(", "), in_words(*meaning));
    }
    page.item("any other", in_words(Meaning::Failed));
    page.paragraph("A run that takes longer than `timeout` gets SIGTERM, with its whole process group, and SIGKILL after `kill_after`. It counts as failed.");
    page.section("STANDARD OUTPUT")
        .paragraph("With `reply` it becomes a reply to the message, in its thread. The reply is marked as automatic, and nothing answers a marked message by itself. What a capability writes must be JSON and becomes the result of the request; a JSON object with code and message on descriptor 3 becomes its error. Of standard output and standard error 64 KiB are kept for the hook log.");
    page.section("WHO MAY SET IT OFF")
        .paragraph("Without `from` only contacts do. Where senders are named, only messages count whose sender is proven, unless the hook says `unverified = true`. What was passed over for that reason is in the hook log.");
    page.section("ORDER AND LOAD")
        .paragraph("Hooks run in the order of the configuration. One hook takes the messages of one sender in their order; a message that fails holds up its own sender in its own hook, and nothing else. `concurrency`, `rate`, `debounce` and `batch` bound the load.")
        .paragraph("Each message is handed to a hook at least once: after a crash it comes again, with the same MRP_MESSAGE_ID and a higher MRP_ATTEMPT.");
    page.see_also(&["mrpd.toml(5)", "mrpd(8)", "mrpctl(1)", "mrpd-api(7)"]);
    page.finish()
}
