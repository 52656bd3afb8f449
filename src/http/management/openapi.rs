//! The OpenAPI 3.1 document, made from the table that also makes the routes.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type,
};
use utoipa::openapi::security::{
    ClientCredentials, Flow, OAuth2, Scopes, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, KnownFormat, OpenApi, OpenApiBuilder, Paths,
    Ref, RefOr, Required, ResponseBuilder, SchemaFormat,
};

use super::endpoint::{Endpoint, Gives, Method, Resource, Takes};
use super::shape::{Field, Shape, Stage};
use super::table;
use crate::admin::management_api;

const SCHEME: &str = "management";
const JSON: &str = "application/json";

/// `GET /api/v2/openapi.json`. It tells nothing of a tenant, so it needs no token.
pub(super) async fn document() -> Response {
    static TEXT: LazyLock<Result<String, String>> = LazyLock::new(|| {
        openapi()
            .to_pretty_json()
            .map_err(|error| error.to_string())
    });
    match &*TEXT {
        Ok(text) => ([(header::CONTENT_TYPE, JSON)], text.as_str()).into_response(),
        Err(error) => crate::http::error::management::Refused::unexpected(error).into_response(),
    }
}

fn openapi() -> OpenApi {
    let mut paths = Paths::new();
    let mut components = ComponentsBuilder::new()
        .security_scheme(SCHEME, security_scheme())
        .schema("Error", error_schema());
    let mut known = BTreeSet::new();
    for endpoint in table::endpoints() {
        for (name, schema) in schemas(endpoint) {
            if known.insert(name.clone()) {
                components = components.schema(name, schema);
            }
        }
        paths.add_path_operation(
            format!("/api/v2{}", endpoint.path),
            vec![method(endpoint.method)],
            operation(endpoint),
        );
    }
    let info = InfoBuilder::new()
        .title("Claimsmith management API")
        .version("2")
        .description(Some(
            "Administers one tenant, the one of the host name. Authorised by a client_credentials token for the audience `ISSUER/api/v2/`.",
        ));
    OpenApiBuilder::new()
        .info(info.build())
        .paths(paths)
        .components(Some(components.build()))
        .build()
}

fn security_scheme() -> SecurityScheme {
    let scopes = management_api::scopes();
    let scopes = scopes
        .into_iter()
        .map(|scope| (scope.value, scope.description));
    let flow = ClientCredentials::new("/oauth/token", Scopes::from_iter(scopes));
    SecurityScheme::OAuth2(OAuth2::new([Flow::ClientCredentials(flow)]))
}

fn method(method: Method) -> HttpMethod {
    match method {
        Method::Get => HttpMethod::Get,
        Method::Post => HttpMethod::Post,
        Method::Put => HttpMethod::Put,
        Method::Patch => HttpMethod::Patch,
        Method::Delete => HttpMethod::Delete,
    }
}

/// `get_clients_client_id`: stable, and unique as path and method are.
fn operation_id(endpoint: &Endpoint) -> String {
    let path: Vec<&str> = endpoint.path.split(['/', '-', '_', '{', '}']).collect();
    let words = path.into_iter().filter(|word| !word.is_empty());
    let verb = format!("{:?}", endpoint.method).to_lowercase();
    [verb.as_str()]
        .into_iter()
        .chain(words)
        .collect::<Vec<_>>()
        .join("_")
}

fn operation(endpoint: &Endpoint) -> OperationBuilder {
    let tag = endpoint.path.split('/').nth(1).unwrap_or_default();
    let mut operation = OperationBuilder::new()
        .operation_id(Some(operation_id(endpoint)))
        .summary(Some(endpoint.about))
        .tag(tag);
    for scope in endpoint.scopes {
        operation = operation.security(SecurityRequirement::new(SCHEME, [*scope]));
    }
    for name in endpoint
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{'))
    {
        let parameter = ParameterBuilder::new()
            .name(name.trim_end_matches('}'))
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
        operation = operation.parameter(parameter);
    }
    for field in endpoint.query.iter().copied().flatten() {
        let required = match field.is_required_in(Stage::Create) {
            true => Required::True,
            false => Required::False,
        };
        let parameter = ParameterBuilder::new()
            .name(field.name)
            .parameter_in(ParameterIn::Query)
            .required(required)
            .description(Some(field.about))
            .schema(Some(schema(field.shape, Stage::Create)));
        operation = operation.parameter(parameter);
    }
    if let Some(name) = body_name(endpoint.takes) {
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(name)))
            .build();
        let mut body = RequestBodyBuilder::new();
        if endpoint.takes_forms() {
            body = body.content("multipart/form-data", content.clone());
        }
        let required = match endpoint.or_empty {
            true => Required::False,
            false => Required::True,
        };
        if !matches!(endpoint.takes, Takes::Form(_)) {
            body = body.content(JSON, content);
        }
        let body = body.required(Some(required));
        operation = operation.request_body(Some(body.build()));
    }
    responses(endpoint, operation)
}

