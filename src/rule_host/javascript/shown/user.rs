//! The user in the words of rules' documents.

use serde_json::Value;

use super::super::super::draft::{Overlay, Working};
use super::super::super::exchange::User;
use super::object::Object;
use crate::clock::Timestamp;

/// What dates in JavaScript can be, in milliseconds before and after 1970.
const DATES: f64 = 8.64e15;

/// What classic rules and Actions have in common.
fn profile<'a>(draft: &'a Working, user: &'a User) -> Object<'a> {
    let (provider, id) = user
        .id
        .split_once('|')
        .unwrap_or(("auth0", user.id.as_str()));
    let identity = Object::default()
        .with("connection", &user.connection)
        .with("isSocial", false)
        .with("provider", provider)
        .with("user_id", id);
    let claims = draft.profile.iter();
    let mut shown: Object<'a> = claims
        .map(|(name, value)| (name.as_str(), value.into()))
        .collect();
    shown.set("user_id", &user.id);
    shown.set("email_verified", user.email_verified);
    shown.set("created_at", user.created_at.to_string());
    set_updated_at(&mut shown, draft, user);
    shown.set("identities", vec![identity]);
    shown.set_some("email", user.email.as_ref());
    shown.set_some("username", user.username.as_ref());
    let reset = user.last_password_reset;
    shown.set_some("last_password_reset", reset.map(|at| at.to_string()));
    let verified = draft.profile.get("phone_number_verified");
    shown.set_some("phone_verified", verified);
    shown
}

fn set_updated_at<'a>(shown: &mut Object<'a>, draft: &'a Working, user: &User) {
    match draft.profile.get("updated_at") {
        None | Some(Value::Null) => shown.set("updated_at", user.created_at.to_string()),
        // A claim is in seconds, an older one a text already.
        Some(Value::Number(seconds)) => {
            let millis = seconds.as_f64().map(|seconds| (seconds * 1000.0).trunc());
            if let Some(millis) = millis.filter(|millis| (0.0..=DATES).contains(millis)) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "it is whole, and in between"
                )]
                let at = Timestamp::from_millis(millis as u64);
                shown.set("updated_at", at.to_string());
            }
        }
        Some(_) => {}
    }
}

/// `user` of a classic rule: metadata is not there until it is set, and `app_metadata` lies over the root.
pub(super) fn classic<'a>(draft: &'a Working, user: &'a User) -> Object<'a> {
    let mut shown = profile(draft, user);
    shown.set("logins_count", user.logins_count);
    shown.set_some("last_login", user.last_login.map(|at| at.to_string()));
    if !user.permissions.is_empty() {
        shown.set("permissions", &user.permissions);
    }
    if draft.user_metadata.members().next().is_some() {
        shown.set("user_metadata", all(&draft.user_metadata));
    }
    if draft.app_metadata.members().next().is_some() {
        shown.set("app_metadata", all(&draft.app_metadata));
        for (name, value) in draft.app_metadata.members() {
            shown.set(name, value);
        }
    }
    shown
}

/// `event.user` of an Action.
pub(super) fn action<'a>(draft: &'a Working, user: &'a User) -> Object<'a> {
    let mut shown = profile(draft, user);
    shown.set("user_metadata", all(&draft.user_metadata));
    shown.set("app_metadata", all(&draft.app_metadata));
    shown
}

/// `user` of the form of 2016.
pub(super) fn exchange<'a>(draft: &'a Working, user: &'a User) -> Object<'a> {
    let name = draft.profile.get("name").filter(|name| !name.is_null());
    let known = || user.username.as_ref().or(user.email.as_ref());
    let shown = Object::default()
        .with("tenant", &draft.exchange.tenant)
        .with("id", &user.id);
    let shown = match name {
        Some(name) => shown.with("displayName", name),
        None => shown.with("displayName", known().unwrap_or(&user.id)),
    };
    shown
        .with_some("email", user.email.as_ref())
        .with("user_metadata", all(&draft.user_metadata))
        .with("app_metadata", all(&draft.app_metadata))
}

/// An object with whatever rules made of it.
pub(super) fn all(overlay: &Overlay) -> Object<'_> {
    let members = overlay.members();
    members
        .map(|(name, value)| (name.as_str(), value.into()))
        .collect()
}
