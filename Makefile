# Thin targets; each of `demo` and `test` does all the set-up on a fresh machine.
CARGO ?= cargo
.PHONY: help setup build test torchless-packages test-torchless demo check parity bench fuzz sanitize clean

help:
	@echo "make demo    set up, build, and find the objects of a small video, or of VIDEO=film.mp4 with WEIGHTS=FILE"
	@echo "make test    set up, build, and run all tests"
	@echo "make test-torchless  the tests of all that needs no libtorch, on a machine that may have none"
	@echo "make wheel   build the Python package as dist/*.whl; make test-python tests it"
	@echo "make check   formatting, arrows between modules, lints, documentation and tests, as before a change is merged"
	@echo "make parity GOLDEN='DIR ...'   compare with tensors of the Python reference"
	@echo "make bench   time attention, inference, a training step and scoring; HISTORY=FILE keeps the numbers"
	@echo "make gpu-bundle  pack what scripts/gpu_check.sh needs on a machine with a GPU and torch but without Rust"
	@echo "make fuzz    feed random bytes to everything that reads files, FUZZ_SECONDS=300 for each target"
	@echo "make sanitize  run tests under AddressSanitizer, ThreadSanitizer, Miri and a guard allocator"

setup:
	@scripts/setup.sh

# `seqformer bench --history` notes the commit.
build: export SEQFORMER_COMMIT := $(shell git describe --always --dirty '--exclude=*' 2>/dev/null)
build: setup
	$(CARGO) build --release --locked

test: setup
	$(CARGO) test --workspace --locked
	@scripts/python_tests.sh

.PHONY: wheel test-python
# The Python package, as dist/*.whl.
wheel:
	@scripts/setup.sh torchless
	@scripts/wheel.sh release

test-python:
	@scripts/python_tests.sh

# What builds and passes its tests without libtorch: these packages, and the command without the second program.
TORCHLESS := $(addprefix -p seqformer-,annotations assignment checkpoint cli config convert curation data evaluation export files init kernels logs masks metrics models python python-logging report signals testing training-data video)
torchless-packages:
	@! $(CARGO) tree --locked --no-default-features $(TORCHLESS) --prefix none | grep -E '^(tch|torch-sys) ' || \
	  { echo "one of these packages depends on libtorch: cargo tree $(TORCHLESS) --no-default-features -i torch-sys" >&2; exit 1; }

# A test that asks a Python with torch is skipped where there is none, which CI allows here alone.
test-torchless: torchless-packages
	@scripts/setup.sh torchless
	env -u CI $(CARGO) test --locked --no-default-features $(TORCHLESS)

demo: build
	@scripts/demo.sh

check: setup torchless-packages
	$(CARGO) fmt --all --check
	scripts/check_arrows.py
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked
	$(CARGO) test --workspace --locked
	@scripts/python_tests.sh

GOLDEN ?= tests/golden/public
parity: setup
	$(CARGO) run --release --locked --bin parity -- $(GOLDEN)

# With HISTORY=FILE all numbers are added to that file.
HISTORY ?=
bench: setup
	$(if $(HISTORY),scripts/bench_history.py $(HISTORY) --) \
	  $(CARGO) bench --locked -p seqformer-checkpoint -p seqformer-ops -p seqformer -p seqformer-engine -p seqformer-evaluation

.PHONY: gpu-bundle
gpu-bundle: setup
	scripts/gpu_bundle.py

fuzz: setup
	@scripts/fuzz.sh

sanitize: setup
	@scripts/sanitize.sh

clean:
	$(CARGO) clean
