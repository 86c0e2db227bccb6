//! Templates: text with `{{ name }}` in it.
//!
//! This file knows braces and names. It must never know where values come from.

use crate::id;

/// Text in which `{{ name }}` stands for the value of a variable. There is no way to write `{{` itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

/// Why a template could not be read or resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `{{` without `}}`.
    #[error("unmatched '{{{{' in template")]
    Unmatched,
    /// What is between the braces is not a name.
    #[error("`{name}` is not the name of a variable")]
    InvalidName {
        /// What is between the braces, at most 64 characters of it.
        name: String,
    },
    /// There is no value for a name.
    #[error("variable `{name}` has no value")]
    Undefined {
        /// The name.
        name: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(String),
}

impl Template {
    /// Reads a template.
    ///
    /// ```
    /// use spell_manifest::Template;
    /// let template = Template::parse("https://{{ host }}:8080").unwrap();
    /// assert_eq!(template.names().collect::<Vec<_>>(), ["host"]);
    /// assert_eq!(template.resolve(|_| Some("example.com")).unwrap(), "https://example.com:8080");
    /// ```
    pub fn parse(text: &str) -> Result<Template, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("{{") {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let (name, behind) = behind.split_once("}}").ok_or(TemplateError::Unmatched)?;
            let name = name.trim();
            if !id::is_lower_snake(name) {
                return Err(TemplateError::InvalidName { name: name.chars().take(64).flat_map(char::escape_debug).collect() });
            }
            parts.push(Part::Name(name.to_owned()));
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Template { parts })
    }

    /// The text with every name replaced by what `value_of` gives for it. Values are taken as they are: braces in them
    /// mean nothing.
    pub fn resolve<'v>(&self, value_of: impl Fn(&str) -> Option<&'v str>) -> Result<String, TemplateError> {
        let mut text = String::new();
        for part in &self.parts {
            text.push_str(match part {
                Part::Text(text) => text,
                Part::Name(name) => value_of(name).ok_or_else(|| TemplateError::Undefined { name: name.clone() })?,
            });
        }
        Ok(text)
    }

    /// The names in it, in order, as often as they occur.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Name(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_in() {
        for (template, text) in [
            ("", ""),
            ("plain", "plain"),
            ("{{a}}", "A"),
            ("{{ a }}-{{  b  }}", "A-{{ a }}"),
            ("x{{a}}{{a}}y", "xAAy"),
            ("}} { a }", "}} { a }"),
            ("{{a}}}", "A}"),
        ] {
            let value = |name: &str| match name {
                "a" => Some("A"),
                "b" => Some("{{ a }}"),
                _ => None,
            };
            assert_eq!(Template::parse(template).unwrap().resolve(value).unwrap(), text, "{template}");
        }
    }

    #[test]
    fn bad_templates_are_refused_with_the_reason() {
        for (template, reason) in [
            ("{{", "unmatched '{{' in template"),
            ("a {{ b", "unmatched '{{' in template"),
            ("{{}}", "`` is not the name of a variable"),
            ("{{ A }}", "`A` is not the name of a variable"),
            ("{{ a__b }}", "`a__b` is not the name of a variable"),
            ("{{{a}}}", "`{a` is not the name of a variable"),
        ] {
            assert_eq!(Template::parse(template).unwrap_err().to_string(), reason, "{template}");
        }
    }

    #[test]
    fn a_name_without_a_value_is_reported() {
        let error = Template::parse("{{ a }}").unwrap().resolve(|_| None).unwrap_err();
        assert_eq!(error, TemplateError::Undefined { name: "a".to_owned() });
    }
}
