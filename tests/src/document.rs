//! Blocks of code in documents, as tests run them.

use crate::programs::workspace;

/// A block, with the heading it stands under and the words behind its fence: ```` ```sh ci ````.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The nearest heading above it.
    pub heading: String,
    /// What it is written in, and what more is said of it.
    pub kind: String,
    /// Its lines.
    pub text: String,
}

/// All blocks of a document of the workspace, in order.
pub fn blocks(document: &str) -> Vec<Block> {
    let text = std::fs::read_to_string(workspace().join(document)).expect("a document");
    let (mut heading, mut open, mut blocks) = (String::new(), None::<Block>, Vec::new());
    for line in text.lines() {
        match &mut open {
            Some(_) if line == "```" => blocks.extend(open.take()),
            Some(block) => block.text.extend([line, "\n"]),
            None => {
                if let Some(kind) = line.strip_prefix("```") {
                    open = Some(Block {
                        heading: heading.clone(),
                        kind: kind.to_owned(),
                        text: String::new(),
                    });
                } else if line.starts_with('#') {
                    heading = line.trim_matches(['#', ' ']).to_owned();
                }
            }
        }
    }
    blocks
}
