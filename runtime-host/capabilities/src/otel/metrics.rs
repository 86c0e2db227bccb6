//! Metrics, as OTLP has them.
//!
//! This module knows what a metric consists of. It must never know what it measures.

use super::otlp::{Attributes, Double, Whole, name, nanoseconds, span_id, trace_id};
use crate::bindings::otel::Datetime;
use crate::bindings::otel::metrics::{self as v1, MetricData, MetricNumber, Temporality};
use serde::Serialize;

/// Most buckets of a histogram, of either side of an exponential one.
const BUCKETS_MAX: usize = 1_024;
/// Most exemplars of a point; those beyond it are left out.
const EXEMPLARS_MAX: usize = 32;

/// Why something is no metric, in words for a guest.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadMetric {
    #[error("a metric has no name")]
    NoName,
    #[error("a histogram has more than {BUCKETS_MAX} buckets")]
    ManyBuckets,
    #[error("a histogram has {counts} counts of buckets and {bounds} bounds: there has to be one count more than bounds, or none of both")]
    UnevenBuckets { counts: usize, bounds: usize },
}

#[derive(Serialize)]
pub(super) struct Metric<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    unit: &'a str,
    #[serde(flatten)]
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Data<'a> {
    #[serde(rename_all = "camelCase")]
    Gauge { data_points: Vec<NumberPoint<'a>> },
    #[serde(rename_all = "camelCase")]
    Sum { data_points: Vec<NumberPoint<'a>>, aggregation_temporality: u8, is_monotonic: bool },
    #[serde(rename_all = "camelCase")]
    Histogram { data_points: Vec<HistogramPoint<'a>>, aggregation_temporality: u8 },
    #[serde(rename_all = "camelCase")]
    ExponentialHistogram { data_points: Vec<ExponentialPoint<'a>>, aggregation_temporality: u8 },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NumberPoint<'a> {
    #[serde(flatten)]
    about: About<'a>,
    #[serde(flatten)]
    value: Number,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HistogramPoint<'a> {
    #[serde(flatten)]
    about: About<'a>,
    #[serde(flatten)]
    summary: Summary,
    bucket_counts: Vec<Whole<u64>>,
    explicit_bounds: Vec<Double>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExponentialPoint<'a> {
    #[serde(flatten)]
    about: About<'a>,
    #[serde(flatten)]
    summary: Summary,
    scale: i8,
    zero_count: Whole<u64>,
    zero_threshold: Double,
    positive: Buckets,
    negative: Buckets,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Buckets {
    offset: i32,
    bucket_counts: Vec<Whole<u64>>,
}

/// What points of every kind have.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct About<'a> {
    attributes: Attributes<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time_unix_nano: Option<Whole<u64>>,
    time_unix_nano: Whole<u64>,
    exemplars: Vec<Exemplar<'a>>,
}

/// What histograms of both kinds have.
#[derive(Serialize)]
struct Summary {
    count: Whole<u64>,
    sum: Double,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<Double>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<Double>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Exemplar<'a> {
    filtered_attributes: Attributes<'a>,
    time_unix_nano: Whole<u64>,
    #[serde(flatten)]
    value: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    span_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Number {
    AsInt(Whole<i64>),
    AsDouble(Double),
}

/// As how many things a metric counts: its points, and one even if it has none.
pub(super) fn count(data: &MetricData) -> usize {
    use MetricData as D;
    let points = match data {
        D::F64Gauge(gauge) | D::U64Gauge(gauge) | D::S64Gauge(gauge) => gauge.data_points.len(),
        D::F64Sum(sum) | D::U64Sum(sum) | D::S64Sum(sum) => sum.data_points.len(),
        D::F64Histogram(histogram) | D::U64Histogram(histogram) | D::S64Histogram(histogram) => histogram.data_points.len(),
        D::F64ExponentialHistogram(histogram) | D::U64ExponentialHistogram(histogram) | D::S64ExponentialHistogram(histogram) => {
            histogram.data_points.len()
        }
    };
    points.max(1)
}

/// A metric as it is sent.
pub(super) fn view(metric: &v1::Metric) -> Result<Metric<'_>, BadMetric> {
    use MetricData as D;
    if metric.name.is_empty() {
        return Err(BadMetric::NoName);
    }
    let data = match &metric.data {
        D::F64Gauge(gauge) | D::U64Gauge(gauge) | D::S64Gauge(gauge) => of_gauge(gauge),
        D::F64Sum(sum) | D::U64Sum(sum) | D::S64Sum(sum) => of_sum(sum),
        D::F64Histogram(histogram) | D::U64Histogram(histogram) | D::S64Histogram(histogram) => of_histogram(histogram)?,
        D::F64ExponentialHistogram(histogram) | D::U64ExponentialHistogram(histogram) | D::S64ExponentialHistogram(histogram) => {
            of_exponential(histogram)?
        }
    };
    Ok(Metric { name: name(&metric.name), description: name(&metric.description), unit: name(&metric.unit), data })
}

fn of_gauge(gauge: &v1::Gauge) -> Data<'_> {
    let points = gauge.data_points.iter().map(|point| NumberPoint {
        about: about(&point.attributes, gauge.start_time, gauge.time, &point.exemplars),
        value: number(point.value),
    });
    Data::Gauge { data_points: points.collect() }
}

fn of_sum(sum: &v1::Sum) -> Data<'_> {
    let points = sum.data_points.iter().map(|point| NumberPoint {
        about: about(&point.attributes, Some(sum.start_time), sum.time, &point.exemplars),
        value: number(point.value),
    });
    Data::Sum { data_points: points.collect(), aggregation_temporality: temporality(sum.temporality), is_monotonic: sum.is_monotonic }
}

fn of_histogram(histogram: &v1::Histogram) -> Result<Data<'_>, BadMetric> {
    let points = histogram.data_points.iter().map(|point| {
        let (counts, bounds) = (point.bucket_counts.len(), point.bounds.len());
        if counts != bounds + 1 && (counts, bounds) != (0, 0) {
            return Err(BadMetric::UnevenBuckets { counts, bounds });
        }
        Ok(HistogramPoint {
            about: about(&point.attributes, Some(histogram.start_time), histogram.time, &point.exemplars),
            summary: summary(point.count, point.sum, point.min, point.max),
            bucket_counts: buckets(&point.bucket_counts)?,
            explicit_bounds: point.bounds.iter().copied().map(Double).collect(),
        })
    });
    Ok(Data::Histogram { data_points: points.collect::<Result<_, _>>()?, aggregation_temporality: temporality(histogram.temporality) })
}

fn of_exponential(histogram: &v1::ExponentialHistogram) -> Result<Data<'_>, BadMetric> {
    let side = |bucket: &v1::ExponentialBucket| Ok(Buckets { offset: bucket.offset, bucket_counts: buckets(&bucket.counts)? });
    let points = histogram.data_points.iter().map(|point| {
        Ok(ExponentialPoint {
            about: about(&point.attributes, Some(histogram.start_time), histogram.time, &point.exemplars),
            summary: summary(point.count, point.sum, point.min, point.max),
            scale: point.scale,
            zero_count: Whole(point.zero_count),
            zero_threshold: Double(point.zero_threshold),
            positive: side(&point.positive_bucket)?,
            negative: side(&point.negative_bucket)?,
        })
    });
    let data_points = points.collect::<Result<_, _>>()?;
    Ok(Data::ExponentialHistogram { data_points, aggregation_temporality: temporality(histogram.temporality) })
}

