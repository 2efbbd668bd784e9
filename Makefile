# SPDX-License-Identifier: GPL-2.0-only
# The front door of iopt-bench: each target calls meson or a script.

PYTHON_RUN = scripts/python
IOPT_BENCH = build/bench/iopt-bench

# $(call arg,--option,VAR): the option with VAR's value as the shell's own
# word, or nothing when VAR is empty. value: no $ in a regex is expanded.
arg = $(if $(value $2),$1 '$(subst ','\'',$(value $2))')
flag = $(if $(filter-out 0,$($2)),$1)

COMPARE_ARGS = $(call flag,--full,FULL) $(call arg,--filter,FILTER) \
	$(call arg,--cpu,CPU) $(call arg,--node,NODE) $(call arg,--out,OUT) \
	$(call arg,--reps,REPS) $(call arg,--trace,TRACE) $(call arg,--seed,SEED) \
	$(call arg,--profile,PROFILE) $(call arg,--format,FORMAT) \
	$(call arg,--kernel,KERNEL) $(call flag,--force,FORCE)
TRACK_ARGS = $(if $(FULL)$(FILTER),$(call flag,--full,FULL),--quick) \
	$(call arg,--filter,FILTER) $(call arg,--cpu,CPU) $(call arg,--node,NODE) \
	$(call arg,--reps,REPS) $(call arg,--seed,SEED) \
	$(call arg,--profile,PROFILE)
SELFTEST_ARGS = $(call flag,--short,SHORT) $(call flag,--equals,EQUALS) \
	$(call arg,--rounds,ROUNDS) \
	$(call arg,--minutes,MINUTES) $(call arg,--filter,FILTER) \
	$(call arg,--cpu,CPU) $(call arg,--node,NODE) $(call arg,--seed,SEED)
REGRESS_ARGS = $(call arg,--anchor,ANCHOR) $(call arg,--filter,FILTER) \
	$(call arg,--cpu,CPU) $(call arg,--node,NODE) $(call arg,--seed,SEED) \
	$(call arg,--junit,JUNIT) $(call arg,--markdown,MARKDOWN)
ARM64_BUILD = arm64$(call flag,-sanitize,SANITIZE)
BENCH_ARGS = $(call flag,--full,FULL) $(call arg,--filter,FILTER) \
	$(call arg,--cpu,CPU) $(call arg,--node,NODE) $(call arg,--out,OUT) $(call arg,--reps,REPS) \
	$(call arg,--trace,TRACE) $(call arg,--frames,FRAMES) \
	$(call arg,--seed,SEED) \
	$(call arg,--profile,PROFILE) $(call arg,--kernel,KERNEL) \
	$(if $(filter 0,$(PLOT)),--no-plot) $(call flag,--verbose,V)

export V

.DEFAULT_GOAL := help
.PHONY: track report help deps tools bench quick regress bless compare \
	cover-letter kernel kernels kernel-selftest fidelity test list plot validate \
	validate-qemu bench-live fit-profile clean
.NOTPARALLEL:

help: ## this page
	@echo 'iopt-bench: performance benchmarks for Arm I/O page tables'
	@echo
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 26
	@echo
	@sed -n 's/^#  //p' $(firstword $(MAKEFILE_LIST))

