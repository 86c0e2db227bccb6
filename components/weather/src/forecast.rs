//! The service's request and answer, and ours. Knows both JSON shapes; must never know how bytes travel.

use serde::{Deserialize, Serialize};

use crate::city::City;

/// What we answer.
#[derive(Debug, PartialEq, Serialize)]
pub struct Weather {
    /// The city's name.
    pub city: &'static str,
    /// Air temperature in degrees Celsius.
    pub temperature_celsius: f64,
    /// Wind speed in kilometres per hour.
    pub wind_kmh: f64,
}

#[derive(Deserialize)]
struct Forecast {
    current: Current,
}

#[derive(Deserialize)]
struct Current {
    temperature_2m: f64,
    wind_speed_10m: f64,
}

/// The address to ask, below a base such as `https://api.example.com`.
#[must_use]
pub fn url(base: &str, city: City) -> String {
    let City { latitude, longitude, .. } = city;
    let base = base.trim_end_matches('/');
    format!("{base}/v1/forecast?latitude={latitude}&longitude={longitude}&current=temperature_2m,wind_speed_10m")
}

/// Reads the service's answer; the error says what was wrong with it.
pub fn parse(city: City, body: &[u8]) -> Result<Weather, String> {
    let Forecast { current } = serde_json::from_slice(body).map_err(|error| format!("the service's answer is not a forecast: {error}"))?;
    Ok(Weather { city: city.name, temperature_celsius: current.temperature_2m, wind_kmh: current.wind_speed_10m })
}

#[cfg(test)]
mod tests {
    use super::{Weather, parse, url};
    use crate::city::find;

    #[test]
    fn the_base_may_end_in_a_slash() {
        let berlin = find("berlin").unwrap();
        let expected = "http://h:1/v1/forecast?latitude=52.52&longitude=13.41&current=temperature_2m,wind_speed_10m";
        assert_eq!(url("http://h:1", berlin), expected);
        assert_eq!(url("http://h:1/", berlin), expected);
    }

    #[test]
    fn a_forecast_becomes_weather_and_anything_else_a_reason() {
        let berlin = find("berlin").unwrap();
        let body = br#"{"current":{"time":"now","temperature_2m":21.5,"wind_speed_10m":7}}"#;
        assert_eq!(parse(berlin, body), Ok(Weather { city: "berlin", temperature_celsius: 21.5, wind_kmh: 7.0 }));
        for broken in ["", "{}", "<html>", r#"{"current":{"temperature_2m":"warm"}}"#] {
            assert!(parse(berlin, broken.as_bytes()).unwrap_err().contains("not a forecast"), "for {broken:?}");
        }
    }
}
