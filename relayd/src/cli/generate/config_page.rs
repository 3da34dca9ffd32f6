//! relayd.toml(5): every field there is, and the configuration that `relayd init` writes, which says what each is for.

use crate::config::{Config, Deployment, template};
use clap_mangen::roff::{Roff, bold, roman};

const VERSION: &str = concat!("relayd ", env!("CARGO_PKG_VERSION"));
const DESCRIPTION: &[&str] = &[
    "relayd(8) reads /etc/relayd/relayd.toml, or the file that --config or RELAYD_CONFIG names. Every field has a default; a field can \
     also be set with --set KEY=VALUE, which goes before the file.",
    "relayd check names file, line and field of a mistake. SIGHUP has the relay read the file again; what it cannot change while it \
     runs it says.",
    "Times are texts such as \"10s\", \"5m\" or \"7d\". Sizes are numbers of bytes, or texts such as \"256MiB\".",
];

/// The page.
pub(super) fn page() -> String {
    let mut page = Roff::new();
    page.control(
        "TH",
        ["relayd.toml", "5", "", VERSION, "Machine Relay Protocol"],
    );
    page.control("SH", ["NAME"]);
    page.text([roman("relayd.toml - configuration of relayd")]);
    page.control("SH", ["DESCRIPTION"]);
    for paragraph in DESCRIPTION {
        page.control("PP", []);
        page.text([roman(*paragraph)]);
    }
    page.control("SH", ["FIELDS"]);
    for (name, allowed) in Config::fields() {
        page.control("TP", []);
        page.text([bold(name)]);
        page.text([roman(format!("Takes {allowed}."))]);
    }
    page.control("SH", ["FILE"]);
    page.text([roman("With all defaults, as relayd init writes it:")]);
    page.control("PP", []);
    page.control("nf", []);
    for line in template(&Deployment::default()).lines() {
        page.text([roman(line)]);
    }
    page.control("fi", []);
    page.control("SH", ["SEE ALSO"]);
    page.text([roman("relayd(8), mrp(7)")]);
    page.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_on_the_page() {
        let page = page();
        for (name, _) in Config::fields() {
            assert!(page.contains(&format!("\\fB{name}\\fR")), "{name}");
        }
        assert!(page.contains("#listen = "));
    }
}
