//! Where cities lie. Knows a short table; must never ask anyone.

/// A place on Earth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct City {
    /// Name in lower case.
    pub name: &'static str,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

const CITIES: [City; 6] = [
    City { name: "berlin", latitude: 52.52, longitude: 13.41 },
    City { name: "lagos", latitude: 6.45, longitude: 3.39 },
    City { name: "london", latitude: 51.51, longitude: -0.13 },
    City { name: "paris", latitude: 48.85, longitude: 2.35 },
    City { name: "santiago", latitude: -33.46, longitude: -70.65 },
    City { name: "tokyo", latitude: 35.69, longitude: 139.69 },
];

/// The city of that name, in any case.
#[must_use]
pub fn find(name: &str) -> Option<City> {
    CITIES.into_iter().find(|city| city.name.eq_ignore_ascii_case(name))
}

/// The names of all cities, for a message.
#[must_use]
pub fn names() -> String {
    CITIES.map(|city| city.name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn a_city_is_found_in_any_case_and_a_stranger_is_not() {
        assert_eq!(find("Berlin").map(|city| city.name), Some("berlin"));
        assert_eq!(find("atlantis"), None);
    }
}
