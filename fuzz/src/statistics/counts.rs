//! Counts as trees of JSON, whatever an oracle counts: added up over the workers of a campaign, and compared to see
//! whether anything new has come.

use serde_json::Value;

/// Adds `more` to `total`: numbers are added, members and elements one by one. Returns the number of counts that were
/// zero, or not there, and are no longer.
pub fn add(total: &mut Value, more: Value) -> u64 {
    match (total, more) {
        (Value::Object(total), Value::Object(more)) => {
            more.into_iter().map(|(name, more)| add(total.entry(name).or_insert(Value::Null), more)).sum()
        }
        (Value::Array(total), Value::Array(more)) => {
            total.resize(total.len().max(more.len()), Value::Null);
            total.iter_mut().zip(more).map(|(total, more)| add(total, more)).sum()
        }
        (total @ Value::Null, more @ (Value::Object(_) | Value::Array(_))) => {
            *total = if more.is_object() { Value::Object(Default::default()) } else { Value::Array(Vec::new()) };
            add(total, more)
        }
        (total, Value::Number(more)) => {
            let (before, more) = (total.as_u64().unwrap_or(0), more.as_u64().unwrap_or(0));
            *total = before.saturating_add(more).into();
            u64::from(before == 0 && more > 0)
        }
        // Counts have no other values.
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn counts_add_up_and_new_ones_are_seen() {
        let mut total = Value::Null;
        let first = json!({"inputs": 1, "traps": {"unreachable": [0, 2]}, "uses": {}});
        assert_eq!(add(&mut total, first.clone()), 2);
        assert_eq!(total, first);
        assert_eq!(add(&mut total, first), 0);
        assert_eq!(add(&mut total, json!({"inputs": 1, "traps": {"unreachable": [1, 0, 3]}, "uses": {"try": 1}})), 3);
        assert_eq!(total, json!({"inputs": 3, "traps": {"unreachable": [1, 4, 3]}, "uses": {"try": 1}}));
    }
}
