#!/usr/bin/env bash
# The Nextflow modules by nf-core's own linter, without a network.
source "$HERE/common.sh"
enter nfcore
"$ENGINES/nfcore/bin/python" "$HERE/nfcore.py" "$NEXTFLOW/modules/nf-core/s2s" lint
