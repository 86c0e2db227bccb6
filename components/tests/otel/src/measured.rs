//! Metrics. Knows what each kind consists of; must never know paths.

use crate::bindings::wasi::otel::metrics::{
    Exemplar, ExponentialBucket, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, GaugeDataPoint, Histogram, HistogramDataPoint,
    Metric, MetricData, MetricNumber, ResourceMetrics, ScopeMetrics, Sum, SumDataPoint, Temporality, export,
};
use crate::told::{at, attribute, resource, scope};
use serde_json::json;

fn send(metrics: Vec<(&str, MetricData)>) -> Result<(), String> {
    let metric = |(name, data): (&str, _)| Metric { name: name.to_owned(), description: "counted".to_owned(), unit: "By".to_owned(), data };
    let metrics = metrics.into_iter().map(metric).collect();
    export(&ResourceMetrics { resource: resource(), scope_metrics: vec![ScopeMetrics { scope: scope(), metrics }] })
}

/// A metric of each kind.
pub(crate) fn all() -> Result<(), String> {
    let exemplar = Exemplar {
        filtered_attributes: vec![attribute("who", json!("me"))],
        time: at(3),
        value: MetricNumber::S64(-3),
        span_id: "ab".repeat(8),
        trace_id: "cd".repeat(16),
    };
    let sum = Sum {
        data_points: vec![SumDataPoint {
            attributes: vec![attribute("route", json!("/a"))],
            value: MetricNumber::U64(9_007_199_254_740_993),
            exemplars: vec![exemplar],
        }],
        start_time: at(0),
        time: at(3),
        temporality: Temporality::Delta,
        is_monotonic: true,
    };
    let point = |value| GaugeDataPoint { attributes: Vec::new(), value, exemplars: Vec::new() };
    let numbers = [MetricNumber::F64(0.5), MetricNumber::F64(f64::INFINITY), MetricNumber::U64(u64::MAX)];
    let gauge = Gauge { data_points: numbers.into_iter().map(point).collect(), start_time: None, time: at(3) };
    send(vec![
        ("sum", MetricData::U64Sum(sum)),
        ("gauge", MetricData::F64Gauge(gauge)),
        ("histogram", MetricData::F64Histogram(histogram(vec![1, 2], vec![0.5]))),
        ("exponential", MetricData::S64ExponentialHistogram(exponential())),
    ])
}

/// A histogram that is none.
pub(crate) fn uneven() -> Result<(), String> {
    send(vec![("histogram", MetricData::F64Histogram(histogram(vec![1], vec![0.5])))])
}

fn histogram(bucket_counts: Vec<u64>, bounds: Vec<f64>) -> Histogram {
    let point = HistogramDataPoint {
        attributes: Vec::new(),
        count: 3,
        bounds,
        bucket_counts,
        min: Some(MetricNumber::F64(0.25)),
        max: None,
        sum: MetricNumber::F64(1.5),
        exemplars: Vec::new(),
    };
    Histogram { data_points: vec![point], start_time: at(0), time: at(3), temporality: Temporality::Cumulative }
}

fn exponential() -> ExponentialHistogram {
    let point = ExponentialHistogramDataPoint {
        attributes: Vec::new(),
        count: 4,
        min: None,
        max: None,
        sum: MetricNumber::S64(6),
        scale: -1,
        zero_count: 1,
        positive_bucket: ExponentialBucket { offset: -2, counts: vec![1, 2] },
        negative_bucket: ExponentialBucket { offset: 0, counts: Vec::new() },
        zero_threshold: 0.0,
        exemplars: Vec::new(),
    };
    ExponentialHistogram { data_points: vec![point], start_time: at(0), time: at(3), temporality: Temporality::Cumulative }
}
