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
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            refused: Vec::new(),
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
        for name in &self.refused {
            self.items.extend(before.find(name).cloned());
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
            refused: Vec::new(),
        };
        let mut after = Named {
            items: vec![Item("a", 2)],
            refused: vec!["b".to_owned(), "c".to_owned()],
        };
        after.keep_refused(&before);
        assert_eq!(after.items, [Item("a", 2), Item("b", 1)]);
        assert_eq!(after.find("b"), Some(&Item("b", 1)));
        assert_eq!(after.find("c"), None);
    }
}
