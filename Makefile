# SPDX-License-Identifier: MIT
# The front door: `make help` says what each word does. The work is in CMakePresets.json, CMakeLists.txt and scripts/.
PREFIX  ?= /usr/local
DESTDIR ?=
JOBS    ?= $(shell nproc)
FUZZ_SECONDS ?= 20

build_dir = build
ninja     = ninja -C $(build_dir) -j $(JOBS)
ctest     = ctest --output-on-failure -j $(JOBS) --test-dir
# Not *.inc: their FN(name)(...) is beyond clang-format.
sources   = $$(git ls-files '*.c' '*.h')

.PHONY: all help test demo bench peers install check-install sanitize fuzz format check-format lint abi clean

all:
	@scripts/install-deps --check build
	@cmake --preset release --log-level=WARNING
	@$(ninja)

help:
	@echo "make                the program and the libraries, in build/"
	@echo "make demo           train a network on Fashion-MNIST, watched by probes of curvature and noise: demo/index.html (installs what is missing)"
	@echo "make test           build and run the tests (installs what is missing)"
	@echo "make bench          measure, and compare with PyTorch where it is installed"
	@echo "make install        into PREFIX (/usr/local), below DESTDIR"
	@echo "make sanitize       the tests under AddressSanitizer and UndefinedBehaviorSanitizer"
	@echo "make fuzz           FUZZ_SECONDS (20) on every reader of files"
	@echo "make lint           static checks; make check-format, make format: the form of the code"
	@echo "make check-install  install into an empty folder, build and run examples/ against it"
	@echo "make abi            rewrite abi/thalweg.symbols from what the library exports"

test:
	@scripts/install-deps build test
	@cmake --preset dev --log-level=WARNING
	@$(ninja)
	@$(ctest) $(build_dir)

demo:
	@scripts/install-deps build demo
	@cmake --preset release --log-level=WARNING
	@$(ninja)
	@scripts/demo $(build_dir)/thalweg demo

bench: all
	@scripts/bench $(build_dir)

install: all
	@cmake --preset release --log-level=WARNING -DCMAKE_INSTALL_PREFIX=$(PREFIX)
	@$(ninja)
	@DESTDIR=$(DESTDIR) cmake --install $(build_dir)

check-install:
	@scripts/install-deps build test
	@scripts/check-install

sanitize:
	@scripts/install-deps build test
	@cmake --preset asan --log-level=WARNING
	@ninja -C build-asan -j $(JOBS)
	@$(ctest) build-asan

fuzz:
	@scripts/install-deps build fuzz
	@CC=clang cmake --preset fuzz --log-level=WARNING
	@ninja -C build-fuzz -j $(JOBS) fuzzers
	@scripts/fuzz build-fuzz $(FUZZ_SECONDS)

format:
	@scripts/install-deps lint
	@clang-format -i $(sources)

check-format:
	@command -v clang-format >/dev/null || scripts/install-deps lint
	@clang-format --dry-run --Werror $(sources)

lint:
	@scripts/install-deps build lint
	@scripts/lint

abi: all
	@tests/abi.sh --write $(build_dir)/src/libthalweg.so

clean:
	@rm -rf build build-asan build-fuzz build-install demo
