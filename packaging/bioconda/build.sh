#!/bin/bash
# Builds the programs, and installs them with their manual pages, completions and licences.
set -euxo pipefail
export CARGO_PROFILE_RELEASE_STRIP=symbols
export S2S_COMMIT="conda build ${PKG_BUILDNUM}"
python packaging/third-party THIRDPARTY.md
cargo build --release --locked --bins
packaging/install target/release "${PREFIX}"
