//! A page of the manual, part by part.

use clap_mangen::roff::{Inline, Roff, bold, roman};

const MANUAL: &str = "Machine Relay Protocol";

/// A page that is being written.
pub(super) struct Page(Roff);

impl Page {
    pub(super) fn new(name: &str, section: &str, about: &str) -> Self {
        let mut roff = Roff::new();
        let version = concat!("mrpd ", env!("CARGO_PKG_VERSION"));
        roff.control("TH", [name, section, "", version, MANUAL]);
        roff.control("SH", ["NAME"]);
        roff.text([roman(format!("{name} - {about}"))]);
        Self(roff)
    }

    pub(super) fn section(&mut self, title: &str) -> &mut Self {
        self.0.control("SH", [title]);
        self
    }

    pub(super) fn subsection(&mut self, title: &str) -> &mut Self {
        self.0.control("SS", [title]);
        self
    }

    /// A paragraph.
    pub(super) fn paragraph(&mut self, text: &str) -> &mut Self {
        self.0.control("PP", []);
        self.0.text(inlines(text));
        self
    }

    /// Something, and what it is.
    pub(super) fn item(&mut self, term: &str, text: &str) -> &mut Self {
        self.0.control("TP", []);
        self.0.text([bold(term)]);
        self.0.text(inlines(text));
        self
    }

    /// Lines as they are.
    pub(super) fn example(&mut self, lines: &str) -> &mut Self {
        self.0.control("PP", []);
        self.0.control("RS", ["4"]);
        self.0.control("nf", []);
        for line in lines.lines() {
            self.0.text([roman(line)]);
        }
        self.0.control("fi", []);
        self.0.control("RE", []);
        self
    }

    /// Other pages, as `mrpd(8)`.
    pub(super) fn see_also(&mut self, pages: &[&str]) -> &mut Self {
        self.section("SEE ALSO");
        self.0.text([roman(pages.join(", "))]);
        self
    }

    pub(super) fn finish(&self) -> String {
        self.0.render()
    }
}

/// What stands between backquotes is bold.
fn inlines(text: &str) -> Vec<Inline> {
    let parts = text.split('`').enumerate();
    let is_bold = |place: usize| place % 2 == 1;
    parts
        .filter(|(_, part)| !part.is_empty())
        .map(|(place, part)| {
            if is_bold(place) {
                bold(part)
            } else {
                roman(part)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_its_head_and_nothing_in_it_is_a_request() {
        let mut page = Page::new("x", "7", "y");
        page.section("A")
            .paragraph(".so /etc/passwd `b\\c`")
            .example("'quoted\n  in");
        let text = page.finish();
        assert!(text.contains(".TH x 7"), "{text}");
        for line in [".so", "'quoted"] {
            assert!(!text.lines().any(|found| found.starts_with(line)), "{text}");
        }
        assert!(text.contains("\\fBb\\\\c\\fR"), "{text}");
    }
}
