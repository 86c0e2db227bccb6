"""Checks values against the schemas of an OpenAPI document, and the document itself. Reads {"document": …, "values": [[place, pointer, value], …]}
from standard input, prints what is wrong, and fails if anything is."""

import json
import sys

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

asked = json.load(sys.stdin)
document = asked["document"]
wrong = [f"the document: {error.json_path}: {error.message}" for error in OpenAPIV31SpecValidator(document).iter_errors()]
registry = Registry().with_resource("urn:api", DRAFT202012.create_resource(document))
for place, pointer, value in asked["values"]:
    schema = {"$ref": f"urn:api#{pointer}"}
    check = Draft202012Validator(schema, registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER)
    wrong += [f"{place}: {error.json_path}: {error.message}" for error in check.iter_errors(value)]
print("\n".join(wrong))
sys.exit(bool(wrong))
