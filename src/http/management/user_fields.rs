//! What a user is made of (contract, section 7.6).

use super::endpoint::Resource;
use super::shape::{Field, Shape};

const NAME: Shape = Shape::Text(300);

pub(super) static USER: Resource = Resource {
    name: "User",
    fields: &[
        Field::new(
            "user_id",
            Shape::Text(255),
            "Its identity; `auth0|` comes before what is given.",
        )
        .fixed(),
        Field::input(
            "connection",
            Shape::Text(128),
            "The directory it belongs to.",
        )
        .required()
        .also_later(),
        Field::new("email", Shape::Text(320), "Its e-mail address."),
        Field::new(
            "email_verified",
            Shape::Flag,
            "Whether the address was shown to be the user's.",
        ),
        Field::new("username", Shape::Text(128), "Its user name."),
        Field::new("phone_number", Shape::Text(16), "In the form of E.164.").or_null(),
        Field::new(
            "phone_verified",
            Shape::Flag,
            "Whether the number was shown to be the user's.",
        ),
        Field::new("name", NAME, "The full name.").or_null(),
        Field::new("nickname", NAME, "The short name.").or_null(),
        Field::new("given_name", Shape::Text(150), "The given name.").or_null(),
        Field::new("family_name", Shape::Text(150), "The family name.").or_null(),
        Field::new("picture", Shape::Text(2_048), "The URL of a picture.").or_null(),
        Field::new("blocked", Shape::Flag, "Whether it is shut out."),
        Field::new(
            "user_metadata",
            Shape::Map,
            "What the user may have written.",
        ),
        Field::new("app_metadata", Shape::Map, "What only the tenant writes."),
        Field::new("password", Shape::Prose(1_024), "Its password.").secret(),
        Field::new(
            "verify_email",
            Shape::Flag,
            "Without effect: no verification is sent.",
        )
        .secret(),
        Field::new(
            "verify_phone_number",
            Shape::Flag,
            "Without effect likewise.",
        )
        .secret()
        .later(),
        Field::new("verify_password", Shape::Flag, "Without effect likewise.")
            .secret()
            .later(),
        Field::new(
            "client_id",
            Shape::Text(100),
            "Without effect: it would choose an e-mail's template.",
        )
        .secret()
        .later(),
        Field::output(
            "identities",
            Shape::List(&Shape::Map, 10),
            "Where it can log in.",
        ),
        Field::output("created_at", Shape::Moment, "When it was made."),
        Field::output(
            "updated_at",
            Shape::Moment,
            "When it last changed, logins aside.",
        ),
        Field::output("last_login", Shape::Moment, "When it last logged in."),
        Field::output("last_ip", Shape::Text(50), "Where it last logged in from."),
        Field::output(
            "logins_count",
            Shape::Whole(0, i64::MAX),
            "How often it did.",
        ),
        Field::output(
            "last_password_reset",
            Shape::Moment,
            "When its password was last changed.",
        ),
    ],
};
