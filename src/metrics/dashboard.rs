//! The dashboard for Grafana, made from the [`table`](super::table): it cannot draw what is not there.

use serde_json::{Value, json};

use super::table::{Kind, ROWS, Row};

/// How many of Grafana's 24 columns a panel has, and how many of its rows.
const WIDTH: u64 = 8;
const HEIGHT: u64 = 8;

/// The document that Grafana imports.
pub fn dashboard() -> Value {
    let mut panels = Vec::new();
    let (mut section, mut x, mut y) = ("", 0, 0);
    for row in ROWS {
        if row.section != section {
            section = row.section;
            y += if x > 0 { HEIGHT } else { 0 };
            x = 0;
            panels.push(json!({
                "id": panels.len() + 1,
                "type": "row",
                "title": section,
                "collapsed": false,
                "panels": [],
                "gridPos": { "h": 1, "w": 24, "x": 0, "y": y },
            }));
            y += 1;
        }
        panels.push(panel(row, panels.len() + 1, (x, y)));
        x += WIDTH;
        if x >= 24 {
            x = 0;
            y += HEIGHT;
        }
    }
    json!({
        "title": "Claimsmith",
        "uid": "claimsmith",
        "schemaVersion": 39,
        "editable": true,
        "refresh": "30s",
        "time": { "from": "now-1h", "to": "now" },
        "templating": { "list": [
            {
                "name": "datasource",
                "type": "datasource",
                "query": "prometheus",
                "label": "Data source",
            },
            {
                "name": "tenant",
                "type": "query",
                "label": "Tenant",
                "datasource": SOURCE.clone(),
                "query": "label_values(claimsmith_token_requests_total, tenant)",
                "includeAll": true,
                "allValue": ".*",
                "multi": true,
                "refresh": 2,
                "current": { "text": "All", "value": "$__all" },
            },
        ] },
        "panels": panels,
    })
}

static SOURCE: std::sync::LazyLock<Value> =
    std::sync::LazyLock::new(|| json!({ "type": "prometheus", "uid": "${datasource}" }));

fn panel(row: &Row, id: usize, (x, y): (u64, u64)) -> Value {
    let targets: Vec<Value> = queries(row)
        .into_iter()
        .zip(["A", "B", "C"])
        .map(|((query, legend), name)| {
            json!({
                "refId": name,
                "datasource": SOURCE.clone(),
                "expr": query,
                "legendFormat": legend,
            })
        })
        .collect();
    json!({
        "id": id,
        "type": "timeseries",
        "title": row.help,
        "description": row.name,
        "datasource": SOURCE.clone(),
        "fieldConfig": { "defaults": { "unit": row.unit, "min": 0 }, "overrides": [] },
        "gridPos": { "h": HEIGHT, "w": WIDTH, "x": x, "y": y },
        "targets": targets,
    })
}

/// What a panel asks, and how its lines are called.
pub fn queries(row: &Row) -> Vec<(String, String)> {
    let name = row.name;
    let only = match row.labels.contains(&"tenant") {
        true => r#"{tenant=~"$tenant"}"#,
        false => "",
    };
    let legend: Vec<String> = row
        .by
        .iter()
        .map(|label| format!("{{{{{label}}}}}"))
        .collect();
    let legend = legend.join(" ");
    let by = match row.by {
        [] => String::new(),
        by => format!(" by ({})", by.join(", ")),
    };
    match row.kind {
        Kind::Counter => vec![(
            format!("sum{by} (rate({name}_total{only}[$__rate_interval]))"),
            legend,
        )],
        Kind::Gauge => vec![(format!("max{by} ({name}{only})"), legend)],
        Kind::Histogram(_) => [("0.5", "p50"), ("0.95", "p95"), ("0.99", "p99")]
            .into_iter()
            .map(|(share, short)| {
                let by = [&["le"], row.by].concat().join(", ");
                let rate = format!("rate({name}_bucket{only}[$__rate_interval])");
                let query = format!("histogram_quantile({share}, sum by ({by}) ({rate}))");
                (query, format!("{short} {legend}").trim().to_owned())
            })
            .collect(),
    }
}
