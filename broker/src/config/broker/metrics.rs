//! Kafka's own metrics (`MetricConfigs`, KIP-714). Those of this broker are read over HTTP, see `metrics.listeners`.

use crate::config::{
    key::{
        Check::*,
        Effect::{self, *},
        rows,
    },
    value::List,
};

const PROMETHEUS_ONLY: Effect = Nothing("metrics are read by Prometheus from metrics.listeners");

rows! {
    List = "metric.reporters", "org.apache.kafka.common.metrics.JmxReporter", Any, PROMETHEUS_ONLY, [], "Of metrics.";
    i32 = "metrics.num.samples", "2", Any, PROMETHEUS_ONLY, [], "Of metrics.";
    i64 = "metrics.sample.window.ms", "30000", Any, PROMETHEUS_ONLY, [], "Of metrics.";
    String = "metrics.recording.level", "INFO", Any, PROMETHEUS_ONLY, [], "Of metrics.";
    List = "kafka.metrics.reporters", "", Any, PROMETHEUS_ONLY, [], "Of metrics.";
    i32 = "kafka.metrics.polling.interval.secs", "10", Any, PROMETHEUS_ONLY, [], "Of metrics.";
    i32 = "telemetry.max.bytes", "1048576", Any, PROMETHEUS_ONLY, [], "Of metrics.";
}