fn responses(endpoint: &Endpoint, operation: OperationBuilder) -> OperationBuilder {
    let described = |text: &str| ResponseBuilder::new().description(text);
    let json = |schema: RefOr<Schema>| ContentBuilder::new().schema(Some(schema)).build();
    let (status, success) = match endpoint.gives {
        Gives::Nothing(status) => (status, described("Done.")),
        Gives::One(status, resource) => {
            let schema = Ref::from_schema_name(resource.name);
            (
                status,
                described("The document.").content(JSON, json(schema.into())),
            )
        }
        Gives::Part(name, resource) => {
            let schema = listing(name, resource);
            (
                StatusCode::OK,
                described("A page.").content(JSON, json(schema.into())),
            )
        }
        Gives::All(resource) | Gives::AllOrNothing(resource) => {
            let items = ArrayBuilder::new().items(Ref::from_schema_name(resource.name));
            (
                StatusCode::OK,
                described("All of them.").content(JSON, json(Schema::from(items).into())),
            )
        }
        Gives::Number => {
            let number = Schema::from(ObjectBuilder::new().schema_type(Type::Integer));
            (
                StatusCode::OK,
                described("The number.").content(JSON, json(number.into())),
            )
        }
        Gives::Bytes(media_types) => {
            let bytes = media_types
                .iter()
                .fold(described("Bytes."), |bytes, media_type| {
                    bytes.content(*media_type, ContentBuilder::new().build())
                });
            (StatusCode::OK, bytes)
        }
        Gives::Events(resource) => {
            // OpenAPI 3.1 describes a body as a whole, and the last event, `end`, is another document.
            let text = format!(
                "Server-sent events, until either side ends them; the data of each but `end` is a `{}`.",
                resource.name
            );
            let content = ContentBuilder::new().build();
            (
                StatusCode::OK,
                described(&text).content("text/event-stream", content),
            )
        }
    };
    let mut operation = operation.response(status.as_u16().to_string(), success);
    if matches!(endpoint.gives, Gives::AllOrNothing(_)) {
        operation = operation.response("204", described("There are none."));
    }
    let takes_body = !matches!(endpoint.takes, Takes::Nothing);
    for (status, text, stands) in [
        (400, "The request is not what the endpoint takes.", true),
        (401, "No token, or none that is good here.", true),
        (
            403,
            "The token does not grant what the endpoint needs.",
            true,
        ),
        (404, "There is no such thing.", true),
        (408, "The body took too long to arrive.", true),
        (
            409,
            "There is one already, or somebody else changed it at the same time.",
            endpoint.method != Method::Get,
        ),
        (413, "The body is too large.", true),
        (415, "The body is of another media type.", takes_body),
        (
            429,
            "As many are at it as may.",
            endpoint.limited || matches!(endpoint.gives, Gives::Events(_)),
        ),
        (500, "Something that must not happen.", true),
        (503, "Not at the moment.", true),
    ] {
        if stands {
            let error = json(Ref::from_schema_name("Error").into());
            operation =
                operation.response(status.to_string(), described(text).content(JSON, error));
        }
    }
    // Refused before any endpoint is known, in the form of the token endpoint.
    operation.response("431", described("The request head is larger than 16 KiB."))
}

fn listing(name: &str, resource: &Resource) -> Schema {
    let items = || ArrayBuilder::new().items(Ref::from_schema_name(resource.name));
    let number = || ObjectBuilder::new().schema_type(Type::Integer);
    let envelope = ObjectBuilder::new()
        .property("start", number())
        .property("limit", number())
        .property("total", number())
        .property("next", ObjectBuilder::new().schema_type(Type::String))
        .property(name, items())
        .required(name);
    Schema::AnyOf(AnyOfBuilder::new().item(items()).item(envelope).build())
}

fn body_name(takes: Takes) -> Option<String> {
    match takes {
        Takes::Nothing => None,
        Takes::New(resource) => Some(format!("{}Create", resource.name)),
        Takes::Change(resource) => Some(format!("{}Update", resource.name)),
        Takes::Input(resource) | Takes::Form(resource) => Some(resource.name.to_owned()),
    }
}

/// The schemas that an endpoint refers to.
fn schemas(endpoint: &Endpoint) -> Vec<(String, Schema)> {
    let mut all = Vec::new();
    if let Some(name) = body_name(endpoint.takes) {
        let (fields, stage) = match endpoint.takes {
            Takes::Change(resource) => (resource.fields, Stage::Update),
            Takes::New(resource) | Takes::Input(resource) | Takes::Form(resource) => {
                (resource.fields, Stage::Create)
            }
            Takes::Nothing => (&[][..], Stage::Create),
        };
        all.push((name, object(fields, stage)));
    }
    if let Gives::One(_, resource)
    | Gives::Part(_, resource)
    | Gives::All(resource)
    | Gives::AllOrNothing(resource)
    | Gives::Events(resource) = endpoint.gives
    {
        all.push((
            resource.name.to_owned(),
            object(resource.fields, Stage::Answer),
        ));
    }
    all
}

