//! File names from what others wrote. They are hints for people and never paths: whatever they are, the result names a file in the
//! one directory it is put into, shows as what it is, and is no device.

/// Bytes of a name, at most: file systems take 255, and room is left for a number.
const MOST: usize = 200;
/// Names that mean devices on one system or another, whatever stands behind their first dot.
const DEVICES: &[&str] = &["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"];

/// A name for the attachment at a place (from 0) of its message.
pub fn plain_name(given: Option<&str>, place: u32) -> String {
    let given = given.unwrap_or_default();
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown: String = last.chars().filter(|letter| !is_hidden(*letter)).collect();
    let bare = shown
        .trim_start_matches(|letter: char| letter == '.' || letter.is_whitespace())
        .trim_end_matches(|letter: char| letter == '.' || letter.is_whitespace());
    if bare.is_empty() {
        return format!("attachment-{}", place.saturating_add(1));
    }
    let short = shorten(bare);
    // What begins with a hyphen is an option to many a program.
    if is_device(&short) || short.starts_with(['-', '~']) {
        return format!("_{short}");
    }
    short
}

/// The same with a number, before what tells its kind.
pub fn numbered(name: &str, number: u32) -> String {
    match name.rsplit_once('.') {
        Some((stem, kind)) if !stem.is_empty() => format!("{stem}-{number}.{kind}"),
        _ => format!("{name}-{number}"),
    }
}

/// Whether a message's id can name a directory: ids that came out of a file were chosen by whoever wrote it.
pub fn is_folder_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0'])
}

/// Controls, and what turns or hides the letters around it.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
        || matches!(letter, ':' | '*' | '?' | '"' | '<' | '>' | '|')
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim().to_lowercase();
    let port = stem
        .strip_prefix("com")
        .or_else(|| stem.strip_prefix("lpt"))
        .is_some_and(|rest| {
            let mut rest = rest.chars();
            matches!(
                (rest.next(), rest.next()),
                (Some('0'..='9' | '¹' | '²' | '³'), None)
            )
        });
    port || DEVICES.contains(&stem.as_str())
}

fn shorten(name: &str) -> String {
    if name.len() <= MOST {
        return name.to_owned();
    }
    let kind = name
        .rsplit_once('.')
        .map(|(_, kind)| kind)
        .filter(|kind| !kind.is_empty() && kind.len() <= 16);
    let room = MOST - kind.map_or(0, |kind| kind.len() + 1);
    let mut end = room;
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    let stem = name[..end].trim_end();
    match kind {
        Some(kind) => format!("{stem}.{kind}"),
        None => stem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sender_writes_never_leads_anywhere() {
        for (given, name) in [
            ("report.pdf", "report.pdf"),
            ("Bericht März.txt", "Bericht März.txt"),
            ("../../.ssh/authorized_keys", "authorized_keys"),
            ("/etc/passwd", "passwd"),
            ("C:\\Windows\\win.ini", "win.ini"),
            ("..", "attachment-1"),
            (".", "attachment-1"),
            ("...", "attachment-1"),
            ("", "attachment-1"),
            ("a/", "attachment-1"),
            (".bashrc", "bashrc"),
            ("\0\u{1b}[31mred.sh", "[31mred.sh"),
            ("new\nline", "newline"),
            ("photo\u{202e}gpj.exe", "photogpj.exe"),
            ("zero\u{200b}width\u{feff}", "zerowidth"),
            ("CON", "_CON"),
            ("nul.txt", "_nul.txt"),
            ("Com1.log", "_Com1.log"),
            ("com10.log", "com10.log"),
            ("-rf", "_-rf"),
            ("~root", "_~root"),
            ("stream.txt:hidden", "stream.txthidden"),
            ("trailing. . ", "trailing"),
        ] {
            assert_eq!(plain_name(Some(given), 0), name, "{given:?}");
        }
        assert_eq!(plain_name(None, 2), "attachment-3");
    }

    #[test]
    fn long_names_keep_their_kind_and_their_letters_whole() {
        let long = format!("{}.tar", "ü".repeat(300));
        let name = plain_name(Some(&long), 0);
        assert!(name.len() <= MOST && name.ends_with(".tar"), "{name}");
        assert!(plain_name(Some(&"x".repeat(400)), 0).len() <= MOST);
        assert_eq!(numbered("a.tar", 1), "a-1.tar");
        assert_eq!(numbered("README", 2), "README-2");
    }
}