#  Variables, for bench and quick:
#    FILTER=REGEX  only cases whose name matches (POSIX extended, unanchored)
#    CPU=N         measure on this CPU (default: picked by topology)
#    NODE=N        page tables in the memory of this node, on a CPU of it unless
#                  CPU (default: the CPU's own node)
#    REPS=N        rounds, one process a family each (default: 9, quick 3); with
#                  it or FULL=1 there is no limit of time
#    OUT=FILE      where the result goes (default: results/HOST/TIME-REV.json)
#    TRACE=FILE    replay this recorded trace, and nothing else unless FILTER
#    FRAMES=FILE   tear down memory with these frames (iopt-layout live), and
#                  nothing else unless FILTER
#    PROFILE=NAME  price invalidations by this cost profile, or FILE.ini
#                  (default: smmuv3-ril and smmuv3-noril, with FULL=1 all)
#    KERNEL=TREE   measure this Linux tree's io-pgtable-arm.c, and nothing else
#                  unless FILTER: a folder, REPO:REV, linux-*.tar.xz, debian:6.12
#    FULL=1        bench: the full set of cases, takes much longer
#    PLOT=0        draw no pictures
#    SEED=N        order of families and cases (default: random, recorded)
#  For kernel: KERNEL, LABEL=NAME, CFLAGS='more compiler flags'.
#  For kernel-selftest: KERNEL, LABEL.
#  For fidelity, and FILTER, CPU, SEED as above:
#    KERNEL='A B'  these trees (default: those built as 6.1, 6.12 and 7.3)
#    REPS=N        pairs (default: 10)
#  For list: FILTER.
#  For regress and bless, and CPU, NODE, FILTER, SEED as above:
#    ANCHOR=WORD   a git revision of this suite, or a path of an iopt-bench
#    JUNIT=FILE    regress: write JUnit XML
#    MARKDOWN=FILE regress: append the summary (default: $GITHUB_STEP_SUMMARY)
#  For compare, and CPU, NODE, FILTER, TRACE, PROFILE, FULL, SEED as above:
#    OLD= NEW=     two engine words of this build, two paths of iopt-bench or
#                  of a build directory, two git revisions of this suite, or
#                  two result files (which then are only read), or two Linux
#                  trees, as for KERNEL
#    KERNEL=REPO   OLD and NEW are revisions of this Linux repository
#    REPS=N        pairs of stage one; stage two, of the suspects, has twice
#                  as many (default: 10)
#    FORMAT=WORD   cover (default), markdown, csv, junit, lava
#    FORCE=1       time also what is the same machine code
#    OUT=STEM      files STEM.json, .txt, .md, .csv, .xml, .lava, .old.bench and
#                  .new.bench (default: results/HOST/compare/TIME-OLD-NEW)
#  For bench-selftest, and CPU, NODE, FILTER, SEED as above:
#    SHORT=1       few cases and rounds, at most 2 minutes
#    ROUNDS=N      30 make a whole comparison (default: 210)
#    MINUTES=N     record for so long at most
#    EQUALS=1      no extra work: false positives only, in less time
#  For cover-letter: RESULTS=FILE, FORMAT; OLD and NEW pick two engines of a
#    result.
#  For track, and CPU, NODE, REPS, FILTER, PROFILE, FULL, SEED as for compare:
#    ANCHOR=REV    revision of this suite that is pinned (default: as before)
#    RESULTS=FILES add these saved comparisons, measure nothing
#  For report: OUT=FILE (default: results/history.html).
#  For validate-qemu:
#    SCENARIO='A B'  these files (default: all of data/scenarios)
#    KERNELS=LIST  of 6.1,6.12,7,6.12-16k,7-16k (default: 6.12,7)
#    STAGES=LIST   of 1,2 (default: both, where this QEMU has both)
#    QEMU=PROGRAM  another QEMU (default: qemu-system-aarch64)
#  For perf-qemu: KERNELS, SCENARIO, QEMU as above; FILTER=REGEX other cases;
#    OLD= NEW=     Linux trees in place of the models, KERNEL as for compare
#  For bench-live, and REPS, CPU, OUT, PROFILE (for what a run does not tell):
#    DEVICE=BDF    a device that is bound to vfio-pci, such as 0000:01:00.0
#    SIZES='1G 4G' RAM of the machines (default: 1G to 64G, by free memory)
#    WAY=WORD      type1 or iommufd (default: type1, else iommufd)
#  For fit-profile: RESULTS=FILE (default: this host's newest live run),
#    NAME=WORD     of the profile (default: the host's), PROFILE, OUT
#    AGAINST=FILE  how well do its prices foretell that other live run?
#  For deps: ARCH=arm64 what `make test-arm64` needs (not from the environment).
#  For test-arm64: SANITIZE=1 the suites of C with ASan and UBSan.
#  For plot: RESULTS='A.json B.json' (default: this host's newest).
#  For tune: RUN='make bench' runs that and puts all back; YES=1 does not ask.
#  For all: V=1 shows the build, every row and what the processes say;
#    PYTHON=PROGRAM runs the scripts (default: the first that has all modules).