fn error_schema() -> Schema {
    const ERROR: &[Field] = &[
        Field::output(
            "statusCode",
            Shape::Whole(400, 599),
            "The status once more.",
        ),
        Field::output("error", Shape::Text(100), "The status in words."),
        Field::output("message", Shape::Prose(10_000), "What is wrong."),
        Field::output(
            "errorCode",
            Shape::Text(100),
            "For programs, where there is one.",
        ),
        Field::output(
            "faults",
            Shape::List(&Shape::Object(FAULT), 100),
            "Of an upload that is no rule: all that was found wrong.",
        ),
    ];
    const FAULT: &[Field] = &[
        Field::output("code", Shape::Text(100), "For programs."),
        Field::output("message", Shape::Prose(10_000), "What is wrong."),
        Field::output("advice", Shape::Prose(10_000), "What to do."),
        Field::output(
            "line",
            Shape::Whole(1, u32::MAX as i64),
            "Where, in a script.",
        ),
        Field::output(
            "column",
            Shape::Whole(1, u32::MAX as i64),
            "Where in the line.",
        ),
        Field::output(
            "excerpt",
            Shape::Prose(1_000),
            "The line, with a caret under the place.",
        ),
        Field::output("import", Shape::Text(200), "Which import of a component."),
        Field::output(
            "offset",
            Shape::Whole(0, i64::MAX),
            "At which byte of a component.",
        ),
    ];
    object(ERROR, Stage::Answer)
}

fn object(fields: &[Field], stage: Stage) -> Schema {
    let mut object = ObjectBuilder::new().schema_type(Type::Object);
    for field in fields.iter().filter(|field| field.stands_in(stage)) {
        object = object.property(field.name, member(field, stage));
        if field.is_required_in(stage) {
            object = object.required(field.name);
        }
    }
    // Requests may have no others. Answers may come to have more.
    if stage != Stage::Answer {
        object =
            object.additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
    }
    object.into()
}

fn member(field: &Field, stage: Stage) -> Schema {
    let mut schema = schema(field.shape, stage);
    let about = (!field.about.is_empty()).then(|| field.about.to_owned());
    match &mut schema {
        Schema::Object(object) => {
            object.description = about;
            if field.nullable
                && let SchemaType::Type(kind) = object.schema_type.clone()
            {
                object.schema_type = SchemaType::Array(vec![kind, Type::Null]);
                if let Some(words) = &mut object.enum_values {
                    words.push(serde_json::Value::Null);
                }
            }
        }
        Schema::Array(array) => {
            array.description = about;
            if field.nullable {
                array.schema_type = SchemaType::Array(vec![Type::Array, Type::Null]);
            }
        }
        _ => {}
    }
    schema
}

fn schema(shape: Shape, stage: Stage) -> Schema {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    // Answers are not held to the bounds of requests: they may be older than a bound.
    let bounded = stage != Stage::Answer;
    match shape {
        Shape::Text(most) if bounded => text().min_length(Some(1)).max_length(Some(most)).into(),
        Shape::Base64(most) => {
            let text = text().content_encoding("base64");
            match bounded {
                true => text.max_length(Some(most)).into(),
                false => text.into(),
            }
        }
        Shape::Prose(most) if bounded => text().max_length(Some(most)).into(),
        Shape::Text(_) | Shape::Prose(_) => text().into(),
        Shape::Word(words) => text().enum_values(Some(words.iter().copied())).into(),
        Shape::Flag => ObjectBuilder::new().schema_type(Type::Boolean).into(),
        Shape::Whole(least, most) => {
            let number = ObjectBuilder::new().schema_type(Type::Integer);
            match bounded {
                true => number
                    .minimum(Some(least as f64))
                    .maximum(Some(most as f64))
                    .into(),
                false => number.into(),
            }
        }
        Shape::File(_) => text().content_media_type("application/octet-stream").into(),
        Shape::Moment => text()
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into(),
        Shape::List(item, most) => {
            let unique = matches!(item, Shape::Text(_) | Shape::Word(_));
            let list = ArrayBuilder::new().items(RefOr::from(schema(*item, stage)));
            match bounded {
                true => list.max_items(Some(most)).unique_items(unique).into(),
                false => list.into(),
            }
        }
        Shape::Object(fields) => object(fields, stage),
        Shape::Map => ObjectBuilder::new()
            .schema_type(Type::Object)
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(true)))
            .into(),
    }
}
