//! A key may begin with `-`, so whoever is meant is taken whatever it looks like: a mistyped option then looks like a person, and is
//! told from one here, wherever the help says WHO.

use super::ParseError;
use crate::cmd::sending::recipient::check_recipient;
use clap::ArgMatches;

/// The name that such values have in the help.
const WHO: &str = "WHO";

/// Refuses a mistyped option in the place of a person.
pub(super) fn check(tree: &clap::Command, matches: &ArgMatches) -> Result<(), ParseError> {
    let mut place = (tree, matches);
    let mut path: Vec<&str> = Vec::new();
    while let Some((name, inner)) = place.1.subcommand() {
        let Some(command) = place.0.find_subcommand(name) else {
            break;
        };
        path.push(command.get_name());
        place = (command, inner);
    }
    let (command, matches) = place;
    let people = command.get_arguments().filter(|argument| {
        let names = argument.get_value_names();
        names.is_some_and(|names| names.iter().any(|name| name == WHO))
    });
    for argument in people {
        let given = matches.get_raw(argument.get_id().as_str());
        for text in given.into_iter().flatten().filter_map(|text| text.to_str()) {
            if text.starts_with('-') {
                check_recipient(&path.join(" "), text).map_err(ParseError::Mistyped)?;
            }
        }
    }
    Ok(())
}
