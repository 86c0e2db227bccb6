# The door to every task. `make up` and `make test` work on a fresh clone with Rust, git, make, Python 3 and a C compiler.
SHELL := /bin/sh
.DEFAULT_GOAL := help

TOOLS := $(CURDIR)/.tools
DENY_VERSION := 0.20.2
# Without a terminal there is no progress bar, only a line per step.
CARGO_QUIET := $(shell test -t 2 || echo --quiet)

.PHONY: help up build test bench components toolchain lint unit clean deny audit torture protections network faults servers languages plugin portable

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

up: build ## Build everything and serve the sample app on 127.0.0.1:3000
	target/release/spell up

build: components ## Build the host (target/release/spell) and the components
	@echo "host: building (the first time takes some minutes)" >&2
	@cargo build --locked --release $(CARGO_QUIET) --package spell-cli

components: toolchain languages ## Build the components
	@components/build.sh

languages:
	@scripts/languages.sh

toolchain: ## Install what the toolchain lacks: the WebAssembly targets, rustfmt, clippy
	@scripts/toolchain.sh

test: components lint unit deny ## Run every check
	@echo "all checks passed" >&2

lint: toolchain ## Check format and lints, in the host and in the components
	@echo "lint: format" >&2
	@cargo fmt --all --check
	@cd components && cargo fmt --all --check
	@echo "lint: clippy" >&2
	@cargo clippy --locked $(CARGO_QUIET) --workspace --all-targets -- -D warnings

unit: components network faults servers ## Run unit, integration and doc tests
	@echo "test: building" >&2
	@cargo build --locked $(CARGO_QUIET) --workspace --all-targets
	@echo "test: host" >&2
	@cargo test --locked --quiet --workspace
	@echo "test: instructions of a request" >&2
	@scripts/instructions.sh
	@echo "test: components" >&2
	@components/build.sh test

network:
	@scripts/network.sh

faults:
	@scripts/faults.sh

servers:
	@scripts/servers.sh

torture: components network faults servers ## Run every attack at length: attacks without their protection, longer series, fuzzing
	@echo "torture: building" >&2
	@cargo build --locked $(CARGO_QUIET) --workspace --all-targets
	@scripts/torture.sh

portable: components ## See that what is exported from every ABI is served by wasmtime as well
	@scripts/wasmtime.sh
	@cargo build --locked $(CARGO_QUIET) --workspace --all-targets
	@cargo test --locked --quiet --workspace --test portable -- --ignored

protections: components network servers ## Take each protection away and see that a test fails for it: half an hour; CARDS="A8 F7" for some
	@scripts/protections.sh $(CARDS)

audit: ## Look for known holes: advisories of the dependencies, and newer patches of the engine
	@DENY_VERSION=$(DENY_VERSION) scripts/audit.sh

deny: ## Check licences, bans and, where the database can be reached, advisories of the dependencies
	@DENY_VERSION=$(DENY_VERSION) scripts/deny.sh

bench: build ## Measure against the public peers; prints a table
	@bench/run.sh

plugin: build ## Make the plugin that lets `spin up` start this host, in target/plugin
	@scripts/plugin.sh

clean: ## Remove everything that was built, installed or stored
	@rm -rf target components/target bench/target fuzz/target .tools .spell
