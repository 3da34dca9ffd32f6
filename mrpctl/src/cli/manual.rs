//! Manual pages, made of the flags and their help.

use super::tree;
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

/// Programs for users are in this section of the manual.
const SECTION: &str = "1";

/// The page of the program itself.
pub(crate) fn manual_page() -> Vec<u8> {
    page(tree())
}

/// The pages of the program and of every command, each with its file name.
pub(crate) fn manual_pages() -> Vec<(String, Vec<u8>)> {
    let mut tree = tree();
    // Gives the commands below their whole names.
    tree.build();
    let mut pages = Vec::new();
    collect(tree, &mut pages);
    pages
}

fn collect(command: Command, pages: &mut Vec<(String, Vec<u8>)>) {
    for below in command.get_subcommands() {
        if !below.is_hide_set() && below.get_name() != "help" {
            collect(below.clone(), pages);
        }
    }
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name())
        .to_owned();
    pages.push((format!("{name}.{SECTION}"), page(command)));
}

fn page(command: Command) -> Vec<u8> {
    let after = command
        .get_after_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let has_subcommands = command.has_subcommands();
    let man = Man::new(command)
        .section(SECTION)
        .source(concat!("mrpctl ", env!("CARGO_PKG_VERSION")))
        .manual("Machine Relay Protocol");
    let mut page = Vec::new();
    let rendered = man
        .render_title(&mut page)
        .and_then(|()| man.render_name_section(&mut page))
        .and_then(|()| man.render_synopsis_section(&mut page))
        .and_then(|()| man.render_description_section(&mut page))
        .and_then(|()| man.render_options_section(&mut page))
        .and_then(|()| match has_subcommands {
            true => man.render_subcommands_section(&mut page),
            false => Ok(()),
        })
        .and_then(|()| sections(&after).to_writer(&mut page));
    rendered.expect("writing to memory does not fail");
    once_begun(&String::from_utf8_lossy(&page)).into_bytes()
}

/// Each part begins as if it were a page of its own; once is enough.
fn once_begun(page: &str) -> String {
    let beginning = Roff::new().render();
    beginning.clone() + &page.replace(&beginning, "")
}

/// What stands behind the help: headings in capitals, lines as they are, and the pages that go with it.
fn sections(after_help: &str) -> Roff {
    let mut roff = Roff::new();
    for block in after_help.split("\n\n") {
        let mut lines = block.lines().peekable();
        let is_heading = |line: &&str| {
            line.chars()
                .all(|letter| letter.is_ascii_uppercase() || letter == ' ')
        };
        match lines.next_if(is_heading) {
            Some(heading) => roff.control("SH", [heading]),
            None => roff.control("PP", []),
        };
        roff.control("nf", []);
        for line in lines {
            roff.text([roman(line)]);
        }
        roff.control("fi", []);
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(
        "mrpctl(1), mrpd(8), mrpd.toml(5), mrp-hooks(7), mrp(7)",
    )]);
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_keep_their_lines_and_every_command_has_a_page() {
        let pages = manual_pages();
        let find = |name: &str| {
            let found = pages.iter().find(|(found, _)| found == name);
            String::from_utf8(found.unwrap().1.clone()).unwrap()
        };
        let send = find("mrpctl-send.1");
        assert!(send.contains(".SH EXAMPLES\n.nf\n"), "{send}");
        assert!(find("mrpctl-config-set.1").contains("mrpctl"));
        assert!(find("mrpctl.1").contains(".SH \"EXIT STATUS\""));
        let commands = tree().get_subcommands().count();
        assert!(pages.len() > commands);
    }
}
