//! Text that others wrote, made harmless for a terminal: no control character gets through, nor anything that turns the
//! direction of writing around. What was there is shown escaped.

/// One line: newlines and tabs are escaped too.
pub(crate) fn line(text: &str) -> String {
    escape(text, |letter| letter < ' ')
}

/// A name that somebody gave themselves, in quotation marks: nobody takes it for one of one's own.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", line(name).replace('"', "\\\""))
}

/// Several lines: newlines and tabs stay.
pub(crate) fn block(text: &str) -> String {
    escape(text, |letter| {
        letter < ' ' && !matches!(letter, '\n' | '\t')
    })
}

fn escape(text: &str, is_control: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' if is_control(letter) => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' if is_control(letter) => escaped.push_str("\\t"),
            '\u{1b}' => escaped.push_str("\\e"),
            _ if is_control(letter) || deceives(letter) => {
                escaped.push_str(&format!("\\u{{{:x}}}", u32::from(letter)));
            }
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// DEL, C1, direction controls, line separators, and what takes no room.
fn deceives(letter: char) -> bool {
    matches!(letter,
        '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{180e}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_as_a_command() {
        for (given, shown) in [
            ("plain text, ümläut, 漢字", "plain text, ümläut, 漢字"),
            ("\u{1b}[31mred", "\\e[31mred"),
            ("\u{1b}]0;title\u{7}", "\\e]0;title\\u{7}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("a\u{2066}b\u{2069}", "a\\u{2066}b\\u{2069}"),
            ("over\rwritten", "over\\rwritten"),
            ("\u{7f}\u{0}\u{8}", "\\u{7f}\\u{0}\\u{8}"),
            ("in\u{200b}visible\u{feff}", "in\\u{200b}visible\\u{feff}"),
            ("soft\u{ad}hyphen", "soft\\u{ad}hyphen"),
            ("two\nlines\there", "two\\nlines\\there"),
        ] {
            assert_eq!(line(given), shown);
        }
    }

    #[test]
    fn a_quoted_name_cannot_end_its_quotation() {
        assert_eq!(quoted("alice"), "\"alice\"");
        assert_eq!(quoted("a\" bob \"\n"), "\"a\\\" bob \\\"\\n\"");
    }

    #[test]
    fn blocks_keep_their_lines() {
        assert_eq!(block("a\n\tb\r\n\u{1b}c"), "a\n\tb\\r\n\\ec");
    }

    #[test]
    fn no_control_character_survives_whatever_the_input() {
        for code in (0..0x3000)
            .chain(0xe0000..0xe0100)
            .filter_map(char::from_u32)
        {
            let shown = line(&code.to_string());
            assert!(
                !shown
                    .chars()
                    .any(|letter| letter.is_control() || deceives(letter)),
                "{:x}",
                u32::from(code)
            );
        }
    }
}
