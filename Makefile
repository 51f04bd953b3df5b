# Edgereel. Every target that needs something first installs what is missing: scripts/setup.sh.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# Outside the checkout, so that several checkouts share one cache.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/edgereel/target
# Only if they have a value: the programs report an empty path as a mistake.
ifneq ($(VIDEO),)
export VIDEO
endif
ifneq ($(DEMO_EXIT),)
export DEMO_EXIT
endif

.PHONY: help
help: ## List the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'
	@echo
	@echo '  VIDEO=path     make demo: use this video instead of a sample'
	@echo '  DEMO_EXIT=1    make demo: exit after playback instead of serving'
	@echo "  SOAK='--lose 10' make soak: options of tests/soak/main.py"
	@echo '  build cache    $(CARGO_TARGET_DIR)'

.PHONY: demo
demo: ## Upload, transcode and play a real video on this machine, without an account
	@scripts/setup.sh --web
	cargo build --locked --package cli
	@exec "$(CARGO_TARGET_DIR)/debug/edgereel" demo

.PHONY: edge
edge: ## Build the edge worker for WebAssembly and print its size
	@scripts/setup.sh --wasm --edge
	@scripts/edge.sh

.PHONY: test
test: ## Run all tests
	@scripts/setup.sh --web --services --browser --ffmpegs --wasm --edge
	@scripts/test.sh

.PHONY: bench
bench: ## Compare speed, memory and quality with other tools; writes docs/benchmarks.md
	@scripts/setup.sh --web
	@exec benches/run.sh

.PHONY: bench-api
bench-api: ## Measure the API under load, beside a bare route; writes docs/load.md
	@scripts/setup.sh --web --services
	cargo build --release --locked --package cli --package load
	@EDGEREEL_BIN="$(CARGO_TARGET_DIR)/release/edgereel" REPORT=docs/load.md "$(CARGO_TARGET_DIR)/release/load"

.PHONY: bench-database
bench-database: ## Measure every statement over two million videos in PostgreSQL; writes docs/database.md
	@scripts/setup.sh --web --services
	cargo build --release --locked --package cli
	@EDGEREEL_BIN="$(CARGO_TARGET_DIR)/release/edgereel" REPORT="$(CURDIR)/docs/database.md" python3 benches/database/main.py

.PHONY: players
players: ## Play each combination of container, codec, encryption, captions and audio; writes docs/compatibility.md
	@scripts/setup.sh --browser
	cargo build --locked --package cli
	@node tests/browser/matrix.mjs "$(CARGO_TARGET_DIR)/debug/edgereel" all "$(CURDIR)/docs/compatibility.md" > /dev/null

.PHONY: soak
soak: ## Kill transcoders every minute while 50 videos arrive, with all programs; writes docs/soak.md
	@scripts/setup.sh --web --services --wasm --edge
	@scripts/edge.sh
	cargo build --locked --package cli --package functions
	@EDGEREEL_BIN="$(CARGO_TARGET_DIR)/debug/edgereel" REPORT="$(CURDIR)/docs/soak.md" python3 tests/soak/main.py $(SOAK)

.PHONY: lambda
lambda: ## Build the Lambda functions as zips for x86-64 and arm64, and print their sizes
	@scripts/setup.sh --web --lambda
	@scripts/lambda.sh
	@scripts/lambda.sh --arm64

.PHONY: bench-lambda
bench-lambda: ## Measure how long Lambda functions take to start, in an emulator; writes docs/lambda.md
	@scripts/setup.sh --web --services --lambda
	@scripts/lambda.sh
	@scripts/lambda.sh --arm64
	LAMBDA_ZIPS="$${LAMBDA_DIR:-$${XDG_CACHE_HOME:-$$HOME/.cache}/edgereel/lambda-target/zips}" LAMBDA_REPORT="$(CURDIR)/docs/lambda.md" \
		cargo test --locked --package functions --test lambda -- --ignored --nocapture cold_starts

.PHONY: lint
lint: ## Check the spelling of all files, shell scripts and Python
	@scripts/setup.sh --lint
	@scripts/lint.sh

.PHONY: infra
infra: ## Check the templates in infra/ and the commands of the guides, without an account
	@scripts/setup.sh --infra
	@scripts/infra.sh

.PHONY: ci
ci: ## Run all checks and tests, as CI does before a merge
	@exec .ci/run

.PHONY: build
build: ## Build the program and print its path
	@scripts/setup.sh --web
	cargo build --release --locked --package cli
	@echo "$(CARGO_TARGET_DIR)/release/edgereel"