deps: ## install what is missing from the distribution
	@scripts/deps $(if $(findstring command,$(origin ARCH)),--arch '$(ARCH)')

tools: ## build build/bench/iopt-bench and build/tools/*, measure nothing
	@scripts/deps --check tools
	@scripts/build release

bench: ## measure the default suite (at most 10 minutes), then plot
	@scripts/deps --check bench
	@scripts/build release
	@$(PYTHON_RUN) scripts/bench.py $(BENCH_ARGS)

quick: ## measure every family briefly (at most a minute)
	@scripts/deps --check bench
	@scripts/build release
	@$(PYTHON_RUN) scripts/bench.py --quick $(BENCH_ARGS)

regress: ## counters against the baseline, times against ANCHOR=
	@scripts/deps --check bench
	@scripts/build release
	@$(PYTHON_RUN) scripts/regress.py $(REGRESS_ARGS)

bless: ## make the counters of this build the baseline, print what changed
	@scripts/deps --check bench
	@scripts/build release
	@$(PYTHON_RUN) scripts/regress.py --bless $(REGRESS_ARGS)

compare: ## OLD= against NEW=: engines, builds, revisions or result files
	@scripts/deps --check bench
	@scripts/build release
	@$(PYTHON_RUN) scripts/compare.py $(COMPARE_ARGS) \
		$(if $(OLD),-- $(call arg,,OLD)) $(call arg,,NEW)

cover-letter: ## the text of a comparison or result that was saved, RESULTS=
	@scripts/deps --check bench
	@$(PYTHON_RUN) scripts/cover_letter.py $(call arg,--format,FORMAT) \
		$(call arg,--old,OLD) $(call arg,--new,NEW) $(RESULTS)

kernel: ## build KERNEL's io-pgtable-arm.c as engine kernel-LABEL
	@scripts/deps --check tools
	@$(PYTHON_RUN) scripts/kernel.py $(call arg,--label,LABEL) \
		$(if $(value CFLAGS),--cflags='$(CFLAGS)') \
		$(or $(KERNEL),$(error KERNEL=TREE is wanted, see make help))

kernels: ## list the Linux trees that are built as engines
	@$(PYTHON_RUN) scripts/kernel.py

kernel-selftest: ## run the selftests that KERNEL itself brings
	@scripts/deps --check tools
	@scripts/build release
	@$(PYTHON_RUN) scripts/kernel.py --selftest \
		$(call arg,--label,LABEL) \
		$(or $(KERNEL),$(error KERNEL=TREE is wanted, see make help))

fidelity: ## time each model against the driver's own code, see make kernel
	@scripts/deps --check bench
	@scripts/build release
	@$(PYTHON_RUN) scripts/fidelity.py $(call arg,--filter,FILTER) \
		$(call arg,--cpu,CPU) $(call arg,--reps,REPS) \
		$(call arg,--seed,SEED) $(KERNEL)

test: ## build in build-test and run all tests
	@scripts/deps --check test
	@scripts/build test
	@meson test -C build-test --no-rebuild --print-errorlogs $(call flag,--verbose,V)

# The suite for the guest, and its tests that count.
PERF_BUILD = $(if $(filter aarch64,$(shell uname -m)),test,arm64) iopt-bench \
	test_host_perf test_harness

