//! QR codes, drawn with half blocks: two modules a character.

use crate::exit::{Failure, Reason};
use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// A text as a QR code. It is drawn light on dark, as terminals mostly are, with the quiet zone that readers need.
pub(crate) fn draw(text: &str) -> Result<String, Failure> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).map_err(|error| {
        Failure::new(
            Reason::BadData,
            format!("there is no QR code of this: {error}"),
        )
    })?;
    let drawn = code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .build();
    Ok(drawn + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_square_and_has_a_quiet_zone() {
        let drawn = draw("mrp:iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w?name=laptop").unwrap();
        let lines: Vec<&str> = drawn.lines().collect();
        let width = lines[0].chars().count();
        assert!(lines.iter().all(|line| line.chars().count() == width));
        assert_eq!(lines.len(), width.div_ceil(2));
        assert!(lines[0].chars().all(|letter| letter == '█'), "{drawn}");
        assert!(draw(&"x".repeat(4000)).is_err());
    }
}
