# Edgereel. `make demo` and `make test` do all the set-up on a fresh machine.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# Outside the checkout, so that several checkouts share one cache.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/edgereel/target
# Only if they say something: an empty path is a mistake, and is told as one.
ifneq ($(VIDEO),)
export VIDEO
endif
ifneq ($(DEMO_EXIT),)
export DEMO_EXIT
endif

.PHONY: help
help: ## Show this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'
	@echo
	@echo '  VIDEO=path     make demo: show this video instead of a sample'
	@echo '  DEMO_EXIT=1    make demo: end after the show instead of serving on'
	@echo '  build cache    $(CARGO_TARGET_DIR)'

.PHONY: demo
demo: ## Upload, event, transcoding, authorised playback: shown on a real video, with no account
	@scripts/setup.sh
	cargo build --release --locked --package cli
	@exec "$(CARGO_TARGET_DIR)/release/edgereel" demo

.PHONY: edge
edge: ## The edge worker as WebAssembly: builds it, optimises it, says how large it is
	@scripts/setup.sh --wasm --edge
	@scripts/edge.sh

.PHONY: test
test: ## Every test
	@scripts/setup.sh --services --browser --ffmpegs --wasm --edge
	@scripts/test.sh

.PHONY: bench
bench: ## Measure against the usual ways; writes docs/benchmarks.md
	@scripts/setup.sh
	@exec benches/run.sh

.PHONY: bench-api
bench-api: ## What the API can bear, beside a bare route; writes docs/load.md
	@scripts/setup.sh --services
	cargo build --release --locked --package cli --package load
	@EDGEREEL_BIN="$(CARGO_TARGET_DIR)/release/edgereel" REPORT=docs/load.md "$(CARGO_TARGET_DIR)/release/load"

.PHONY: lambda
lambda: ## The Lambda functions as zips, for x86-64 and arm64; says how large they are
	@scripts/setup.sh --lambda
	@scripts/lambda.sh
	@scripts/lambda.sh --arm64

.PHONY: bench-lambda
bench-lambda: ## How long a Lambda function takes to start, in our emulator; writes docs/lambda.md
	@scripts/setup.sh --services --lambda
	@scripts/lambda.sh
	@scripts/lambda.sh --arm64
	LAMBDA_ZIPS="$${LAMBDA_DIR:-$${XDG_CACHE_HOME:-$$HOME/.cache}/edgereel/lambda-target/zips}" LAMBDA_REPORT="$(CURDIR)/docs/lambda.md" \
		cargo test --locked --package functions --test lambda -- --ignored --nocapture cold_starts

.PHONY: lint
lint: ## Check spelling, shell scripts and Python
	@scripts/setup.sh --lint
	@scripts/lint.sh

.PHONY: ci
ci: ## What CI runs: format, lints, docs, licences, invariants, every test
	@exec .ci/run

.PHONY: build
build: ## The program alone: prints where it is
	@scripts/setup.sh
	cargo build --release --locked --package cli
	@echo "$(CARGO_TARGET_DIR)/release/edgereel"
