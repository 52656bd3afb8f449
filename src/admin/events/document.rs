//! An event as documents have it (contract, section 7.8): in the API, in streams and in deliveries.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::admin::Error;
use crate::log::{EventType, LogEvent};
use crate::server::Server;
use crate::tenant::TenantName;

/// With the names of today, each looked up once.
pub async fn documents(
    server: &Server,
    tenant: &TenantName,
    events: Vec<LogEvent>,
) -> Result<Vec<Value>, Error> {
    let (mut clients, mut users) = (HashMap::new(), HashMap::new());
    let mut all = Vec::new();
    for event in events {
        let mut document = bare(&event);
        let id = event.client_id;
        if !id.is_empty() && !clients.contains_key(&id) {
            let name = super::client_name(server, tenant, &id).await?;
            clients.insert(id.clone(), name);
        }
        let user_id = event.user_id.as_ref().filter(|_| !event.anonymous);
        if let Some(id) = user_id
            && !users.contains_key(id)
        {
            let name = super::user_name(server, tenant, id).await?;
            users.insert(id.clone(), name);
        }
        if let Value::Object(members) = &mut document {
            if let Some(Some(name)) = clients.get(&id) {
                members.insert("client_name".to_owned(), name.as_str().into());
            }
            if let Some(Some(name)) = user_id.and_then(|id| users.get(id)) {
                members.insert("user_name".to_owned(), name.as_str().into());
            }
        }
        all.push(document);
    }
    Ok(all)
}

/// What the event itself has; what it has not has no member.
pub fn bare(event: &LogEvent) -> Value {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let mobile = event
        .user_agent
        .as_ref()
        .map(|agent| agent.contains("Mobile"));
    let members = json!({
        "log_id": event.log_id,
        "_id": event.log_id,
        "date": event.date.to_string(),
        "type": event.event_type,
        "description": event.description,
        "connection": event.connection,
        "strategy": event.connection.as_ref().map(|_| "auth0"),
        "strategy_type": event.connection.as_ref().map(|_| "database"),
        "client_id": given(&event.client_id),
        "ip": given(&event.ip),
        "client_ip": event.client_ip,
        "user_agent": event.user_agent,
        "hostname": given(&event.hostname),
        "user_id": event.user_id,
        "audience": event.audience,
        "scope": event.scope,
        "isMobile": mobile.unwrap_or_default(),
        "details": details(event),
    });
    match members {
        Value::Object(members) => {
            let set = members.into_iter().filter(|(_, value)| !value.is_null());
            set.collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

fn details(event: &LogEvent) -> Option<Value> {
    if let Some(request) = &event.request {
        return Some(json!({
            "request": { "method": request.method, "path": request.path },
            "response": { "statusCode": request.status },
        }));
    }
    if event.event_type == EventType::ActionFailed {
        return Some(json!({ "execution_id": event.exchange_id }));
    }
    (!event.grant_type.is_empty())
        .then(|| json!({ "grant_type": event.grant_type, "exchange_id": event.exchange_id }))
}
