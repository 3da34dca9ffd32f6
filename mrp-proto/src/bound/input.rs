//! `Signature-Input` and `Signature`: reading the one signature that is ours, and its parameters (RFC 9421 sections 2.3 and 4).

use super::component::Component;
use super::structured::{self, Bare, Item, Member, Parameters};
use super::{ALGORITHM, BoundError, Nonce, TAG};
use crate::key::Signature;

/// Characters of a name that came from outside and is repeated in an error.
const NAME: usize = 64;

/// A signature as it was sent, with what it says about itself.
#[derive(Debug, Clone)]
pub(super) struct Input {
    pub(super) covered: Vec<Component>,
    /// Unix seconds.
    pub(super) created: i64,
    /// Unix seconds.
    pub(super) expires: i64,
    pub(super) nonce: Nonce,
    pub(super) keyid: String,
    pub(super) signature: Signature,
    /// The value of `@signature-params`, in the one spelling that RFC 9421 section 2.3 has for it.
    pub(super) parameters: String,
}

/// Finds the signature with our tag; `None` if there is none. Signatures by others, such as proxies, are passed over.
pub(super) fn find(
    signature_input: &str,
    signature: Option<&str>,
) -> Result<Option<Input>, BoundError> {
    let inputs = read("Signature-Input", signature_input)?;
    let mut ours = inputs
        .into_iter()
        .filter_map(|(label, member)| match member {
            Member::List(items, parameters) if has_our_tag(&parameters) => {
                Some((label, items, parameters))
            }
            Member::List(..) | Member::Item(_) => None,
        });
    let Some((label, items, parameters)) = ours.next() else {
        return Ok(None);
    };
    if ours.next().is_some() {
        return Err(BoundError::Several);
    }
    let signature = find_signature(&label, signature.unwrap_or_default())?;
    input(&items, &parameters, signature).map(Some)
}

/// The value of `@signature-params`, and of a member of `Signature-Input`.
pub(super) fn write_parameters<'a>(
    covered: impl IntoIterator<Item = &'a str>,
    parameters: &[(&str, Value<'_>)],
) -> String {
    let mut out = String::from("(");
    for (position, name) in covered.into_iter().enumerate() {
        if position > 0 {
            out.push(' ');
        }
        structured::write_text(&mut out, name);
    }
    out.push(')');
    for (name, value) in parameters {
        out.push(';');
        out.push_str(name);
        out.push('=');
        match value {
            Value::Integer(number) => out.push_str(&number.to_string()),
            Value::Text(text) => structured::write_text(&mut out, text),
        }
    }
    out
}

/// A parameter's value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Integer(i64),
    Text(&'a str),
}

fn read(field: &'static str, text: &str) -> Result<Vec<(String, Member)>, BoundError> {
    structured::dictionary(text).map_err(|source| BoundError::Malformed { field, source })
}

fn has_our_tag(parameters: &Parameters) -> bool {
    let is_ours =
        |(name, value): &(String, Bare)| name == "tag" && *value == Bare::Text(TAG.to_owned());
    parameters.iter().any(is_ours)
}

fn find_signature(label: &str, text: &str) -> Result<Signature, BoundError> {
    let signatures = read("Signature", text)?;
    let found = signatures.into_iter().find(|(name, _)| name == label);
    let bytes = match found {
        None => {
            let label = shorten(label);
            return Err(BoundError::NoSignature { label });
        }
        Some((_, Member::Item(item))) if item.parameters.is_empty() => match item.value {
            Bare::Bytes(bytes) => <[u8; 64]>::try_from(bytes).ok(),
            _ => None,
        },
        Some(_) => None,
    };
    let bytes = bytes.ok_or_else(|| BoundError::NotASignature {
        label: shorten(label),
    })?;
    Ok(Signature::from_bytes(bytes))
}

fn input(
    items: &[Item],
    parameters: &Parameters,
    signature: Signature,
) -> Result<Input, BoundError> {
    let covered = covered(items)?;
    let integer = |name: &'static str| match value(parameters, name)? {
        Value::Integer(number) if number >= 0 => Ok(number),
        _ => Err(invalid(name, "must be a time in whole Unix seconds")),
    };
    let text = |name: &'static str| match value(parameters, name)? {
        Value::Text(text) => Ok(text),
        Value::Integer(_) => Err(invalid(name, "must be a text in quotation marks")),
    };
    let nonce = text("nonce")?
        .parse()
        .map_err(|_| invalid("nonce", "must have 16 to 64 visible ASCII characters"))?;
    if let Some((_, algorithm)) = parameters.iter().find(|(name, _)| name == "alg")
        && *algorithm != Bare::Text(ALGORITHM.to_owned())
    {
        return Err(invalid("alg", "must be \"ed25519\", or left out"));
    }
    Ok(Input {
        created: integer("created")?,
        expires: integer("expires")?,
        nonce,
        keyid: text("keyid")?.to_owned(),
        signature,
        parameters: canonical(&covered, parameters)?,
        covered,
    })
}

fn covered(items: &[Item]) -> Result<Vec<Component>, BoundError> {
    let mut covered = Vec::with_capacity(items.len());
    for item in items {
        let unknown = |name: &str| BoundError::UnknownComponent {
            name: shorten(name),
        };
        let Bare::Text(name) = &item.value else {
            return Err(unknown("what is no text"));
        };
        if let Some((parameter, _)) = item.parameters.first() {
            return Err(unknown(&format!("{name};{parameter}")));
        }
        let component = Component::parse(name).ok_or_else(|| unknown(name))?;
        if covered.contains(&component) {
            let name = component.name();
            return Err(BoundError::Repeated { name });
        }
        covered.push(component);
    }
    Ok(covered)
}

/// Everything in the order in which it came. What we do not know is refused: it might restrict the signature.
fn canonical(covered: &[Component], parameters: &Parameters) -> Result<String, BoundError> {
    const KNOWN: [&str; 6] = ["created", "expires", "nonce", "keyid", "alg", "tag"];
    let mut values = Vec::with_capacity(parameters.len());
    for (name, bare) in parameters {
        let value = match bare {
            Bare::Integer(number) => Value::Integer(*number),
            Bare::Text(text) => Value::Text(text),
            Bare::Bytes(_) | Bare::Other => {
                let name = shorten(name);
                return Err(BoundError::UnknownParameter { name });
            }
        };
        if !KNOWN.contains(&name.as_str()) {
            let name = shorten(name);
            return Err(BoundError::UnknownParameter { name });
        }
        values.push((name.as_str(), value));
    }
    let covered = covered.iter().map(|component| component.name());
    Ok(write_parameters(covered, &values))
}

fn value<'a>(parameters: &'a Parameters, name: &'static str) -> Result<Value<'a>, BoundError> {
    match parameters.iter().find(|(given, _)| given == name) {
        Some((_, Bare::Integer(number))) => Ok(Value::Integer(*number)),
        Some((_, Bare::Text(text))) => Ok(Value::Text(text)),
        Some(_) => Err(invalid(name, "must be a text or a whole number")),
        None => Err(BoundError::NoParameter { name }),
    }
}

fn invalid(name: &'static str, rule: &'static str) -> BoundError {
    BoundError::Parameter { name, rule }
}

fn shorten(name: &str) -> String {
    name.chars().take(NAME).collect()
}
