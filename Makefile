# A thin front of meson.  `make` alone builds the release program at build/weir.
#
# Everything below installs what it needs first (tools/setup: nothing when all is there).

BUILD = build
ASAN = build-asan
CLANG = build-clang
FUZZ = build-fuzz
BENCH = build

PREFIX ?= /usr/local
DESTDIR ?=
SEEDS ?= 200
SECONDS ?= 60
JOBS ?=

NINJA = ninja $(if $(JOBS),-j$(JOBS))
RELEASE = --buildtype=release -Doptimization=2 -Db_lto=true -Dstatic_deps=true --prefix=$(PREFIX)

.PHONY: build run test check bench fuzz sim install clean help asan clang

build: ## build the release program: build/weir
	@tools/setup
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) $(RELEASE)
	@$(NINJA) -C $(BUILD) weir

run: build ## build, then start the gateway with a simulated provider and print the curl to try
	@exec $(BUILD)/weir serve --mock

test: ## everything: sanitizer build, all suites, all checks; the last line is the sum
	@tools/setup --test
	@tools/run-tests

check: clang ## the checks alone: format, floors, purity, headers, secrets, style, scripts
	@tools/run-tests --only=checks

bench: ## measure against nginx on this machine (ARGS="--quick", see docs/performance.md)
	@tools/setup --bench
	@$(MAKE) --no-print-directory build
	@$(NINJA) -C $(BUILD) bench/bench_load bench/bench_start bench/bench_upstream bench/micro/bench_plan
	@bench/run $(ARGS)

fuzz: ## run every fuzz target for SECONDS=60 each
	@tools/setup --test
	@tools/fuzz --seconds=$(SECONDS) $(ARGS)

sim: ## run the simulator on SEEDS=200 seeds
	@tools/setup --test
	@$(MAKE) --no-print-directory asan
	@$(ASAN)/tests/sim/weir-sim --seeds=$(SEEDS) $(ARGS)

asan:
	@test -f $(ASAN)/build.ninja || \
		meson setup $(ASAN) -Db_sanitize=address,undefined -Dwerror=true
	@$(NINJA) -C $(ASAN)

clang:
	@tools/setup --test
	@test -f $(CLANG)/build.ninja || CC=clang meson setup $(CLANG) -Dwerror=true
	@$(NINJA) -C $(CLANG)

install: build ## install under PREFIX=/usr/local (DESTDIR is honoured)
	@meson configure $(BUILD) --prefix=$(PREFIX)
	@$(NINJA) -C $(BUILD) weir docs/weir.1 docs/weir.yaml.5
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild --strip

clean: ## remove all build folders
	rm -rf $(BUILD) $(ASAN) $(CLANG) $(FUZZ) bench/out

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16
