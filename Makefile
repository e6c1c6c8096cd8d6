# SPDX-License-Identifier: MIT
#
# Builds and checks everything. `make help` lists the targets.
#
# Each variant of the engine (release, debug, asan, tsan, fuzz) has its own tree under build/, so that they stand
# side by side. Sources are found by wildcard: a layer is a folder under csrc, a C test is tests/c/test_*.c, a
# fuzzer is tests/fuzz/fuzz_*.c; a new file needs no line here. The Python module (csrc/pymod) is setup.py's.

VARIANT ?= release
JOBS    ?= 2
PYTHON  ?= python3

# The newest clang: Debian and Ubuntu install it under a number, with or without a plain name.
CLANG := $(or $(lastword $(sort $(notdir $(wildcard /usr/bin/clang-[12][0-9])))),clang)
CLANG_HEADERS := $(shell $(CLANG) -print-resource-dir 2>/dev/null)
# Every version of these has opinions of its own, so they come, pinned, from build/venv. The wheel of clang-tidy brings no headers of the
# compiler along: it gets those of the clang that is here.
CLANG_FORMAT = $(dir $(TOOLS))clang-format
CLANG_TIDY   = $(dir $(TOOLS))clang-tidy

ifeq ($(origin CC),default)
CC := gcc
endif

# `make V=1` prints whole command lines.
Q := $(if $(V),,@)
say = $(if $(V),,@echo '$(1)')

# --- flags ------------------------------------------------------------------------------------------------------

WARN     := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
# libuv's header needs more of the system's types than C17 alone names.
CPPFLAGS_ALL = -D_GNU_SOURCE -Icsrc -isystem build/deps -MMD -MP $(CPPFLAGS)
# What is built in two folders is the same, and tells nobody in which.
NO_PATHS    := -ffile-prefix-map=$(CURDIR)=.
CFLAGS_ALL   = -std=c17 -g $(NO_PATHS) $(WARN) -fvisibility=hidden -fPIC $(CFLAGS_$(VARIANT)) $(CFLAGS)

CFLAGS_release := -O2
CFLAGS_debug   := -O0
CFLAGS_asan    := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
CFLAGS_tsan    := -O1 -fno-omit-frame-pointer -fsanitize=thread
CFLAGS_fuzz    := -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
STRIP_release  := -Wl,--strip-debug
LDFLAGS_asan   := -fsanitize=address,undefined
LDFLAGS_tsan   := -fsanitize=thread
LDFLAGS_fuzz   := -fsanitize=fuzzer,address,undefined

ifeq ($(VARIANT),fuzz)
override CC := $(CLANG)
endif

