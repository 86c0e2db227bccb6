//! Repositories, and which of them the operator lets spells use. It knows names; it must never know what is in them.

use spell_cast::{Workflow, WorkflowRefused};

/// Characters of a branch or a tag at most.
const REFERENCE_CHARACTERS_MAX: usize = 255;
const NAME_CHARACTERS_MAX: usize = 100;

/// Not `owner/name`, nor `owner/*`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no repository: write \"owner/name\", or \"owner/*\" for all of an owner")]
pub struct NotARepository(pub String);

/// The repositories that spells may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repositories(Vec<(String, Option<String>)>);

impl Repositories {
    /// Reads them as an operator writes them.
    pub fn new(written: &[String]) -> Result<Self, NotARepository> {
        let read = |text: &String| {
            let (owner, name) = text.split_once('/').filter(|(owner, name)| is_name(owner) && (*name == "*" || is_name(name)))?;
            Some((owner.to_ascii_lowercase(), (name != "*").then(|| name.to_ascii_lowercase())))
        };
        written.iter().map(|text| read(text).ok_or_else(|| NotARepository(text.clone()))).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a spell may use a workflow. Whatever becomes part of a URL is looked at.
    pub(crate) fn allow(&self, workflow: &Workflow) -> Result<(), WorkflowRefused> {
        let refused = || WorkflowRefused::Repository(workflow.repository.clone());
        let (owner, name) = workflow.repository.split_once('/').ok_or_else(refused)?;
        let is_file = workflow.file.ends_with(".yml") || workflow.file.ends_with(".yaml");
        if !is_name(owner) || !is_name(name) {
            return Err(WorkflowRefused::NotAWorkflow("repository must be like `owner/name`"));
        }
        if !is_name(&workflow.file) || !is_file {
            return Err(WorkflowRefused::NotAWorkflow("file must be the name of a `.yml` file in `.github/workflows`"));
        }
        if !is_reference(&workflow.reference) {
            return Err(WorkflowRefused::NotAWorkflow("ref must be a branch or a tag"));
        }
        let is_it = |(known, which): &(String, Option<String>)| {
            known.eq_ignore_ascii_case(owner) && which.as_ref().is_none_or(|which| which.eq_ignore_ascii_case(name))
        };
        if self.0.iter().any(is_it) { Ok(()) } else { Err(refused()) }
    }
}

/// Names of owners, repositories and files have no other characters.
fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=NAME_CHARACTERS_MAX).contains(&text.len()) && text.bytes().all(is_part) && text.bytes().any(|byte| byte != b'.')
}

fn is_reference(text: &str) -> bool {
    (1..=REFERENCE_CHARACTERS_MAX).contains(&text.chars().count())
        && !text.starts_with('-')
        && text.chars().all(|character| !character.is_control() && !character.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workflow(repository: &str, file: &str, reference: &str) -> Workflow {
        Workflow { repository: repository.to_owned(), file: file.to_owned(), reference: reference.to_owned() }
    }

    #[test]
    fn only_repositories_that_the_operator_names_may_be_used() {
        let allowed = Repositories::new(&["acme/spells".to_owned(), "Other/*".to_owned()]).unwrap();
        for (repository, expected) in
            [("acme/spells", true), ("ACME/Spells", true), ("other/any", true), ("acme/other", false), ("acme", false), ("x/spells", false)]
        {
            assert_eq!(allowed.allow(&workflow(repository, "a.yml", "main")).is_ok(), expected, "{repository}");
        }
        for written in ["", "acme", "acme/", "*/spells", "*/*", "acme/sp*", "a/b/c", "../x", "acme/.."] {
            assert!(Repositories::new(&[written.to_owned()]).is_err(), "{written}");
        }
    }

    #[test]
    fn nothing_that_leads_elsewhere_becomes_part_of_a_url() {
        let allowed = Repositories::new(&["acme/*".to_owned()]).unwrap();
        for (repository, file, reference) in [
            ("acme/..", "a.yml", "main"),
            ("acme/a/b", "a.yml", "main"),
            ("acme/a?x", "a.yml", "main"),
            ("acme/a", "../a.yml", "main"),
            ("acme/a", "a.yml?x=.yml", "main"),
            ("acme/a", "a.txt", "main"),
            ("acme/a", "a.yml", ""),
            ("acme/a", "a.yml", "a b"),
            ("acme/a", "a.yml", "-x"),
        ] {
            assert!(allowed.allow(&workflow(repository, file, reference)).is_err(), "{repository} {file} {reference}");
        }
        assert_eq!(allowed.allow(&workflow("acme/a", "cast.yaml", "refs/tags/v1")), Ok(()));
    }
}
