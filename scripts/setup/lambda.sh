# shellcheck shell=bash
# What builds the Lambda functions.

has_environment lambda lambda-tools || install_environment lambda lambda-tools "cargo-lambda and zig" ||
    die "cargo-lambda cannot be installed (it needs Python 3 and PyPI): see https://www.cargo-lambda.info"