.PHONY: perf-qemu
perf-qemu: ## instructions of the suite and of kernels, docs/perf-qemu.md
	@scripts/deps --check bench
	@scripts/deps --arch arm64 --check test
	@scripts/build $(PERF_BUILD)
	@$(PYTHON_RUN) scripts/perf_qemu.py $(call arg,--kernels,KERNELS) \
		$(call arg,--old,OLD) $(call arg,--new,NEW) $(call arg,--kernel,KERNEL) \
		$(call arg,--filter,FILTER) $(call arg,--qemu,QEMU) $(SCENARIO)

# On arm64 that is what `make test` does.
.PHONY: test-arm64 cross-test
test-arm64: $(if $(filter aarch64,$(shell uname -m)),test,cross-test)
test-arm64: ## all tests for arm64, cross-built and run by QEMU elsewhere

cross-test:
	@scripts/deps --arch arm64 --check test
	@scripts/build $(ARM64_BUILD)
	@$(PYTHON_RUN) scripts/test_arm64.py $(call flag,--verbose,V) \
		$(call flag,--sanitized,SANITIZE) build-$(ARM64_BUILD)

track: ## measure against ANCHOR= and add it to the history, or RESULTS=
	@scripts/deps --check bench
	@scripts/build release
	@$(PYTHON_RUN) scripts/track.py $(if $(RESULTS),add $(RESULTS),run \
		$(call arg,--anchor,ANCHOR) -- $(TRACK_ARGS))

report: ## the history as one HTML page, OUT=FILE
	@scripts/deps --check bench
	@$(PYTHON_RUN) scripts/report.py $(call arg,--out,OUT)

list: tools ## each family with its question and number of cases
	@$(IOPT_BENCH) --list $(call arg,--filter,FILTER)

plot: ## draw the pictures of a result again
	@scripts/deps --check bench
	@$(PYTHON_RUN) scripts/plot.py $(RESULTS)

validate: ## the simulator beside published figures, docs/validation.md
	@scripts/deps --check bench
	@scripts/build release
	@$(PYTHON_RUN) scripts/validate.py

validate-qemu: ## the simulator beside real kernels in QEMU, docs/qemu.md
	@scripts/deps --check bench
	@scripts/build release
	@$(PYTHON_RUN) scripts/validate_qemu.py $(call arg,--kernels,KERNELS) \
		$(call arg,--stages,STAGES) $(call arg,--qemu,QEMU) $(SCENARIO)

bench-live: ## real VFIO on this machine: DEVICE=0000:01:00.0, docs/live.md
	@scripts/deps --check bench
	@scripts/build release
	@$(PYTHON_RUN) scripts/live.py $(call arg,--device,DEVICE) \
		$(call arg,--sizes,SIZES) $(call arg,--way,WAY) \
		$(call arg,--reps,REPS) $(call arg,--cpu,CPU) \
		$(call arg,--profile,PROFILE) $(call arg,--out,OUT)

fit-profile: ## a cost profile of this machine out of a live run, RESULTS=
	@scripts/deps --check bench
	@scripts/build release
	@$(PYTHON_RUN) scripts/fit_profile.py $(call arg,--name,NAME) \
		$(call arg,--profile,PROFILE) $(call arg,--out,OUT) \
		$(call arg,--against,AGAINST) $(RESULTS)

clean: ## remove what was built, revisions and Linux trees too; keep results, build-ci
	@rm -rf build build-test build-arm64 build-arm64-sanitize

.PHONY: bench-selftest
bench-selftest: ## how often is the method wrong here, what does it see?
	@scripts/deps --check test
	@scripts/build test
	@$(PYTHON_RUN) scripts/selftest.py $(SELFTEST_ARGS)

.PHONY: tune untune
tune: ## make this machine fit for measuring: says what it changes, asks
	@$(PYTHON_RUN) scripts/tune.py $(call flag,--yes,YES) $(if $(RUN),-- $(RUN))

untune: ## put back what 'make tune' changed
	@$(PYTHON_RUN) scripts/tune.py --undo
