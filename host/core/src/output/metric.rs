//! What a task measured: one value, and the sum of all that it sent.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

/// How many different metrics (name, kind and tags) one task may send.
pub const MAX_METRICS: usize = 10_000;

/// What a metric's value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricKind {
    /// An amount; values of one name and tags add up.
    Counter,
    /// A duration in seconds; values of one name and tags add up.
    Timer,
    /// A reading; the last one stands.
    Gauge,
}

/// One measured value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// What the value means.
    #[serde(rename = "type")]
    pub kind: MetricKind,
    /// An amount, seconds, or a reading.
    pub value: f64,
    /// What tells metrics of one name apart.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// The metrics of a task, one per name, kind and tags, in the order of their first appearance.
#[derive(Debug, Default)]
pub struct Metrics {
    list: Vec<Metric>,
    places: HashMap<(String, MetricKind, BTreeMap<String, String>), usize>,
}

impl Metrics {
    /// Adds a value: counters and timers add up, of a gauge the last one stands. False when it is one metric too many and was
    /// left out.
    pub fn add(&mut self, metric: &Metric) -> bool {
        let key = (metric.name.clone(), metric.kind, metric.tags.clone());
        if let Some(&place) = self.places.get(&key) {
            let known = &mut self.list[place];
            match metric.kind {
                MetricKind::Counter | MetricKind::Timer => known.value += metric.value,
                MetricKind::Gauge => known.value = metric.value,
            }
            return true;
        }
        if self.list.len() >= MAX_METRICS {
            return false;
        }
        self.places.insert(key, self.list.len());
        self.list.push(metric.clone());
        true
    }

    /// All metrics.
    pub fn into_list(self) -> Vec<Metric> {
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(name: &str, kind: MetricKind, value: f64, tag: &str) -> Metric {
        Metric {
            name: name.into(),
            kind,
            value,
            tags: BTreeMap::from([("tag".into(), tag.into())]),
        }
    }

    #[test]
    fn counters_and_timers_add_up_and_gauges_do_not() {
        let mut metrics = Metrics::default();
        for (kind, value, tag) in [
            (MetricKind::Counter, 1.0, "a"),
            (MetricKind::Counter, 2.0, "a"),
            (MetricKind::Counter, 5.0, "b"),
            (MetricKind::Timer, 0.5, "a"),
            (MetricKind::Timer, 0.25, "a"),
            (MetricKind::Gauge, 9.0, "a"),
            (MetricKind::Gauge, 3.0, "a"),
        ] {
            assert!(metrics.add(&metric("m", kind, value, tag)));
        }
        assert_eq!(
            metrics.into_list(),
            vec![
                metric("m", MetricKind::Counter, 3.0, "a"),
                metric("m", MetricKind::Counter, 5.0, "b"),
                metric("m", MetricKind::Timer, 0.75, "a"),
                metric("m", MetricKind::Gauge, 3.0, "a"),
            ]
        );
    }

    #[test]
    fn a_flood_of_new_metrics_is_bounded() {
        let mut metrics = Metrics::default();
        for number in 0..MAX_METRICS {
            assert!(metrics.add(&metric(&number.to_string(), MetricKind::Gauge, 0.0, "")));
        }
        assert!(!metrics.add(&metric("one more", MetricKind::Gauge, 0.0, "")));
        assert!(
            metrics.add(&metric("0", MetricKind::Gauge, 1.0, "")),
            "a known one still counts"
        );
        assert_eq!(metrics.into_list().len(), MAX_METRICS);
    }
}
