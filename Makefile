# make install PREFIX=~/.local: the programs, their manual pages and completions (default /usr/local)
# make wheel: a Python wheel with the programs and the module s2s, in target/wheels
# make conda: a conda package of the programs, built, installed and tested in a fresh prefix; in target/conda
# make site: the documentation as a site, every link checked; leaves site/index.html
# make demo: build, and run the whole pipeline on a small simulated section; leaves demo/report/report.html
# make test: formatting, lints, all tests
# make test-workflows: both workflows on their real engines, installed into .engines: locally, and on SLURM with Apptainer
# make lint-gpu: the lints with the GPU features, whose dependencies take a quarter of an hour and more to check at first
# make bench-cpu: training step and forward pass beside PyTorch (S2S_PYTHON: a Python with torch and safetensors)
# make ablation: one gene with one part of the method changed at a time; leaves ablation/ablation.md (see docs/appendix/ablation.md)
# make bench-sections: every method of s2s-predict on many sections; leaves bench/bench.md (see docs/appendix/bench.md)
# make faults: kills (with strace), races, broken and hostile files (see docs/reliability.md)
# make fuzz: FUZZ_INPUTS=100000 damaged files for every reader
# make deny: licences, sources and advisories of all dependencies, where cargo-deny is there
# make sbom: what is linked in, as a CycloneDX bill of materials, in target/sbom.json
# make help: every target

CARGO ?= cargo
PYTHON ?= python3
BIN := target/release
# For --version; empty where there is no git.
export S2S_COMMIT := $(shell git describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null)
DEMO := demo
DEMO_GENES := DUCT1,ISLAND3

.PHONY: help build install wheel conda demo test test-workflows lint lint-gpu venv site bench-cpu ablation bench-sections faults fuzz deny sbom clean

help:
	@sed -n 's/^# \(make .*\)/\1/p' $(MAKEFILE_LIST)

build:
	$(CARGO) build --release --bins

PREFIX ?= /usr/local
install: build
	packaging/install $(BIN) "$(PREFIX)"

# The licences of what is linked in go into the wheel, as ours do.
wheel: venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check 'maturin==1.16.*'
	cp LICENSE-MIT LICENSE-APACHE packaging/python/
	packaging/third-party packaging/python/THIRDPARTY.md
	cd packaging/python && "$(CURDIR)/.venv/bin/maturin" build --release --locked --out "$(CURDIR)/target/wheels"

conda: build venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check 'py-rattler-build==0.73.*'
	packaging/third-party packaging/python/THIRDPARTY.md
	.venv/bin/python packaging/conda/build target/conda

site: venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check 'mkdocs-material==9.8.*'
	NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build --strict --quiet

demo: build
	rm -rf $(DEMO) && mkdir -p $(DEMO)
	$(BIN)/s2s-simulate --rows 96 --cols 96 --genes 12 --seed 1 --stain --output $(DEMO)/section
	$(BIN)/s2s-prep $(DEMO)/section --image auto --bin-um 30 --scale 2 --mode benchmark --output $(DEMO)/section.s2s
	$(BIN)/s2s-fit $(DEMO)/section.s2s --genes $(DEMO_GENES) --output $(DEMO)/fits
	$(BIN)/s2s-predict $(DEMO)/section.s2s --model $(DEMO)/fits --output $(DEMO)/s2s.zarr
	for method in blend kriging bilinear; do \
	  $(BIN)/s2s-predict $(DEMO)/section.s2s --output $(DEMO)/$$method.zarr --method $$method --genes $(DEMO_GENES) || exit; \
	done
	$(BIN)/s2s-score $(DEMO)/section.s2s --output $(DEMO)/report \
	  --prediction $(DEMO)/s2s.zarr $(DEMO)/blend.zarr $(DEMO)/kriging.zarr $(DEMO)/bilinear.zarr
	@echo "The report: $(DEMO)/report/report.html"

test: lint deny venv
	S2S_PYTHON="$(CURDIR)/.venv/bin/python" $(CARGO) test --release

test-workflows: build
	tests/workflows/run.sh

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --release --all-targets -- -D warnings

# In a folder of its own: with other features everything would be compiled anew at each change between the two. Both features at once:
# what is compiled without one of them is compiled without both, too, by `make lint`.
lint-gpu:
	CARGO_TARGET_DIR=target-gpu $(CARGO) clippy --release --all-targets --features cuda,vulkan -- -D warnings

# The Python clients that read our outputs in the tests.
venv: .venv/done
.venv/done: tests/python/requirements.txt
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -r tests/python/requirements.txt
	touch $@

bench-cpu:
	$(CARGO) bench --bench train_step

ablation: build
	S2S_BIN=$(BIN) scripts/ablation.sh

bench-sections: build venv
	.venv/bin/python scripts/bench-sections

faults: build
	S2S_BIN=$(BIN) $(PYTHON) scripts/faults
	$(CARGO) test --release --lib files::
	$(CARGO) test --release --test store --test many_jobs --test hostile_names --test hostile_files

FUZZ_INPUTS := 100000
fuzz:
	S2S_FUZZ_INPUTS=$(FUZZ_INPUTS) $(CARGO) test --release --test fuzz

deny:
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny check; else echo "skipped: no cargo-deny"; fi

sbom:
	packaging/sbom target/sbom.json

clean:
	rm -rf target target-gpu site .venv .engines $(DEMO) ablation
