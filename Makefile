# Edgereel. `make demo` and `make test` do all the set-up on a fresh machine.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# Outside the checkout, so that several checkouts share one cache.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/edgereel/target
# Only if they are not empty: an empty path is an error, and is reported as one.
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
	@echo '  VIDEO=path     make demo: use this video instead of a sample'
	@echo '  DEMO_EXIT=1    make demo: exit after the demonstration instead of serving'
	@echo '  build cache    $(CARGO_TARGET_DIR)'

.PHONY: demo
demo: ## Show upload, event, transcoding and authorised playback of a real video, without an account
	@scripts/setup.sh
	cargo build --release --locked --package cli
	@exec "$(CARGO_TARGET_DIR)/release/edgereel" demo

.PHONY: edge
edge: ## Build and optimise the edge worker as WebAssembly, and print its size
	@scripts/setup.sh --wasm --edge
	@scripts/edge.sh

.PHONY: test
test: ## Run every test
	@scripts/setup.sh --services --browser --ffmpegs --wasm --edge
	@scripts/test.sh

.PHONY: bench
bench: ## Compare with the usual ways to produce HLS; writes docs/benchmarks.md
	@scripts/setup.sh
	@exec benches/run.sh

.PHONY: bench-api
bench-api: ## Load-test the API, compared with a bare route; writes docs/load.md
	@scripts/setup.sh --services
	cargo build --release --locked --package cli --package load
	@EDGEREEL_BIN="$(CARGO_TARGET_DIR)/release/edgereel" REPORT=docs/load.md "$(CARGO_TARGET_DIR)/release/load"

.PHONY: lambda
lambda: ## Build the Lambda functions as zips, for x86-64 and arm64, and print their sizes
	@scripts/setup.sh --lambda
	@scripts/lambda.sh
	@scripts/lambda.sh --arm64

.PHONY: bench-lambda
bench-lambda: ## Measure cold starts of a Lambda function, in our emulator; writes docs/lambda.md
	@scripts/setup.sh --services --lambda
	@scripts/lambda.sh
	@scripts/lambda.sh --arm64
	LAMBDA_ZIPS="$${LAMBDA_DIR:-$${XDG_CACHE_HOME:-$$HOME/.cache}/edgereel/lambda-target/zips}" LAMBDA_REPORT="$(CURDIR)/docs/lambda.md" \
		cargo test --locked --package functions --test lambda -- --ignored --nocapture cold_starts

.PHONY: ci
ci: ## Run the CI checks: format, lints, docs, licences, invariants, every test
	@exec .ci/run

.PHONY: build
build: ## Build only the program, and print its path
	@scripts/setup.sh
	cargo build --release --locked --package cli
	@echo "$(CARGO_TARGET_DIR)/release/edgereel"