fn about<'a>(
    attributes: &'a [crate::bindings::otel::types::KeyValue],
    start: Option<Datetime>,
    time: Datetime,
    exemplars: &'a [v1::Exemplar],
) -> About<'a> {
    let exemplars = exemplars.iter().take(EXEMPLARS_MAX).map(|exemplar| Exemplar {
        filtered_attributes: Attributes(&exemplar.filtered_attributes),
        time_unix_nano: nanoseconds(exemplar.time),
        value: number(exemplar.value),
        trace_id: trace_id(&exemplar.trace_id),
        span_id: span_id(&exemplar.span_id),
    });
    About {
        attributes: Attributes(attributes),
        start_time_unix_nano: start.map(nanoseconds),
        time_unix_nano: nanoseconds(time),
        exemplars: exemplars.collect(),
    }
}

fn buckets(counts: &[u64]) -> Result<Vec<Whole<u64>>, BadMetric> {
    if counts.len() > BUCKETS_MAX {
        return Err(BadMetric::ManyBuckets);
    }
    Ok(counts.iter().copied().map(Whole).collect())
}

fn summary(count: u64, sum: MetricNumber, min: Option<MetricNumber>, max: Option<MetricNumber>) -> Summary {
    Summary { count: Whole(count), sum: double(sum), min: min.map(double), max: max.map(double) }
}

/// A whole number stays one, unless it is larger than OTLP has room for.
fn number(number: MetricNumber) -> Number {
    let whole = match number {
        MetricNumber::S64(whole) => Some(whole),
        MetricNumber::U64(whole) => i64::try_from(whole).ok(),
        MetricNumber::F64(_) => None,
    };
    whole.map_or_else(|| Number::AsDouble(double(number)), |whole| Number::AsInt(Whole(whole)))
}

fn double(number: MetricNumber) -> Double {
    Double(match number {
        MetricNumber::F64(number) => number,
        MetricNumber::S64(number) => number as f64,
        MetricNumber::U64(number) => number as f64,
    })
}

fn temporality(temporality: Temporality) -> u8 {
    match temporality {
        // A wish for what an instrument reports; of those that can have it, it is "delta".
        Temporality::Delta | Temporality::LowMemory => 1,
        Temporality::Cumulative => 2,
    }
}
