//! Columns for people.

use super::escape;
use comfy_table::ContentArrangement;
use comfy_table::Table as Columns;
use comfy_table::presets::NOTHING;
use std::fmt;

/// A table without lines, its cells escaped.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Columns,
    rows: usize,
}

impl Table {
    pub(crate) fn new(heads: &[&str]) -> Self {
        let mut columns = Columns::new();
        columns
            .load_style(NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(heads.iter().map(|head| head.to_uppercase()));
        Self { columns, rows: 0 }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.columns
            .add_row(cells.iter().map(|cell| escape::line(cell)));
        self.rows += 1;
    }
}

/// Nothing at all where there are no rows.
impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows == 0 {
            return Ok(());
        }
        for line in self.columns.lines() {
            let line = line.strip_prefix(' ').unwrap_or(&line);
            writeln!(formatter, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// `name   value` lines, of those that have a value; continuation lines of a value are put below it.
pub(crate) fn pairs(pairs: &[(&str, String)]) -> String {
    let given = pairs.iter().filter(|(_, value)| !value.is_empty());
    let width = given.map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in pairs {
        for (number, line) in value.lines().enumerate() {
            let name = if number == 0 { *name } else { "" };
            text.push_str(format!("{name:<width$}  {}", escape::line(line)).trim_end());
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_cells_are_escaped() {
        let mut table = Table::new(&["name", "note"]);
        table.row(vec!["ann".into(), "met\u{1b}[1m".into()]);
        table.row(vec!["barbara".into(), String::new()]);
        insta::assert_snapshot!(table.to_string(), @r"
        NAME     NOTE
        ann      met\e[1m
        barbara
        ");
        assert_eq!(Table::new(&["name"]).to_string(), "");
    }

    #[test]
    fn values_of_several_lines_stay_in_their_column() {
        assert_eq!(
            pairs(&[
                ("key", "K".into()),
                ("relays", "home\nmrphub".into()),
                ("none", String::new())
            ]),
            "key     K\nrelays  home\n        mrphub\n"
        );
    }
}
