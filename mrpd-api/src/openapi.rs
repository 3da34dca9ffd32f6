//! Schemas, for the OpenAPI document of the daemon, of what serde reads and writes as it is. The other types derive theirs.

use crate::error::Code;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(Self::ALL.iter().map(|code| code.as_str())))
            .description(Some(
                "Why a request was refused; each code has one HTTP status and one exit status of mrpctl.",
            ))
            .into()
    }
}

impl ToSchema for Code {
    fn name() -> std::borrow::Cow<'static, str> {
        "ErrorCode".into()
    }
}

/// Any JSON, whose bytes are passed through.
pub(crate) fn any_json() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .description(Some("Any JSON; its bytes are passed through unchanged."))
        .build()
}
