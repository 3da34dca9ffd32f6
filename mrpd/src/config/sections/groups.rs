//! `[groups]`, and the lists of people that other sections have.

use crate::audience::{Audience, Groups};
use crate::config::reader::Reader;

/// Reads the section. A group whose members cannot be used is left out; who names it is told so.
pub(super) fn read(top: &mut Reader<'_>) -> Groups {
    let mut reader = top.child("groups");
    let written: Groups = reader
        .keys()
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), reader.texts(name)?)))
        .collect();
    let mut groups = written.clone();
    for (name, members) in &written {
        if let Err(error) = Audience::parse(members, &written) {
            reader.wrong(name, error.to_string());
            groups.remove(name);
        }
    }
    reader.finish();
    groups
}

/// Reads a list of people; `None` if it is absent or wrong.
pub(super) fn audience<'a>(
    reader: &mut Reader<'a>,
    key: &'a str,
    groups: &Groups,
) -> Option<Audience> {
    let entries = reader.texts(key)?;
    match Audience::parse(&entries, groups) {
        Ok(audience) => Some(audience),
        Err(error) => {
            reader.wrong(key, error.to_string());
            None
        }
    }
}
