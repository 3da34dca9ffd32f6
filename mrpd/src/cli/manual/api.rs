//! mrpd-api(7): the local interface, from its own description.

use super::page::Page;
use mrpd_api::error::Code;
use serde_json::Value;

const EXAMPLE: &str = "\
curl --unix-socket $XDG_RUNTIME_DIR/mrp/mrpd.sock http://mrpd/v1/status
mrpctl api GET /v1/status";

pub(super) fn page() -> String {
    page_of(&crate::api::description())
}

fn page_of(document: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut page = Page::new("mrpd-api", "7", "the local interface of mrpd");
    page.section("DESCRIPTION");
    for paragraph in text(&document["info"]["description"]).split("\n\n") {
        page.paragraph(paragraph);
    }
    page.paragraph("What follows is short. Bodies, parameters and answers are in the OpenAPI document that the daemon serves at `/v1/openapi.json` and `mrpd openapi` prints.");
    page.section("EXAMPLES").example(EXAMPLE);
    page.section("ROUTES");
    for tag in document["tags"].as_array().into_iter().flatten() {
        let name = text(&tag["name"]);
        page.subsection(&name);
        page.paragraph(&format!("{}.", text(&tag["description"])));
        for (method, path, operation) in operations(document, &name) {
            let summary = text(&operation["summary"]);
            let more = text(&operation["description"]);
            let about = format!("{summary}. {more}");
            page.item(&format!("{method} {path}"), about.trim());
        }
    }
    page.section("ERRORS").paragraph("A refusal is an object `error` with `code`, `message`, `hint`, `retryable`, `request_id`, and `exit`: the exit status with which a program should end that cannot go on.");
    for code in Code::ALL {
        let status = code.exit();
        page.item(code.as_str(), &format!("Exit status {status}."));
    }
    page.see_also(&["mrpd(8)", "mrpctl-api(1)", "mrpd.toml(5)", "mrp-hooks(7)"]);
    page.finish()
}

/// Method, path and operation of all that carry a tag.
fn operations<'a>(
    document: &'a Value,
    tag: &'a str,
) -> impl Iterator<Item = (String, &'a str, &'a Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(move |(path, item)| {
        let operations = item.as_object().into_iter().flatten();
        operations
            .filter(move |(_, operation)| operation["tags"][0] == tag)
            .map(|(method, operation)| (method.to_uppercase(), path.as_str(), operation))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_on_the_page() {
        let document = crate::api::description();
        let page = page_of(&document);
        let paths = document["paths"].as_object().unwrap();
        assert!(paths.len() > 50);
        for (path, item) in paths {
            for method in item.as_object().unwrap().keys() {
                let line = format!("{} {path}", method.to_uppercase()).replace('-', "\\-");
                assert!(page.contains(&line), "{line}");
            }
        }
    }
}