# Linked statically: the module must bring its own of each (Blender has loaded others), and the server runs where
# nothing of this is installed. cJSON and libuv are compiled from source (csrc/deps/source.sh says why).
LIBDIR := $(or $(firstword $(dir $(wildcard /usr/lib/*/libssl.a))),/usr/lib/)
LIBS    = $(OUT)/libuv.a $(LIBDIR)libssl.a $(LIBDIR)libcrypto.a $(LIBDIR)libsodium.a $(LIBDIR)libzstd.a \
          $(LIBDIR)libxxhash.a $(LIBDIR)libminiupnpc.a $(LIBDIR)libnatpmp.a $(ZLIB) -lpthread -ldl -lrt -lm
# The libcrypto of Debian 13 and later can compress. Asked when it is needed: the package may be installed only then.
ZLIB    = $(if $(filter -lz,$(shell pkg-config --static --libs libcrypto)),$(LIBDIR)libz.a)

# --- version: pyproject.toml has the only one --------------------------------------------------------------------

VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' pyproject.toml)

# --- files ------------------------------------------------------------------------------------------------------

OUT      := build/$(VARIANT)
SOURCES  := $(filter-out csrc/pymod/%,$(wildcard csrc/*/*.c))
OBJECTS  := $(SOURCES:csrc/%.c=$(OUT)/csrc/%.o) $(OUT)/cJSON.o
TESTS    := $(patsubst tests/c/%.c,%,$(wildcard tests/c/test_*.c))
FUZZERS  := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
SERVER   := $(if $(wildcard csrc/main.c),$(OUT)/atrium-server)
C_FILES   = $(wildcard csrc/*.c csrc/*/*.[ch] tests/c/*.[ch] tests/fuzz/*.[ch] tests/sim/*.[ch] tests/bench/*.[ch])

# Tests whose subject is several threads: these run under ThreadSanitizer too.
TSAN_TESTS := $(filter test_%_threads,$(TESTS))

.PHONY: print-cflags print-libs py wheel test-python test-net all help tests test-c test-asan test-tsan fuzz-short fuzzers check format layers tidy clean deps setup test checks format-check lint types
.DEFAULT_GOAL := all

all: $(OUT)/libatrium.a $(SERVER)

help:
	@echo 'all         the library and the server (VARIANT=release|debug|asan|tsan)'
	@echo 'py          the Python module in place; wheel: build/wheel/atrium-*.whl'
	@echo 'test-python  the client library, the server and the engine over real processes'
	@echo 'test-net    over network namespaces, as root; T=name runs some'
	@echo 'test-c      C tests; T=name runs one'
	@echo 'test-asan   the same under AddressSanitizer and UBSan'
	@echo 'test-tsan   the ones with threads under ThreadSanitizer'
	@echo 'fuzz-short  each fuzzer for FUZZ_SECONDS (5) from its corpus'
	@echo 'test-sim    the simulator of rooms, SEEDS=1..3000; test-mutants: it notices when a rule is taken out'
	@echo 'zip         the Blender extension, build/atrium-<version>.zip'
	@echo 'pictures    those of the documentation, from real windows, as root; SCENE=file.blend is what Anna has open'
	@echo 'demo        three people with real Blenders edit one scene'
	@echo 'test-blender  in real Blenders, with a window where possible; T=name selects'
	@echo 'fidelity    real scenes from Blender to Blender, both ends compared'
	@echo 'test        all of the tests, on a fresh machine too; what cannot run here says so'
	@echo 'bench       the benchmarks, into build/bench.json; B=name runs some'
	@echo 'check       formatters, linters, types, layers, limits'
	@echo 'format      rewrites C and Python files in the project'"'"'s layout'

# --- building ---------------------------------------------------------------------------------------------------

# Sources of what is compiled in, from the distribution's own source packages.
deps: build/deps/cjson/cJSON.c build/deps/libuv/include/uv.h

build/deps/cjson/cJSON.c:
	csrc/deps/source.sh cjson build/deps/cjson cJSON.c cJSON.h LICENSE
build/deps/libuv/include/uv.h:
	csrc/deps/source.sh libuv1 build/deps/libuv src include LICENSE

# cJSON is not ours to warn about. Its limit of nesting is above ours, its locale look-up is of no use to us. Where a
# parse failed is one variable for the whole process there, which two engines would write at once: one per thread here.
$(OUT)/cJSON.o: build/deps/cjson/cJSON.c Makefile
	@mkdir -p $(@D)
	$(call say,CC      $@)
	$(Q)sed 's/^static error global_error/static _Thread_local error global_error/' $< | \
	  $(CC) -std=c17 -g -fvisibility=hidden -fPIC -DCJSON_HIDE_SYMBOLS $(CFLAGS_$(VARIANT)) $(CFLAGS) -I$(<D) -x c -c - -o $@

$(OUT)/csrc/%.o: csrc/%.c | build/deps/cjson/cJSON.c
	@mkdir -p $(@D)
	$(call say,CC      $@)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c $< -o $@

$(OUT)/csrc/base/version.o: CPPFLAGS += -DATR_VERSION='"$(VERSION)"'
$(OUT)/csrc/base/version.o: pyproject.toml

$(OUT)/libuv.a: build/deps/libuv/include/uv.h csrc/deps/libuv.mk
	$(call say,AR      $@)
	$(Q)$(MAKE) --no-print-directory -f csrc/deps/libuv.mk OUT=$(OUT) CC=$(CC) FLAGS='$(NO_PATHS) $(CFLAGS_$(VARIANT))'

# Whatever is linked with the library is linked with libuv too.
$(OUT)/libatrium.a: $(OBJECTS) | $(OUT)/libuv.a
	@rm -f $@
	$(call say,AR      $@)
	$(Q)ar rcs $@ $^

$(OUT)/atrium-server: $(OUT)/main.o $(OUT)/libatrium.a
	$(call say,LINK    $@)
	$(Q)$(CC) $(LDFLAGS_$(VARIANT)) $(LDFLAGS) $(STRIP_$(VARIANT)) -o $@ $^ $(LIBS)

$(OUT)/main.o: csrc/main.c | build/deps/cjson/cJSON.c
	@mkdir -p $(@D)
	$(call say,CC      $@)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c $< -o $@

# A test that cuts a name that it made itself is not worth a warning.
$(OUT)/tests/%.o: CFLAGS += $(if $(findstring clang,$(CC)),,-Wno-format-truncation)
$(OUT)/tests/%.o: tests/%.c | build/deps/cjson/cJSON.c
	@mkdir -p $(@D)
	$(call say,CC      $@)
	$(Q)$(CC) $(CPPFLAGS_ALL) -Itests/c $(CFLAGS_ALL) -c $< -o $@

$(OUT)/test_%: $(OUT)/tests/c/test_%.o $(OUT)/libatrium.a
	$(call say,LINK    $@)
	$(Q)$(CC) $(LDFLAGS_$(VARIANT)) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

$(OUT)/fuzz_%: $(OUT)/tests/fuzz/fuzz_%.o $(OUT)/libatrium.a
	$(call say,LINK    $@)
	$(Q)$(CC) $(LDFLAGS_fuzz) $(LDFLAGS) -o $@ $^ $(LIBS)

.SECONDARY:
-include $(wildcard $(OUT)/*.d $(OUT)/csrc/*/*.d $(OUT)/tests/*/*.d)

# --- Python -----------------------------------------------------------------------------------------------------

# What setup.py compiles and links the module with.
print-cflags:
	@echo -D_GNU_SOURCE -Icsrc -isystem build/deps -std=c17 -g $(NO_PATHS) $(WARN) -fvisibility=hidden $(CFLAGS_$(VARIANT)) $(CFLAGS)
print-libs:
	@echo $(LDFLAGS_$(VARIANT)) $(LDFLAGS) $(LIBS)

TOOLS = $(shell tests/setup/venv.sh)

# The module in place, for PYTHONPATH=python (always linked anew: another variant may stand there); and the wheel, in build/wheel.
py:
	ATRIUM_VARIANT=$(VARIANT) $(TOOLS) setup.py --quiet build_ext --force --inplace --build-temp build/$(VARIANT)/py
wheel:
	rm -rf build/wheel build/lib build/lib.*
	$(TOOLS) -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir build/wheel .
	@ls build/wheel/*.whl

# Real processes on two cores do at times miss a time limit that has nothing to do with what is shown, so what fails gets a second run
# with the machine to itself, and says so; what fails twice is broken, and what tests/loud.py names is so at once.
# $(call PYTEST,environment,options,folders)
FINAL := $(CURDIR)/build/no-second-run
PYTEST = rm -f $(FINAL); run() { ATRIUM_NO_SECOND_RUN=$(FINAL) $(1) $(TOOLS) -m pytest -q "$$@" $(if $(T),-k '$(T)') $(3); }; \
	run --cache-clear $(2) || { \
	  if [ -s $(FINAL) ]; then echo '************ BROKEN, and not a matter of time:'; cat $(FINAL); exit 1; fi; \
	  echo '************ UNSTEADY OR BROKEN: what has failed is run once more, alone' | tee -a $(UNSTEADY); \
	  cat .pytest_cache/v/cache/lastfailed >> $(UNSTEADY); \
	  run --last-failed --last-failed-no-failures none; }
UNSTEADY := $(CURDIR)/build/unsteady

# Python tests over real processes on loopback, which mostly wait for each other; T=name runs those whose name has it.
# With VARIANT=asan the engine inside of Python is checked too.
WITH_ASAN = $(if $(filter asan,$(VARIANT)),LD_PRELOAD=$$($(CC) -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0)
test-python: all py
	@$(call PYTEST,ATRIUM_VARIANT=$(VARIANT) $(WITH_ASAN),-n $(JOBS) --durations=5,tests/python)

# The same over networks of namespaces: routers, tunnels, bad lines. As root; says loudly where it cannot run. Most of its time is waiting.
test-net: all py
	@tests/setup/tunnels.sh
	@$(call PYTEST,ATRIUM_VARIANT=$(VARIANT),-n $(JOBS) --durations=5,tests/net)

# --- testing ----------------------------------------------------------------------------------------------------

# Installs what is missing: one question to dpkg where nothing is.
setup:
	@tests/setup/packages.sh

# One after the other, the quick ones first: they share two cores at most. Each reports for itself, and what fails keeps none from running.
TEST_PARTS := test-c test-asan test-tsan fuzz-short test-sim test-mutants test-python test-net test-blender
test: setup
	@mkdir -p build; rm -f $(UNSTEADY); failed=; for part in $(TEST_PARTS); do \
	  echo "==== $$part"; $(MAKE) --no-print-directory $$part || failed="$$failed $$part"; \
	done; \
	if [ -s $(UNSTEADY) ]; then cat $(UNSTEADY); fi; \
	if [ -n "$$failed" ]; then echo "************ FAILED:$$failed"; exit 1; fi; echo "==== all parts passed"

RUN_TESTS = $(if $(T),$(filter %$(T),$(1)),$(1))
SANITIZER_ENV = ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1 \
                TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1

# Builds and runs the tests of one variant; internal, the targets below choose the variant.
tests: $(addprefix $(OUT)/,$(call RUN_TESTS,$(TESTS_OF_VARIANT)))
	@failed=0; for t in $^; do echo "== $$t"; \
	  $(SANITIZER_ENV) timeout 300 $$t || { failed=1; echo "************ FAILED: $$t"; }; done; exit $$failed

test-c:
	@$(MAKE) --no-print-directory -j$(JOBS) tests TESTS_OF_VARIANT='$(TESTS)'

test-asan:
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=asan tests TESTS_OF_VARIANT='$(TESTS)'

test-tsan:
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=tsan tests TESTS_OF_VARIANT='$(TSAN_TESTS)'

FUZZ_SECONDS ?= 5

fuzz-short:
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=fuzz fuzzers

# New inputs go to build/, so that a run leaves the committed corpus alone; a crash is kept there too.
fuzzers: $(addprefix $(OUT)/,$(call RUN_TESTS,$(FUZZERS)))
	@set -e; for f in $^; do n=$$(basename $$f); n=$${n#fuzz_}; echo "== fuzz $$n"; \
	  mkdir -p $(OUT)/corpus/$$n tests/fuzz/corpus/$$n; \
	  $$f -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -artifact_prefix=$(OUT)/$$n- \
	    $(OUT)/corpus/$$n tests/fuzz/corpus/$$n >$(OUT)/$$n.log 2>&1 || { tail -40 $(OUT)/$$n.log; exit 1; }; \
	  tail -1 $(OUT)/$$n.log; done

# Sends real scenes from Blender to Blender and compares both ends. FIDELITY='--direct --blender bpy45 --scene door'
fidelity:
	@"$$(tests/setup/venv.sh)" -m tests.fidelity.run $(FIDELITY)

# The simulator of rooms: seeds that once failed, then SEEDS.
SEEDS ?= 1..3000
SIM_OBJECTS := $(patsubst tests/%.c,$(OUT)/tests/%.o,$(wildcard tests/sim/*.c))

$(OUT)/sim: $(SIM_OBJECTS) $(OUT)/libatrium.a
	$(call say,LINK    $@)
	$(Q)$(CC) $(LDFLAGS_$(VARIANT)) $(LDFLAGS) -o $@ $^ $(LIBS)

.PHONY: test-sim test-mutants bench benches
# Takes one rule out at a time: the simulator, or the test that the rule names, must notice each. M=word selects by name.
test-mutants: $(OUT)/sim $(addprefix $(OUT)/,$(shell sed -n 's/.* test="\(.*\)",/\1/p' tests/sim/mutants.py | sort -u))
	@echo '$(LIBS)' >$(OUT)/sim.libs
	@$(PYTHON) tests/sim/mutants.py --build $(OUT) --cc $(CC) $(if $(M),--only '$(M)')

test-sim: $(OUT)/sim
	$(SANITIZER_ENV) timeout 600 $(OUT)/sim --file tests/sim/seeds.txt --seeds $(SEEDS)

# --- benchmarks -------------------------------------------------------------------------------------------------

# B=name[ name...] runs some of them.
bench: setup
	@$(MAKE) --no-print-directory benches

benches: $(addprefix build/bench/,atrium_peer members_peer delta_speed nats_peer tls_relay slow_link) all py
	tests/setup/bench.sh
	$(TOOLS) tests/bench/bench.py $(B)

BENCH_COMMON := tests/bench/bench.c tests/bench/participant.c
build/bench/%: tests/bench/%.c $(BENCH_COMMON) tests/bench/bench.h tests/bench/participant.h $(OUT)/libatrium.a
	@mkdir -p $(@D)
	$(call say,CC      $@)
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE -O2 -g $(WARN) -Icsrc -isystem build/deps -Itests/bench -o $@ $< $(BENCH_COMMON) $(OUT)/libatrium.a $(LIBS)

# --- checking ---------------------------------------------------------------------------------------------------

# PYTHONS: everything that ruff looks at; types are checked strictly in the library that
# scripts import, and as far as Blender has any in the add-on.
PYTHONS := setup.py python addon tests

# In a make of its own: what setup has just installed is found when the Makefile is read.
check: setup
	@$(MAKE) --no-print-directory -j$(JOBS) checks

checks: layers tidy format-check lint types

format-check:
	$(CLANG_FORMAT) --dry-run -Werror $(C_FILES)
	$(TOOLS) -m ruff format --check --quiet $(PYTHONS)

lint:
	$(TOOLS) -m ruff check --quiet $(PYTHONS)

types:
	$(TOOLS) -m mypy --no-error-summary python
	$(TOOLS) -m mypy --no-error-summary --config-file tests/setup/mypy-addon.ini addon

layers:
	$(PYTHON) tests/layers.py
	$(PYTHON) tests/limits.py
	$(PYTHON) tests/sim/mutants.py --check

format:
	$(CLANG_FORMAT) -i $(C_FILES)
	$(TOOLS) -m ruff format --quiet $(PYTHONS)

# One stamp per file, newer than its object: only what changed, itself or in a header, is linted again. Not csrc/pymod: Python's headers, and the
# slots that cast every function, are most of what it would find there.
TIDY_STAMPS = $(patsubst %.c,build/tidy/%.ok,$(filter-out csrc/pymod/%,$(filter csrc/%.c,$(C_FILES))))
tidy: $(TIDY_STAMPS)
build/tidy/%.ok: %.c .clang-tidy build/release/%.o
	@mkdir -p $(@D)
	$(call say,TIDY    $<)
	$(Q)$(CLANG_TIDY) --quiet $< -- -std=c17 -D_GNU_SOURCE $(if $(filter %/version.c,$<),-DATR_VERSION='""') -Icsrc -isystem build/deps -resource-dir=$(CLANG_HEADERS)
	@touch $@

# --- the extension and real Blenders ----------------------------------------------------------------------------

.PHONY: zip test-blender demo pictures

zip:
	@tests/setup/packages.sh build
	$$(tests/setup/venv.sh) addon/build_zip.py

demo:
	tests/setup/packages.sh
	$$(tests/setup/venv.sh) -m tests.demo.demo

# Into docs/images, in a network of the script's own. ONLY=start,rooms takes some. "together" shows SCENE=file.blend, else Blender's cube.
pictures: zip
	tests/setup/blenders.sh deb52
	@export ATRIUM_ZIP=$$(ls $(CURDIR)/build/atrium-*.zip); for language in en es; do \
	  "$$(tests/setup/venv.sh)" -m tests.addon.screenshots --language $$language $(if $(ONLY),--only $(ONLY)) $(SCENE) || exit 1; \
	done

# T=name selects by name: T=bpy42 one Blender, T=harness one file. One more at a time than there are cores: a test waits a third of its time.
BLENDER_TESTS := tests/demo tests/blender tests/addon tests/sync tests/fidelity
# The people of some tests are scripts, with the module in place.
test-blender: zip py
	tests/setup/blenders.sh all
	@export ATRIUM_ZIP=$$(ls $(CURDIR)/build/atrium-*.zip); \
	$(call PYTEST,,-n $(shell expr $(JOBS) + 1) --dist worksteal --durations=15,$(BLENDER_TESTS))

clean:
	rm -rf build/release build/debug build/asan build/tsan build/fuzz build/tidy
