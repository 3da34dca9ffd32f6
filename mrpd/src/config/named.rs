//! Lists of tables with names of their own.

/// Something that is configured under a name.
pub trait HasName {
    /// The name.
    fn name(&self) -> &str;
}

/// What is configured under names: what can be used of it, and what is written wrongly.
#[derive(Debug, Clone, PartialEq)]
pub struct Named<T> {
    /// What is in force, in order.
    pub items: Vec<T>,
    /// Names of those that are written wrongly.
    pub refused: Vec<String>,
    /// Whether what is written is no list at all, so that not even names are known.
    pub unreadable: bool,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            refused: Vec::new(),
            unreadable: false,
        }
    }
}

impl<T: HasName + Clone> Named<T> {
    /// The one of that name.
    pub fn find(&self, name: &str) -> Option<&T> {
        self.items.iter().find(|item| item.name() == name)
    }

    /// What was right before stays in force in place of what is written wrongly now.
    pub(super) fn keep_refused(&mut self, before: &Self) {
        if self.unreadable {
            for item in &before.items {
                if self.find(item.name()).is_none() {
                    self.items.push(item.clone());
                }
            }
            return;
        }
        for name in &self.refused {
            if self.find(name).is_none() {
                self.items.extend(before.find(name).cloned());
            }
        }
    }

    /// Those that were there before stay as they were.
    pub(super) fn keep_known(&mut self, before: &Self) {
        for item in &mut self.items {
            if let Some(known) = before.find(item.name()) {
                *item = known.clone();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Item(&'static str, u8);

    impl HasName for Item {
        fn name(&self) -> &str {
            self.0
        }
    }

    #[test]
    fn what_was_right_before_stands_in_for_what_is_wrong_now() {
        let before = Named {
            items: vec![Item("a", 1), Item("b", 1)],
            ..Named::default()
        };
        let mut after = Named {
            items: vec![Item("a", 2)],
            refused: vec!["b".to_owned(), "c".to_owned()],
            unreadable: false,
        };
        after.keep_refused(&before);
        assert_eq!(after.items, [Item("a", 2), Item("b", 1)]);
        assert_eq!(after.find("b"), Some(&Item("b", 1)));
        assert_eq!(after.find("c"), None);
    }

    #[test]
    fn all_of_before_stays_where_no_list_is_written_now() {
        let before = Named {
            items: vec![Item("a", 1), Item("b", 1)],
            ..Named::default()
        };
        let mut after = Named {
            items: vec![Item("a", 2)],
            refused: Vec::new(),
            unreadable: true,
        };
        after.keep_refused(&before);
        assert_eq!(after.items, [Item("a", 2), Item("b", 1)]);
    }
}
