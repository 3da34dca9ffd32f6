//! Manual pages, made of the flags and their help.

use super::tree;
use clap::Command;
use clap_mangen::Man;

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
    let mut page = Vec::new();
    Man::new(command)
        .section(SECTION)
        .source(concat!("mrpctl ", env!("CARGO_PKG_VERSION")))
        .manual("Machine Relay Protocol")
        .render(&mut page)
        .expect("writing to memory does not fail");
    page
}
